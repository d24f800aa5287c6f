"""Without an optional package, what does not need it works, and the rest names the extra."""

import subprocess
import sys
from pathlib import Path

import pytest

SONG = Path(__file__).parents[1] / "examples" / "songs" / "metal.flac"
TORCH = ("torch", "accelerate", "safetensors")
BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
"""


def run(code, missing=TORCH):
    """Run Python code as if some packages were not installed."""
    return subprocess.run(
        [sys.executable, "-c", BLOCK.format(missing=missing) + code],
        capture_output=True,
        text=True,
        check=False,
    )


def command(*words):
    """Code that calls the command line."""
    return f"from genreclf.cli import main; main({list(map(str, words))!r})"


@pytest.mark.parametrize(
    "code",
    [
        command("predict", SONG),
        command("models", "verify"),
        command("plugins"),
        "from genreclf import Extractor, Recipe, hookimpl; Recipe.load('short-chunk')",
        "from genreclf.testing import check_extractor; check_extractor('logmel-13fps')",
        f"from genreclf import GenreClassifier as C; C.from_pretrained().embed({str(SONG)!r})",
        f"from genreclf import GenreClassifier as C; c = C.from_pretrained();"
        f"print(list(c.predict_many([{str(SONG)!r}], engine='processes')))",
        "import genreclf.evaluation, genreclf.data, genreclf.metrics",
    ],
)
def test_the_core_needs_no_torch(code):
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_models_can_be_evaluated_without_torch(tmp_path):
    for genre in ("metal", "reggae"):
        (tmp_path / "data" / genre).mkdir(parents=True)
        (tmp_path / "data" / genre / "song.flac").write_bytes(SONG.with_stem(genre).read_bytes())
    done = run(command("evaluate", tmp_path / "data", "--output", tmp_path / "report"))
    assert done.returncode == 0, done.stderr
    assert "100.0%" in done.stdout


@pytest.mark.parametrize(
    "code",
    [
        "from genreclf import Trainer",
        "from genreclf import Architecture",
        "import genreclf.training",
        "import genreclf.runtimes.torch",
        "from genreclf.testing import check_architecture",
        "from genreclf.architectures import make_architecture as m;"
        "m('dong2018', n_classes=2, n_bins=64, n_frames=256)",
        "from genreclf import GenreClassifier as C; C.from_pretrained(runtime='torch')",
        "from genreclf import GenreClassifier as C; C.from_pretrained(device='cuda')",
    ],
)
def test_python_names_the_extra(code):
    done = run(code)
    assert done.returncode == 1
    assert "pip install 'genreclf[train]'" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "missing", "extra"),
    [
        (["train", "{data}", "--output", "{output}"], TORCH, "train"),
        (["tune", "{data}", "--output", "{output}"], TORCH, "train"),
        (["evaluate", "{data}", "--protocol", "paper", "--output", "{output}"], TORCH, "train"),
        (["predict", SONG, "--runtime", "torch"], TORCH, "train"),
        (["predict", SONG, "--device", "cuda"], TORCH, "train"),
        (["predict", SONG, "--engine", "ray"], ("ray",), "ray"),
        (["predict", "https://127.0.0.1:9/a.mp3", "--format", "jsonl"], ("fsspec",), "ray"),
        (["predict", SONG, "--write-tags"], ("mutagen",), "tags"),
        (["predict", SONG, "--format", "parquet", "--output", "{output}"], ("pyarrow",), "parquet"),
        (["plot", "spectrogram", SONG, "--output", "{output}.png"], ("matplotlib",), "plots"),
        (["app"], ("gradio",), "app"),
        (["tune", "{data}", "--output", "{output}"], ("optuna",), "tune"),
    ],
)
def test_the_command_line_names_the_extra(words, missing, extra, tmp_path):
    for genre in ("a", "b"):
        (tmp_path / "data" / genre).mkdir(parents=True)
        for track in range(4):
            path = tmp_path / "data" / genre / f"{track}.flac"
            path.write_bytes(SONG.read_bytes())
    places = {"data": tmp_path / "data", "output": tmp_path / "output"}
    done = run(command(*(str(word).format(**places) for word in words)), missing)
    assert done.returncode in (1, 2)
    assert f"pip install 'genreclf[{extra}]'" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
