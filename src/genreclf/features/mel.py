"""The mel scale and its filter bank, in numpy."""

import functools
from typing import NamedTuple

import numpy as np

from genreclf.features.base import FloatArray

# Slaney's Auditory Toolbox (1998): linear to 1 kHz at 200/3 Hz per mel, then
# logarithmic with 27 steps per factor 6.4.
_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0
# Filters to a band: so few that the matrices are small, and so many that they are not many.
_BAND = 8


class Band(NamedTuple):
    """Neighbouring filters of a bank, and all that they look at of a spectrum.

    Attributes
    ----------
    filters, bins : slice
        Of the bank and of the spectrum.
    weights : ndarray of float32, shape (filters, bins)
    """

    filters: slice
    bins: slice
    weights: FloatArray


def hz_to_mel(frequency: float) -> float:
    """Slaney's mel of a frequency in Hz."""
    if frequency < _KNEE_HZ:
        return frequency / _LINEAR_HZ_PER_MEL
    return float(_KNEE_MEL + np.log(frequency / _KNEE_HZ) / _LOG_STEP)


def mel_to_hz(mel: np.ndarray) -> np.ndarray:
    """Frequencies in Hz of Slaney mels; inverse of :func:`hz_to_mel`."""
    above = _KNEE_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _KNEE_MEL) - _KNEE_MEL))
    return np.where(mel < _KNEE_MEL, mel * _LINEAR_HZ_PER_MEL, above)


def mel_frequencies(n_mels: int, fmin: float, fmax: float) -> np.ndarray:
    """Centre frequencies of the filters of a bank.

    Parameters
    ----------
    n_mels : int
        Number of filters.
    fmin, fmax : float
        Range of the bank in Hz.

    Returns
    -------
    ndarray of float64, shape (n_mels,)
        In Hz, ascending.
    """
    return mel_to_hz(np.linspace(hz_to_mel(fmin), hz_to_mel(fmax), n_mels + 2))[1:-1]


@functools.lru_cache(maxsize=16)
def mel_filters(sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float) -> FloatArray:
    """Triangular mel filters of equal area (Slaney), as ``librosa.filters.mel`` makes them.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    n_fft : int
        Window length of the spectrum, in samples.
    n_mels : int
        Number of filters.
    fmin, fmax : float
        Range of the bank in Hz.

    Returns
    -------
    ndarray of float32, shape (n_mels, 1 + n_fft // 2)
        Read-only, since it is shared.
    """
    frequencies = np.linspace(0.0, sample_rate / 2, 1 + n_fft // 2)
    edges = mel_to_hz(np.linspace(hz_to_mel(fmin), hz_to_mel(fmax), n_mels + 2))
    widths = np.diff(edges)[:, None]
    ramps = edges[:, None] - frequencies
    rising, falling = -ramps[:-2] / widths[:-1], ramps[2:] / widths[1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    area = 2.0 / (edges[2:] - edges[:-2])
    filters: FloatArray = (triangles * area[:, None]).astype(np.float32)
    filters.setflags(write=False)
    return filters


@functools.lru_cache(maxsize=16)
def mel_bands(
    sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float
) -> tuple[Band, ...]:
    """The filters of :func:`mel_filters` without most of their zeros.

    Nine of ten weights of a bank are zero. Multiplying by bands takes a fifth of the
    time, and none that OpenBLAS would start threads for, which on a busy machine
    wait for each other many times longer than they work.
    """
    filters = mel_filters(sample_rate, n_fft, n_mels, fmin, fmax)
    bands = []
    for first in range(0, n_mels, _BAND):
        rows = slice(first, min(first + _BAND, n_mels))
        used = np.flatnonzero(filters[rows].any(axis=0))
        columns = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 0)
        bands.append(Band(rows, columns, np.ascontiguousarray(filters[rows, columns])))
    return tuple(bands)
