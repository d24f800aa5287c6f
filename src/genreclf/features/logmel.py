"""Log-mel spectrograms."""

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from genreclf.errors import ConfigError
from genreclf.features.base import Extractor, FloatArray
from genreclf.features.mel import mel_bands

_POWER_FLOOR = 1e-10  # -100 dB, librosa's
_AT_ONCE = 2**17  # samples: what is made of them stays in the processor's cache
_TYPICAL = np.float32(12.0)  # dB, a deviation that segments of music have
_STILL = 1e-3  # a segment that varies less than this (dB, or nepers) has no structure to scale up


@dataclass(frozen=True)
class LogMel(Extractor):
    """Log-mel spectrogram with a Hann window, local to a segment.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    n_fft : int
        Window length in samples.
    hop_length : int
        Samples from one frame to the next, `n_fft` / 64 to `n_fft`.
    n_mels : int
        Mel filters (Slaney scale and area), a multiple of `merge`.
    fmin, fmax : float
        Range of the filters in Hz.
    scale : {"db", "log1p"}
        ``10 log10(max(S, 1e-10))`` or ``log(1 + S)`` of the mel power ``S``.
    top_db : float or None
        With "db": what lies further below the segment's maximum is raised to it.
    merge : int
        Neighbouring bins averaged (after scaling) into one.
    standardise : {"none", "segment", "band", "centre"}
        "segment" takes the segment's mean from it and divides by its standard
        deviation. "band" first takes each bin's mean over the segment away, so
        that a fixed equalisation of the recording makes no difference. "centre" does
        that too, but divides by 12 (dB), so that quiet changes stay smaller than loud
        ones.
    segment_frames : int
        Frames of a segment.

    Raises
    ------
    ConfigError
        If a parameter is out of its range.

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
    merge: int = 1
    standardise: Literal["none", "segment", "band", "centre"] = "none"
    segment_frames: int = 128

    def __post_init__(self) -> None:
        counts = ("sample_rate", "n_fft", "hop_length", "n_mels", "merge", "segment_frames")
        requirements = {
            f"{', '.join(counts)} must be whole numbers": (
                all(type(getattr(self, name)) is int for name in counts)
            ),
            "sample_rate must be 1,000 to 768,000 Hz": 1_000 <= self.sample_rate <= 768_000,
            "n_fft must be 16 to 65,536": 16 <= self.n_fft <= 65_536,
            "hop_length must be n_fft / 64 to n_fft": (
                self.n_fft / 64 <= self.hop_length <= self.n_fft
            ),
            "n_mels must be 1 to 1,024": 1 <= self.n_mels <= 1_024,
            "0 <= fmin < fmax <= sample_rate / 2 must hold": (
                0 <= self.fmin < self.fmax <= self.sample_rate / 2
            ),
            "scale must be 'db' or 'log1p'": self.scale in ("db", "log1p"),
            "top_db must be positive": self.top_db is None or self.top_db > 0,
            "merge must divide n_mels": self.merge >= 1 and self.n_mels % self.merge == 0,
            "standardise must be 'none', 'segment', 'band' or 'centre'": (
                self.standardise in ("none", "segment", "band", "centre")
            ),
            "segment_frames must be 1 to 65,536": 1 <= self.segment_frames <= 65_536,
        }
        for requirement, met in requirements.items():
            if not met:
                raise ConfigError(f"log-mel features: {requirement} (got {self})")

    @property
    def window_length(self) -> int:  # type: ignore[override]
        """Samples that one frame looks at."""
        return self.n_fft

    @property
    def frame_bins(self) -> int:
        """Mel bins per frame as :meth:`transform` gives them."""
        return self.n_mels

    @property
    def bins(self) -> int:
        """Mel bins per frame as :meth:`finish` gives them."""
        return self.n_mels // self.merge

    @property
    def finishes(self) -> bool:
        """Whether :meth:`finish` changes anything."""
        return self._clips or self.merge > 1 or self.standardise != "none"

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Keyword arguments that make an equal extractor."""
        return asdict(self)

    @property
    def _clips(self) -> bool:
        return self.scale == "db" and self.top_db is not None

    def transform(self, samples: FloatArray) -> FloatArray:
        """Scaled mel power of every full window.

        Parameters
        ----------
        samples : ndarray of float32, shape (n,)
            Mono sound, ``n >= n_fft``.

        Returns
        -------
        ndarray of float32, shape (n_mels, 1 + (n - n_fft) // hop_length)
            In dB re full scale power, or ``log(1 + S)``.
        """
        windows = np.lib.stride_tricks.sliding_window_view(samples, self.n_fft)[:: self.hop_length]
        mel = np.empty((self.n_mels, len(windows)), np.float32)
        step = max(1, _AT_ONCE // self.n_fft)
        for first in range(0, len(windows), step):
            some = slice(first, first + step)
            self._mel_power(windows[some], mel[:, some])
        if self.scale == "log1p":
            return np.log1p(mel, out=mel)
        np.log10(np.maximum(mel, _POWER_FLOOR, out=mel), out=mel)
        mel *= np.float32(10.0)
        return mel

    def _mel_power(self, windows: FloatArray, out: FloatArray) -> None:
        spectrum = np.fft.rfft(windows * _hann(self.n_fft))
        power = spectrum.real**2 + spectrum.imag**2
        for band in mel_bands(self.sample_rate, self.n_fft, self.n_mels, self.fmin, self.fmax):
            np.matmul(band.weights, power[:, band.bins].T, out=out[band.filters])

    def finish(self, segments: FloatArray) -> FloatArray:
        """Clip to `top_db`, merge bins and standardise, each segment by itself.

        Parameters
        ----------
        segments : ndarray of float32, shape (segments, n_mels, frames)

        Returns
        -------
        ndarray of float32, shape (segments, n_mels // merge, frames)
            A segment without any variation becomes zeros if standardised.
        """
        if self._clips:
            floor = segments.max(axis=(1, 2), keepdims=True) - np.float32(self.top_db or 0.0)
            segments = np.maximum(segments, floor)
        if self.merge > 1:
            count, _, frames = segments.shape
            segments = segments.reshape(count, self.bins, self.merge, frames).mean(axis=2)
        if self.standardise == "none":
            return segments
        axes = (1, 2) if self.standardise == "segment" else 2
        centred = segments - segments.mean(axis=axes, keepdims=True)
        if self.standardise == "centre":
            return np.asarray(centred / _TYPICAL)
        deviation = centred.std(axis=(1, 2), keepdims=True)
        return np.where(deviation > _STILL, centred / np.maximum(deviation, _STILL), 0.0)


@functools.lru_cache(maxsize=16)
def _hann(length: int) -> FloatArray:
    # Periodic, as spectral analysis wants it; numpy's own is symmetric.
    return np.hanning(length + 1)[:-1].astype(np.float32)
