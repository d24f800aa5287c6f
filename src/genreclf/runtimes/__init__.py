"""Running a saved network."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from genreclf.segments import Span

__all__ = ["Network", "Outputs", "Saved"]

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


class Saved(NamedTuple):
    """A network as the files of a model folder.

    Attributes
    ----------
    weights : bytes
        In the format of safetensors.
    onnx : bytes or None
        The same network for ONNX Runtime, if it could be exported.
    remark : str
        For people: how well the export fits, or why there is none.
    """

    weights: bytes
    onnx: bytes | None
    remark: str


class Network(Protocol):
    """A trained network, ready to run; safe to use from several threads, and to pickle.

    Attributes
    ----------
    device : str
        Where it runs, as PyTorch calls it.
    """

    device: str

    def run(self, segments: FloatArray) -> Outputs:
        """Outputs for finished segments, shape (segments, bins, frames)."""

    def run_span(self, span: Span) -> Outputs:
        """Outputs for the windows of a span whose frames need no finishing."""

    def saved(self) -> Saved:
        """What a model folder keeps of it."""
