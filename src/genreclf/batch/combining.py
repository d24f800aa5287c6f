"""Calls of several threads made one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Function = Callable[[FloatArray], Sequence[FloatArray]]


class Combiner:
    """Makes one call of those that threads make while another is under way.

    For functions that take many rows in about the time of few, as a network on a GPU
    does. A call that meets no other is made as it is, and waits for nothing.

    Parameters
    ----------
    function : callable
        Takes an array and returns arrays, each with a row per row of it.
    most : int
        Rows beyond which no further call joins.
    """

    def __init__(self, function: Function, most: int = 1024) -> None:
        self._function = function
        self._most = most
        self._running = threading.Lock()
        self._changing = threading.Lock()
        self._waiting: list[tuple[FloatArray, Future[list[FloatArray]]]] = []

    def __call__(self, rows: FloatArray) -> list[FloatArray]:
        """What the function returns for these rows."""
        result: Future[list[FloatArray]] = Future()
        with self._changing:
            self._waiting.append((rows, result))
        with self._running:
            while not result.done():
                self._run_together()
        return result.result()

    def _run_together(self) -> None:
        with self._changing:
            sizes = np.cumsum([len(rows) for rows, _ in self._waiting])
            count = max(1, int(np.searchsorted(sizes, self._most, side="right")))
            calls, self._waiting = self._waiting[:count], self._waiting[count:]
        try:
            together = self._function(np.concatenate([rows for rows, _ in calls]))
            parts = [np.split(array, sizes[: count - 1]) for array in together]
            for index, (_, result) in enumerate(calls):
                result.set_result([part[index] for part in parts])
        except BaseException as error:
            for _, result in calls:
                result.set_exception(error)
            if not isinstance(error, Exception):
                raise
