"""What a feature extractor is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


class Extractor(ABC):
    """Turns sound into frames of features, and segments of frames into a network's input.

    The work is in two steps. :meth:`transform` looks at one analysis window at a
    time, so that a stream of any length can be cut anywhere; :meth:`finish` looks
    at one segment at a time (clipping, standardising). Nothing may look further:
    a segment's result must not depend on the rest of the file.

    Attributes
    ----------
    sample_rate : int
        Of the sound it expects, in Hz.
    window_length : int
        Samples that one frame looks at.
    hop_length : int
        Samples from one frame to the next; at most `window_length`.
    segment_frames : int
        Frames of a segment, unless a model says otherwise.
    """

    sample_rate: int
    window_length: int
    hop_length: int
    segment_frames: int

    @property
    @abstractmethod
    def frame_bins(self) -> int:
        """Values per frame as :meth:`transform` gives them."""

    @property
    def bins(self) -> int:
        """Values per frame as :meth:`finish` gives them: the network's input height."""
        return self.frame_bins

    @property
    def finishes(self) -> bool:
        """Whether :meth:`finish` changes anything.

        Where it does not, networks may share work between overlapping segments.
        """
        return type(self).finish is not Extractor.finish

    @property
    @abstractmethod
    def parameters(self) -> Mapping[str, Any]:
        """Keyword arguments, fit for JSON, that make an equal extractor."""

    @abstractmethod
    def transform(self, samples: FloatArray) -> FloatArray:
        """Features of every full window of some samples.

        Parameters
        ----------
        samples : ndarray of float32, shape (n,)
            Mono sound at `sample_rate`, ``n >= window_length``. No padding is
            added: the caller centres the first frame on the first sample.

        Returns
        -------
        ndarray of float32, shape (frame_bins, 1 + (n - window_length) // hop_length)
        """

    def finish(self, segments: FloatArray) -> FloatArray:
        """A network's input from segments of frames.

        Parameters
        ----------
        segments : ndarray of float32, shape (segments, frame_bins, frames)
            Not modified.

        Returns
        -------
        ndarray of float32, shape (segments, bins, frames)
        """
        return segments
