"""Parallel maps that keep the order of their items: threads, processes and Ray.

:func:`parallel_map` chooses one by name. The other modules hold one backend each.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Literal, TypeVar, get_args

from genreclf.errors import ConfigError
from genreclf.parallel.ordered import (
    Cancellation,
    Cancelled,
    available_cpus,
    ordered_map,
    worker_count,
)

__all__ = [
    "Cancellation",
    "Cancelled",
    "Engine",
    "available_cpus",
    "ordered_map",
    "parallel_map",
    "worker_count",
]

Engine = Literal["threads", "processes", "ray"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def parallel_map(
    function: Callable[..., Result],
    items: Iterable[Item],
    *,
    engine: Engine = "threads",
    workers: int | None = None,
    ray_address: str | None = None,
    on_worker_death: Callable[[Item, str], Result],
) -> Generator[Result, None, None]:
    """Call a function with each item on a backend chosen by name.

    Parameters
    ----------
    function : callable
        Takes an item, and as a second argument that may be left out a
        :class:`Cancellation`. It is pickled for processes and Ray, which pass the item only.
    items : iterable
    engine : {"threads", "processes", "ray"}
        See :func:`ordered_map`, :func:`genreclf.parallel.processes.process_map` and
        :func:`genreclf.parallel.ray.ray_map`.
    workers : int, optional
        Threads or processes, at least 1. Defaults to the number of processors.
    ray_address : str, optional
        Of a running Ray cluster; see :func:`genreclf.parallel.ray.ray_map`.
    on_worker_death : callable
        Used by "processes": takes an item that killed its process twice, and the exit
        reason, and returns the result to yield in place of the item's.

    Yields
    ------
    object
        What `function` returns, in the order of the items.

    Raises
    ------
    ConfigError
        If `workers` is below 1, the engine is unknown, or `ray_address` is given to
        another engine.
    MissingExtraError
        If Ray is asked for and not installed.
    """
    count = worker_count(workers)
    if engine not in get_args(Engine):
        raise ConfigError(f"engine must be one of {', '.join(get_args(Engine))} (got {engine!r})")
    if ray_address is not None and engine != "ray":
        raise ConfigError(f"ray_address needs engine 'ray' (got {engine!r})")
    if engine == "threads":
        return ordered_map(function, items, count)
    # Import a backend only when it is used: Ray takes a second.
    if engine == "processes":
        from genreclf.parallel.processes import process_map

        return process_map(function, items, count, on_worker_death)
    from genreclf.parallel.ray import ray_map

    return ray_map(function, items, workers, ray_address)
