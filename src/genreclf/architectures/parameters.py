"""What a network's parameters must be: they may come from a stranger's config."""

import math
from collections.abc import Callable, Iterable, Mapping
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


def require_maps(
    architecture: str, segment: tuple[int, int], layers: str, maps: Iterable[tuple[int, int, int]]
) -> None:
    """Make sure that a segment is neither too small nor too large for some layers.

    Parameters
    ----------
    architecture : str
    segment : (int, int)
        Bins and frames.
    layers : str
        What the message calls them.
    maps : iterable of (int, int, int)
        What the layers make of the segment: channels, height and width of each.

    Raises
    ------
    ConfigError
        If one of the maps is empty, or has more than `LARGEST_MAP` values.
    """
    bins, frames = segment
    for shape in maps:
        if min(shape) < 1:
            raise ConfigError(
                f"{architecture}: a segment of {bins} bins x {frames} frames is too small for "
                f"{layers}"
            )
        if math.prod(shape) > LARGEST_MAP:
            raise ConfigError(
                f"{architecture}: {layers} on {bins} bins x {frames} frames give over "
                f"{LARGEST_MAP:,} values for one segment"
            )


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
