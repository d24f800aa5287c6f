"""Mel-frequency cepstral coefficients."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from genreclf.errors import ConfigError
from genreclf.features import Extractor, LogMel


@dataclass(frozen=True)
class MFCC(Extractor):
    """Mel-frequency cepstral coefficients, normalized per segment.

    Parameters
    ----------
    n_coefficients : int
        Number of coefficients, from the lowest; at most `n_mels`.
    n_mels : int
        Number of mel filters.
    sample_rate : int
        In Hz.
    window_length, hop_length : int
        In samples.
    segment_frames : int
        Frames per segment.

    Raises
    ------
    ConfigError
        If a parameter is out of its range.
    """

    n_coefficients: int = 20
    n_mels: int = 64
    sample_rate: int = 22050
    window_length: int = 2048
    hop_length: int = 1024
    segment_frames: int = 64

    def __post_init__(self) -> None:
        if not 1 <= self.n_coefficients <= self.n_mels:
            raise ConfigError(f"mfcc: n_coefficients must be 1 to n_mels (got {self})")
        self._mel  # noqa: B018  LogMel checks the other parameters

    @property
    def frame_bins(self) -> int:
        """Coefficients per frame."""
        return self.n_coefficients

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Keyword arguments that build an equal extractor."""
        return asdict(self)

    @cached_property
    def _mel(self) -> LogMel:
        return LogMel(
            sample_rate=self.sample_rate,
            n_fft=self.window_length,
            hop_length=self.hop_length,
            n_mels=self.n_mels,
            fmax=self.sample_rate / 2,
            segment_frames=self.segment_frames,
        )

    @cached_property
    def _cosines(self) -> np.ndarray:
        # The orthonormal DCT-II, equal to scipy.fft.dct(norm="ortho").
        order = np.arange(self.n_coefficients)[:, None]
        place = (np.arange(self.n_mels) + 0.5) / self.n_mels
        cosines = np.cos(np.pi * order * place) * np.sqrt(2.0 / self.n_mels)
        cosines[0] /= np.sqrt(2.0)
        return cosines.astype(np.float32)

    def transform(self, samples: np.ndarray) -> np.ndarray:
        """Compute the coefficients of every full window.

        Parameters
        ----------
        samples : ndarray of float32, shape (n,)

        Returns
        -------
        ndarray of float32, shape (n_coefficients, frames)
        """
        return self._cosines @ self._mel.transform(samples)

    def normalize(self, segments: np.ndarray) -> np.ndarray:
        """Subtract each coefficient's mean over the segment, and divide by the deviation.

        The mean contains a fixed equalization of the recording, which is so removed.

        Parameters
        ----------
        segments : ndarray of float32, shape (segments, n_coefficients, frames)

        Returns
        -------
        ndarray of float32, of the same shape
        """
        centered = segments - segments.mean(axis=2, keepdims=True)
        return centered / np.maximum(centered.std(axis=(1, 2), keepdims=True), np.float32(1e-3))
