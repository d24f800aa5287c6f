"""Calibration of a classifier's confidence on a validation set."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from genreclf.classifier import GenreClassifier
from genreclf.data.feature_set import FeatureSet
from genreclf.inference import scale_temperature

_RANGE = (0.05, 20.0)  # of temperatures: beyond, probabilities are nearly 0 and 1, or equal
_MIN_PROBABILITY = 1e-12  # keeps the loss finite if a probability underflows


def calibrate(classifier: GenreClassifier, valid: FeatureSet) -> GenreClassifier:
    """Fit a classifier's temperatures to tracks that it was not trained on.

    There are two: one for the segments, and one for a track's mean probabilities, which are
    less confident than the track's accuracy.

    Parameters
    ----------
    classifier : GenreClassifier
    valid : FeatureSet
        With the same labels, in the same order.

    Returns
    -------
    GenreClassifier
        With the same network and the fitted ``config.temperature`` and
        ``config.track_temperature``.
    """
    config = dataclasses.replace(classifier.config, temperature=1.0, track_temperature=1.0)
    uncalibrated = GenreClassifier(config, classifier.network)
    timelines = [uncalibrated.predict_frames(valid.frames(i)).timeline for i in range(len(valid))]
    tracks = [np.array([list(s.probabilities.values()) for s in line]) for line in timelines]
    counts = [len(segments) for segments in tracks]
    temperature = fit_temperature(np.concatenate(tracks), np.repeat(valid.targets, counts))
    means = np.stack([scale_temperature(segments, temperature).mean(axis=0) for segments in tracks])
    track_temperature = fit_temperature(means, valid.targets)
    config = dataclasses.replace(
        config, temperature=temperature, track_temperature=track_temperature
    )
    return GenreClassifier(
        config, classifier.network, classifier.aggregation, classifier.min_confidence
    )


def fit_temperature(probabilities: NDArray[np.float64], targets: NDArray[np.int64]) -> float:
    """Fit the temperature of least log loss (Guo et al. 2017, arXiv 1706.04599).

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n, labels)
        At temperature 1; see :func:`genreclf.inference.scale_temperature`.
    targets : ndarray of int64, shape (n,)
        Index of the true label.

    Returns
    -------
    float
        0.05 to 20. Above 1 if the probabilities are overconfident, below 1 if underconfident.

    Examples
    --------
    Three of four predictions with a confidence of 0.6 are correct, so it becomes 0.75:

    >>> import numpy as np
    >>> from genreclf.inference import scale_temperature
    >>> from genreclf.training.calibration import fit_temperature
    >>> prediction = np.array([[0.6, 0.4]])
    >>> temperature = fit_temperature(prediction.repeat(4, axis=0), np.array([0, 0, 0, 1]))
    >>> scale_temperature(prediction, temperature).round(2)
    array([[0.75, 0.25]])
    """
    from scipy.optimize import minimize_scalar

    def log_loss(log_temperature: float) -> float:
        scaled = scale_temperature(probabilities, math.exp(log_temperature))
        true = scaled[np.arange(len(targets)), targets]
        return -float(np.log(np.maximum(true, _MIN_PROBABILITY)).mean())

    low, high = map(math.log, _RANGE)
    return float(math.exp(minimize_scalar(log_loss, bounds=(low, high), method="bounded").x))
