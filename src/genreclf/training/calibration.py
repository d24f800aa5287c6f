"""Making a classifier as sure as it is right."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from genreclf.classifier import GenreClassifier
from genreclf.datasets.feature_set import FeatureSet
from genreclf.prediction import RULES, softmax

FloatArray = NDArray[np.float64]

_RANGE = (0.05, 20.0)  # of temperatures: beyond, probabilities are all but certain or all but equal
_LEAST = 1e-12  # a probability that underflowed still costs a finite amount


def calibrate(classifier: GenreClassifier, valid: FeatureSet) -> GenreClassifier:
    """The same classifier with the temperature that fits tracks it was not trained on.

    Parameters
    ----------
    classifier : GenreClassifier
    valid : FeatureSet
        With the same labels, in the same order.

    Returns
    -------
    GenreClassifier
        Which shares the network. Its ``config.temperature`` is that of
        :func:`fit_temperature`.
    """
    plain = dataclasses.replace(classifier.config, temperature=1.0)
    at_one = GenreClassifier(plain, classifier.network, classifier.rule)
    tracks = (at_one.predict_frames(valid.frames(i)) for i in range(len(valid)))
    segments = [
        np.array([list(segment.probabilities.values()) for segment in track.timeline])
        for track in tracks
    ]
    temperature = fit_temperature(segments, valid.targets, classifier.rule)
    config = dataclasses.replace(plain, temperature=temperature)
    return GenreClassifier(config, classifier.network, classifier.rule, classifier.min_confidence)


def fit_temperature(
    segments: Sequence[FloatArray], targets: NDArray[np.int64], rule: str = "mean"
) -> float:
    """The temperature that makes tracks' probabilities likeliest (Guo et al. 2017, 1706.04599).

    It is fitted to the probabilities of whole tracks, which are what a user sees, through
    the rule that makes them of the segments': a mean is less sure than its segments.

    Parameters
    ----------
    segments : sequence of ndarray, each of shape (segments, labels)
        Of every track, the probabilities of its segments at temperature 1.
    targets : ndarray of int64, shape (tracks,)
        Index of the true label.
    rule : {"mean", "vote", "product"}
        See :data:`genreclf.prediction.RULES`.

    Returns
    -------
    float
        0.05 to 20. Above 1 if the network is too sure, below if not sure enough.

    Examples
    --------
    Three of four are right, so what was said with 0.6 deserves 0.75:

    >>> import numpy as np
    >>> tracks = [np.array([[0.6, 0.4]])] * 4
    >>> temperature = fit_temperature(tracks, np.array([0, 0, 0, 1]))
    >>> round(float(1 / (1 + (0.4 / 0.6) ** (1 / temperature))), 2)
    0.75
    """
    from scipy.optimize import minimize_scalar

    # Logits but for a constant, which the softmax does not see.
    logits = [np.log(np.maximum(track, _LEAST)) for track in segments]

    def loss(log_temperature: float) -> float:
        scale = math.exp(-log_temperature)
        tracks = np.stack([RULES[rule](softmax(track * scale)) for track in logits])
        return -float(np.log(np.maximum(tracks[np.arange(len(targets)), targets], _LEAST)).mean())

    low, high = map(math.log, _RANGE)
    return float(math.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))
