"""What an import costs, and which floor imports which."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import genreclf

SOURCE = Path(genreclf.__file__).parent
HEAVY = ("torch", "librosa", "sklearn", "matplotlib", "scipy", "accelerate", "av", "pandas",
         "gradio", "huggingface_hub", "pooch", "requests", "httpx", "httpx2",
         "filelock")  # fmt: skip

FLOORS = [
    {"errors"},
    {"segments", "prediction", "audio", "batch"},
    {"plugins", "tables"},
    {"architectures", "features", "recipes"},
    {"runtimes"},
    {"pretrained", "datasets"},
    {"classifier"},
    {"training"},
    {"plots", "tags"},
    {"app", "evaluation", "testing"},
    {"cli"},
]
HEIGHT = {name: height for height, floor in enumerate(FLOORS) for name in floor}


@pytest.mark.parametrize(
    "code",
    [
        "import genreclf",
        "import genreclf.cli; genreclf.cli.main(['--help'], standalone_mode=False)",
        "import genreclf.cli; genreclf.cli.main(['predict', '--help'], standalone_mode=False)",
        "import genreclf.cli; genreclf.cli.main(['app', '--help'], standalone_mode=False)",
        "import genreclf.cli; genreclf.cli.main(['plugins'], standalone_mode=False)",
        "import genreclf.cli; genreclf.cli.main(['models', 'list'], standalone_mode=False)",
    ],
)
def test_nothing_heavy_is_imported_early(code):
    watched = f"""
import sys
try:
    {code}
except SystemExit:
    pass
print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", watched], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip().splitlines()[-1] == "[]"


def test_extraction_needs_no_torch():
    code = (
        "import sys, numpy, genreclf; genreclf.extract_segments((numpy.ones(44100), 22050));"
        "print([m for m in ('torch', 'librosa', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize(
    "path", [p for p in sorted(SOURCE.rglob("*.py")) if p.parent != SOURCE or p.stem in HEIGHT]
)
def test_imports_go_downwards(path):
    own = path.relative_to(SOURCE).with_suffix("").parts[0]
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "genreclf" and len(parts) > 1 and parts[1] != own:
            assert HEIGHT[parts[1]] < HEIGHT[own], f"{own} imports {parts[1]}"


def test_public_names_exist():
    for name in genreclf.__all__:
        assert getattr(genreclf, name) is not None
    with pytest.raises(AttributeError, match="Classifier"):
        genreclf.Classifier  # noqa: B018
