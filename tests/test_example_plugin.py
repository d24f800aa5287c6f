"""The example plugin, installed beside the library, used, and removed again."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from audio_files import encode
from conftest import noise

EXAMPLE = Path(__file__).parents[1] / "examples" / "genreclf-mfcc"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder that has the plugin installed, and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    source = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("source") / EXAMPLE.name)
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *offline]
    subprocess.run([*pip, "--target", str(folder), str(source)], check=True)
    return folder


@pytest.fixture(scope="module")
def run(site):
    """Run Python where the plugin is installed; gives what came of it."""

    def python(*arguments):
        path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
            capture_output=True,
            text=True,
        )

    return python


@pytest.fixture(scope="module")
def genres(tmp_path_factory):
    """Two genres, of a high and of a low tone in noise."""
    root = tmp_path_factory.mktemp("genres")
    for genre, hertz in {"flute": 2000, "tuba": 110}.items():
        (root / genre).mkdir()
        for track in range(6):
            samples = noise(4, seed=hertz + track, level=0.02)
            samples += 0.3 * np.sin(2 * np.pi * hertz * np.arange(len(samples)) / 22050)
            encode(root / genre / f"{track}.wav", samples.astype(np.float32), 22050, "wav")
    return root


def test_it_conforms(run):
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", EXAMPLE, EXAMPLE)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_it_is_listed_trains_predicts_and_is_missed(run, site, genres, tmp_path):
    listed = run("-m", "genreclf", "plugins")
    assert listed.returncode == 0, listed.stderr
    lines = [line.split() for line in listed.stdout.splitlines()]
    for kind, name in (
        ("extractors", "mfcc"),
        ("architectures", "attention"),
        ("recipes", "mfcc-attention"),
    ):
        assert [kind, name, "genreclf-mfcc", "0.1.0", "mfcc"] in lines

    quick = tmp_path / "quick.toml"
    theirs = (site / "genreclf_mfcc" / "recipes" / "mfcc-attention.toml").read_text()
    quick.write_text(theirs.replace("epochs = 60", "epochs = 1"))
    model = tmp_path / "model"
    train = ("-m", "genreclf", "train", genres, "--recipe", quick, "--output", model)
    trained = run(*train, "--device", "cpu")
    assert trained.returncode == 0, trained.stderr
    assert "1 epochs" in trained.stdout

    predict = ("-m", "genreclf", "predict", genres / "tuba" / "1.wav", "--model", model)
    predicted = run(*predict, "--format", "jsonl")
    assert predicted.returncode == 0, predicted.stderr
    assert json.loads(predicted.stdout)["genre"] in ("flute", "tuba")

    removed = site.with_name("removed")
    site.rename(removed)
    try:
        missed = run(*predict)
    finally:
        removed.rename(site)
    assert missed.returncode == 2
    assert "is registered as 'attention'" in missed.stderr
    assert "pip install genreclf-mfcc" in missed.stderr
