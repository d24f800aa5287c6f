"""Log-mel spectrograms and the mel filter bank."""

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genreclf.errors import ConfigError
from genreclf.features.base import Extractor
from genreclf.validation import Rule, integer, number, one_of, positive, validate

_POWER_FLOOR = 1e-10  # -100 dB, as in librosa
_CHUNK_SAMPLES = 2**17  # per FFT call, so that its spectra stay in the processor's cache
_TYPICAL_DB = np.float32(12.0)  # standard deviation of a typical segment of music
_MIN_DEVIATION = 1e-3  # below this a segment is constant, and scaling would amplify rounding

# Slaney's Auditory Toolbox (1998): linear to 1 kHz at 200/3 Hz per mel, then logarithmic
# with 27 steps per factor 6.4.
_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0

_BAND_FILTERS = 8  # of a filter bank per matrix product: see mel_bands


@dataclass(frozen=True)
class LogMel(Extractor):
    """Log-mel spectrogram with a Hann window, local to a segment.

    Parameters
    ----------
    sample_rate : int
        In Hz, 1,000 to 768,000.
    n_fft : int
        Window length in samples, 16 to 65,536.
    hop_length : int
        Samples from one frame to the next, `n_fft` / 64 to `n_fft`.
    n_mels : int
        Number of mel filters (Slaney scale and normalization), a multiple of `pool_bins`.
    fmin, fmax : float
        Frequency range of the filters, in Hz.
    scale : {"db", "log1p"}
        ``10 log10(max(S, 1e-10))`` or ``log(1 + S)`` of the mel power ``S``.
    top_db : float or None
        With "db": values further below the segment's maximum are raised to
        ``maximum - top_db``.
    pool_bins : int
        Number of neighboring bins that are averaged into one, after scaling.
    normalization : {"none", "segment", "band", "center"}
        "segment" subtracts the segment's mean and divides by its standard deviation.
        "band" subtracts each bin's mean over the segment instead, which removes a fixed
        equalization of the recording. "center" does the same but divides by 12 (dB), so
        that a quiet segment stays smaller than a loud one.
    segment_frames : int
        Frames per segment, 1 to 65,536.

    Raises
    ------
    ConfigError
        If a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclf.features import LogMel
    >>> LogMel(hop_length=512).transform(np.zeros(22050, np.float32)).shape
    (128, 40)
    """

    sample_rate: int = 22050
    n_fft: int = 2048
    hop_length: int = 512
    n_mels: int = 128
    fmin: float = 0.0
    fmax: float = 11025.0
    scale: Literal["db", "log1p"] = "db"
    top_db: float | None = 80.0
    pool_bins: int = 1
    normalization: Literal["none", "segment", "band", "center"] = "none"
    segment_frames: int = 128

    def __post_init__(self) -> None:
        validate("log-mel features", asdict(self), _RULES)
        # Rules that relate parameters to each other.
        if not self.n_fft / 64 <= self.hop_length <= self.n_fft:
            raise ConfigError(
                f"log-mel features: hop_length must be n_fft / 64 to n_fft (got {self})"
            )
        if not self.fmin < self.fmax <= self.sample_rate / 2:
            raise ConfigError(
                f"log-mel features: fmin < fmax <= sample_rate / 2 must hold (got {self})"
            )
        if self.n_mels % self.pool_bins:
            raise ConfigError(f"log-mel features: pool_bins must divide n_mels (got {self})")

    @property
    def window_length(self) -> int:  # type: ignore[override]
        """Samples per frame."""
        return self.n_fft

    @property
    def frame_bins(self) -> int:
        """Mel bins per frame that :meth:`transform` returns."""
        return self.n_mels

    @property
    def bins(self) -> int:
        """Mel bins per frame that :meth:`normalize` returns."""
        return self.n_mels // self.pool_bins

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Keyword arguments that build an equal extractor."""
        return asdict(self)

    def transform(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the scaled mel power of every full window.

        Parameters
        ----------
        samples : ndarray of float32, shape (n,)
            Mono sound, ``n >= n_fft``.

        Returns
        -------
        ndarray of float32, shape (n_mels, 1 + (n - n_fft) // hop_length)
            In dB re full-scale power, or ``log(1 + S)``.

        Examples
        --------
        A sine of 1 kHz is loudest in the filter around 1 kHz:

        >>> import numpy as np
        >>> from genreclf.features import LogMel
        >>> sine = np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050).astype(np.float32)
        >>> int(LogMel().transform(sine).mean(axis=1).argmax())
        38
        """
        windows = np.lib.stride_tricks.sliding_window_view(samples, self.n_fft)[:: self.hop_length]
        mel = np.empty((self.n_mels, len(windows)), np.float32)
        step = max(1, _CHUNK_SAMPLES // self.n_fft)
        for first in range(0, len(windows), step):
            chunk = slice(first, first + step)
            self._mel_power(windows[chunk], mel[:, chunk])
        if self.scale == "log1p":
            return np.log1p(mel, out=mel)
        np.log10(np.maximum(mel, _POWER_FLOOR, out=mel), out=mel)
        mel *= np.float32(10.0)
        return mel

    def _mel_power(self, windows: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        spectrum = np.fft.rfft(windows * _hann(self.n_fft))
        power = spectrum.real**2 + spectrum.imag**2
        for band in mel_bands(self.sample_rate, self.n_fft, self.n_mels, self.fmin, self.fmax):
            np.matmul(band.weights, power[:, band.bins].T, out=out[band.filters])

    def normalize(self, segments: NDArray[np.float32]) -> NDArray[np.float32]:
        """Clip to `top_db`, pool bins and normalize each segment by itself.

        Parameters
        ----------
        segments : ndarray of float32, shape (segments, n_mels, frames)

        Returns
        -------
        ndarray of float32, shape (segments, n_mels // pool_bins, frames)
            With a `normalization`, a constant segment becomes zeros.

        Examples
        --------
        >>> import numpy as np
        >>> from genreclf.features import LogMel
        >>> segments = np.random.default_rng(0).normal(-40, 9, (2, 128, 80)).astype(np.float32)
        >>> normalized = LogMel(normalization="segment").normalize(segments)
        >>> bool(abs(normalized.mean()) < 1e-5), round(float(normalized.std()), 3)
        (True, 1.0)
        """
        if self.scale == "db" and self.top_db is not None:
            floor = segments.max(axis=(1, 2), keepdims=True) - np.float32(self.top_db)
            segments = np.maximum(segments, floor)
        if self.pool_bins > 1:
            count, _, frames = segments.shape
            segments = segments.reshape(count, self.bins, self.pool_bins, frames).mean(axis=2)
        if self.normalization == "none":
            return segments
        axes = (1, 2) if self.normalization == "segment" else 2
        centered = segments - segments.mean(axis=axes, keepdims=True)
        if self.normalization == "center":
            return np.asarray(centered / _TYPICAL_DB)
        deviation = centered.std(axis=(1, 2), keepdims=True)
        scaled = centered / np.maximum(deviation, _MIN_DEVIATION)
        return np.where(deviation > _MIN_DEVIATION, scaled, 0.0)


_OPTIONAL_DB = Rule("a number above 0, or None", lambda v: v is None or positive().accepts(v))

_RULES = {
    "sample_rate": integer(1_000, 768_000),
    "n_fft": integer(16, 65_536),
    "hop_length": integer(1),
    "n_mels": integer(1, 1_024),
    "fmin": number(0),
    "fmax": number(0),
    "scale": one_of("db", "log1p"),
    "top_db": _OPTIONAL_DB,
    "pool_bins": integer(1),
    "normalization": one_of("none", "segment", "band", "center"),
    "segment_frames": integer(1, 65_536),
}

# Dong 2018 (arXiv 1802.09697): 23 ms windows, 64 bins to 10 kHz, log(1 + S), 2.97 s.
LOGMEL_DONG2018 = functools.partial(
    LogMel, n_fft=512, hop_length=256, n_mels=64, fmax=10000.0, scale="log1p", segment_frames=256
)
# One frame every 77.5 ms, each with a 93 ms window. 40 frames last 3.1 s.
LOGMEL_13FPS = functools.partial(
    LogMel, hop_length=1709, normalization="segment", segment_frames=40
)


@functools.lru_cache(maxsize=16)
def _hann(length: int) -> NDArray[np.float32]:
    # Periodic, as spectral analysis needs it; numpy's own is symmetric.
    return np.hanning(length + 1)[:-1].astype(np.float32)


def hz_to_mel(frequency: float) -> float:
    """Convert a frequency in Hz to Slaney's mel scale.

    Examples
    --------
    >>> from genreclf.features.logmel import hz_to_mel
    >>> round(hz_to_mel(500.0), 3), round(hz_to_mel(6400.0), 3)
    (7.5, 42.0)
    """
    if frequency < _BREAK_HZ:
        return frequency / _HZ_PER_MEL
    return float(_BREAK_MEL + np.log(frequency / _BREAK_HZ) / _LOG_STEP)


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert values on Slaney's mel scale to Hz; the inverse of :func:`hz_to_mel`.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclf.features.logmel import mel_to_hz
    >>> mel_to_hz(np.array([7.5, 15.0, 42.0]))
    array([ 500., 1000., 6400.])
    """
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _HZ_PER_MEL, above)


@functools.lru_cache(maxsize=16)
def mel_filters(
    sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float
) -> NDArray[np.float32]:
    """Build a bank of triangular mel filters, as ``librosa.filters.mel`` does by default.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    n_fft : int
        Window length of the spectrum, in samples.
    n_mels : int
        Number of filters.
    fmin, fmax : float
        Frequency range of the bank, in Hz.

    Returns
    -------
    ndarray of float32, shape (n_mels, 1 + n_fft // 2)
        Read-only, since it is cached. Each filter has the same area (Slaney).

    Examples
    --------
    >>> from genreclf.features.logmel import mel_filters
    >>> mel_filters(22050, 2048, 128, 0.0, 11025.0).shape
    (128, 1025)
    """
    frequencies = np.linspace(0.0, sample_rate / 2, 1 + n_fft // 2)
    edges = mel_to_hz(np.linspace(hz_to_mel(fmin), hz_to_mel(fmax), n_mels + 2))
    widths = np.diff(edges)[:, None]
    ramps = edges[:, None] - frequencies
    rising, falling = -ramps[:-2] / widths[:-1], ramps[2:] / widths[1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    area = 2.0 / (edges[2:] - edges[:-2])
    filters: NDArray[np.float32] = (triangles * area[:, None]).astype(np.float32)
    filters.setflags(write=False)
    return filters


class MelBand(NamedTuple):
    """Neighboring rows of a filter bank, and the bins of the spectrum that they cover."""

    filters: slice
    bins: slice
    weights: NDArray[np.float32]


@functools.lru_cache(maxsize=16)
def mel_bands(
    sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float
) -> tuple[MelBand, ...]:
    """Split the bank of :func:`mel_filters` into bands, without most of its zeros.

    Nine of ten weights of a bank are zero. Products of bands take a fifth of the time of one
    product, and none is large enough for OpenBLAS to start threads, which on a busy machine
    wait for each other much longer than they work.

    Examples
    --------
    >>> from genreclf.features.logmel import mel_bands
    >>> len(mel_bands(22050, 2048, 128, 0.0, 11025.0))
    16
    """
    filters = mel_filters(sample_rate, n_fft, n_mels, fmin, fmax)
    bands = []
    for first in range(0, n_mels, _BAND_FILTERS):
        rows = slice(first, min(first + _BAND_FILTERS, n_mels))
        used = np.flatnonzero(filters[rows].any(axis=0))
        columns = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 0)
        bands.append(MelBand(rows, columns, np.ascontiguousarray(filters[rows, columns])))
    return tuple(bands)
