"""Work for other processes, which find it by importing this module."""

import os
import signal
import sys
import time
from pathlib import Path

from genreclf.features import LogMel


def square(item):
    return item * item


def whereabouts(item):
    print("this is no reply")
    return os.getpid(), str(Path.cwd()), os.environ["OMP_NUM_THREADS"], sys.path


def die(marker):
    """End this process, but for a marker that is there already."""
    if marker is None:
        return "lived"
    path = Path(marker)
    if path.name == "always" or not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done again"


def leave(status):
    os._exit(status)


def sleep(seconds):
    time.sleep(seconds)


class StubbornError(Exception):
    """Cannot be pickled and had back."""

    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")


def fail(item):
    if item == 3:
        raise StubbornError("one", "other")
    return 1 / item


class Broken:
    """Can be sent, and not received."""

    def __reduce__(self):
        return __import__, ("no_such_module",)

    def __call__(self, item):
        return item


class Deadly(LogMel):
    """Ends the process that hears something."""

    def transform(self, samples):
        os.kill(os.getpid(), signal.SIGKILL)
