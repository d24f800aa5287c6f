"""Runtimes: what runs a saved network, ONNX Runtime or PyTorch."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Network", "Outputs", "SerializedNetwork"]


class Outputs(NamedTuple):
    """Embeddings, shape (segments, dimensions), and logits, shape (segments, labels)."""

    embeddings: NDArray[np.float32]
    logits: NDArray[np.float32]


class SerializedNetwork(NamedTuple):
    """A network as the contents of a model folder's files, in safetensors and in ONNX.

    The remark is for the model card: how closely the ONNX export agrees with PyTorch, or why
    there is none.
    """

    weights: bytes
    onnx: bytes | None
    remark: str


class Network(Protocol):
    """A trained network that is ready to run. It is thread-safe and can be pickled."""

    device: str  # in PyTorch's notation

    def run(self, segments: NDArray[np.float32]) -> Outputs:
        """Compute the outputs for normalized segments, shape (segments, bins, frames)."""

    def serialize(self) -> SerializedNetwork:
        """Return the contents of the files that a model folder stores."""
