"""Sound that is no music, made up: what a network should be unsure of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_FORMANTS = ((250, 900), (700, 2400), (2000, 3500))  # Hz, ranges of a voice's first three
_BANDWIDTHS = (80, 120, 180)  # Hz, of these


def non_music(rng: np.random.Generator, seconds: float, sample_rate: int) -> NDArray[np.float32]:
    """A random noise, applause, voice or hum.

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
        The largest sample is 0.5.

    Notes
    -----
    None is a recording. The voice is a source-filter model (Fant 1960): pulses or noise
    through three resonances that jump from sound to sound, with pauses; it says nothing.
    """
    make = (_noise, _applause, _voice, _hum)[rng.integers(4)]
    samples = make(rng, round(seconds * sample_rate), sample_rate)
    # No room is silent, not even in the pauses of a voice.
    room = 10 ** rng.uniform(-4, -1) * max(float(samples.std()), 1e-3)
    samples = samples + room * _coloured(rng, len(samples))
    scaled: NDArray[np.float32] = (0.5 * samples / np.abs(samples).max()).astype(np.float32)
    return scaled


def _noise(rng: np.random.Generator, length: int, sample_rate: int) -> FloatArray:
    noise = _coloured(rng, length)
    if rng.random() < 0.5:  # wind and waves swell, machines beat
        rate = 10 ** rng.uniform(-1, 1)
        depth = rng.uniform(0, 0.95)
        phase = 2 * np.pi * (rate * np.arange(length) / sample_rate + rng.random())
        noise = noise * (1 + depth * np.sin(phase))
    return noise


def _applause(rng: np.random.Generator, length: int, sample_rate: int) -> FloatArray:
    from scipy.signal import lfilter

    claps_per_second = 10 ** rng.uniform(1, 3)
    claps = np.zeros(length)
    count = max(1, rng.poisson(claps_per_second * length / sample_rate))
    np.add.at(claps, rng.integers(length, size=count), rng.exponential(1.0, count))
    decay = np.exp(-1.0 / (sample_rate * rng.uniform(0.003, 0.02)))
    bursts = lfilter([1.0], [1.0, -decay], claps) * rng.standard_normal(length)
    return _resonate(bursts, rng.uniform(700, 2500), rng.uniform(500, 2000), sample_rate)


def _voice(rng: np.random.Generator, length: int, sample_rate: int) -> FloatArray:
    pitch = rng.uniform(80, 280)  # Hz
    parts: list[FloatArray] = []
    while sum(map(len, parts)) < length:
        parts.append(_phone(rng, pitch, sample_rate))
    return np.concatenate(parts)[:length]


def _phone(rng: np.random.Generator, pitch: float, sample_rate: int) -> FloatArray:
    """One sound of speech, or a pause."""
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
        for (low, high), width in zip(_FORMANTS, _BANDWIDTHS, strict=True):
            sound = _resonate(sound, rng.uniform(low, high), width, sample_rate)
    edge = np.minimum(1.0, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.2 * length))
    return np.asarray(sound / (sound.std() + 1e-9) * edge * np.exp(rng.normal(0, 0.4)))


def _hum(rng: np.random.Generator, length: int, sample_rate: int) -> FloatArray:
    """A steady tone with harmonics, as of mains or machines; sometimes it beeps."""
    time = np.arange(length) / sample_rate
    base = 10 ** rng.uniform(1.6, 3.3)  # Hz
    harmonics = 1 + rng.integers(max(1, min(20, int(0.4 * sample_rate / base))))
    tone = np.zeros(length)
    for harmonic in range(1, harmonics + 1):
        phase = 2 * np.pi * (harmonic * base * time + rng.random())
        tone += rng.exponential(1.0) / harmonic * np.sin(phase)
    if rng.random() < 0.3:
        tone *= (time * rng.uniform(0.5, 4) + rng.random()) % 1 < rng.uniform(0.2, 0.8)
    return tone + 10 ** rng.uniform(-3, -1) * _coloured(rng, length)


def _coloured(rng: np.random.Generator, length: int) -> FloatArray:
    """Noise whose power falls with a random power of the frequency, unit deviation."""
    from scipy.fft import irfft, next_fast_len

    padded = next_fast_len(length, real=True)  # a prime length takes many times as long
    spectrum = np.exp(2j * np.pi * rng.random(padded // 2 + 1))
    spectrum[1:] *= np.arange(1, len(spectrum)) ** -rng.uniform(0, 1)
    spectrum[0] = 0
    noise = irfft(spectrum, padded)[:length]
    return np.asarray(noise / noise.std())


def _resonate(sound: FloatArray, centre: float, width: float, sample_rate: int) -> FloatArray:
    """Through one resonance, `width` Hz wide at `centre` Hz (two poles)."""
    from scipy.signal import lfilter

    radius = np.exp(-np.pi * width / sample_rate)
    angle = 2 * np.pi * min(centre, 0.45 * sample_rate) / sample_rate
    return np.asarray(lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], sound))
