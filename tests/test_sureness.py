"""What is no music, to the weights in the package: made here, otherwise than for their training."""

import numpy as np
import pytest

from genreclf import GenreClassifier

RATE = 22050
SECONDS = 12


@pytest.fixture(scope="module")
def classifier():
    return GenreClassifier.from_pretrained("short-chunk")


def noise(exponent):
    """Noise of a power that falls with this power of the frequency."""
    rng = np.random.default_rng(5)
    spectrum = np.fft.rfft(rng.normal(size=SECONDS * RATE))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (exponent / 2)
    return np.fft.irfft(spectrum)


def applause():
    """A hundred people, who clap three to five times a second each; a clap is a burst of noise."""
    rng = np.random.default_rng(6)
    sound = np.zeros(SECONDS * RATE + 2000)
    burst = np.exp(-np.arange(2000) / 150)
    for _ in range(100):
        moment, pace, distance = rng.uniform(0, 0.3), rng.uniform(0.2, 0.33), rng.uniform(1, 6)
        while moment < SECONDS:
            start = int(moment * RATE)
            clap = np.convolve(rng.normal(size=2000), [0.2, 0.6, 0.2], "same")
            sound[start : start + 2000] += clap * burst / distance
            moment += pace * rng.uniform(0.9, 1.1)
    return sound[: SECONDS * RATE]


def speech():
    """Vowels of a falling voice, by adding up harmonics, with gaps between syllables."""
    rng = np.random.default_rng(7)
    time = np.arange(SECONDS * RATE) / RATE
    pitch = 120 + 15 * np.sin(2 * np.pi * 0.4 * time) - 8 * (time % 2)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    syllable = (time * 4.5).astype(int)
    formants = rng.uniform([300, 900, 2200], [800, 2200, 3200], (syllable.max() + 1, 3))[syllable]
    sound = np.zeros(len(time))
    for harmonic in range(1, 31):
        distance = (harmonic * pitch[:, None] - formants) / [90, 130, 200]
        sound += (1 / (1 + distance**2)).sum(axis=1) / harmonic**0.5 * np.sin(harmonic * phase)
    return sound * np.clip(np.sin(np.pi * (time * 4.5 % 1)), 0, None) * (time % 2 < 1.7)


def hum():
    time = np.arange(SECONDS * RATE) / RATE
    return sum(np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 2, 3, 5, 7))


SOUNDS = {
    "white noise": lambda: noise(0),
    "pink noise": lambda: noise(1),
    "brown noise": lambda: noise(2),
    "applause": applause,
    "speech": speech,
    "hum": hum,
}


@pytest.mark.parametrize("sound", SOUNDS)
def test_what_is_no_music_is_no_sure_genre(classifier, sound):
    samples = SOUNDS[sound]()
    samples = (0.3 * samples / np.abs(samples).max()).astype(np.float32)
    assert classifier.predict((samples, RATE)).confidence < 0.5


def test_music_is_surer_than_what_is_none(classifier):
    songs = [f"examples/songs/{name}.flac" for name in ("blues", "classical")]
    assert min(classifier.predict(song).confidence for song in songs) > 0.3
