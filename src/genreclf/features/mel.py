"""The mel scale and its filter bank, in numpy."""

import functools

import numpy as np

from genreclf.features.base import FloatArray

# Slaney's Auditory Toolbox (1998): linear to 1 kHz at 200/3 Hz per mel, then
# logarithmic with 27 steps per factor 6.4.
_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


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
