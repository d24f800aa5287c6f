"""Network architectures; the built-in ones register here like anybody's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from genreclf.plugins import hookimpl, registry

if TYPE_CHECKING:
    from genreclf.architectures.base import Architecture

__all__ = ["make_architecture"]


@hookimpl
def genreclf_architectures() -> Mapping[str, Any]:
    """Register the built-in networks, by address: importing torch takes a second."""
    return {
        "dong2018": "genreclf.architectures.dong2018:Dong2018",
        "short-chunk": "genreclf.architectures.short_chunk:ShortChunk",
    }


def make_architecture(
    name: str, n_classes: int, n_bins: int, n_frames: int, **parameters: Any
) -> Architecture:
    """A new network by its registered name.

    Parameters
    ----------
    name : str
        ``genreclf plugins`` lists them.
    n_classes, n_bins, n_frames : int
        Genres, and the size of a segment.
    **parameters
        The architecture's own.

    Raises
    ------
    PluginError
        If the name is not registered.
    ConfigError
        If a parameter is unknown or out of range.
    """
    network: Architecture = registry().build(
        "architectures", name, n_classes=n_classes, n_bins=n_bins, n_frames=n_frames, **parameters
    )
    return network
