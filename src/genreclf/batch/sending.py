"""What goes to other processes."""

import pickle
from typing import Any

from genreclf.errors import ConfigError


def sendable(thing: Any) -> bytes:
    """Pickle something for processes of our own.

    Raises
    ------
    ConfigError
        If it cannot be pickled.
    """
    try:
        return pickle.dumps(thing)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise ConfigError(
            f"a {type(thing).__name__} cannot be sent to other processes ({error}); "
            "pass paths, addresses, bytes or arrays, or use threads"
        ) from error
