"""What a network's parameters must be: they may come from a stranger's config."""

from collections.abc import Callable, Mapping
from typing import Any

from genreclf.errors import ConfigError

LARGEST_MAP = 2**23
"""Values that a convolution may give for a segment: 2 GiB for 64 of them."""


def require(architecture: str, requirements: Mapping[str, bool]) -> None:
    """Make sure that all of some requirements are met.

    Raises
    ------
    ConfigError
        With the first that is not.
    """
    for requirement, met in requirements.items():
        if not met:
            raise ConfigError(f"{architecture}: {requirement}")


def is_size(value: Any) -> bool:
    """Whether it is a whole number, at least 1."""
    return type(value) is int and value >= 1


def is_rate(value: Any) -> bool:
    """Whether it is a number, 0 to 1."""
    return type(value) in (int, float) and 0 <= value <= 1


def is_list(value: Any, holds: Callable[[Any], bool], length: int | None = None) -> bool:
    """Whether it is a list, of a length if one is given, of what something holds for."""
    fits = isinstance(value, list | tuple) and length in (None, len(value))
    return fits and all(map(holds, value))


def is_pair(value: Any, holds: Callable[[Any], bool] = is_size) -> bool:
    """Whether it is two of what something holds for."""
    return is_list(value, holds, 2)
