"""Network architectures. Importing one imports PyTorch; importing this package does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genreclf.plugins import registry

if TYPE_CHECKING:
    from genreclf.architectures.base import Architecture

__all__ = ["make_architecture"]


def make_architecture(
    name: str, n_classes: int, n_bins: int, n_frames: int, **parameters: Any
) -> Architecture:
    """Build an untrained network from its registered name.

    Parameters
    ----------
    name : str
        A name that ``genreclf plugins`` lists.
    n_classes, n_bins, n_frames : int
        Number of genres, and the size of a segment.
    **parameters
        Parameters of the architecture.

    Raises
    ------
    PluginError, ConfigError
        If no plugin registers the name, or a parameter is unknown or out of range.

    Examples
    --------
    >>> from genreclf.architectures import make_architecture
    >>> network = make_architecture("dong2018", n_classes=10, n_bins=64, n_frames=256)
    >>> sum(weights.numel() for weights in network.parameters())
    463914
    """
    network: Architecture = registry().build(
        "architectures", name, n_classes=n_classes, n_bins=n_bins, n_frames=n_frames, **parameters
    )
    return network
