"""A map on processes of this machine that keeps the order of its items."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from typing import IO, Any, TypeVar, cast

from genreclf.errors import ConfigError
from genreclf.parallel.ordered import Cancellation, ordered_map

Item = TypeVar("Item")
Result = TypeVar("Result")

_ATTEMPTS = 2  # workers that may die of one item

# Not `multiprocessing`: its workers run the caller's script again, so that a script would
# need a guard. Isolated (-I), so that no file in the working folder replaces a module.
_WORKER_PROGRAM = (
    "import pickle, sys\n"
    "sys.path[:] = pickle.load(sys.stdin.buffer)\n"
    "from genreclf.parallel.processes import run_worker\n"
    "run_worker()"
)
# The processors are busy with one file each; more threads would only slow them down.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def process_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    on_worker_death: Callable[[Item, str], Result],
) -> Generator[Result, None, None]:
    """Call a function with each item on processes of this machine.

    Items are read as by :func:`genreclf.parallel.ordered_map`. Closing the iterator kills
    the processes. If one dies, its item is passed to another process once.

    Parameters
    ----------
    function : callable
        Pickled; each process unpickles it once.
    items : iterable
        Pickled one by one. An item that cannot be pickled is processed in this process.
    workers : int
        Processes, at least 1. Each is started when there is an item for it.
    on_worker_death : callable
        Takes an item that killed two processes, and the exit reason of the second, such as
        "was killed by SIGKILL". Returns the result to yield in place of the item's.

    Yields
    ------
    object
        What `function` returns, in the order of the items. What it raises is raised in
        place of its result, and ends the iterator.

    Raises
    ------
    ConfigError
        If the function cannot be pickled, or no process can be started.

    Examples
    --------
    >>> from math import sqrt
    >>> from genreclf.parallel.processes import process_map
    >>> def on_worker_death(item, reason):
    ...     return float("nan")
    >>> list(process_map(sqrt, [4, 9, 16], 2, on_worker_death))
    [2.0, 3.0, 4.0]
    """
    pool = _ProcessPool(serialize(function))

    def call(item: Item, cancellation: Cancellation) -> Result:
        try:
            request = serialize(item)
        except ConfigError:
            return function(item)
        for _ in range(_ATTEMPTS):
            worker = pool.worker()
            try:
                result: Result = worker.request(request)
            except _WorkerDied as error:
                cancellation.check()
                reason = str(error)
            else:
                return result
        return on_worker_death(item, reason)

    return ordered_map(call, items, workers, pool)


def serialize(value: Any) -> bytes:
    """Pickle a value for a worker, or raise `ConfigError` if it cannot be pickled."""
    try:
        return pickle.dumps(value)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise ConfigError(
            f"a {type(value).__name__} cannot be sent to other processes ({error}); "
            "pass paths, URLs, bytes or arrays, or use threads"
        ) from error


class _WorkerDied(Exception):  # noqa: N818
    """A worker process exited before it replied; the message is the exit reason."""


class _ProcessPool(Cancellation):
    """A worker process for each thread that asks for one; :meth:`cancel` kills them all."""

    def __init__(self, function: bytes) -> None:
        super().__init__()
        self._function = function
        self._local = threading.local()
        self._lock = threading.Lock()
        self._workers: list[_Worker] = []

    def worker(self) -> _Worker:
        """Return the worker of the calling thread; start another if it died."""
        worker: _Worker | None = getattr(self._local, "worker", None)
        if worker is None or worker.exited:
            worker = self._local.worker = self._start()
        return worker

    def _start(self) -> _Worker:
        with self._lock:
            self.check()
            worker = _Worker()
            self._workers.append(worker)
        try:
            worker.request(self._function)
        except _WorkerDied as error:
            self.check()
            raise ConfigError(f"a new worker process {error}; use threads") from error
        return worker

    def cancel(self) -> None:
        """Kill all workers, so that their calls stop at once."""
        super().cancel()
        with self._lock:
            for worker in self._workers:
                worker.kill()


class _Worker:
    """A Python process that runs :func:`run_worker`."""

    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-I", "-c", _WORKER_PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=_ONE_THREAD | os.environ,
                # Ctrl-C interrupts this process only, which then kills its workers.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:
            raise ConfigError(
                f"no process can be started with {sys.executable!r} ({error}); use threads"
            ) from error
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._replies = cast("IO[bytes]", self._process.stdout)
        self._requests.write(pickle.dumps(sys.path))

    @property
    def exited(self) -> bool:
        return self._process.poll() is not None

    def request(self, pickled: bytes) -> Any:
        """Send a pickled value; return or raise the reply."""
        try:
            self._requests.write(pickled)
            self._requests.flush()
            result, raised = pickle.load(self._replies)  # noqa: S301 - from our own process
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
            self.kill()
            raise _WorkerDied(_exit_reason(self._process.returncode)) from error
        if raised is not None:
            raise raised
        return result

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._requests, self._replies):
            with suppress(OSError):
                pipe.close()


def _exit_reason(returncode: int) -> str:
    if returncode < 0:
        with suppress(ValueError):
            return f"was killed by {signal.Signals(-returncode).name}"
    return f"exited with status {returncode}"


def run_worker() -> None:
    """Read a function and its items from standard input, and reply, until the input ends."""
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the function prints must not get among the replies

    def reply(result: Any, error: Exception | None = None) -> None:
        replies.write(pickle.dumps((result, error and _picklable(error))))
        replies.flush()

    try:
        function = pickle.load(requests)  # noqa: S301 - from our own parent
    except Exception as error:
        reply(None, ConfigError(f"this cannot be sent to other processes ({error}); use threads"))
        return
    reply(None)
    with suppress(EOFError):
        while True:
            item = pickle.load(requests)  # noqa: S301
            try:
                result = function(item)
            except Exception as error:
                reply(None, error)
            else:
                reply(result)


def _picklable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
