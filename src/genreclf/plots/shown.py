"""What the pictures of results read of an evaluation, whoever made it.

:class:`genreclf.evaluation.metrics.Scores` has all of it.
"""

from collections.abc import Sequence
from typing import Protocol


class Bin(Protocol):
    """Tracks of similar confidence."""

    @property
    def lower(self) -> float:
        """Least confidence."""

    @property
    def upper(self) -> float:
        """Greatest confidence."""

    @property
    def tracks(self) -> int:
        """How many there are."""

    @property
    def confidence(self) -> float:
        """Mean confidence."""

    @property
    def accuracy(self) -> float:
        """The part that is right."""


class Point(Protocol):
    """Predictions of at least some confidence."""

    @property
    def confidence(self) -> float:
        """That confidence."""

    @property
    def coverage(self) -> float:
        """The part of all tracks that they are."""

    @property
    def accuracy(self) -> float:
        """The part of them that is right."""


class Scores(Protocol):
    """Figures of a set of predictions."""

    @property
    def labels(self) -> Sequence[str]:
        """Genres, in the order of the confusion matrix."""

    @property
    def confusion(self) -> Sequence[Sequence[int]]:
        """Tracks: a row for each true genre, a column for each predicted one."""

    @property
    def calibration_error(self) -> float:
        """Expected calibration error, 0 to 1."""

    @property
    def calibration(self) -> Sequence[Bin]:
        """Tracks by confidence, in bins of equal width."""

    @property
    def coverage(self) -> Sequence[Point]:
        """From the surest predictions to all of them."""
