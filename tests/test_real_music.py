"""The shipped weights on real clips, which they were not trained on."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from audio_files import FORMATS, encode
from conftest import DATA, needs_gtzan
from genreclf import GenreClassifier
from genreclf.audio import load_audio

CLIPS = DATA / "gtzan" / "audio"
SONGS = Path(__file__).parents[1] / "examples" / "songs"


@pytest.fixture(scope="module")
def default():
    return GenreClassifier.from_pretrained()


def test_the_example_songs_are_classified(default):
    songs = sorted(SONGS.glob("*.flac"))
    predictions = list(default.predict_many(songs))
    assert len(predictions) == 5
    assert all(8 <= prediction.duration <= 12 for prediction in predictions)
    assert [prediction.genre for prediction in predictions] == [song.stem for song in songs]


@needs_gtzan
@pytest.mark.parametrize(("model", "needed"), [("short-chunk", 75), ("dong2018", 66)])
def test_so_many_of_100_clips_are_right(model, needed):
    paths = sorted(CLIPS.glob("*/*.flac"))
    predictions = GenreClassifier.from_pretrained(model).predict_many(paths)
    right = sum(
        prediction.genre == path.parent.name
        for path, prediction in zip(paths, predictions, strict=True)
    )
    print(f"{right} of {len(paths)} clips right")
    assert len(paths) == 100
    assert right >= needed


@needs_gtzan
@pytest.mark.parametrize("kind", ["mp3", "m4a", "vorbis", "wav", "flac"])
def test_the_command_takes_real_music_in_any_format(kind, tmp_path):
    song = tmp_path / f"disco{FORMATS[kind].suffix}"
    samples = load_audio(CLIPS / "disco" / "disco.00005.flac", 44100)
    encode(song, np.stack([samples, samples], axis=1), 44100, kind)
    done = subprocess.run(
        [sys.executable, "-m", "genreclf", "predict", str(song), "--format", "jsonl"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    record = json.loads(done.stdout)
    assert record["duration"] == pytest.approx(len(samples) / 44100, abs=0.1)
    assert record["flags"] == []
