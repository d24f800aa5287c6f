"""Work on processes of this machine, with results in the order of what it is done to."""

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

from genreclf.batch.ordered import Stop, in_order
from genreclf.batch.sending import sendable
from genreclf.errors import ConfigError

Item = TypeVar("Item")
Result = TypeVar("Result")

_ATTEMPTS = 2  # processes that an item may end before it is given up

# Not `multiprocessing`: its processes run the caller's script again, which may have no guard.
# Isolated (-I), so that nothing in the working folder passes for one of Python's own modules.
_PROGRAM = (
    "import pickle, sys\n"
    "sys.path[:] = pickle.load(sys.stdin.buffer)\n"
    "from genreclf.batch.processes import serve\n"
    "serve()"
)
# Whoever has several processors classifies several files.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def on_processes(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    lost: Callable[[Item, str], Result],
) -> Generator[Result, None, None]:
    """Results of some work on each item, done by processes of this machine.

    Items are read a few per process ahead, as by :func:`in_order`; what that says of
    closing and interrupting holds, and ends the processes.

    Parameters
    ----------
    work : callable
        Is pickled, and unpickled once by each process.
    items : iterable
        Are pickled one by one. One that cannot be is worked on in this process.
    workers : int
        Processes, at least 1; each is started when there is something for it to do.
    lost : callable
        Takes an item that has ended two processes, and how the second ended; what it returns
        stands in the place of the result.

    Yields
    ------
    object
        What `work` returns, in the order of the items. What it raises is raised in
        the place of its result.

    Raises
    ------
    ConfigError
        If the work cannot be pickled, or no process can be started.
    """
    team = _Team(sendable(work))

    def do(item: Item, stop: Stop) -> Result:
        try:
            request = sendable(item)
        except ConfigError:
            return work(item)
        for _ in range(_ATTEMPTS):
            member = team.member()
            try:
                result: Result = member.ask(request)
            except _Ended as end:
                stop.check()
                how = str(end)
            else:
                return result
        return lost(item, how)

    return in_order(do, items, workers, team)


class _Ended(Exception):  # noqa: N818
    """A process has ended before it answered; says how."""


class _Team(Stop):
    """A process for each thread that asks for one; all end when nobody waits any more."""

    def __init__(self, work: bytes) -> None:
        super().__init__()
        self._work = work
        self._own = threading.local()
        self._changing = threading.Lock()
        self._members: list[_Process] = []

    def member(self) -> _Process:
        """The calling thread's, started anew if it has ended."""
        member: _Process | None = getattr(self._own, "member", None)
        if member is None or member.has_ended:
            member = self._own.member = self._start()
        return member

    def _start(self) -> _Process:
        with self._changing:
            self.check()
            member = _Process()
            self._members.append(member)
        try:
            member.ask(self._work)
        except _Ended as end:
            self.check()
            raise ConfigError(f"a process for the work {end}; use threads") from end
        return member

    def set(self) -> None:
        """Have the work end at once."""
        super().set()
        with self._changing:
            for member in self._members:
                member.end()


class _Process:
    """A Python of its own that runs :func:`serve`."""

    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-I", "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=_ONE_THREAD | os.environ,
                # An interrupt is for this process, which ends that one when it has noticed.
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
    def has_ended(self) -> bool:
        """Whether it is gone, by itself or by :meth:`end`."""
        return self._process.poll() is not None

    def ask(self, request: bytes) -> Any:
        """Send what is pickled, and return or raise what comes back."""
        try:
            self._requests.write(request)
            self._requests.flush()
            result, error = pickle.load(self._replies)  # noqa: S301 - by our own process
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as end:
            self.end()
            raise _Ended(_how(self._process.returncode)) from end
        if error is not None:
            raise error
        return result

    def end(self) -> None:
        """End it, wherever it is."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._requests, self._replies):
            with suppress(OSError):
                pipe.close()


def _how(status: int) -> str:
    if status < 0:
        with suppress(ValueError):
            return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def serve() -> None:
    """Do the work that comes through standard input, until that ends."""
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anybody prints is no reply

    def reply(result: Any, error: Exception | None = None) -> None:
        replies.write(pickle.dumps((result, error and _portable(error))))
        replies.flush()

    try:
        work = pickle.load(requests)  # noqa: S301 - from our own parent
    except Exception as error:
        reply(None, ConfigError(f"this cannot be sent to other processes ({error}); use threads"))
        return
    reply(None)
    with suppress(EOFError):
        while True:
            item = pickle.load(requests)  # noqa: S301
            try:
                result = work(item)
            except Exception as error:
                reply(None, error)
            else:
                reply(result)


def _portable(error: Exception) -> Exception:
    """The error, or one that says the same if it does not survive being pickled."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
