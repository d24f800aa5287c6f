"""A network with attention over time."""

import torch
from torch import Tensor, nn

from genreclf import Architecture


class Attention(Architecture):
    """Two convolutions over time, and a mean over time weighted by attention.

    Parameters
    ----------
    n_classes, n_bins, n_frames : int
        See :class:`genreclf.Architecture`.
    width : int
        Number of channels, which is the dimension of the embedding.
    kernel : int
        Kernel size of the convolutions in frames; odd.
    dropout : float
        Dropout rate before the last layer.
    """

    def __init__(
        self,
        n_classes: int,
        n_bins: int,
        n_frames: int,
        width: int = 48,
        kernel: int = 5,
        dropout: float = 0.2,
    ) -> None:
        super().__init__(n_classes, n_bins, n_frames)
        self.conv1 = nn.Conv1d(n_bins, width, kernel, padding="same")
        self.conv2 = nn.Conv1d(width, width, kernel, padding="same")
        # No bias: the softmax over time cancels it, so it would get no gradient.
        self.score = nn.Conv1d(width, 1, 1, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, n_classes)

    def embed(self, segments: Tensor) -> Tensor:
        """Compute embeddings, shape (segments, n_bins, n_frames) to (segments, width)."""
        x = nn.functional.gelu(self.conv1(segments))
        x = nn.functional.gelu(self.conv2(x))
        weights = torch.softmax(self.score(x), dim=2)
        return (x * weights).sum(dim=2)

    def classify(self, embeddings: Tensor) -> Tensor:
        """Compute logits, shape (segments, width) to (segments, n_classes)."""
        return self.output(self.dropout(embeddings))
