"""The network of Dong 2018, arXiv 1802.09697."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genreclf.architectures.base import Architecture
from genreclf.architectures.parameters import is_pair, is_rate, is_size, require, require_maps


class Dong2018(Architecture):
    """Two convolutions with max-pooling, and a small dense layer.

    conv, ReLU, max-pool, conv, ReLU, max-pool, dropout, dense, ReLU, dropout,
    dense; all 'valid'. The defaults are the paper's, for 64 bins x 256 frames.
    Sizes are (frequency, time).

    Parameters
    ----------
    n_classes, n_bins, n_frames : int
        See :class:`Architecture`.
    filters : (int, int)
        Of the two convolutions.
    kernels, pools : ((int, int), (int, int))
        Of the two convolutions, and of the pooling after each.
    dense : int
        Units of the hidden dense layer: the embedding's dimensions.
    dropout : (float, float)
        Rates before the hidden and before the last dense layer.

    Raises
    ------
    ConfigError
        If a parameter has another form, a segment is too small for these kernels and
        pools, or so large that a convolution would give over 2**23 values for it.

    Examples
    --------
    >>> import torch
    >>> Dong2018(n_classes=10)(torch.zeros(2, 64, 256)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        n_classes: int,
        n_bins: int = 64,
        n_frames: int = 256,
        filters: Sequence[int] = (64, 64),
        kernels: Sequence[Sequence[int]] = ((3, 3), (3, 5)),
        pools: Sequence[Sequence[int]] = ((2, 4), (2, 4)),
        dense: int = 32,
        dropout: Sequence[float] = (0.2, 0.2),
    ) -> None:
        super().__init__(n_classes, n_bins, n_frames)
        require("dong2018", _requirements(filters, kernels, pools, dense, dropout))
        self.pools = [(p[0], p[1]) for p in pools]
        self.stride = self.pools[0][1] * self.pools[1][1]
        maps = list(_maps(n_bins, n_frames, filters, kernels, pools))
        layers = f"filters {filters}, kernels {kernels} and pools {pools}"
        require_maps("dong2018", (n_bins, n_frames), layers, maps)
        _, height, self.columns = maps[-1]
        self.conv1 = nn.Conv2d(1, filters[0], (kernels[0][0], kernels[0][1]))
        self.conv2 = nn.Conv2d(filters[0], filters[1], (kernels[1][0], kernels[1][1]))
        self.drop_maps = nn.Dropout(dropout[0])
        self.drop_hidden = nn.Dropout(dropout[1])
        self.hidden = nn.Linear(filters[1] * height * self.columns, dense)
        self.output = nn.Linear(dense, n_classes)
        # Three times as fast on a CPU. PyTorch's types do not know this form of `to`.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def embed(self, segments: Tensor) -> Tensor:
        """Shape (segments, n_bins, n_frames) to (segments, dense), after the ReLU."""
        return self._dense(self._convolve(segments))

    def classify(self, embeddings: Tensor) -> Tensor:
        """Shape (segments, dense) to logits (segments, n_classes)."""
        logits: Tensor = self.output(self.drop_hidden(embeddings))
        return logits

    def embed_windows(self, frames: Tensor, offsets: Tensor) -> Tensor:
        """Embeddings of windows; those on the pools' grid share their convolutions.

        Nothing is padded and the two pools together step by ``stride`` frames, so a
        window that starts on a multiple of ``stride`` finds its own feature maps as
        consecutive columns of the whole stretch's.
        """
        on_grid = offsets % self.stride == 0
        if int(on_grid.sum()) < 2:
            return super().embed_windows(frames, offsets)
        maps = self._convolve(frames[None])[0]
        columns = offsets[on_grid] // self.stride
        shared = maps.unfold(2, self.columns, 1)[:, :, columns].permute(2, 0, 1, 3)
        embeddings = frames.new_empty(len(offsets), self.hidden.out_features)
        embeddings[on_grid] = self._dense(shared)
        if not bool(on_grid.all()):
            embeddings[~on_grid] = super().embed_windows(frames, offsets[~on_grid])
        return embeddings

    def _convolve(self, segments: Tensor) -> Tensor:
        # Rectifying after the pool gives the same values for less work.
        x = F.relu(F.max_pool2d(self.conv1(segments[:, None]), self.pools[0]))
        return F.relu(F.max_pool2d(self.conv2(x), self.pools[1]))

    def _dense(self, maps: Tensor) -> Tensor:
        return F.relu(self.hidden(torch.flatten(self.drop_maps(maps), 1)))


def _requirements(
    filters: Any, kernels: Any, pools: Any, dense: Any, dropout: Any
) -> dict[str, bool]:
    return {
        f"filters must be two whole numbers, at least 1 (got {filters!r:.80})": is_pair(filters),
        f"kernels must be two pairs of whole numbers, at least 1 (got {kernels!r:.80})": is_pair(
            kernels, is_pair
        ),
        f"pools must be two pairs of whole numbers, at least 1 (got {pools!r:.80})": is_pair(
            pools, is_pair
        ),
        f"dense must be a whole number, at least 1 (got {dense!r:.80})": is_size(dense),
        f"dropout must be two numbers, 0 to 1 (got {dropout!r:.80})": is_pair(dropout, is_rate),
    }


def _maps(
    height: int,
    width: int,
    filters: Sequence[int],
    kernels: Sequence[Sequence[int]],
    pools: Sequence[Sequence[int]],
) -> Iterator[tuple[int, int, int]]:
    """Shapes after each convolution and each pool."""
    for count, kernel, pool in zip(filters, kernels, pools, strict=True):
        height, width = height - kernel[0] + 1, width - kernel[1] + 1
        yield count, height, width
        height, width = height // pool[0], width // pool[1]
        yield count, height, width
