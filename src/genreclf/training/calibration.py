"""Making a classifier as sure as it is right."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from genreclf.classifier import GenreClassifier
from genreclf.datasets.feature_set import FeatureSet
from genreclf.prediction import at_temperature

FloatArray = NDArray[np.float64]

_RANGE = (0.05, 20.0)  # of temperatures: beyond, probabilities are all but certain or all but equal
_LEAST = 1e-12  # a probability that underflowed still costs a finite amount


def calibrate(classifier: GenreClassifier, valid: FeatureSet) -> GenreClassifier:
    """The same classifier with temperatures that fit tracks it was not trained on.

    One for the segments; and one for the mean of a track's, since a mean is less sure
    than its segments together deserve.

    Parameters
    ----------
    classifier : GenreClassifier
    valid : FeatureSet
        With the same labels, in the same order.

    Returns
    -------
    GenreClassifier
        Which shares the network. Its ``config.temperature`` and
        ``config.track_temperature`` are those of :func:`fit_temperature`.
    """
    plain = dataclasses.replace(classifier.config, temperature=1.0, track_temperature=1.0)
    at_one = GenreClassifier(plain, classifier.network)
    timelines = [at_one.predict_frames(valid.frames(i)).timeline for i in range(len(valid))]
    segments = [np.array([list(s.probabilities.values()) for s in line]) for line in timelines]
    counts = [len(track) for track in segments]
    temperature = fit_temperature(np.concatenate(segments), np.repeat(valid.targets, counts))
    means = np.stack([at_temperature(track, temperature).mean(axis=0) for track in segments])
    config = dataclasses.replace(
        plain,
        temperature=temperature,
        track_temperature=fit_temperature(means, valid.targets),
    )
    return GenreClassifier(config, classifier.network, classifier.rule, classifier.min_confidence)


def fit_temperature(probabilities: FloatArray, targets: NDArray[np.int64]) -> float:
    """The temperature that makes what is true likeliest (Guo et al. 2017, arXiv 1706.04599).

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n, labels)
        At temperature 1; see :func:`genreclf.prediction.at_temperature`.
    targets : ndarray of int64, shape (n,)
        Index of the true label.

    Returns
    -------
    float
        0.05 to 20. Above 1 if the probabilities are too sure, below if not sure enough.

    Examples
    --------
    Three of four are right, so what was said with 0.6 deserves 0.75:

    >>> import numpy as np
    >>> from genreclf.prediction import at_temperature
    >>> said = np.array([[0.6, 0.4]])
    >>> temperature = fit_temperature(said.repeat(4, axis=0), np.array([0, 0, 0, 1]))
    >>> at_temperature(said, temperature).round(2)
    array([[0.75, 0.25]])
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        scaled = at_temperature(probabilities, math.exp(log_temperature))
        true = scaled[np.arange(len(targets)), targets]
        return -float(np.log(np.maximum(true, _LEAST)).mean())

    low, high = map(math.log, _RANGE)
    return float(math.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))
