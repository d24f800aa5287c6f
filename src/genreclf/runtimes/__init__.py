"""Running a saved network."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from genreclf.segments import Span

__all__ = ["Network", "Outputs"]

FloatArray = NDArray[np.float32]


class Outputs(NamedTuple):
    """What a network says of some segments.

    Attributes
    ----------
    embeddings : ndarray of float32, shape (segments, dimensions)
    logits : ndarray of float32, shape (segments, labels)
    """

    embeddings: FloatArray
    logits: FloatArray


class Network(Protocol):
    """A trained network, ready to run; safe to use from several threads."""

    def run(self, segments: FloatArray) -> Outputs:
        """Outputs for finished segments, shape (segments, bins, frames)."""

    def run_span(self, span: Span) -> Outputs:
        """Outputs for the windows of a span whose frames need no finishing."""
