"""A deeper network of small convolutions, after Won et al. 2020, arXiv 2006.00751."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genreclf.architectures.base import Architecture, check_feature_maps
from genreclf.validation import Rule, integer, number, sequence_of, validate


class ShortChunk(Architecture):
    """A stack of small convolutions, pooled over frequency and time at the end.

    Each stage is a 3x3 convolution ('same'), max-pooling, batch normalization and ReLU. The
    first stage has a 5x5 convolution of stride 2 instead of the pooling, since it would take
    most of the time otherwise. The last stage's maps are averaged over frequency. Their mean
    and their maximum over time are the embedding. Dropout and a dense layer follow.

    This is the short-chunk CNN of Won, Ferraro, Bogdanov and Serra 2020 (arXiv 2006.00751),
    smaller, and with the mean beside the maximum. Sizes are (frequency, time).

    Parameters
    ----------
    n_classes, n_bins, n_frames : int
        See :class:`Architecture`.
    channels : sequence of int
        Channels of each stage, 2 to 16 stages. The embedding has twice the channels of the
        last one.
    pools : sequence of (int, int)
        Max-pooling of each stage but the first.
    dropout : float
        Dropout rate before the dense layer.

    Raises
    ------
    ConfigError
        If a parameter is not valid, or a segment is too small for these pools, or so large
        that a convolution returns over 2**23 values for it.

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
        stages = len(channels) if isinstance(channels, list | tuple) else 0
        parameters = {"channels": channels, "pools": pools, "dropout": dropout}
        validate("short-chunk", parameters, _rules(stages))
        check_feature_maps(
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
        # Three times as fast on a CPU. PyTorch's type stubs lack this form of `to`.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def embed(self, segments: Tensor) -> Tensor:
        """Compute embeddings of ``2 * channels[-1]`` dimensions."""
        maps = self.stages(self.stem(segments[:, None])).float().mean(2)
        return torch.cat([maps.mean(2), maps.amax(2)], 1)

    def classify(self, embeddings: Tensor) -> Tensor:
        """Compute logits, shape (segments, dimensions) to (segments, n_classes)."""
        logits: Tensor = self.output(self.drop(embeddings))
        return logits


class _Stage(nn.Module):
    def __init__(self, before: int, after: int, pool: tuple[int, int]) -> None:
        super().__init__()
        self.pool = pool
        # No bias: the batch norm has one.
        self.convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, maps: Tensor) -> Tensor:
        # Normalizing after the pool is less work.
        return F.relu(self.norm(F.max_pool2d(self.convolution(maps), self.pool)))


def _rules(stages: int) -> dict[str, Rule]:
    channels = sequence_of(integer(1))
    return {
        "channels": Rule(
            "2 to 16 whole numbers, at least 1",
            lambda v: channels.accepts(v) and 2 <= len(v) <= 16,
        ),
        "pools": sequence_of(sequence_of(integer(1), 2), stages - 1),
        "dropout": number(0, 1),
    }


def _maps(
    height: int, width: int, channels: Sequence[int], pools: Sequence[Sequence[int]]
) -> Iterator[tuple[int, int, int]]:
    """Yield the shapes after each convolution and each pool."""
    height, width = -(-height // 2), -(-width // 2)
    yield channels[0], height, width
    for count, pool in zip(channels[1:], pools, strict=True):
        yield count, height, width
        height, width = height // pool[0], width // pool[1]
        yield count, height, width
