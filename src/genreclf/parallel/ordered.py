"""A map on threads that keeps the order of its items."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from genreclf.errors import ConfigError

Item = TypeVar("Item")
Result = TypeVar("Result")

_PREFETCH = 3  # items per worker that are in progress or wait for earlier ones


class Cancelled(Exception):  # noqa: N818
    """Raised in a call whose result is no longer needed."""


class Cancellation:
    """A flag that asks functions to stop, shared by threads."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask all functions that check this flag to stop."""
        self._event.set()

    def check(self) -> None:
        """Raise `Cancelled` if :meth:`cancel` was called; call this every now and then."""
        if self._event.is_set():
            raise Cancelled


def available_cpus() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def worker_count(workers: int | None) -> int:
    """Return the number of workers that was asked for, by default one per processor.

    Raises
    ------
    ConfigError
        If it is below 1.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"workers must be at least 1 (got {workers})")
    return workers or available_cpus()


def ordered_map(
    function: Callable[[Item, Cancellation], Result],
    items: Iterable[Item],
    workers: int,
    cancellation: Cancellation | None = None,
) -> Generator[Result, None, None]:
    """Call a function with each item on threads.

    The thread that asks for results reads the items, at most three per worker ahead, so
    memory does not grow with their number. Closing the iterator cancels the calls in
    progress and waits for them.

    Parameters
    ----------
    function : callable
        Takes an item and a :class:`Cancellation`. Several threads call it at once.
    items : iterable
    workers : int
        Threads, at least 1. With 1, the calling thread does the work, item by item.
    cancellation : Cancellation, optional
        Passed to `function`, and cancelled when the iterator ends. Defaults to a new one.

    Yields
    ------
    object
        What `function` returns, in the order of the items. What it raises is raised in
        place of its result, and ends the iterator.

    Examples
    --------
    >>> from genreclf.parallel import ordered_map
    >>> list(ordered_map(lambda item, cancellation: item**2, range(5), workers=2))
    [0, 1, 4, 9, 16]
    """
    cancellation = cancellation or Cancellation()
    if workers == 1:
        try:
            for item in items:
                yield function(item, cancellation)
        finally:
            cancellation.cancel()
        return
    pending: deque[Future[Result]] = deque()
    executor = ThreadPoolExecutor(workers, thread_name_prefix="genreclf")
    try:
        for item in items:
            pending.append(executor.submit(function, item, cancellation))
            if len(pending) == _PREFETCH * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        cancellation.cancel()
        executor.shutdown(wait=True, cancel_futures=True)
