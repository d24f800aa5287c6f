"""Running a network with PyTorch."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from genreclf.architectures.base import Architecture
from genreclf.batch import Combiner
from genreclf.errors import ConfigError, IntegrityError, MissingExtraError
from genreclf.runtimes import FloatArray, Outputs, Saved
from genreclf.segments import Span


class TorchNetwork:
    """A network in PyTorch, in evaluation mode.

    Parameters
    ----------
    module : Architecture
    device : str
        "cpu", "cuda", "cuda:1", "mps".

    Raises
    ------
    ConfigError
        If PyTorch does not know or does not have the device.
    """

    def __init__(self, module: Architecture, device: str = "cpu") -> None:
        try:
            self.module = module.to(device).eval()
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"device '{device}' cannot be used: {reason}") from error
        self.device = device
        self._combined = Combiner(self._run)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.module, self.device)

    def run(self, segments: FloatArray) -> Outputs:
        """Outputs for finished segments, shape (segments, bins, frames).

        Away from the CPU, what several threads ask for at once is one batch.
        """
        return self._run(segments) if self.device == "cpu" else Outputs(*self._combined(segments))

    def _run(self, segments: FloatArray) -> Outputs:
        with torch.inference_mode():
            return self._outputs(self.module.embed(self._tensor(segments)))

    def run_span(self, span: Span) -> Outputs:
        """Outputs for the windows of a span; overlapping ones may share work."""
        offsets = torch.from_numpy(span.offsets).to(self.device)
        with torch.inference_mode():
            return self._outputs(self.module.embed_windows(self._tensor(span.frames), offsets))

    def saved(self) -> Saved:
        """The weights, and the network exported to ONNX if that can be done."""
        from genreclf.runtimes.export import ExportError, export_onnx

        plain = copy.deepcopy(self.module).cpu().eval()
        weights = save({name: value.contiguous() for name, value in plain.state_dict().items()})
        try:
            return Saved(weights, *export_onnx(plain))
        except (ExportError, MissingExtraError) as error:
            return Saved(weights, None, f"none: {error}")

    def _tensor(self, array: FloatArray) -> Tensor:
        return torch.tensor(array, device=self.device)

    def _outputs(self, embeddings: Tensor) -> Outputs:
        logits = self.module.classify(embeddings)
        return Outputs(embeddings.float().cpu().numpy(), logits.float().cpu().numpy())


def load_module(build: Callable[[], Architecture], path: Path) -> Architecture:
    """Build a network and put the weights of a safetensors file into it.

    It is built on PyTorch's meta device first, which takes no memory, and compared
    with the file's header: what is built for real is no larger than the file.

    Parameters
    ----------
    build : callable
        Makes the untrained network.
    path : Path

    Raises
    ------
    IntegrityError
        If the file is missing or damaged, or its tensors are not the network's in
        name, shape or type, or hold NaN or infinite values.
    """
    with torch.device("meta"):
        expected = build().state_dict()
    with _reading(path), safe_open(path, "pt") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    problems = [f"'{name}' is missing" for name in expected if name not in shapes]
    problems += [f"'{name}' is not the network's" for name in shapes if name not in expected]
    problems += [
        f"'{name}' is {shapes[name]} where the network has {tuple(expected[name].shape)}"
        for name in expected.keys() & shapes.keys()
        if shapes[name] != tuple(expected[name].shape)
    ]
    _refuse(problems, path)
    with _reading(path):
        tensors = load_file(path)
    for name, tensor in tensors.items():
        if tensor.dtype != expected[name].dtype:
            problems.append(f"'{name}' is {tensor.dtype}, not {expected[name].dtype}")
        elif not bool(torch.isfinite(tensor).all()):
            problems.append(f"'{name}' has NaN or infinite values")
    _refuse(problems, path)
    module = build()
    module.load_state_dict(tensors)
    return module


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of many types, for files that are damaged in many ways
        raise IntegrityError(f"{path}: the weights cannot be read: {error}") from error


def _refuse(problems: list[str], path: Path) -> None:
    if problems:
        raise IntegrityError(
            f"{path}: the weights do not fit the configuration beside them: "
            f"{'; '.join(sorted(problems)[:5])}. Get the model again."
        )
