"""Runtimes: what runs a saved network, ONNX Runtime or PyTorch."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Network", "Outputs", "SerializedNetwork"]


class Outputs(NamedTuple):
    """The outputs of a network for some segments.

    Attributes
    ----------
    embeddings : ndarray of float32, shape (segments, dimensions)
    logits : ndarray of float32, shape (segments, labels)
    """

    embeddings: NDArray[np.float32]
    logits: NDArray[np.float32]


class SerializedNetwork(NamedTuple):
    """A network as the contents of a model folder's files.

    Attributes
    ----------
    weights : bytes
        In the format of safetensors.
    onnx : bytes or None
        The same network for ONNX Runtime, if it could be exported.
    remark : str
        For the model card: how closely the export agrees with PyTorch, or why there is none.
    """

    weights: bytes
    onnx: bytes | None
    remark: str


class Network(Protocol):
    """A trained network that is ready to run. It is thread-safe and can be pickled.

    Attributes
    ----------
    device : str
        Where it runs, in PyTorch's notation.
    """

    device: str

    def run(self, segments: NDArray[np.float32]) -> Outputs:
        """Compute the outputs for normalized segments, shape (segments, bins, frames)."""

    def serialize(self) -> SerializedNetwork:
        """Return the contents of the files that a model folder stores."""
