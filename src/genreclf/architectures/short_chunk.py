"""A deeper network of small convolutions, after Won et al. 2020, arXiv 2006.00751."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genreclf.architectures.base import Architecture
from genreclf.architectures.parameters import (
    is_list,
    is_pair,
    is_rate,
    is_size,
    require,
    require_maps,
)


class ShortChunk(Architecture):
    """Stages of a convolution each, pooled over frequency and time at the end.

    A stage is a 3x3 convolution ('same'), max-pool, batch norm, ReLU; the first has a
    5x5 convolution that steps by 2 instead of the pool, since most of the time would be
    spent there. The last stage's maps are averaged over frequency; their mean and their
    maximum over time are the embedding; dropout and a dense layer follow. It is the
    short-chunk CNN of Won, Ferraro, Bogdanov and Serra 2020 (arXiv 2006.00751) made
    smaller, with the mean beside the maximum. Sizes are (frequency, time).

    Parameters
    ----------
    n_classes, n_bins, n_frames : int
        See :class:`Architecture`.
    channels : sequence of int
        Maps of each stage's convolution, two stages at least; the embedding has twice
        as many dimensions as the last.
    pools : sequence of (int, int)
        Of each stage but the first.
    dropout : float
        Rate before the dense layer.

    Raises
    ------
    ConfigError
        If a parameter has another form, a segment is too small for these pools, or so
        large that a convolution would give over 2**23 values for it.

    Examples
    --------
    >>> import torch
    >>> ShortChunk(n_classes=10)(torch.zeros(2, 128, 80)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        n_classes: int,
        n_bins: int = 128,
        n_frames: int = 80,
        channels: Sequence[int] = (32, 64, 64, 128, 128),
        pools: Sequence[Sequence[int]] = ((2, 2), (2, 2), (2, 1), (2, 1)),
        dropout: float = 0.3,
    ) -> None:
        super().__init__(n_classes, n_bins, n_frames)
        require("short-chunk", _requirements(channels, pools, dropout))
        require_maps(
            "short-chunk",
            (n_bins, n_frames),
            f"channels {channels} and pools {pools}",
            _maps(n_bins, n_frames, channels, pools),
        )
        first = nn.Conv2d(1, channels[0], 5, stride=2, padding=2, bias=False)
        self.stem = nn.Sequential(first, nn.BatchNorm2d(channels[0]), nn.ReLU())
        self.stages = nn.Sequential(
            *(
                _Stage(before, after, (pool[0], pool[1]))
                for before, after, pool in zip(channels[:-1], channels[1:], pools, strict=True)
            )
        )
        self.drop = nn.Dropout(dropout)
        self.output = nn.Linear(2 * channels[-1], n_classes)
        # Three times as fast on a CPU. PyTorch's types do not know this form of `to`.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def embed(self, segments: Tensor) -> Tensor:
        """Shape (segments, n_bins, n_frames) to (segments, 2 * channels[-1])."""
        maps = self.stages(self.stem(segments[:, None])).float().mean(2)
        return torch.cat([maps.mean(2), maps.amax(2)], 1)

    def classify(self, embeddings: Tensor) -> Tensor:
        """Shape (segments, 2 * channels[-1]) to logits (segments, n_classes)."""
        logits: Tensor = self.output(self.drop(embeddings))
        return logits


class _Stage(nn.Module):
    def __init__(self, before: int, after: int, pool: tuple[int, int]) -> None:
        super().__init__()
        self.pool = pool
        # No bias: the norm's takes its place.
        self.convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, maps: Tensor) -> Tensor:
        # Normalising after the pool is less work.
        return F.relu(self.norm(F.max_pool2d(self.convolution(maps), self.pool)))


def _requirements(channels: Any, pools: Any, dropout: Any) -> dict[str, bool]:
    stages = len(channels) if is_list(channels, is_size) else 0
    return {
        f"channels must be 2 to 16 whole numbers, at least 1 (got {channels!r:.80})": (
            2 <= stages <= 16
        ),
        f"pools must be a pair of whole numbers, at least 1, for each of channels but one "
        f"(got {pools!r:.80})": is_list(pools, is_pair, stages - 1),
        f"dropout must be a number, 0 to 1 (got {dropout!r:.80})": is_rate(dropout),
    }


def _maps(
    height: int, width: int, channels: Sequence[int], pools: Sequence[Sequence[int]]
) -> Iterator[tuple[int, int, int]]:
    """Shapes after each convolution and each pool."""
    height, width = -(-height // 2), -(-width // 2)
    yield channels[0], height, width
    for count, pool in zip(channels[1:], pools, strict=True):
        yield count, height, width
        height, width = height // pool[0], width // pool[1]
        yield count, height, width
