"""Work on a Ray cluster, with results in the order of what it is done to."""

from __future__ import annotations

import logging
import math
import os
import pickle
import socket
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from genreclf.batch.ordered import available_cpus
from genreclf.batch.sending import sendable
from genreclf.errors import ClusterError, MissingExtraError

Item = TypeVar("Item")
Result = TypeVar("Result")

_AT_ONCE = 8  # items that are done, and done again if a worker dies, as one
_PATIENCE = 10.0  # seconds until a cluster's address answers

_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DATA_LOG_LEVEL": "CRITICAL",
}
_LOCAL_SETTINGS = {
    # Has a cluster of our own listen on the loopback interface only, as it does by
    # itself on macOS and Windows.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}


def on_cluster(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int | None = None,
    address: str | None = None,
) -> Generator[Result, None, None]:
    """Results of some work on each item, done by processes of a Ray cluster.

    What a process that dies was working on is done again by another, however often.

    Parameters
    ----------
    work : callable
        Is pickled, and unpickled once by each process.
    items : iterable
        Are pickled too, all before the work begins.
    workers : int, optional
        Processes; as many as the cluster has processors if left out.
    address : str, optional
        Of a cluster, as ``ray.init`` takes it. If left out it is in ``RAY_ADDRESS``; if
        that is not set, a cluster is started on this machine, and ended with the work.
        Where this process uses a cluster already, it is that one.

    Yields
    ------
    object
        What `work` returns, in the order of the items.

    Raises
    ------
    MissingExtraError
        If Ray (extra ``ray``) is not installed.
    ConfigError
        If the work or an item cannot be pickled.
    ClusterError
        If there is no such cluster, it has another version of Python or Ray, or what it
        is to do fails on it.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    settings = _SETTINGS | _LOCAL_SETTINGS if address == "local" else _SETTINGS
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    try:
        import ray.data  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("runs on Ray", "ray") from error
    return _run(work, items, workers, address)


def _run(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int | None, address: str
) -> Generator[Result, None, None]:
    import ray

    rows = [{"item": sendable(item)} for item in items]
    if not rows:
        return
    with _cluster(address, workers), _explained():
        count = workers or int(ray.cluster_resources().get("CPU", 1))
        size = max(1, min(_AT_ONCE, len(rows) // (2 * count)))
        dataset = ray.data.from_items(rows, override_num_blocks=math.ceil(len(rows) / size))
        dataset.context.execution_options.preserve_order = True
        dataset.context.enable_progress_bars = False
        dataset.context.print_on_execution_start = False
        dataset.context.raise_original_map_exception = True
        results = dataset.map(
            _Worker,  # type: ignore[arg-type]  # made by each process
            fn_constructor_args=(sendable(work), os.getcwd()),  # noqa: PTH109
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=count, initial_size=count),
            num_cpus=1,
        )
        for row in results.iter_rows():
            yield pickle.loads(row["result"])  # noqa: S301 - by our own workers


class _Worker:
    """What each process of the cluster holds."""

    def __init__(self, work: bytes, folder: str) -> None:
        # Relative paths mean here what they mean where they come from, if they can.
        with suppress(OSError):
            os.chdir(folder)
        self._work = pickle.loads(work)  # noqa: S301

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"result": pickle.dumps(self._work(pickle.loads(row["item"])))}  # noqa: S301


@contextmanager
def _cluster(address: str, workers: int | None) -> Iterator[None]:
    """Connect to a cluster, or start one; whatever was done is undone at the end."""
    import ray

    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {}
    if address == "local":
        options = {"num_cpus": workers or available_cpus(), "include_dashboard": False}
    try:
        _knock(address)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except (OSError, RuntimeError, ValueError) as error:
        raise ClusterError(
            f"there is no Ray cluster to be used at {address!r} ({error}); check the address, "
            "that `ray status` finds it, and RAY_AUTH_MODE=token if it asks for a token"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raise `OSError` if nothing listens at HOST:PORT, for which Ray waits many minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "//" not in address:
        socket.create_connection((host, int(port)), _PATIENCE).close()


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what Ray raises while it works into a `ClusterError`."""
    import ray

    try:
        yield
    except ray.exceptions.RayError as error:
        raise ClusterError(
            f"the Ray cluster gave up: {_reason(error)}; check that its machines are up "
            "and have the same versions of Python, genreclf and the model's plugins"
        ) from error


def _reason(error: Exception) -> str:
    """What was the matter, of Ray's pages of text."""
    cause = getattr(error, "cause", None)
    if cause is not None:
        return f"{type(cause).__name__}: {str(cause).partition(chr(10))[0]}"
    return str(error).strip().splitlines()[-1]
