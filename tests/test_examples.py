"""The example scripts, run on the example songs as their first lines say."""

import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from genreclf import Prediction
from genreclf.audio import load_audio
from genreclf.prediction import SegmentPrediction

EXAMPLES = Path(__file__).parents[1] / "examples"
SONGS = EXAMPLES / "songs"
NAMES = sorted(path.stem for path in SONGS.glob("*.flac"))


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a script as the main program; gives what it prints."""

    def script(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return script


def test_similar_songs(run, tmp_path):
    """A song's nearest neighbour is its own copy."""
    for path in SONGS.glob("*.flac"):
        shutil.copy(path, tmp_path)
    shutil.copy(SONGS / "metal.flac", tmp_path / "metal again.flac")
    (tmp_path / "broken.mp3").write_bytes(b"no music")
    lines = run("similar_songs.py", tmp_path, "--count", 2).splitlines()
    assert lines.pop(0).startswith("left out: ")
    assert len(lines) == 3 * (len(NAMES) + 1)
    assert lines[lines.index("metal.flac") + 1] == "    1.00  metal again.flac"


def test_playlists(run, tmp_path):
    run("playlists.py", SONGS, tmp_path / "lists")
    listed = [
        Path(line)
        for playlist in (tmp_path / "lists").glob("*.m3u8")
        for line in playlist.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    assert sorted(path.stem for path in listed) == NAMES
    assert all(path.is_file() for path in listed)
    assert run("playlists.py", SONGS, tmp_path / "none", "--confidence", 1.1) == ""


def test_change_points_of_songs(run):
    lines = run("change_points.py", SONGS / "classical.flac").splitlines()
    assert lines[0].split()[0] == "0:00"
    assert lines[-1].split()[2] == "0:11"


def test_change_points_ignore_what_wavers():
    stretches = runpy.run_path(str(EXAMPLES / "change_points.py"))["stretches"]

    def segment(start, genre):
        shares = {name: 0.8 if name == genre else 0.2 for name in ("jazz", "rock")}
        return SegmentPrediction(start, start + 3, genre, 0.8, shares)

    genres = ["jazz"] * 10 + ["rock"] + ["jazz"] * 9 + ["rock"] * 20 + ["unknown"] * 5
    timeline = tuple(segment(1.5 * i, genre) for i, genre in enumerate(genres))
    whole = Prediction("jazz", 0.5, {"jazz": 0.5, "rock": 0.5}, timeline, 70.0)
    assert stretches(whole, 9.0) == [
        (0.0, 30.0, "jazz"),
        (30.0, 60.0, "rock"),
        (60.0, 70.0, "silence"),
    ]


def test_stream():
    """Music in a pipe, then silence."""
    music = load_audio(SONGS / "disco.flac", 22050)[: 6 * 22050]
    sound = np.concatenate([music, np.zeros(8 * 22050, np.float32)])
    done = subprocess.run(
        [sys.executable, EXAMPLES / "stream.py", "--window", "4"],
        input=(sound * 32767).astype("<i2").tobytes(),
        capture_output=True,
        check=True,
    )
    lines = done.stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == [f"{2 * i:.1f}" for i in range(1, 8)]
    assert all("%" in line for line in lines[:3])
    assert lines[-1].endswith("(silence)")


class Setting:
    def __init__(self, value):
        self.value = value

    def as_str(self):
        return self.value

    def as_number(self):
        return self.value

    def get(self, _kind):
        return self.value


class BeetsPlugin:
    """What the script uses of beets's own."""

    def __init__(self, name):
        self.name = name
        self.config = Config()
        self._log = SimpleNamespace(warning=lambda text, *values: None)


class Config(dict):
    def add(self, values):
        self.update({key: Setting(value) for key, value in values.items()})


class Item(SimpleNamespace):
    stored = False

    def store(self):
        self.stored = True


def test_beets_plugin(monkeypatch, tmp_path):
    beets = ModuleType("beets")
    beets.plugins = ModuleType("beets.plugins")
    beets.plugins.BeetsPlugin = BeetsPlugin
    monkeypatch.setitem(sys.modules, "beets", beets)
    monkeypatch.setitem(sys.modules, "beets.plugins", beets.plugins)
    plugin = runpy.run_path(str(EXAMPLES / "beets_genre.py"))["GenrePlugin"]()
    plugin.config["confidence"] = Setting(0.0)
    song = bytes(SONGS / "metal.flac")
    empty, tagged = Item(path=song, genre=""), Item(path=song, genre="Polka")
    broken = Item(path=bytes(tmp_path / "absent.mp3"), genre="")
    (stage,) = plugin.import_stages
    stage(None, SimpleNamespace(imported_items=lambda: [broken, empty, tagged]))
    assert empty.stored
    assert empty.genre == plugin.classifier.predict(SONGS / "metal.flac").genre.title()
    assert (tagged.genre, tagged.stored) == ("Polka", False)
    assert not broken.stored
    plugin.config["confidence"] = Setting(1.1)
    empty.genre = ""
    stage(None, SimpleNamespace(imported_items=lambda: [empty]))
    assert empty.genre == ""
