"""A network that decides by itself which moments of a segment matter."""

import torch
from torch import Tensor, nn

from genreclf.architectures.base import Architecture


class Attention(Architecture):
    """Two convolutions over time, and a mean over time weighted by attention.

    Parameters
    ----------
    n_classes, n_bins, n_frames : int
        See :class:`genreclf.architectures.base.Architecture`.
    width : int
        Channels, and the embedding's dimensions.
    kernel : int
        Frames that a convolution looks at; odd.
    dropout : float
        Rate before the last layer.
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
        # No bias: a softmax over time would not see it, and it would never be trained.
        self.score = nn.Conv1d(width, 1, 1, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, n_classes)

    def embed(self, segments: Tensor) -> Tensor:
        """Shape (segments, n_bins, n_frames) to (segments, width)."""
        x = nn.functional.gelu(self.conv1(segments))
        x = nn.functional.gelu(self.conv2(x))
        weights = torch.softmax(self.score(x), dim=2)
        return (x * weights).sum(dim=2)

    def classify(self, embeddings: Tensor) -> Tensor:
        """Shape (segments, width) to logits (segments, n_classes)."""
        return self.output(self.dropout(embeddings))
