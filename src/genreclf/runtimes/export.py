"""Exporting a network from PyTorch to ONNX."""

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
"""The most that the probability of any label may differ from PyTorch's."""

_TALKATIVE = ("torch.onnx", "torch.fx.experimental.symbolic_shapes")


class ExportError(GenreclfError):
    """A network cannot be exported, or would not give the same results."""


class _Whole(nn.Module):
    """Embeddings and logits at once."""

    def __init__(self, network: Architecture) -> None:
        super().__init__()
        self.network = network

    def forward(self, segments: Tensor) -> tuple[Tensor, Tensor]:
        embeddings = self.network.embed(segments)
        return embeddings, self.network.classify(embeddings)


def export_onnx(module: Architecture) -> tuple[bytes, str]:
    """A network for ONNX Runtime: one graph of any number of segments, checked against PyTorch.

    Parameters
    ----------
    module : Architecture
        On the CPU, in evaluation mode.

    Returns
    -------
    model : bytes
        Complete in itself.
    remark : str
        How far its probabilities are from PyTorch's.

    Raises
    ------
    MissingExtraError
        If the packages that export (extra ``export``) are not installed.
    ExportError
        If PyTorch cannot export the network, or the results differ by more than
        :data:`TOLERANCE`.
    """
    if not all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript")):
        raise MissingExtraError("networks for ONNX Runtime", "export")
    whole = _Whole(module).eval()
    try:
        with _quiet():
            model = _exported(whole, module)
    except Exception as error:  # somebody else's network, and PyTorch's many ways to refuse it
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ExportError(f"PyTorch cannot export it: {reason}") from error
    difference = _difference(model.SerializeToString(), whole, module)
    if not difference <= TOLERANCE:
        raise ExportError(f"exported, its probabilities differ from PyTorch's by {difference:.1g}")
    remark = f"probabilities within {max(difference, 1e-8):.1g} of PyTorch's on random segments"
    model.metadata_props.add(key=REMARK, value=remark)
    return model.SerializeToString(), remark


def _exported(whole: _Whole, module: Architecture) -> ModelProto:
    program = torch.onnx.export(
        whole,
        (torch.zeros(2, module.n_bins, module.n_frames),),
        input_names=[INPUT],
        output_names=OUTPUTS,
        dynamic_shapes=({0: torch.export.Dim("n_segments")},),
        dynamo=True,
        verbose=False,
    )
    assert program is not None  # noqa: S101
    return _without_traces(program.model_proto)


def _without_traces(model: ModelProto) -> ModelProto:
    # PyTorch notes for each node and value which line of which file it came from: the
    # folders of whoever exports are nobody else's business.
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
    """Keep from the user what PyTorch says to those who work on its exporter."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
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


def _difference(model: bytes, whole: _Whole, module: Architecture) -> float:
    """The largest difference of a probability, over batches of other sizes than the traced one."""
    network = OnnxNetwork(model, Path())
    rng = torch.Generator().manual_seed(0)
    worst = 0.0
    for size in (1, 5):
        segments = torch.randn(size, module.n_bins, module.n_frames, generator=rng)
        with torch.inference_mode():
            expected = whole(segments)[1].double().softmax(1)
        found = torch.from_numpy(network.run(segments.numpy()).logits).double().softmax(1)
        worst = max(worst, float((found - expected).abs().max()))
    return worst
