"""ONNX Runtime, which starts in a tenth of PyTorch's time."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genreclf.errors import IntegrityError
from genreclf.runtimes import Outputs, SerializedNetwork

# Must be set before the import: the official builds send telemetry for each process, and
# write a device identifier into the home directory.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

INPUT = "segments"
OUTPUTS = ("embeddings", "logits")
REMARK = "genreclf"
"""Key of the ONNX model's metadata that holds :attr:`SerializedNetwork.remark`."""

_BATCH_SIZE = 8  # segments: the feature maps of more do not fit into the processor's cache


class OnnxNetwork:
    """A network in ONNX Runtime, on the CPU, in the calling thread.

    Parameters
    ----------
    model : bytes
        From :func:`genreclf.runtimes.export.export_onnx`.
    weights : Path
        The safetensors file of the same network, which only :meth:`serialize` reads.
    name : str
        Name for error messages.
    """

    device = "cpu"

    def __init__(self, model: bytes, weights: Path, name: str = "the model") -> None:
        options = onnxruntime.SessionOptions()
        # Several files on one core each are faster than one file on several cores.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's exceptions have no common base but this
            raise IntegrityError(f"{name}: cannot be loaded: {error}. Get it again.") from error
        inputs = [value.name for value in self._session.get_inputs()]
        outputs = [value.name for value in self._session.get_outputs()]
        if inputs != [INPUT] or outputs != list(OUTPUTS):
            raise IntegrityError(
                f"{name}: is not a network of genreclf: it has {[inputs, outputs]}"
            )
        self._model = model
        self._weights = weights
        self._name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._model, self._weights, self._name)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Bins and frames of a segment, and number of labels."""
        _, bins, frames = self._session.get_inputs()[0].shape
        return bins, frames, self._session.get_outputs()[1].shape[1]

    def run(self, segments: NDArray[np.float32]) -> Outputs:
        """Compute the outputs for normalized segments, shape (segments, bins, frames)."""
        batches = [
            self._session.run(OUTPUTS, {INPUT: segments[start : start + _BATCH_SIZE]})
            for start in range(0, len(segments), _BATCH_SIZE)
        ]
        embeddings, logits = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
        return Outputs(embeddings, logits)

    def serialize(self) -> SerializedNetwork:
        """Return the contents of the files that the network was loaded from."""
        remark = self._session.get_modelmeta().custom_metadata_map.get(REMARK, "")
        return SerializedNetwork(self._weights.read_bytes(), self._model, remark)
