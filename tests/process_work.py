"""Functions that worker processes import from this module."""

import os
import signal
import sys
import time
from pathlib import Path

from genreclf.features import LogMel


def square(item):
    return item * item


def describe_process(item):
    print("not a reply")
    return os.getpid(), str(Path.cwd()), os.environ["OMP_NUM_THREADS"], sys.path


def die(marker):
    """Kill this process, unless the marker file exists already."""
    if marker is None:
        return "done"
    path = Path(marker)
    if path.name == "always" or not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "retried"


def leave(status):
    os._exit(status)


def sleep(seconds):
    time.sleep(seconds)


class StubbornError(Exception):
    """Can be pickled but not unpickled."""

    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")


def fail(item):
    if item == 3:
        raise StubbornError("one", "other")
    return 1 / item


class Broken:
    """Can be pickled but not unpickled: its module is missing."""

    def __reduce__(self):
        return __import__, ("no_such_module",)

    def __call__(self, item):
        return item


class Deadly(LogMel):
    """Kills the process that extracts features."""

    def transform(self, samples):
        os.kill(os.getpid(), signal.SIGKILL)
