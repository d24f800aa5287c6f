"""PyTorch, for any device and for networks that cannot be exported."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genreclf.architectures.base import Architecture
from genreclf.errors import ConfigError, IntegrityError, MissingExtraError
from genreclf.runtimes import Outputs, SerializedNetwork

try:
    import torch
    from safetensors import safe_open
    from safetensors.torch import load_file, save
except ImportError as error:
    raise MissingExtraError("networks in PyTorch", "train") from error


class TorchNetwork:
    """A network in PyTorch, in evaluation mode, on a device such as "cpu" or "cuda:1"."""

    def __init__(self, module: Architecture, device: str = "cpu") -> None:
        try:
            self.module = module.to(device).eval()
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"device '{device}' cannot be used: {reason}") from error
        self.device = device
        self._batcher = DynamicBatcher(self._forward)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.module, self.device)

    def run(self, segments: NDArray[np.float32]) -> Outputs:
        """Compute the outputs for normalized segments, shape (segments, bins, frames).

        On other devices than the CPU, concurrent calls are merged into one batch.
        """
        merges = self.device != "cpu"
        return Outputs(*self._batcher(segments)) if merges else self._forward(segments)

    def _forward(self, segments: NDArray[np.float32]) -> Outputs:
        with torch.inference_mode():
            embeddings = self.module.embed(torch.tensor(segments, device=self.device))
            logits = self.module.classify(embeddings)
        return Outputs(embeddings.float().cpu().numpy(), logits.float().cpu().numpy())

    def serialize(self) -> SerializedNetwork:
        """Return the weights, and the network exported to ONNX if that is possible."""
        from genreclf.runtimes.export import ExportError, export_onnx

        module = copy.deepcopy(self.module).cpu().eval()
        weights = save({name: value.contiguous() for name, value in module.state_dict().items()})
        try:
            return SerializedNetwork(weights, *export_onnx(module))
        except (ExportError, MissingExtraError) as error:
            return SerializedNetwork(weights, None, f"none: {error}")


class DynamicBatcher:
    """Merge concurrent calls of a function of arrays into one batch of at most `max_rows`.

    It serves functions that take many rows in about the time of a few, such as a network on
    a GPU. A call that is alone is passed on at once, whatever its number of rows.
    """

    def __init__(
        self,
        function: Callable[[NDArray[np.float32]], Sequence[NDArray[np.float32]]],
        max_rows: int = 1024,
    ) -> None:
        self._function = function
        self._max_rows = max_rows
        self._running = threading.Lock()
        self._queue_lock = threading.Lock()
        self._queue: list[tuple[NDArray[np.float32], Future[list[NDArray[np.float32]]]]] = []

    def __call__(self, rows: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return what the function returns for these rows."""
        result: Future[list[NDArray[np.float32]]] = Future()
        with self._queue_lock:
            self._queue.append((rows, result))
        # Calls that arrive while another one runs wait here, and are merged by the next.
        with self._running:
            while not result.done():
                self._run_batch()
        return result.result()

    def _run_batch(self) -> None:
        with self._queue_lock:
            ends = np.cumsum([len(rows) for rows, _ in self._queue])
            count = max(1, int(np.searchsorted(ends, self._max_rows, side="right")))
            calls, self._queue = self._queue[:count], self._queue[count:]
        try:
            outputs = self._function(np.concatenate([rows for rows, _ in calls]))
            parts = [np.split(array, ends[: count - 1]) for array in outputs]
            for index, (_, result) in enumerate(calls):
                result.set_result([part[index] for part in parts])
        except BaseException as error:
            for _, result in calls:
                result.set_exception(error)
            if not isinstance(error, Exception):
                raise


def load_module(build: Callable[[], Architecture], path: Path) -> Architecture:
    """Build a network and load the weights of a safetensors file.

    The network is built on PyTorch's meta device first, which takes no memory, and compared
    with the file's header. So the network that is built is no larger than the file. Tensors of
    other names, shapes or types, and NaN or infinite values, raise IntegrityError.
    """
    with torch.device("meta"):
        expected = build().state_dict()
    with _read_errors(path), safe_open(path, "pt") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    problems = [f"'{name}' is missing" for name in expected if name not in shapes]
    problems += [f"'{name}' is not the network's" for name in shapes if name not in expected]
    problems += [
        f"'{name}' is {shapes[name]} where the network has {tuple(expected[name].shape)}"
        for name in expected.keys() & shapes.keys()
        if shapes[name] != tuple(expected[name].shape)
    ]
    _raise_problems(problems, path)
    with _read_errors(path):
        tensors = load_file(path)
    for name, tensor in tensors.items():
        if tensor.dtype != expected[name].dtype:
            problems.append(f"'{name}' is {tensor.dtype}, not {expected[name].dtype}")
        elif not bool(torch.isfinite(tensor).all()):
            problems.append(f"'{name}' has NaN or infinite values")
    _raise_problems(problems, path)
    module = build()
    module.load_state_dict(tensors)
    return module


@contextmanager
def _read_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # safetensors raises many types for damaged files
        raise IntegrityError(f"{path}: the weights cannot be read: {error}") from error


def _raise_problems(problems: list[str], path: Path) -> None:
    if problems:
        raise IntegrityError(
            f"{path}: the weights do not fit the configuration beside them: "
            f"{'; '.join(sorted(problems)[:5])}. Get the model again."
        )
