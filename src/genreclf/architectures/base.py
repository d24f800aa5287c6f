"""What a network architecture is."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Architecture(nn.Module, ABC):
    """A network that gives each segment a logit per genre.

    It is split where the paper's is: everything up to the vector before the last
    layer (:meth:`embed`), and the last layer (:meth:`classify`).

    Parameters
    ----------
    n_classes : int
        Genres.
    n_bins, n_frames : int
        Size of a segment.

    Notes
    -----
    A subclass takes these three and its own parameters by keyword, and builds its
    layers so that a size that cannot work raises :class:`genreclf.errors.ConfigError`.
    """

    def __init__(self, n_classes: int, n_bins: int, n_frames: int) -> None:
        super().__init__()
        self.n_classes = n_classes
        self.n_bins = n_bins
        self.n_frames = n_frames

    @abstractmethod
    def embed(self, segments: Tensor) -> Tensor:
        """Shape (segments, n_bins, n_frames) to (segments, dimensions)."""

    @abstractmethod
    def classify(self, embeddings: Tensor) -> Tensor:
        """Shape (segments, dimensions) to logits (segments, n_classes)."""

    def forward(self, segments: Tensor) -> Tensor:
        """Logits of segments, shape (segments, n_bins, n_frames) to (segments, n_classes)."""
        return self.classify(self.embed(segments))

    def embed_windows(self, frames: Tensor, offsets: Tensor) -> Tensor:
        """Embeddings of windows on consecutive frames.

        Override it where overlapping windows can share work; the result must be
        that of :meth:`embed` on each window.

        Parameters
        ----------
        frames : Tensor, shape (n_bins, frames)
        offsets : Tensor of int64, shape (windows,)
            First frame of each window.

        Returns
        -------
        Tensor, shape (windows, dimensions)
        """
        windows = frames.unfold(1, self.n_frames, 1)[:, offsets]
        return self.embed(windows.transpose(0, 1))
