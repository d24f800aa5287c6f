"""From a folder of music to a trained, measured model, by the commands alone."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from audio_files import encode
from conftest import noise
from genreclf import GenreClassifier
from genreclf.cli import main
from genreclf.evaluation.perturbations import PERTURBATIONS
from genreclf.training import Recipe

RECIPE = """
description = "small, for a test"

[features]
parameters = { pool_bins = 4, segment_frames = 24 }

[architecture]
parameters = { filters = [4, 8], pools = [[2, 2], [2, 2]], dense = 16, dropout = [0.0, 0.0] }

[optimizer]
learning_rate = 0.004

[training]
epochs = 8
batch_size = 4
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two genres, of a high and of a low tone in noise, and one file that is no music."""
    root = tmp_path_factory.mktemp("data") / "mine"
    for genre, hertz in {"flute": 2000, "tuba": 110}.items():
        (root / genre).mkdir(parents=True)
        for track in range(10):
            samples = noise(4, seed=hertz + track, level=0.02)
            samples += 0.3 * np.sin(2 * np.pi * hertz * np.arange(len(samples)) / 22050)
            encode(root / genre / f"{track}.wav", samples.astype(np.float32), 22050, "wav")
    (root / "tuba" / "broken.wav").write_bytes(b"RIFF")
    return root


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipes") / "small.toml"
    path.write_text(RECIPE)
    return path


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def trained(data, recipe, tmp_path_factory):
    output = tmp_path_factory.mktemp("trained") / "model"
    result = run("train", data, "--recipe", recipe, "--output", output, "--device", "cpu")
    assert result.exit_code == 0, result.output
    return output, result


def test_training_prints_the_accuracy_on_each_set(trained):
    _, result = trained
    assert "10 training, 4 validation and 6 test tracks" in result.stderr
    assert "broken" in result.stderr
    for name in ("training", "validation", "test"):
        assert f"{name} accuracy: 100.0%" in result.stdout


def test_the_output_folder_is_a_model(trained, data):
    output, _ = trained
    classifier = GenreClassifier.from_pretrained(output)
    assert classifier.predict(data / "tuba" / "3.wav").genre == "tuba"
    result = run("predict", data / "flute" / "3.wav", "--model", output, "--format", "jsonl")
    assert json.loads(result.stdout)["genre"] == "flute"
    card = (output / "README.md").read_text()
    assert "small, for a test" in card
    assert "paper, seed 0" in card


def test_two_processes_train_together(data, recipe, tmp_path):
    """As `accelerate launch` starts them; their gradients are averaged."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    train = ["genreclf", "train", data, "--recipe", recipe, "--output", tmp_path / "model"]
    done = subprocess.run(
        [*launch, "-m", *map(str, train), "--device", "cpu"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert done.stdout.count("test accuracy: 100.0%") == 1
    log = (tmp_path / "model" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in log] == list(range(1, 9))


def test_a_finished_run_is_kept_unless_resumed(trained, data, recipe):
    output, first = trained
    arguments = ("train", data, "--recipe", recipe, "--output", output, "--device", "cpu")
    again = run(*arguments)
    assert again.exit_code == 2
    assert "already holds a run" in again.stderr
    resumed = run(*arguments, "--resume")
    assert resumed.exit_code == 0
    assert resumed.stdout == first.stdout


def test_a_model_is_evaluated_with_a_report(trained, data, tmp_path):
    output, _ = trained
    result = run("evaluate", data, "--model", output, "--output", tmp_path)
    assert result.exit_code == 0, result.output
    assert "100.0% of tracks" in result.stdout
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["scores"]["accuracy"] == 1.0
    assert metrics["scores"]["tracks"] == 20
    assert metrics["runs"][0]["robustness"] is None
    near = metrics["runs"][0]["neighbors"]
    assert (near["queries"], near["references"]) == (20, 20)
    assert near["chance"] == pytest.approx(9 / 19)
    assert near["embeddings"]["at_1"] == 1.0
    assert "<html" in (tmp_path / "report.html").read_text()


def test_a_models_robustness_is_measured_on_the_sound(trained, data, tmp_path):
    output, _ = trained
    result = run("evaluate", data, "--model", output, "--output", tmp_path, "--robustness")
    assert result.exit_code == 0, result.output
    assert "-20 dB: 100.0% of 20 clips keep their genre" in result.stdout
    assert "skipped: tuba/broken" in result.stderr
    assert "not compared" not in result.stderr
    (record,) = json.loads((tmp_path / "metrics.json").read_text())["runs"]
    assert [row["perturbation"] for row in record["robustness"]["perturbations"]] == list(
        PERTURBATIONS
    )
    assert {row["clips"] for row in record["robustness"]["perturbations"]} == {20}
    assert "MP3, 64 kbit/s" in (tmp_path / "report.html").read_text()


def test_robustness_needs_audio_and_one_model(trained, data, recipe, tmp_path):
    output, _ = trained
    features = tmp_path / "features"
    run("features", "extract", data, "--output", features)
    np.savez(tmp_path / "arrays.npz", X=np.zeros(1))
    for other in (features, tmp_path / "arrays.npz"):
        result = run("evaluate", other, "--model", output, "--output", tmp_path, "--robustness")
        assert result.exit_code == 2
        assert "--robustness needs audio files" in result.stderr
        assert other.name in result.stderr
        assert len(result.stderr.splitlines()) == 1
    result = run("evaluate", data, "--protocol", "paper", "--recipe", recipe,
                 "--output", tmp_path, "--robustness")  # fmt: skip
    assert result.exit_code == 2
    assert "leave --protocol out" in result.stderr


def test_a_protocol_trains_and_tests_and_keeps_what_is_done(data, recipe, tmp_path):
    arguments = ("evaluate", data, "--protocol", "paper", "--recipe", recipe,
                 "--output", tmp_path)  # fmt: skip
    first = run(*arguments, "--runs", "1")
    assert first.exit_code == 0, first.output
    stored = tmp_path / "runs" / "seed-000" / "model.safetensors"
    made = stored.stat().st_mtime_ns
    forget_neighbors(stored.with_name("evaluation.json"))
    both = run(*arguments, "--runs", "2")
    assert both.exit_code == 0, both.output
    assert "seed 0:" in both.stdout
    assert "seed 1:" in both.stdout
    assert "mean " in both.stdout
    assert stored.stat().st_mtime_ns == made
    old, new = json.loads((tmp_path / "metrics.json").read_text())["runs"]
    assert old["neighbors"] is None
    assert (new["neighbors"]["queries"], new["neighbors"]["references"]) == (6, 10)
    assert new["neighbors"]["embeddings"]["at_5"] == 1.0


def forget_neighbors(path):
    """Remove the neighbors and the robustness from a stored result."""
    record = json.loads(path.read_text())
    assert record["evaluation"].pop("neighbors")
    del record["evaluation"]["robustness"]
    path.write_text(json.dumps(record))


def test_another_recipe_does_not_mix_with_finished_runs(data, recipe, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(RECIPE.replace("epochs = 8", "epochs = 2"))
    for name in (recipe, other):
        result = run("evaluate", data, "--protocol", "paper", "--recipe", name,
                     "--output", tmp_path / "out")  # fmt: skip
    assert result.exit_code == 2
    assert "another recipe" in result.stderr


def test_more_data_is_trained_on_but_for_recordings_that_are_tested_on(data, recipe, tmp_path):
    more = tmp_path / "more"
    shutil.copytree(data / "flute", more / "flute")
    (more / "tuba").mkdir()
    for path in (data / "tuba").glob("[3-9].wav"):
        samples = noise(4, seed=int(path.stem), level=0.05)
        encode(more / "tuba" / path.name, samples, 22050, "wav")
    result = run("evaluate", data, "--protocol", "paper", "--recipe", recipe, "--also", more,
                 "--output", tmp_path / "out")  # fmt: skip
    assert result.exit_code == 0, result.output
    config = json.loads((tmp_path / "out" / "runs" / "seed-000" / "config.json").read_text())
    assert config["metadata"]["tracks"] == 10 + 7  # half of the data, and no copied flute
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["runs"][0]["scores"]["tracks"] == 6
    assert "more: 17 tracks, 2 genres" in (tmp_path / "out" / "report.html").read_text()


def test_the_artist_filtered_protocol_asks_for_its_lists(data, recipe, tmp_path):
    result = run("evaluate", data, "--protocol", "artist-filtered", "--recipe", recipe,
                 "--output", tmp_path)  # fmt: skip
    assert result.exit_code == 2
    assert "lists" in result.stderr


def test_one_genre_is_an_error(data, recipe, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "tuba").symlink_to(data / "tuba")
    result = run("train", tmp_path / "one", "--recipe", recipe, "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert "one genre" in result.stderr


def test_tuning_continues_its_study_and_writes_a_recipe(data, recipe, tmp_path):
    pytest.importorskip("optuna", reason="the extra `tune` is not installed")
    for trials in (3, 4):
        result = run("tune", data, "--recipe", recipe, "--output", tmp_path, "--trials", "2")
        assert result.exit_code == 0, result.output
        assert result.stdout.count("complete") + result.stdout.count("fail") >= trials - 1
    best = Recipe.load(tmp_path / "best.toml")
    assert best.training.epochs == 8
    assert best.optimizer.learning_rate != 0.004


def test_tensorboard_files_are_written(data, recipe, tmp_path):
    pytest.importorskip("tensorboard", reason="the extra `tensorboard` is not installed")
    result = run("train", data, "--recipe", recipe, "--output", tmp_path / "m", "--tensorboard")
    assert result.exit_code == 0, result.output
    assert list((tmp_path / "m" / "tensorboard").glob("events.*"))
