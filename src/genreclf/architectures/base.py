"""The interface of a network architecture, and the limits on its size."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable

from genreclf.errors import ConfigError, MissingExtraError

try:
    from torch import Tensor, nn
except ImportError as error:
    raise MissingExtraError("networks in PyTorch", "train") from error

LARGEST_MAP = 2**23
"""Values that a layer may return for one segment: 2 GiB for a batch of 64."""


class Architecture(nn.Module, ABC):
    """A network that computes a logit per genre for each segment.

    It has two parts: :meth:`embed`, up to the vector before the last layer, and
    :meth:`classify`, the last layer.

    Parameters
    ----------
    n_classes : int
        Number of genres.
    n_bins, n_frames : int
        Size of a segment.

    Notes
    -----
    A subclass takes these and its own parameters by keyword. It raises
    :class:`genreclf.errors.ConfigError` for sizes that cannot work.

    Examples
    --------
    >>> import torch
    >>> from genreclf import Architecture
    >>> class MeanSpectrum(Architecture):
    ...     def __init__(self, n_classes, n_bins, n_frames):
    ...         super().__init__(n_classes, n_bins, n_frames)
    ...         self.output = torch.nn.Linear(n_bins, n_classes)
    ...     def embed(self, segments):
    ...         return segments.mean(dim=2)
    ...     def classify(self, embeddings):
    ...         return self.output(embeddings)
    >>> MeanSpectrum(n_classes=10, n_bins=128, n_frames=80)(torch.zeros(2, 128, 80)).shape
    torch.Size([2, 10])
    """

    def __init__(self, n_classes: int, n_bins: int, n_frames: int) -> None:
        super().__init__()
        self.n_classes = n_classes
        self.n_bins = n_bins
        self.n_frames = n_frames

    @abstractmethod
    def embed(self, segments: Tensor) -> Tensor:
        """Compute embeddings, shape (segments, n_bins, n_frames) to (segments, dimensions)."""

    @abstractmethod
    def classify(self, embeddings: Tensor) -> Tensor:
        """Compute logits, shape (segments, dimensions) to (segments, n_classes)."""

    def forward(self, segments: Tensor) -> Tensor:
        """Compute logits, shape (segments, n_bins, n_frames) to (segments, n_classes)."""
        return self.classify(self.embed(segments))


def check_feature_maps(
    architecture: str, segment: tuple[int, int], layers: str, maps: Iterable[tuple[int, int, int]]
) -> None:
    """Check that no output of a stack of layers is empty or over :data:`LARGEST_MAP` values.

    The segment has (bins, frames), and each output (channels, height, width); `architecture`
    and `layers` are for the message of the ConfigError.
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
