"""Synthetic non-music, for outlier exposure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

_FORMANTS = ((250, 900), (700, 2400), (2000, 3500))  # Hz, ranges of the first three
_FORMANT_BANDWIDTHS = (80, 120, 180)  # Hz


def synthesize_non_music(
    rng: np.random.Generator, seconds: float, sample_rate: int
) -> NDArray[np.float32]:
    """Synthesize noise, applause, speech or hum at random.

    Parameters
    ----------
    rng : Generator
    seconds : float
        At least 0.1.
    sample_rate : int
        In Hz.

    Returns
    -------
    ndarray of float32, shape (round(seconds * sample_rate),)
        The peak is 0.5.

    Notes
    -----
    Speech is a source-filter model (Fant 1960): pulses or noise through three formants that
    change from phoneme to phoneme, with pauses. The phonemes are random.
    """
    synthesize = (_noise, _applause, _speech, _hum)[rng.integers(4)]
    samples = synthesize(rng, round(seconds * sample_rate), sample_rate)
    # Recordings have background noise even in the pauses of speech.
    background = 10 ** rng.uniform(-4, -1) * max(float(samples.std()), 1e-3)
    samples = samples + background * _colored_noise(rng, len(samples))
    return np.asarray(0.5 * samples / np.abs(samples).max(), np.float32)


def _noise(rng: np.random.Generator, length: int, sample_rate: int) -> Samples:
    noise = _colored_noise(rng, length)
    if rng.random() < 0.5:  # amplitude modulation, as of wind, waves and machines
        rate = 10 ** rng.uniform(-1, 1)
        depth = rng.uniform(0, 0.95)
        phase = 2 * np.pi * (rate * np.arange(length) / sample_rate + rng.random())
        noise = noise * (1 + depth * np.sin(phase))
    return noise


def _applause(rng: np.random.Generator, length: int, sample_rate: int) -> Samples:
    from scipy.signal import lfilter

    claps_per_second = 10 ** rng.uniform(1, 3)
    claps = np.zeros(length)
    count = max(1, rng.poisson(claps_per_second * length / sample_rate))
    np.add.at(claps, rng.integers(length, size=count), rng.exponential(1.0, count))
    decay = np.exp(-1.0 / (sample_rate * rng.uniform(0.003, 0.02)))
    bursts = lfilter([1.0], [1.0, -decay], claps) * rng.standard_normal(length)
    return _resonate(bursts, rng.uniform(700, 2500), rng.uniform(500, 2000), sample_rate)


def _speech(rng: np.random.Generator, length: int, sample_rate: int) -> Samples:
    pitch = rng.uniform(80, 280)  # Hz
    phonemes: list[Samples] = []
    while sum(map(len, phonemes)) < length:
        phonemes.append(_phoneme(rng, pitch, sample_rate))
    return np.concatenate(phonemes)[:length]


def _phoneme(rng: np.random.Generator, pitch: float, sample_rate: int) -> Samples:
    length = round(rng.uniform(0.04, 0.22) * sample_rate)
    kind = rng.choice(["vowel", "consonant", "pause"], p=[0.6, 0.25, 0.15])
    if kind == "pause":
        return np.zeros(length)
    if kind == "consonant":
        hiss = 0.2 * rng.standard_normal(length)
        sound = _resonate(hiss, rng.uniform(2000, 6500), rng.uniform(800, 3000), sample_rate)
    else:
        glide = pitch * np.exp(rng.normal(0, 0.12) + np.linspace(0, rng.normal(0, 0.1), length))
        cycles = np.cumsum(glide / sample_rate)
        sound = np.diff(np.floor(cycles), prepend=0.0)
        for (low, high), width in zip(_FORMANTS, _FORMANT_BANDWIDTHS, strict=True):
            sound = _resonate(sound, rng.uniform(low, high), width, sample_rate)
    fade = np.minimum(1.0, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.2 * length))
    return np.asarray(sound / (sound.std() + 1e-9) * fade * np.exp(rng.normal(0, 0.4)))


def _hum(rng: np.random.Generator, length: int, sample_rate: int) -> Samples:
    time = np.arange(length) / sample_rate
    fundamental = 10 ** rng.uniform(1.6, 3.3)  # Hz
    harmonics = 1 + rng.integers(max(1, min(20, int(0.4 * sample_rate / fundamental))))
    tone = np.zeros(length)
    for harmonic in range(1, harmonics + 1):
        phase = 2 * np.pi * (harmonic * fundamental * time + rng.random())
        tone += rng.exponential(1.0) / harmonic * np.sin(phase)
    if rng.random() < 0.3:  # on and off, as an alarm beeps
        tone *= (time * rng.uniform(0.5, 4) + rng.random()) % 1 < rng.uniform(0.2, 0.8)
    return tone + 10 ** rng.uniform(-3, -1) * _colored_noise(rng, length)


def _colored_noise(rng: np.random.Generator, length: int) -> Samples:
    """Synthesize noise with a random spectral slope and unit deviation."""
    from scipy.fft import irfft, next_fast_len

    padded = next_fast_len(length, real=True)  # a prime length is many times slower
    spectrum = np.exp(2j * np.pi * rng.random(padded // 2 + 1))
    spectrum[1:] *= np.arange(1, len(spectrum)) ** -rng.uniform(0, 1)
    spectrum[0] = 0
    noise = irfft(spectrum, padded)[:length]
    return np.asarray(noise / noise.std())


def _resonate(sound: Samples, center: float, width: float, sample_rate: int) -> Samples:
    """Filter with a two-pole resonator, `width` Hz wide at `center` Hz."""
    from scipy.signal import lfilter

    radius = np.exp(-np.pi * width / sample_rate)
    angle = 2 * np.pi * min(center, 0.45 * sample_rate) / sample_rate
    return np.asarray(lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], sound))
