"""Export of a network from PyTorch to ONNX."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from genreclf.architectures.base import Architecture
from genreclf.errors import GenreclfError, MissingExtraError
from genreclf.runtimes.onnx import INPUT, OUTPUTS, REMARK, OnnxNetwork

if TYPE_CHECKING:
    from onnx import ModelProto

TOLERANCE = 1e-5
"""Largest difference from PyTorch that the probability of any label may have."""

_NOISY_LOGGERS = ("torch.onnx", "torch.fx.experimental.symbolic_shapes")


class ExportError(GenreclfError):
    """A network cannot be exported, or the export gives other results."""


def export_onnx(module: Architecture) -> tuple[bytes, str]:
    """Export a network on the CPU as one ONNX graph for any number of segments.

    Return the ONNX model, weights included, and for the model card the largest difference from
    PyTorch's probabilities. More than :data:`TOLERANCE` is an :class:`ExportError`.
    """
    if not all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript")):
        raise MissingExtraError("networks for ONNX Runtime", "export")
    network = _EmbeddingsAndLogits(module).eval()
    try:
        with _quiet():
            model = _export(network, module)
    except Exception as error:  # of any type, PyTorch's or a plugin's
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ExportError(f"PyTorch cannot export it: {reason}") from error
    difference = _difference(model.SerializeToString(), network, module)
    if not difference <= TOLERANCE:
        raise ExportError(f"exported, its probabilities differ from PyTorch's by {difference:.1g}")
    remark = f"probabilities within {max(difference, 1e-8):.1g} of PyTorch's on random segments"
    model.metadata_props.add(key=REMARK, value=remark)
    return model.SerializeToString(), remark


class _EmbeddingsAndLogits(nn.Module):
    """Return both outputs, since an export has one forward method."""

    def __init__(self, network: Architecture) -> None:
        super().__init__()
        self.network = network

    def forward(self, segments: Tensor) -> tuple[Tensor, Tensor]:
        embeddings = self.network.embed(segments)
        return embeddings, self.network.classify(embeddings)


def _export(network: _EmbeddingsAndLogits, module: Architecture) -> ModelProto:
    program = torch.onnx.export(
        network,
        (torch.zeros(2, module.n_bins, module.n_frames),),
        input_names=[INPUT],
        output_names=OUTPUTS,
        dynamic_shapes=({0: torch.export.Dim("n_segments")},),
        dynamo=True,
        verbose=False,
    )
    assert program is not None  # noqa: S101
    return _strip_debug_info(program.model_proto)


def _strip_debug_info(model: ModelProto) -> ModelProto:
    # PyTorch records for each node the source file and line it came from, and so publishes
    # the folders of the machine.
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info,
                 *graph.initializer, *model.functions):  # fmt: skip
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for function in model.functions:
        for node in function.node:
            node.ClearField("metadata_props")
            node.ClearField("doc_string")
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what PyTorch prints for the developers of its exporter."""
    loggers = [logging.getLogger(name) for name in _NOISY_LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _difference(model: bytes, network: _EmbeddingsAndLogits, module: Architecture) -> float:
    """Return the largest difference of a probability, for batch sizes that were not traced."""
    exported = OnnxNetwork(model, Path())
    rng = torch.Generator().manual_seed(0)
    largest = 0.0
    for size in (1, 5):
        segments = torch.randn(size, module.n_bins, module.n_frames, generator=rng)
        with torch.inference_mode():
            expected = network(segments)[1].double().softmax(1)
        found = torch.from_numpy(exported.run(segments.numpy()).logits).double().softmax(1)
        largest = max(largest, float((found - expected).abs().max()))
    return largest
