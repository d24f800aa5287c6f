"""What the library answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

UNKNOWN = "unknown"
"""The genre of what has none: silence, or too little confidence."""

FORMAT_VERSION = 1
"""Version of :meth:`Prediction.to_dict`; rises when a key changes its meaning."""

FLAGS: Mapping[str, str] = {
    "truncated": "the file breaks off before its end; what could be decoded was classified",
    "silent": "there is nothing to hear",
    "unsure": "no genre is as probable as was asked for",
    "short": "shorter than one segment; the sound was repeated to fill it",
    "non_finite": "NaN or infinite samples were replaced by silence",
}
"""What each flag of a prediction means."""


@dataclass(frozen=True)
class SegmentPrediction:
    """The genre of one segment.

    Attributes
    ----------
    start, end : float
        Seconds from the start of the track.
    genre : str
        The most probable label, or "unknown" for silence.
    confidence : float
        Its probability, 0 to 1.
    probabilities : dict of str to float
        Of every label; they sum to 1.
    """

    start: float
    end: float
    genre: str
    confidence: float
    probabilities: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Fit for JSON."""
        return {
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "genre": self.genre,
            "confidence": self.confidence,
            "probabilities": dict(self.probabilities),
        }


class Timeline(Sequence[SegmentPrediction]):
    """Segments of a track, kept as arrays: hours of sound have tens of thousands.

    Parameters
    ----------
    labels : tuple of str
    times : ndarray of float64, shape (segments, 2)
        Where each segment starts and ends, in seconds.
    probabilities : ndarray of float64, shape (segments, labels)
    silent : ndarray of bool, shape (segments,)
    """

    def __init__(
        self,
        labels: tuple[str, ...],
        times: FloatArray,
        probabilities: FloatArray,
        silent: NDArray[np.bool_],
    ) -> None:
        self._labels = labels
        self._times = times
        self._probabilities = probabilities
        self._silent = silent

    def __len__(self) -> int:
        return len(self._times)

    @overload
    def __getitem__(self, index: int) -> SegmentPrediction: ...

    @overload
    def __getitem__(self, index: slice) -> "Timeline": ...

    def __getitem__(self, index: int | slice) -> "SegmentPrediction | Timeline":
        if isinstance(index, slice):
            parts = (self._times[index], self._probabilities[index], self._silent[index])
            return Timeline(self._labels, *parts)
        row = self._probabilities[index]
        start, end = self._times[index].tolist()
        return SegmentPrediction(
            start=start,
            end=end,
            genre=UNKNOWN if self._silent[index] else self._labels[int(row.argmax())],
            confidence=float(row.max()),
            probabilities=dict(zip(self._labels, row.tolist(), strict=True)),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __repr__(self) -> str:
        return f"<timeline of {len(self)} segments>"


@dataclass(frozen=True)
class Prediction:
    """The genre of one piece of music.

    Attributes
    ----------
    genre : str
        The most probable label; "unknown" if the piece is silent, or the label less
        probable than the classifier's `min_confidence`.
    confidence : float
        Probability of the most probable label, 0 to 1.
    probabilities : dict of str to float
        Of every label, in the model's order; they sum to 1.
    timeline : sequence of SegmentPrediction
        The segments in order; they may overlap, as the model wants it, and the last one
        reaches back to fill itself.
    duration : float
        Seconds of sound that were decoded.
    flags : frozenset of str
        What is special about this piece; see :data:`FLAGS`.
    source : str
        How the source is called: a path, or a word such as "<array>".
    """

    genre: str
    confidence: float
    probabilities: Mapping[str, float]
    timeline: Sequence[SegmentPrediction]
    duration: float
    flags: frozenset[str] = frozenset()
    source: str = ""

    def top(self, k: int = 3) -> list[tuple[str, float]]:
        """The `k` most probable labels with their probabilities, best first."""
        return sorted(self.probabilities.items(), key=lambda item: -item[1])[:k]

    def to_dict(self, top: int | None = None, timeline: bool = False) -> dict[str, Any]:
        """Fit for JSON.

        Parameters
        ----------
        top : int, optional
            Keep only the most probable labels.
        timeline : bool
            Add the segments.

        Returns
        -------
        dict
            ``version``, ``genre``, ``confidence``, ``probabilities``, ``duration``
            (seconds), ``flags`` and, if asked for, ``timeline``.
        """
        chosen = self.probabilities.items() if top is None else self.top(top)
        record: dict[str, Any] = {
            "version": FORMAT_VERSION,
            "genre": self.genre,
            "confidence": self.confidence,
            "probabilities": dict(chosen),
            "duration": round(self.duration, 3),
            "flags": sorted(self.flags),
        }
        if timeline:
            record["timeline"] = [segment.to_dict() for segment in self.timeline]
        return record


@dataclass(frozen=True)
class Failure:
    """A source of a batch that could not be classified.

    Attributes
    ----------
    source : str
        How the source is called.
    error : GenreclfError
        Why; ``str(error)`` is fit for the user.
    """

    source: str
    error: Exception

    def to_dict(self) -> dict[str, Any]:
        """Fit for JSON: ``version`` and ``error``."""
        return {"version": FORMAT_VERSION, "error": str(self.error)}


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities from logits, along the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def _mean(probabilities: FloatArray) -> FloatArray:
    return np.asarray(probabilities.mean(axis=0))


def _vote(probabilities: FloatArray) -> FloatArray:
    # A tie between genres falls to the one that the segments were surer of.
    winners = np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)]
    return np.asarray(winners.mean(axis=0) * (1 - 1e-6) + probabilities.mean(axis=0) * 1e-6)


def _product(probabilities: FloatArray) -> FloatArray:
    return softmax(np.log(np.maximum(probabilities, 1e-12)).mean(axis=0))


def at_temperature(probabilities: FloatArray, temperature: float) -> FloatArray:
    """Probabilities to the power of 1 / `temperature`, in proportion.

    As if the logits that a softmax made them of had been divided by it: above 1 they
    come nearer to each other, below 1 they part.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (..., labels)
    temperature : float
        Above 0.

    Returns
    -------
    ndarray of float64, shape (..., labels)
        Which sum to 1.
    """
    powers = (probabilities / probabilities.max(axis=-1, keepdims=True)) ** (1 / temperature)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


RULES = {"mean": _mean, "vote": _vote, "product": _product}
"""How segments make a track: each maps (segments, labels) to (labels,).

"mean" averages the probabilities, "vote" counts the segments each genre wins (the
majority vote of Dong 2018's abstract), "product" takes the geometric mean.
"""
