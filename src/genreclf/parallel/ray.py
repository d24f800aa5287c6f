"""A map on a Ray cluster that keeps the order of its items."""

from __future__ import annotations

import logging
import math
import os
import pickle
import socket
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from genreclf.errors import ClusterError, MissingExtraError
from genreclf.parallel.ordered import worker_count
from genreclf.parallel.processes import serialize

Item = TypeVar("Item")
Result = TypeVar("Result")

_MAX_BLOCK_ITEMS = 8  # Ray computes a block again if the worker dies
_CONNECT_TIMEOUT_S = 10.0

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DATA_LOG_LEVEL": "CRITICAL",
}
_LOCAL_ENVIRONMENT = {
    # A new cluster listens on the loopback interface only, as it always does on macOS and
    # Windows.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}


def ray_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int | None = None,
    address: str | None = None,
) -> Generator[Result, None, None]:
    """Call a function with each item on processes of a Ray cluster.

    If a process dies, another one computes its items again, however often this happens.

    Parameters
    ----------
    function : callable
        Pickled; each process unpickles it once.
    items : iterable
        All are read and pickled before the work begins.
    workers : int, optional
        Processes. Defaults to the number of processors of the cluster.
    address : str, optional
        Of a cluster, as ``ray.init`` takes it. Defaults to ``RAY_ADDRESS``; if that is not
        set, a cluster is started on this machine and stopped afterwards. If this process
        is connected to a cluster already, that one is used.

    Yields
    ------
    object
        What `function` returns, in the order of the items.

    Raises
    ------
    MissingExtraError
        If Ray (extra ``ray``) is not installed.
    ConfigError
        If the function or an item cannot be pickled.
    ClusterError
        If the cluster cannot be reached, has another version of Python or Ray, or fails; or
        if `function` raises an exception.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    settings = _ENVIRONMENT | _LOCAL_ENVIRONMENT if address == "local" else _ENVIRONMENT
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    try:
        import ray.data  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("runs on Ray", "ray") from error
    return _map(function, items, workers, address)


def _map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int | None, address: str
) -> Generator[Result, None, None]:
    import ray

    rows = [{"item": serialize(item)} for item in items]
    if not rows:
        return
    with _connected(address, workers), _cluster_errors():
        count = workers or int(ray.cluster_resources().get("CPU", 1))
        block_items = max(1, min(_MAX_BLOCK_ITEMS, len(rows) // (2 * count)))
        n_blocks = math.ceil(len(rows) / block_items)
        dataset = ray.data.from_items(rows, override_num_blocks=n_blocks)
        dataset.context.execution_options.preserve_order = True
        dataset.context.enable_progress_bars = False
        dataset.context.print_on_execution_start = False
        dataset.context.raise_original_map_exception = True
        results = dataset.map(
            _Worker,  # type: ignore[arg-type]  # each process builds one
            fn_constructor_args=(serialize(function), os.getcwd()),  # noqa: PTH109
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=count, initial_size=count),
            num_cpus=1,
        )
        for row in results.iter_rows():
            yield pickle.loads(row["result"])  # noqa: S301 - from our own workers


class _Worker:
    """The function, as a process of the cluster calls it."""

    def __init__(self, function: bytes, folder: str) -> None:
        # If the folder exists on that machine, relative paths mean the same there.
        with suppress(OSError):
            os.chdir(folder)
        self._function = pickle.loads(function)  # noqa: S301

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"result": pickle.dumps(self._function(pickle.loads(row["item"])))}  # noqa: S301


@contextmanager
def _connected(address: str, workers: int | None) -> Iterator[None]:
    """Connect to a cluster or start one, and disconnect or stop it at the end."""
    import ray

    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {}
    if address == "local":
        options = {"num_cpus": worker_count(workers), "include_dashboard": False}
    try:
        _check_reachable(address)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except (OSError, RuntimeError, ValueError) as error:
        raise ClusterError(
            f"no Ray cluster can be used at {address!r} ({error}); check the address, "
            "that `ray status` finds it, and RAY_AUTH_MODE=token if it asks for a token"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise `OSError` if nothing listens at HOST:PORT; Ray would wait for many minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "//" not in address:
        socket.create_connection((host, int(port)), _CONNECT_TIMEOUT_S).close()


@contextmanager
def _cluster_errors() -> Iterator[None]:
    """Raise the errors of Ray as `ClusterError`."""
    import ray

    try:
        yield
    except ray.exceptions.RayError as error:
        raise ClusterError(
            f"the Ray cluster failed: {_summary(error)}; check that its machines are up "
            "and have the same versions of Python, genreclf and the model's plugins"
        ) from error


def _summary(error: Exception) -> str:
    """Return the one line that matters of the pages that Ray prints."""
    cause = getattr(error, "cause", None)
    if cause is not None:
        return f"{type(cause).__name__}: {str(cause).partition(chr(10))[0]}"
    return str(error).strip().splitlines()[-1]
