"""Running a network with ONNX Runtime, which starts in a tenth of PyTorch's time."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from genreclf.errors import IntegrityError
from genreclf.runtimes import FloatArray, Outputs, Saved
from genreclf.segments import Span

# The official builds report each process to their maker, and write an identifier of the
# device into the home directory, unless this stands before the import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

INPUT = "segments"
OUTPUTS = ("embeddings", "logits")
REMARK = "genreclf"
"""The key of the model's own metadata that holds :attr:`Saved.remark`."""

_AT_ONCE = 8  # segments; the maps of more do not fit into the cache


class OnnxNetwork:
    """A network in ONNX Runtime, on the CPU and in the calling thread.

    Parameters
    ----------
    model : bytes
        As :func:`genreclf.runtimes.export.export_onnx` makes it.
    weights : Path
        The safetensors file it was made from; read only to save the network.
    name : str
        How messages call the model.

    Raises
    ------
    IntegrityError
        If it is no such model.
    """

    device = "cpu"

    def __init__(self, model: bytes, weights: Path, name: str = "the model") -> None:
        options = onnxruntime.SessionOptions()
        # Whoever has several cores classifies several files: that scales better.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own have no common base but this
            raise IntegrityError(f"{name}: cannot be loaded: {error}. Get it again.") from error
        names = [[v.name for v in self._session.get_inputs()], self._output_names()]
        if names != [[INPUT], list(OUTPUTS)]:
            raise IntegrityError(f"{name}: is not a network of genreclf: it has {names}")
        self._model = model
        self._weights = weights
        self._name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._model, self._weights, self._name)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Bins and frames of a segment, and labels."""
        _, bins, frames = self._session.get_inputs()[0].shape
        return bins, frames, self._session.get_outputs()[1].shape[1]

    def run(self, segments: FloatArray) -> Outputs:
        """Outputs for finished segments, shape (segments, bins, frames)."""
        parts = [
            self._session.run(OUTPUTS, {INPUT: segments[start : start + _AT_ONCE]})
            for start in range(0, len(segments), _AT_ONCE)
        ]
        embeddings, logits = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Outputs(embeddings, logits)

    def run_span(self, span: Span) -> Outputs:
        """Outputs for the windows of a span, each by itself."""
        return self.run(span.windows())

    def saved(self) -> Saved:
        """The files that it was loaded from."""
        remark = self._session.get_modelmeta().custom_metadata_map.get(REMARK, "")
        return Saved(self._weights.read_bytes(), self._model, remark)

    def _output_names(self) -> list[str]:
        return [value.name for value in self._session.get_outputs()]
