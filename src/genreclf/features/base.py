"""The interface of a feature extractor."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Extractor(ABC):
    """Compute frames of features from sound, and the network's input from segments of frames.

    The two steps differ in what they may look at. :meth:`transform` looks at one analysis
    window at a time, so that a stream may be cut anywhere. :meth:`normalize` looks at one
    segment at a time (clipping, pooling of bins, scaling). Neither may look further, so that
    a segment's result does not depend on the rest of the file.

    Attributes
    ----------
    sample_rate : int
        Sample rate of the input, in Hz.
    window_length : int
        Samples per frame.
    hop_length : int
        Samples from one frame to the next, at most `window_length`.
    segment_frames : int
        Frames per segment.

    Examples
    --------
    A new extractor defines three members and the four sizes:

    >>> import numpy as np
    >>> from genreclf import Extractor
    >>> class Loudness(Extractor):
    ...     sample_rate, window_length, hop_length, segment_frames = 22050, 2048, 1024, 64
    ...     frame_bins = 1
    ...     parameters = {}
    ...     def transform(self, samples):
    ...         windows = np.lib.stride_tricks.sliding_window_view(samples, 2048)[::1024]
    ...         return np.log1p(np.square(windows).sum(axis=1))[None]
    >>> Loudness().transform(np.zeros(4096, np.float32)).shape
    (1, 3)
    """

    sample_rate: int
    window_length: int
    hop_length: int
    segment_frames: int

    @property
    @abstractmethod
    def frame_bins(self) -> int:
        """Number of values per frame that :meth:`transform` returns."""

    @property
    def bins(self) -> int:
        """Number of values per frame that :meth:`normalize` returns: the network's input height."""
        return self.frame_bins

    @property
    @abstractmethod
    def parameters(self) -> Mapping[str, Any]:
        """Keyword arguments that build an equal extractor; JSON can store them."""

    @abstractmethod
    def transform(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the features of every full window.

        Parameters
        ----------
        samples : ndarray of float32, shape (n,)
            Mono sound at `sample_rate`, ``n >= window_length``. Do not pad it: the caller
            centers the first frame on the first sample.

        Returns
        -------
        ndarray of float32, shape (frame_bins, 1 + (n - window_length) // hop_length)
        """

    def normalize(self, segments: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the network's input from segments of frames, each by itself.

        Parameters
        ----------
        segments : ndarray of float32, shape (segments, frame_bins, frames)
            Must not be modified.

        Returns
        -------
        ndarray of float32, shape (segments, bins, frames)
            `segments` itself unless a subclass overrides this method.
        """
        return segments
