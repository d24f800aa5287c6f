"""Metrics of predictions: accuracy, F1, calibration, risk and coverage."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genreclf.errors import DatasetError
from genreclf.scores import (
    METRIC_NAMES,
    CalibrationBin,
    GenreScores,
    RiskCoveragePoint,
    Scores,
    Spread,
)

CALIBRATION_BINS = 15
RISK_COVERAGE_POINTS = 200


def score(
    probabilities: ArrayLike,
    targets: ArrayLike,
    labels: Sequence[str],
    segment_accuracy: float | None = None,
) -> Scores:
    """Compute all metrics of a set of predictions.

    Parameters
    ----------
    probabilities : array_like, shape (tracks, labels)
        The largest value of a row is the confidence, its column the predicted genre.
    targets : array_like of int, shape (tracks,)
        Index of each track's true genre in `labels`.
    labels : sequence of str
    segment_accuracy : float, optional
        Copied to the result.

    Raises
    ------
    DatasetError
        If there are no tracks, the shapes do not match, a row is not a distribution,
        or a target is not an index of a label.

    Examples
    --------
    >>> from genreclf.metrics import score
    >>> scores = score([[0.9, 0.1], [0.6, 0.4]], [0, 1], ["jazz", "rock"])
    >>> scores.accuracy, scores.confusion
    (0.5, ((1, 0), (1, 0)))
    """
    from sklearn.metrics import (
        accuracy_score,
        confusion_matrix,
        log_loss,
        precision_recall_fscore_support,
    )

    normalized, truth = _checked(probabilities, targets, labels)
    predicted = normalized.argmax(axis=1)
    confidence, correct = normalized.max(axis=1), predicted == truth
    indices = list(range(len(labels)))
    by_genre = precision_recall_fscore_support(truth, predicted, labels=indices, zero_division=0.0)
    genres = tuple(
        GenreScores(label, float(precision), float(recall), float(f1), int(support))
        for label, precision, recall, f1, support in zip(labels, *by_genre, strict=True)
    )
    bins = calibration_bins(confidence, correct)
    matrix = confusion_matrix(truth, predicted, labels=indices)
    return Scores(
        labels=tuple(labels),
        tracks=len(truth),
        accuracy=float(accuracy_score(truth, predicted)),
        interval=wilson_interval(int(correct.sum()), len(correct)),
        segment_accuracy=segment_accuracy,
        macro_f1=float(np.mean([genre.f1 for genre in genres if genre.support])),
        log_loss=float(log_loss(truth, normalized, labels=indices)),
        calibration_error=expected_calibration_error(bins),
        genres=genres,
        confusion=tuple(tuple(map(int, row)) for row in matrix),
        calibration=bins,
        risk_coverage=risk_coverage_curve(confidence, correct),
    )


def _checked(
    probabilities: ArrayLike, targets: ArrayLike, labels: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    values = np.asarray(probabilities, np.float64)
    truth = np.asarray(targets)
    if values.size == 0:
        raise DatasetError("there are no tracks to score")
    if truth.ndim != 1 or values.shape != (len(truth), len(labels)):
        raise DatasetError(
            f"probabilities of shape {values.shape} do not match targets of shape "
            f"{truth.shape} and {len(labels)} labels"
        )
    sums = values.sum(axis=1)
    if not (np.isfinite(sums).all() and (values >= 0).all() and (abs(sums - 1) < 1e-3).all()):
        raise DatasetError("the probabilities of a track must be 0 or more and sum to 1")
    if truth.dtype.kind not in "iu" or truth.min() < 0 or truth.max() >= len(labels):
        raise DatasetError(f"targets must be whole numbers, 0 to {len(labels) - 1}")
    return values / sums[:, None], truth.astype(np.int64)


def wilson_interval(correct: int, tracks: int) -> tuple[float, float]:
    """Compute Wilson's 95 % interval of an accuracy.

    Unlike accuracy ± 1.96 standard errors, it stays within 0 to 1 and holds for few tracks.
    It assumes that the tracks are independent draws from the music in question.

    Parameters
    ----------
    correct, tracks : int
        Number of correct predictions, and of all predictions.

    Examples
    --------
    >>> from genreclf.metrics import wilson_interval
    >>> low, high = wilson_interval(70, 100)
    >>> round(low, 3), round(high, 3)
    (0.604, 0.781)
    """
    from scipy.stats import binomtest

    interval = binomtest(correct, tracks).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def calibration_bins(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = CALIBRATION_BINS
) -> tuple[CalibrationBin, ...]:
    """Group predictions by confidence, in all bins of equal width from 0 to 1, in order.

    Parameters
    ----------
    confidence : ndarray of float64, shape (tracks,)
    correct : ndarray of bool, shape (tracks,)
    bins : int
        Bin ``m`` holds the confidences in ``((m - 1) / bins, m / bins]``.
    """
    edges = np.arange(bins + 1) / bins
    chosen = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    counts = np.bincount(chosen, minlength=bins)
    divisors = np.maximum(counts, 1)
    confidences = np.bincount(chosen, weights=confidence, minlength=bins) / divisors
    accuracies = np.bincount(chosen, weights=correct, minlength=bins) / divisors
    return tuple(
        CalibrationBin(float(edges[m]), float(edges[m + 1]), int(counts[m]), *means)
        for m, means in enumerate(zip(confidences.tolist(), accuracies.tolist(), strict=True))
    )


def expected_calibration_error(bins: Sequence[CalibrationBin]) -> float:
    """Compute the expected calibration error (ECE) of :func:`calibration_bins`.

    It is 0 if, of the predictions with 70 % confidence, 70 % are correct, and at most 1.
    ``ECE = sum over bins of (tracks in bin / tracks) * |accuracy - confidence|``, with
    the bin's mean accuracy and mean confidence: Guo, Pleiss, Sun and Weinberger, "On
    Calibration of Modern Neural Networks", ICML 2017 (arXiv 1706.04599), eq. 3.
    """
    tracks = sum(part.tracks for part in bins)
    gaps = (part.tracks * abs(part.accuracy - part.confidence) for part in bins)
    return math.fsum(gaps) / tracks


def risk_coverage_curve(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    points: int = RISK_COVERAGE_POINTS,
) -> tuple[RiskCoveragePoint, ...]:
    """Compute coverage and accuracy for each threshold of the confidence.

    The points go from the most confident predictions to all; equal confidences are one point.

    Parameters
    ----------
    confidence : ndarray of float64, shape (tracks,)
    correct : ndarray of bool, shape (tracks,)
    points : int
        Maximum number of points. More are thinned evenly; the last one stays.
    """
    order = np.argsort(-confidence, kind="stable")
    falling = confidence[order]
    accepted = np.arange(1, len(order) + 1)
    accuracy = np.cumsum(correct[order]) / accepted
    # A threshold accepts all predictions of equal confidence, so the last of them counts.
    lasts = np.flatnonzero(np.append(falling[:-1] != falling[1:], True))
    chosen = lasts[np.unique(np.linspace(len(lasts) - 1, 0, points).round().astype(int))]
    return tuple(
        RiskCoveragePoint(float(falling[i]), float(accepted[i] / len(order)), float(accuracy[i]))
        for i in chosen
    )


def summarize_runs(runs: Sequence[Scores]) -> dict[str, Spread]:
    """Compute mean and spread of each metric over runs.

    The keys are those of :data:`genreclf.scores.METRIC_NAMES`, without the metrics that are
    None in a run.

    Raises
    ------
    DatasetError
        If there are no runs.
    """
    if not runs:
        raise DatasetError("there are no runs to summarize")
    columns = {name: [getattr(run, name) for run in runs] for name in METRIC_NAMES}
    return {name: spread_of(values) for name, values in columns.items() if None not in values}


def spread_of(values: Sequence[float]) -> Spread:
    """Compute mean and spread of one metric over one or more runs."""
    return Spread(
        mean=float(np.mean(values)),
        deviation=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        minimum=min(values),
        maximum=max(values),
        runs=len(values),
    )
