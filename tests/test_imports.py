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

# A folder or module imports from lower floors only.
FLOORS = [
    {"errors"},
    {"files", "prediction", "validation"},
    {"audio", "parallel", "plugins", "scores", "tags"},
    {"architectures", "features", "metrics", "recipe"},
    {"data", "runtimes"},
    {"pretrained"},
    {"inference"},
    {"classifier"},
    {"plots", "training"},
    {"app", "evaluation", "testing"},
    {"cli"},
]
HEIGHT = {name: height for height, floor in enumerate(FLOORS) for name in floor}


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("import genreclf", ("numpy", "rich")),
        ("import genreclf.cli; genreclf.cli.main(['--help'])", ("numpy", "rich")),
        ("import genreclf.cli; genreclf.cli.main(['predict', '--help'])", ()),
        ("import genreclf.cli; genreclf.cli.main(['app', '--help'])", ()),
        ("import genreclf.cli; genreclf.cli.main(['plugins'])", ("numpy",)),
        ("import genreclf.cli; genreclf.cli.main(['models', 'list'])", ()),
    ],
)
def test_nothing_heavy_is_imported_early(code, more):
    watched = f"""
import sys
try:
    {code}
except SystemExit:
    pass
print([name for name in {HEAVY + more!r} if name in sys.modules], file=sys.stderr)
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


def part_of(name):
    """The folder or module of genreclf that defines an attribute of the package."""
    if (SOURCE / name).is_dir() or (SOURCE / f"{name}.py").is_file():
        return name
    return genreclf._HOMES[name].split(".")[0] if name in genreclf._HOMES else None


def imports_of(source):
    """The folders and modules of genreclf that a source imports, lazily or not."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            assert not any(alias.name == "genreclf" and alias.asname for alias in node.names)
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names = [f"{node.value.id}.{node.attr}"]
        for name in names:
            package, _, rest = name.partition(".")
            if package == "genreclf" and (part := part_of(rest.split(".")[0])):
                yield part


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("from genreclf import Recipe, plots", ["recipe", "plots"]),
        ("import genreclf\ngenreclf.Trainer()", ["training"]),
        ("import genreclf.audio.files", ["audio"]),
        ("def f():\n    from genreclf.cli import main", ["cli"]),
        ("from genreclf import __version__\nimport genreclf\ngenreclf.__version__", []),
        ("import numpy\nfrom os import path", []),
    ],
)
def test_every_form_of_import_counts(source, parts):
    assert list(imports_of(source)) == parts


PATHS = [path for path in sorted(SOURCE.rglob("*.py")) if not path.stem.startswith("__")] + [
    path for path in sorted(SOURCE.rglob("__init__.py")) if path.parent != SOURCE
]


@pytest.mark.parametrize("path", PATHS)
def test_imports_go_downwards(path):
    own = path.relative_to(SOURCE).with_suffix("").parts[0]
    for part in imports_of(path.read_text(encoding="utf-8")):
        assert part == own or HEIGHT[part] < HEIGHT[own], f"{own} imports {part}"
        assert own != "plugins" or part in ("errors", "plugins")


def test_public_names_exist():
    for name in genreclf.__all__:
        assert getattr(genreclf, name) is not None
    with pytest.raises(AttributeError, match="Classifier"):
        genreclf.Classifier  # noqa: B018
