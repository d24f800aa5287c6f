"""How good predictions are, as figures."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genreclf.errors import DatasetError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FORMAT_VERSION = 1
"""Version of :meth:`Scores.to_dict`; rises when a key changes its meaning."""

CALIBRATION_BINS = 15
COVERAGE_POINTS = 200

HEADLINES: Mapping[str, str] = {
    "accuracy": "Track accuracy",
    "segment_accuracy": "Segment accuracy",
    "macro_f1": "Macro F1",
    "log_loss": "Log loss",
    "calibration_error": "Calibration error",
}
"""The figures of :class:`Scores` that are one number, with their names for people."""

_Z95 = 1.959963984540054


@dataclass(frozen=True)
class GenreScores:
    """How well one genre is recognised.

    Attributes
    ----------
    genre : str
    precision, recall, f1 : float
        0 to 1; 0 where there is nothing to divide by.
    support : int
        Tracks of this genre.
    """

    genre: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class CalibrationBin:
    """Tracks of similar confidence.

    Attributes
    ----------
    lower, upper : float
        Range of the confidence; the upper end belongs to it.
    tracks : int
    confidence, accuracy : float
        Means over these tracks, 0 to 1; both 0 if there are none.
    """

    lower: float
    upper: float
    tracks: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class CoveragePoint:
    """What is right if only the surer predictions are believed.

    Attributes
    ----------
    confidence : float
        Predictions of at least this confidence are believed.
    coverage : float
        The part of the tracks that they are, 0 to 1.
    accuracy : float
        The part of those that is right, 0 to 1.
    """

    confidence: float
    coverage: float
    accuracy: float


@dataclass(frozen=True)
class Scores:
    """Figures of a set of predictions.

    Attributes
    ----------
    labels : tuple of str
        Genres, in the order of the confusion matrix.
    tracks : int
    accuracy : float
        Part of the tracks that is right, 0 to 1.
    interval : (float, float) or None
        Wilson's 95 % interval of the accuracy: what chance in the choice of the tracks
        leaves open. None where a track counts several times.
    segment_accuracy : float or None
        Part of the segments that is right, 0 to 1.
    macro_f1 : float
        Mean F1 of the genres that have tracks.
    log_loss : float
        Mean of ``-ln p`` of the true genre, in nats; ``p`` is at least 2.2e-16.
    calibration_error : float
        See :func:`calibration_error`.
    genres : tuple of GenreScores
        In the order of the labels.
    confusion : tuple of tuple of int
        Tracks; a row for each true genre, a column for each predicted one.
    calibration : tuple of CalibrationBin
    coverage : tuple of CoveragePoint
        From the surest predictions to all of them.
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
    coverage: tuple[CoveragePoint, ...]

    def to_dict(self) -> dict[str, Any]:
        """Fit for JSON: the attributes, and ``version``."""
        return {"version": FORMAT_VERSION, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Scores:
        """Undo :meth:`to_dict`.

        Raises
        ------
        DatasetError
            If it is of another version, or a value is missing or of the wrong kind.
        """
        version = record.get("version")
        if version != FORMAT_VERSION:
            raise DatasetError(
                f"scores of version {version!r}; this version of genreclf reads {FORMAT_VERSION}"
            )
        try:
            interval = record["interval"]
            found = cls(
                labels=tuple(map(str, record["labels"])),
                interval=None if interval is None else (float(interval[0]), float(interval[1])),
                genres=tuple(GenreScores(**row) for row in record["genres"]),
                confusion=tuple(tuple(map(int, row)) for row in record["confusion"]),
                calibration=tuple(CalibrationBin(**row) for row in record["calibration"]),
                coverage=tuple(CoveragePoint(**row) for row in record["coverage"]),
                tracks=int(record["tracks"]),
                **{name: _number(record[name]) for name in HEADLINES},
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise DatasetError(f"these are not scores: {error!r}") from error
        size = len(found.labels)
        if [len(row) for row in found.confusion] != [size] * size:
            raise DatasetError(f"a confusion matrix that does not have {size} rows and columns")
        return found


def _number(value: Any) -> Any:
    return None if value is None else float(value)


@dataclass(frozen=True)
class Spread:
    """One figure over several runs.

    Attributes
    ----------
    mean, minimum, maximum : float
    deviation : float or None
        Standard deviation over the runs (n - 1 in the denominator); None for one run.
    runs : int
    """

    mean: float
    deviation: float | None
    minimum: float
    maximum: float
    runs: int


def score(
    probabilities: ArrayLike,
    targets: ArrayLike,
    labels: Sequence[str],
    segment_accuracy: float | None = None,
) -> Scores:
    """Compare predictions with the truth.

    Parameters
    ----------
    probabilities : array_like, shape (tracks, labels)
        The largest one of a row is the prediction, its value the confidence.
    targets : array_like of int, shape (tracks,)
        Index of each track's true genre among the labels.
    labels : sequence of str
    segment_accuracy : float, optional
        If it is known; passed on.

    Returns
    -------
    Scores

    Raises
    ------
    DatasetError
        If there are no tracks, the shapes do not fit, a row is not a distribution,
        or a target is not among the labels.

    Examples
    --------
    >>> scores = score([[0.9, 0.1], [0.6, 0.4]], [0, 1], ["jazz", "rock"])
    >>> scores.accuracy, scores.confusion
    (0.5, ((1, 0), (1, 0)))
    """
    from sklearn.metrics import accuracy_score, confusion_matrix, log_loss

    shares, truth = _checked(probabilities, targets, labels)
    predicted = shares.argmax(axis=1)
    confidence, right = shares.max(axis=1), predicted == truth
    every = list(range(len(labels)))
    genres = _by_genre(truth, predicted, labels)
    bins = calibration_bins(confidence, right)
    matrix = confusion_matrix(truth, predicted, labels=every)
    return Scores(
        labels=tuple(labels),
        tracks=len(truth),
        accuracy=float(accuracy_score(truth, predicted)),
        interval=wilson_interval(int(right.sum()), len(right)),
        segment_accuracy=segment_accuracy,
        macro_f1=float(np.mean([genre.f1 for genre in genres if genre.support])),
        log_loss=float(log_loss(truth, shares, labels=every)),
        calibration_error=calibration_error(bins),
        genres=genres,
        confusion=tuple(tuple(map(int, row)) for row in matrix),
        calibration=bins,
        coverage=coverage_curve(confidence, right),
    )


def _checked(
    probabilities: ArrayLike, targets: ArrayLike, labels: Sequence[str]
) -> tuple[FloatArray, IntArray]:
    shares = np.asarray(probabilities, np.float64)
    truth = np.asarray(targets)
    if shares.size == 0:
        raise DatasetError("there are no tracks to score")
    if truth.ndim != 1 or shares.shape != (len(truth), len(labels)):
        raise DatasetError(
            f"probabilities of shape {shares.shape} for {truth.shape} targets "
            f"and {len(labels)} labels"
        )
    sums = shares.sum(axis=1)
    if not (np.isfinite(sums).all() and (shares >= 0).all() and (abs(sums - 1) < 1e-3).all()):
        raise DatasetError("the probabilities of a track must be 0 or more and sum to 1")
    if truth.dtype.kind not in "iu" or truth.min() < 0 or truth.max() >= len(labels):
        raise DatasetError(f"targets must be whole numbers, 0 to {len(labels) - 1}")
    return shares / sums[:, None], truth.astype(np.int64)


def _by_genre(
    truth: IntArray, predicted: IntArray, labels: Sequence[str]
) -> tuple[GenreScores, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        truth, predicted, labels=list(range(len(labels))), zero_division=0.0
    )
    return tuple(
        GenreScores(label, float(precision), float(recall), float(f1), int(support))
        for label, precision, recall, f1, support in zip(labels, *columns, strict=True)
    )


def wilson_interval(right: int, tracks: int) -> tuple[float, float]:
    """The 95 % interval of an accuracy, after Wilson (1927).

    Unlike accuracy ± 1.96 standard errors, it stays within 0 to 1 and holds for few
    tracks. It takes the tracks for independent draws from the music in question.

    Parameters
    ----------
    right, tracks : int
        Tracks that are right, and all tracks.

    Returns
    -------
    (float, float)

    Examples
    --------
    >>> low, high = wilson_interval(70, 100)
    >>> round(low, 3), round(high, 3)
    (0.604, 0.781)
    """
    share, square = right / tracks, _Z95**2
    centre = (share + square / (2 * tracks)) / (1 + square / tracks)
    spread = math.sqrt(share * (1 - share) / tracks + square / (4 * tracks**2))
    half = _Z95 * spread / (1 + square / tracks)
    return max(0.0, centre - half), min(1.0, centre + half)


def calibration_bins(
    confidence: FloatArray, right: NDArray[np.bool_], bins: int = CALIBRATION_BINS
) -> tuple[CalibrationBin, ...]:
    """Group predictions by confidence, in bins of equal width over 0 to 1.

    Parameters
    ----------
    confidence : ndarray of float64, shape (tracks,)
    right : ndarray of bool, shape (tracks,)
    bins : int
        Bin ``m`` holds the confidences in ``((m - 1) / bins, m / bins]``.

    Returns
    -------
    tuple of CalibrationBin
        All of them, in order.
    """
    edges = np.arange(bins + 1) / bins
    chosen = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    counts = np.bincount(chosen, minlength=bins)
    divisors = np.maximum(counts, 1)
    confidences = np.bincount(chosen, weights=confidence, minlength=bins) / divisors
    accuracies = np.bincount(chosen, weights=right, minlength=bins) / divisors
    return tuple(
        CalibrationBin(float(edges[m]), float(edges[m + 1]), int(counts[m]), *pair)
        for m, pair in enumerate(zip(confidences.tolist(), accuracies.tolist(), strict=True))
    )


def calibration_error(bins: Sequence[CalibrationBin]) -> float:
    """Expected calibration error (ECE): how far confidence lies from accuracy.

    ``ECE = sum over bins of (tracks in bin / tracks) * |accuracy - confidence|``, with
    the bin's mean accuracy and mean confidence; Guo, Pleiss, Sun and Weinberger, "On
    Calibration of Modern Neural Networks", ICML 2017 (arXiv 1706.04599), eq. 3, with
    their 15 bins.

    Parameters
    ----------
    bins : sequence of CalibrationBin

    Returns
    -------
    float
        0 (of 70 % confident predictions, 70 % are right) to 1.
    """
    tracks = sum(part.tracks for part in bins)
    gaps = (part.tracks * abs(part.accuracy - part.confidence) for part in bins)
    return math.fsum(gaps) / tracks


def coverage_curve(
    confidence: FloatArray, right: NDArray[np.bool_], points: int = COVERAGE_POINTS
) -> tuple[CoveragePoint, ...]:
    """Accuracy among the predictions of at least some confidence, for each confidence.

    Parameters
    ----------
    confidence : ndarray of float64, shape (tracks,)
    right : ndarray of bool, shape (tracks,)
    points : int
        At most so many, evenly spread, the last one among them.

    Returns
    -------
    tuple of CoveragePoint
        From the surest predictions to all; equally sure ones come together.
    """
    order = np.argsort(-confidence, kind="stable")
    falling = confidence[order]
    believed = np.arange(1, len(order) + 1)
    accuracy = np.cumsum(right[order]) / believed
    lasts = np.flatnonzero(np.append(falling[:-1] != falling[1:], True))
    chosen = lasts[np.unique(np.linspace(len(lasts) - 1, 0, points).round().astype(int))]
    return tuple(
        CoveragePoint(float(falling[i]), float(believed[i] / len(order)), float(accuracy[i]))
        for i in chosen
    )


def summarise(runs: Sequence[Scores]) -> dict[str, Spread]:
    """Mean and spread of each figure over runs.

    Parameters
    ----------
    runs : sequence of Scores

    Returns
    -------
    dict of str to Spread
        By the names of :data:`HEADLINES`, without those that a run does not have.

    Raises
    ------
    DatasetError
        If there are no runs.
    """
    if not runs:
        raise DatasetError("there are no runs to summarise")
    columns = {name: [getattr(run, name) for run in runs] for name in HEADLINES}
    return {name: spread_of(values) for name, values in columns.items() if None not in values}


def spread_of(values: Sequence[float]) -> Spread:
    """Mean and spread of one figure over runs, of which there is at least one."""
    return Spread(
        mean=float(np.mean(values)),
        deviation=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        minimum=min(values),
        maximum=max(values),
        runs=len(values),
    )
