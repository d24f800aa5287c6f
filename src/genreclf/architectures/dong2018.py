"""The network of Dong 2018, arXiv 1802.09697."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genreclf.architectures.base import Architecture, check_feature_maps
from genreclf.validation import integer, number, sequence_of, validate

_SIZES = sequence_of(integer(1), 2)
_RULES = {
    "filters": _SIZES,
    "kernels": sequence_of(_SIZES, 2),
    "pools": sequence_of(_SIZES, 2),
    "dense": integer(1),
    "dropout": sequence_of(number(0, 1), 2),
}


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
        Number of filters of each convolution.
    kernels, pools : ((int, int), (int, int))
        Kernel size of each convolution, and of the max-pooling after it.
    dense : int
        Units of the hidden dense layer: the dimensions of the embedding.
    dropout : (float, float)
        Dropout rates before the hidden and before the last dense layer.

    Raises
    ------
    ConfigError
        If a parameter is not valid, or a segment is too small for these kernels and pools,
        or so large that a convolution returns over 2**23 values for it.

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
        parameters = {
            "filters": filters,
            "kernels": kernels,
            "pools": pools,
            "dense": dense,
            "dropout": dropout,
        }
        validate("dong2018", parameters, _RULES)
        self.pools = [(p[0], p[1]) for p in pools]
        maps = list(_maps(n_bins, n_frames, filters, kernels, pools))
        layers = f"filters {filters}, kernels {kernels} and pools {pools}"
        check_feature_maps("dong2018", (n_bins, n_frames), layers, maps)
        _, height, width = maps[-1]
        self.conv1 = nn.Conv2d(1, filters[0], (kernels[0][0], kernels[0][1]))
        self.conv2 = nn.Conv2d(filters[0], filters[1], (kernels[1][0], kernels[1][1]))
        self.drop_maps = nn.Dropout(dropout[0])
        self.drop_hidden = nn.Dropout(dropout[1])
        self.hidden = nn.Linear(filters[1] * height * width, dense)
        self.output = nn.Linear(dense, n_classes)
        # Three times as fast on a CPU. PyTorch's type stubs lack this form of `to`.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def embed(self, segments: Tensor) -> Tensor:
        """Compute embeddings, shape (segments, n_bins, n_frames) to (segments, dense)."""
        return self._dense(self._convolve(segments))

    def classify(self, embeddings: Tensor) -> Tensor:
        """Compute logits, shape (segments, dense) to (segments, n_classes)."""
        logits: Tensor = self.output(self.drop_hidden(embeddings))
        return logits

    def _convolve(self, segments: Tensor) -> Tensor:
        # ReLU commutes with max-pooling, and is less work after it.
        x = F.relu(F.max_pool2d(self.conv1(segments[:, None]), self.pools[0]))
        return F.relu(F.max_pool2d(self.conv2(x), self.pools[1]))

    def _dense(self, maps: Tensor) -> Tensor:
        return F.relu(self.hidden(torch.flatten(self.drop_maps(maps), 1)))


def _maps(
    height: int,
    width: int,
    filters: Sequence[int],
    kernels: Sequence[Sequence[int]],
    pools: Sequence[Sequence[int]],
) -> Iterator[tuple[int, int, int]]:
    """Yield the shapes after each convolution and each pool."""
    for count, kernel, pool in zip(filters, kernels, pools, strict=True):
        height, width = height - kernel[0] + 1, width - kernel[1] + 1
        yield count, height, width
        height, width = height // pool[0], width // pool[1]
        yield count, height, width
