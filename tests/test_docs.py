"""What README and the documentation tell people to run is run.

Python blocks are executed, and `genreclf` and `python examples/...` commands called, page
by page, in a folder that has the songs and genres they speak of. A block that cannot be
run here says why, in a comment `<!-- not run: ... -->` above it. Training is cut short.
"""

import dataclasses
import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner

from audio_files import encode
from conftest import noise
from genreclf import Recipe
from genreclf.cli import main
from genreclf.pretrained import resolve_model

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

BLOCK = re.compile(
    r"^(?P<mark><!-- not run: .+? -->\n)?```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    language: str
    code: str


def blocks(text):
    """The fenced blocks of a page that are to be run."""
    plain = re.sub(r"^ +(?=<!--|```)", "", text, flags=re.MULTILINE)
    return [Block(m["language"], m["code"]) for m in BLOCK.finditer(plain) if not m["mark"]]


RUNNABLE = [
    page
    for page in PAGES
    if any(b.language in ("bash", "python") for b in blocks(page.read_text(encoding="utf-8")))
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The folder in which a reader of the documentation works."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    songs = tmp_path / "examples" / "songs"
    shutil.copy(songs / "reggae.flac", tmp_path / "song.mp3")
    (tmp_path / "home").mkdir()
    shutil.copytree(songs, tmp_path / "home" / "Music")
    for genre, hertz in {"tango": 2000, "salsa": 110}.items():
        (tmp_path / "genres" / genre).mkdir(parents=True)
        for track in range(6):
            samples = noise(4, seed=hertz + track, level=0.02)
            samples += 0.3 * np.sin(2 * np.pi * hertz * np.arange(len(samples)) / 22050)
            path = tmp_path / "genres" / genre / f"{track}.wav"
            encode(path, samples.astype(np.float32), 22050, "wav")
    for genre in ("blues", "reggae"):
        (tmp_path / "labelled" / genre).mkdir(parents=True)
        shutil.copy(songs / f"{genre}.flac", tmp_path / "labelled" / genre)
    (tmp_path / "mine.toml").write_text('description = "mine"\n')
    shutil.copytree(resolve_model("dong2018"), tmp_path / "my-model")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENRECLF_OFFLINE", "1")
    monkeypatch.setenv("GENRECLF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    load = Recipe.load

    def short(name):
        recipe = load(name)
        return dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, epochs=1))

    monkeypatch.setattr(Recipe, "load", short)
    return tmp_path


def call(line, monkeypatch):
    """Run one command line; false if it is of no kind that is run here."""
    words = [re.sub(r"^~(?=/|$)", str(Path.home()), w) for w in shlex.split(line, comments=True)]
    if words[0] == "genreclf":
        quick = ["--workers", "1"] if "--protocol" in words else []
        result = CliRunner().invoke(main, [*words[1:], *quick])
        assert result.exit_code == 0, f"{line}\n{result.output}"
    elif words[0] == "python" and words[1].startswith("examples/"):
        monkeypatch.setattr(sys, "argv", words[1:])
        runpy.run_path(words[1], run_name="__main__")
    else:
        return False
    return True


def follow(text, monkeypatch):
    """Do what a page says, from top to bottom."""
    names = {"__name__": "docs"}
    for block in blocks(text):
        if block.language == "python":
            exec(compile(block.code, "<block>", "exec"), names)
        elif block.language == "bash":
            for line in filter(None, block.code.splitlines()):
                assert call(line, monkeypatch), f"cannot be run, and does not say so: {line}"


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_says_works(page, place, monkeypatch):
    follow(page.read_text(encoding="utf-8"), monkeypatch)


@pytest.mark.parametrize(
    "page",
    [
        "```python\nimport no_such_module\n```\n",
        "```bash\ngenreclf predict no-such-song.mp3\n```\n",
        "```bash\ngenreclf plugins\nrm -r home\n```\n",
        "1. Indented:\n\n   ```bash\n   genreclf predict --no-such-option\n   ```\n",
    ],
)
def test_what_does_not_work_is_noticed(page, place, monkeypatch):
    with pytest.raises((ImportError, AssertionError)):
        follow(page, monkeypatch)
    marked = re.sub(
        r"^( *)```(?=[bp])", r"\1<!-- not run: why -->\n\1```", page, flags=re.MULTILINE
    )
    assert marked != page
    follow(marked, monkeypatch)


def test_recipes_on_a_page_are_valid(tmp_path):
    text = (ROOT / "docs" / "guides" / "recipes.md").read_text(encoding="utf-8")
    (first, *_) = [block.code for block in blocks(text) if block.language == "toml"]
    (tmp_path / "mine.toml").write_text(first)
    recipe = Recipe.load(tmp_path / "mine.toml")
    assert recipe.augmentation.mask_bins == 8
    assert recipe.training.epochs == 40


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in PAGES[1:]]
    assert [page for page in pages if f": {page}\n" not in navigation] == []


def test_links_of_the_readme_lead_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
