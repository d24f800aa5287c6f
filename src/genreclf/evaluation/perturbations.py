"""Perturbations: changes of the sound that leave the music the same."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from genreclf.errors import ConfigError

if TYPE_CHECKING:
    from genreclf.audio import AudioSource

Sound: TypeAlias = "tuple[NDArray[np.float32], int]"
"""Samples of shape (samples, channels), full scale 1, and the sample rate in Hz."""

Perturbation: TypeAlias = "Callable[[Sound], AudioSource]"
"""Returns the perturbed sound, or the bytes of a file."""

BASS_HZ, TREBLE_HZ = 250.0, 4000.0
"""Midpoints of the shelving filters in :data:`PERTURBATIONS`."""


def gain(sound: Sound, decibels: float) -> Sound:
    """Change the level by a gain in dB, without clipping."""
    samples, rate = sound
    return samples * np.float32(10.0 ** (decibels / 20.0)), rate


def mono(sound: Sound) -> Sound:
    """Mix all channels to one: their mean."""
    samples, rate = sound
    return samples.mean(axis=1, keepdims=True), rate


def stereo(sound: Sound) -> Sound:
    """Mix all channels to one, and repeat it in a second."""
    samples, rate = mono(sound)
    return np.repeat(samples, 2, axis=1), rate


def resample(sound: Sound, sample_rate: int) -> Sound:
    """Resample to a sample rate in Hz."""
    import soxr

    samples, rate = sound
    return soxr.resample(samples, rate, sample_rate, quality="HQ"), sample_rate


def middle(sound: Sound, seconds: float) -> Sound:
    """Cut out the middle; a shorter sound stays whole."""
    samples, rate = sound
    length = min(len(samples), round(seconds * rate))
    start = (len(samples) - length) // 2
    return samples[start : start + length], rate


def shelf(
    sound: Sound, kind: Literal["bass", "treble"], decibels: float, frequency: float
) -> Sound:
    """Boost or cut bass or treble with a shelving filter, without clipping.

    The second-order shelf of Robert Bristow-Johnson's *Cookbook formulae for audio
    equalizer biquad filter coefficients* (W3C Note, 2021), "lowShelf" and "highShelf",
    with the shelf slope S = 1: the steepest one whose gain is monotonic.

    Parameters
    ----------
    sound : Sound
    kind : {"bass", "treble"}
    decibels : float
        Gain far below (bass) or far above (treble) the frequency.
    frequency : float
        The filter's midpoint, in Hz: the gain in dB is half of `decibels` there.

    Raises
    ------
    ConfigError
        If `frequency` is not between 0 and half of the sample rate.
    """
    from scipy.signal import sosfilt

    samples, rate = sound
    if not 0.0 < frequency < rate / 2:
        raise ConfigError(
            f"a shelf at {frequency:g} Hz needs a sample rate above {2 * frequency:g} Hz "
            f"(got {rate} Hz)"
        )
    section = _shelf_section(kind, decibels, 2.0 * math.pi * frequency / rate)
    return sosfilt(section, samples, axis=0).astype(np.float32), rate


def _shelf_section(kind: str, decibels: float, omega: float) -> NDArray[np.float64]:
    # The high shelf mirrors the low shelf: the cosines and both middle coefficients change sign.
    sign = 1.0 if kind == "bass" else -1.0
    root = 10.0 ** (decibels / 40.0)
    cosine = sign * math.cos(omega)
    alpha = math.sin(omega) / math.sqrt(2.0)
    width = 2.0 * math.sqrt(root) * alpha
    total, difference = root + 1.0, root - 1.0
    numerator = [
        root * (total - difference * cosine + width),
        sign * 2.0 * root * (difference - total * cosine),
        root * (total - difference * cosine - width),
    ]
    denominator = [
        total + difference * cosine + width,
        sign * -2.0 * (difference + total * cosine),
        total + difference * cosine - width,
    ]
    section: NDArray[np.float64] = np.array([numerator + denominator]) / denominator[0]
    return section


def encode_mp3(sound: Sound, kbits: int) -> bytes:
    """Encode as an MP3 file, with LAME.

    Parameters
    ----------
    sound : Sound
        More than two channels are mixed to one. A sample rate that MP3 does not support is
        converted to the next higher one, or to 48 kHz.
    kbits : int
        Constant bit rate, in kbit/s.

    Raises
    ------
    ConfigError
        If PyAV cannot encode it, for example because it was built without LAME.
    """
    import av

    samples, rate = _at_mp3_rate(sound if sound[0].shape[1] <= 2 else mono(sound))
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), "fltp", layout)
    frame.sample_rate = rate
    file = io.BytesIO()
    try:
        with av.open(file, "w", format="mp3") as container:
            stream = container.add_stream("libmp3lame", rate=rate)
            stream.layout, stream.format, stream.bit_rate = layout, "fltp", 1000 * kbits
            for part in (frame, None):
                container.mux(stream.encode(part))
    except (av.error.FFmpegError, ValueError) as error:
        raise ConfigError(f"cannot be encoded as MP3 of {kbits} kbit/s: {error}") from error
    return file.getvalue()


def _at_mp3_rate(sound: Sound) -> Sound:
    rates = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
    rate = next((rate for rate in rates if rate >= sound[1]), rates[-1])
    return sound if rate == sound[1] else resample(sound, rate)


PERTURBATIONS: Mapping[str, Perturbation] = MappingProxyType(
    {
        "MP3, 64 kbit/s": partial(encode_mp3, kbits=64),
        "-20 dB": partial(gain, decibels=-20.0),
        "mono": mono,
        "stereo": stereo,
        "16 kHz": partial(resample, sample_rate=16_000),
        "48 kHz": partial(resample, sample_rate=48_000),
        "bass +6 dB": partial(shelf, kind="bass", decibels=6.0, frequency=BASS_HZ),
        "bass -6 dB": partial(shelf, kind="bass", decibels=-6.0, frequency=BASS_HZ),
        "treble +6 dB": partial(shelf, kind="treble", decibels=6.0, frequency=TREBLE_HZ),
        "treble -6 dB": partial(shelf, kind="treble", decibels=-6.0, frequency=TREBLE_HZ),
        "middle 10 s": partial(middle, seconds=10.0),
    }
)
"""Default of :func:`genreclf.evaluation.measure_robustness`, by the names in reports."""
