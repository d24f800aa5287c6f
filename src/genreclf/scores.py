"""Records of the metrics that :mod:`genreclf.metrics` computes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genreclf.errors import DatasetError

FORMAT_VERSION = 1
"""Version of :meth:`Scores.to_dict`; rises when a key changes its meaning."""

METRIC_NAMES: Mapping[str, str] = {
    "accuracy": "Track accuracy",
    "segment_accuracy": "Segment accuracy",
    "macro_f1": "Macro F1",
    "log_loss": "Log loss",
    "calibration_error": "Calibration error",
}
"""The attributes of :class:`Scores` that are one number each, with their display names."""


@dataclass(frozen=True)
class GenreScores:
    """Scores of one genre, 0 where the denominator is 0, and its number of tracks."""

    genre: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class CalibrationBin:
    """Number of tracks with a confidence above `lower` and up to `upper`, and their means.

    The mean confidence and the accuracy are both 0 if there are no tracks.
    """

    lower: float
    upper: float
    tracks: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class RiskCoveragePoint:
    """Accuracy if predictions below a confidence are rejected; the risk is ``1 - accuracy``.

    The coverage is the fraction of the tracks whose prediction is accepted.
    """

    confidence: float
    coverage: float
    accuracy: float


@dataclass(frozen=True)
class Scores:
    """Scores of a set of predictions.

    Attributes
    ----------
    labels : tuple of str
        Genres, in the order of the confusion matrix.
    tracks : int
    accuracy : float
        Fraction of the tracks whose prediction is correct, 0 to 1.
    interval : (float, float) or None
        Wilson's 95 % interval of the accuracy. None if a track counts several times.
    segment_accuracy : float or None
        Fraction of the segments whose prediction is correct, 0 to 1.
    macro_f1 : float
        Mean F1 of the genres that have tracks.
    log_loss : float
        Mean of ``-ln p`` of the true genre, in nats; ``p`` is at least 2.2e-16.
    calibration_error : float
        See :func:`genreclf.metrics.expected_calibration_error`.
    genres : tuple of GenreScores
        In the order of the labels.
    confusion : tuple of tuple of int
        Numbers of tracks; a row for each true genre, a column for each predicted one.
    calibration : tuple of CalibrationBin
    risk_coverage : tuple of RiskCoveragePoint
        From the most confident predictions to all of them.
    """

    labels: tuple[str, ...]
    tracks: int
    accuracy: float
    interval: tuple[float, float] | None
    segment_accuracy: float | None
    macro_f1: float
    log_loss: float
    calibration_error: float
    genres: tuple[GenreScores, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibration: tuple[CalibrationBin, ...]
    risk_coverage: tuple[RiskCoveragePoint, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes and ``version``, which JSON can store."""
        return {"version": FORMAT_VERSION, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Scores:
        """Build scores from the result of :meth:`to_dict`.

        Raises
        ------
        DatasetError
            If the version differs, or a value is missing or of the wrong type.
        """
        version = record.get("version")
        if version != FORMAT_VERSION:
            raise DatasetError(
                f"scores of version {version!r}; this version of genreclf reads {FORMAT_VERSION}"
            )
        try:
            interval = record["interval"]
            numbers: dict[str, Any] = {
                name: None if record[name] is None else float(record[name]) for name in METRIC_NAMES
            }
            scores = cls(
                labels=tuple(map(str, record["labels"])),
                interval=None if interval is None else (float(interval[0]), float(interval[1])),
                genres=tuple(GenreScores(**row) for row in record["genres"]),
                confusion=tuple(tuple(map(int, row)) for row in record["confusion"]),
                calibration=tuple(CalibrationBin(**row) for row in record["calibration"]),
                risk_coverage=tuple(RiskCoveragePoint(**row) for row in record["risk_coverage"]),
                tracks=int(record["tracks"]),
                **numbers,
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise DatasetError(f"these are not scores: {error!r}") from error
        size = len(scores.labels)
        if [len(row) for row in scores.confusion] != [size] * size:
            raise DatasetError(f"the confusion matrix must have {size} rows and columns")
        return scores


@dataclass(frozen=True)
class Spread:
    """One metric over several runs; `deviation` divides by n - 1, and is None for one run."""

    mean: float
    deviation: float | None
    minimum: float
    maximum: float
    runs: int
