"""Work on threads, with results in the order of what it is done to."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 3  # items that may be worked on or wait for their turn, per worker


class Stopped(Exception):  # noqa: N818
    """Raised in work that is given up, since nobody waits for its result any more."""


class Stop:
    """Tells work whether somebody still waits for it."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Have the work end soon."""
        self._event.set()

    def check(self) -> None:
        """To be called in the work every now and then.

        Raises
        ------
        Stopped
            If it is to end.
        """
        if self._event.is_set():
            raise Stopped


def available_cpus() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(
    work: Callable[[Item, Stop], Result],
    items: Iterable[Item],
    workers: int,
    stop: Stop | None = None,
) -> Generator[Result, None, None]:
    """Results of some work on each item, in the order of the items.

    Items are read in the thread that asks for results, a few per worker ahead; so
    memory does not grow with their number. Whoever closes the iterator, or
    interrupts it, gets control back when the work at hand has noticed.

    Parameters
    ----------
    work : callable
        Takes an item and a :class:`Stop`, from several threads at once.
    items : iterable
    workers : int
        Threads, at least 1; with 1 the work is done in the caller's, item by item.
    stop : Stop, optional
        What the work is given, and is set at the end, however that comes.

    Yields
    ------
    object
        What `work` returns. What it raises is raised in the place of its result.
    """
    stop = stop or Stop()
    if workers == 1:
        try:
            for item in items:
                yield work(item, stop)
        finally:
            stop.set()
        return
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="genreclf")
    try:
        for item in items:
            waiting.append(pool.submit(work, item, stop))
            if len(waiting) == _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
