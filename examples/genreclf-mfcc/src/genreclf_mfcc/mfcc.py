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
    """The lowest coefficients of the cosine transform of a log-mel spectrum.

    Parameters
    ----------
    n_coefficients : int
        Kept, from the lowest; at most `n_mels`.
    n_mels : int
        Mel filters.
    sample_rate : int
        In Hz.
    window_length, hop_length : int
        In samples.
    segment_frames : int
        Frames of a segment.

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
        self._mel  # noqa: B018  checks the rest

    @property
    def frame_bins(self) -> int:
        """Coefficients per frame."""
        return self.n_coefficients

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Keyword arguments that make an equal extractor."""
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
        # The orthonormal DCT-II, as scipy.fft.dct(norm="ortho") has it.
        order = np.arange(self.n_coefficients)[:, None]
        place = (np.arange(self.n_mels) + 0.5) / self.n_mels
        cosines = np.cos(np.pi * order * place) * np.sqrt(2.0 / self.n_mels)
        cosines[0] /= np.sqrt(2.0)
        return cosines.astype(np.float32)

    def transform(self, samples: np.ndarray) -> np.ndarray:
        """Coefficients of every full window: each looks at its own window alone.

        Parameters
        ----------
        samples : ndarray of float32, shape (n,)

        Returns
        -------
        ndarray of float32, shape (n_coefficients, frames)
        """
        return self._cosines @ self._mel.transform(samples)

    def finish(self, segments: np.ndarray) -> np.ndarray:
        """Take each coefficient's mean over the segment away, and bring it to a scale of 1.

        What a recording's equaliser did to the whole segment goes with the mean.

        Parameters
        ----------
        segments : ndarray of float32, shape (segments, n_coefficients, frames)

        Returns
        -------
        ndarray of float32, of the same shape
        """
        centred = segments - segments.mean(axis=2, keepdims=True)
        return centred / np.maximum(centred.std(axis=(1, 2), keepdims=True), np.float32(1e-3))
