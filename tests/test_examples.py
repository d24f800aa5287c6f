"""The example scripts, run on the example songs as their first lines say."""

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

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


@pytest.fixture
def beet(tmp_path, monkeypatch):
    """Run beets with the plugin and a library of its own; gives what it prints."""
    for folder in ("config", "plugins", "music"):
        (tmp_path / folder).mkdir()
    shutil.copy(EXAMPLES / "beets_genre.py", tmp_path / "plugins")
    monkeypatch.setenv("BEETSDIR", str(tmp_path / "config"))

    def command(*arguments, settings="confidence: 0.0"):
        (tmp_path / "config" / "config.yaml").write_text(
            f"directory: {tmp_path}/music\nlibrary: {tmp_path}/library.db\n"
            f"pluginpath: {tmp_path}/plugins\nplugins: beets_genre\n"
            "import: {copy: yes, write: yes, quiet_fallback: asis}\n"
            f"beets_genre: {{{settings}}}\n"
        )
        words = [sys.executable, "-W", "ignore", "-m", "beets", *map(str, arguments)]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    return command


def test_beets_plugin(beet, tmp_path):
    from mutagen.flac import FLAC

    album = tmp_path / "album"
    album.mkdir()
    for name in ("metal", "reggae"):
        song = FLAC(shutil.copy(SONGS / f"{name}.flac", album))
        song["title"] = name
        if name == "reggae":
            song["genre"] = "Polka"
        song.save()
    beet("import", "-q", "-A", album)
    assert beet("ls", "-f", "$title: $genres").splitlines() == ["metal: Metal", "reggae: Polka"]


def test_beets_plugin_sets_no_genre_that_is_not_probable(beet):
    beet("import", "-q", "-A", SONGS / "metal.flac", settings="confidence: 1.1")
    assert beet("ls", "-f", "[$genres]").strip() == "[]"


def test_beets_plugin_overwrites_if_told_to(beet, tmp_path):
    from mutagen.flac import FLAC

    song = FLAC(shutil.copy(SONGS / "metal.flac", tmp_path))
    song["genre"] = "Polka"
    song.save()
    beet("import", "-q", "-A", tmp_path / "metal.flac", settings="confidence: 0, overwrite: yes")
    assert beet("ls", "-f", "$genres").strip() == "Metal"
