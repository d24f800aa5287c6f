"""What is in the wheel: all that the library needs, and nothing else."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest

import genreclf

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "genreclf"
LARGEST = 20_000_000  # bytes; people install it over slow lines


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*build, "--directory", str(folder)], cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_it_has_what_the_library_reads(names):
    needed = {
        "genreclf/py.typed",
        "genreclf/app/templates/prediction.html.jinja",
        "genreclf/evaluation/report.css",
        "genreclf/evaluation/report.html.jinja",
        "genreclf/recipes/short-chunk.toml",
        *(
            f"genreclf/pretrained/weights/{model}/{file}"
            for model in ("dong2018", "short-chunk")
            for file in ("config.json", "model.onnx", "model.safetensors", "README.md")
        ),
    }
    assert needed <= set(names)


def test_it_has_the_package_and_its_license_alone(names):
    stem = f"genreclf-{genreclf.__version__}.dist-info"
    facts = {"METADATA", "WHEEL", "entry_points.txt", "RECORD", "licenses/LICENSE"}
    source = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert set(names) == source | {f"{stem}/{fact}" for fact in facts}


def test_it_has_no_other_kind_of_file(names):
    inside = [PurePosixPath(name) for name in names if ".dist-info/" not in name]
    weights = PurePosixPath("genreclf/pretrained/weights")
    kinds = {
        path.suffix if weights not in path.parents else path.name
        for path in inside
        if path.name != "py.typed"
    }
    assert kinds <= {
        ".py", ".css", ".jinja", ".js", ".toml", "config.json", "model.onnx", "model.safetensors",
        "README.md",
    }  # fmt: skip


def test_it_is_small(wheel):
    assert wheel.stat().st_size < LARGEST


def test_one_version_is_stated_everywhere():
    for file, pattern in {
        "pyproject.toml": r'^version = "(.+)"$',
        "CITATION.cff": r"^version: (.+)$",
    }.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(pattern, text, re.MULTILINE)[1] == genreclf.__version__
    assert f"## {genreclf.__version__}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
