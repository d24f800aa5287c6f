"""Predictions, the results of classification, and their rows in a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

UNKNOWN = "unknown"
"""The genre of silence, and of tracks whose confidence is too low."""

FORMAT_VERSION = 1
"""Version of :meth:`Prediction.to_dict`. It rises when a key changes its meaning."""

FLAGS: Mapping[str, str] = {
    "truncated": "the file is incomplete; the part that could be decoded was classified",
    "silent": "the whole track is silent",
    "unsure": "no genre reaches the minimum confidence",
    "short": "the track is shorter than one segment and was repeated to fill it",
    "non_finite": "NaN or infinite samples were replaced by silence",
}
"""The flags of a prediction and their meanings."""

_MIN_SHOWN = 0.005  # lower probabilities would be shown as 0%


@dataclass(frozen=True)
class Prediction:
    """The genre of a track.

    Attributes
    ----------
    genre : str
        The most probable label. "unknown" if the track is silent, or if no label reaches
        the classifier's `min_confidence`.
    confidence : float
        Probability of the most probable label, 0 to 1.
    probabilities : dict of str to float
        Of every label, in the model's order; they sum to 1.
    timeline : Timeline
        A sequence of the segments. The model's configuration sets their overlap; the last
        one ends with the track, so it may overlap more.
    duration : float
        Length of the decoded audio, in seconds.
    flags : frozenset of str
        Keys of :data:`FLAGS`.
    source : str
        Name of the source: a path, a URL, or a word such as "<array>".

    Examples
    --------
    >>> import numpy as np
    >>> from genreclf import GenreClassifier
    >>> silence = np.zeros(10 * 22050, np.float32)
    >>> prediction = GenreClassifier.from_pretrained().predict((silence, 22050))
    >>> prediction.genre, prediction.duration, sorted(prediction.flags)
    ('unknown', 10.0, ['silent'])
    """

    genre: str
    confidence: float
    probabilities: Mapping[str, float]
    timeline: Timeline
    duration: float
    flags: frozenset[str] = frozenset()
    source: str = ""

    def top(self, k: int = 3) -> list[tuple[str, float]]:
        """Return the `k` most probable labels with their probabilities, best first."""
        return _most_probable(self.probabilities, k)

    def to_dict(self, top: int | None = None, timeline: bool = False) -> dict[str, Any]:
        """Return the prediction as a dict for JSON.

        Parameters
        ----------
        top : int, optional
            Number of labels to include, the most probable first. Defaults to all, in the
            model's order.
        timeline : bool
            Include the segments.

        Returns
        -------
        dict
            ``version``, ``source``, ``genre``, ``confidence``, ``probabilities``,
            ``duration`` (seconds), ``flags`` and, if requested, ``timeline``.
        """
        labels = self.probabilities.items() if top is None else self.top(top)
        record: dict[str, Any] = {
            "version": FORMAT_VERSION,
            "source": self.source,
            "genre": self.genre,
            "confidence": self.confidence,
            "probabilities": dict(labels),
            "duration": round(self.duration, 3),
            "flags": sorted(self.flags),
        }
        if timeline:
            record["timeline"] = [segment.to_dict() for segment in self.timeline]
        return record

    def to_row(self) -> dict[str, Any]:
        """Return the prediction as a flat dict, a row of a table.

        Returns
        -------
        dict
            ``path`` (the source), ``duration`` (seconds), ``genre``, ``confidence``, the
            probability of each label under its name, and ``flags``, separated by spaces.

        Examples
        --------
        >>> import numpy as np
        >>> from genreclf import GenreClassifier
        >>> classifier = GenreClassifier.from_pretrained()
        >>> results = classifier.predict_many([(np.zeros(44100), 22050)] * 2)
        >>> rows = [result.to_row() for result in results]  # for pandas.DataFrame(rows)
        >>> [(row["genre"], row["duration"], row["flags"]) for row in rows]
        [('unknown', 2.0, 'short silent'), ('unknown', 2.0, 'short silent')]
        """
        return next(to_rows(self))

    def __repr__(self) -> str:
        parts = [
            f"{self.genre} {self.confidence:.0%}",
            f"{format_time(self.duration)} in {len(self.timeline)} segments",
            *sorted(self.flags),
        ]
        return f"<Prediction of {self.source!r}: {', '.join(parts)}>"

    def _repr_html_(self) -> str:
        """Return bars of the most probable genres and the timeline, for a notebook."""
        n_labels = len(self.probabilities)
        color = {
            label: f"hsl({360 * index // n_labels} 55% 50%)"
            for index, label in enumerate(self.probabilities)
        }
        bars = "".join(
            "<div style='display:flex; align-items:center; gap:.5em'>"
            f"<span style='width:8em'>{escape(label)}</span>"
            f"<span style='width:{20 * p:.1f}em; height:.8em; background:{color[label]}'></span>"
            f"{p:.0%}</div>"
            for label, p in self.top(5)
        )
        strip = ""
        for genre, run in groupby(self.timeline, lambda segment: segment.genre):
            segments = list(run)
            times = f"{format_time(segments[0].start)}-{format_time(segments[-1].end)}"
            strip += (
                f"<span title='{escape(genre)} {times}'"
                f" style='flex:{len(segments)}; background:{color.get(genre, 'gray')}'></span>"
            )
        details = " · ".join([self.source, format_time(self.duration), *sorted(self.flags)])
        return (
            f"<div style='max-width:32em'><b>{escape(self.genre)}</b> {self.confidence:.0%} "
            f"<small>{escape(details)}</small>{bars}"
            f"<div style='display:flex; height:.8em; margin-top:.3em'>{strip}</div></div>"
        )


@dataclass(frozen=True)
class SegmentPrediction:
    """The genre of one segment.

    Attributes
    ----------
    start, end : float
        Seconds from the start of the track.
    genre : str
        The most probable label, or "unknown" if the segment is silent.
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
        """Return the attributes as a dict for JSON."""
        return {
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "genre": self.genre,
            "confidence": self.confidence,
            "probabilities": dict(self.probabilities),
        }

    def __repr__(self) -> str:
        times = f"{format_time(self.start)}-{format_time(self.end)}"
        return f"<SegmentPrediction {times}: {self.genre} {self.confidence:.0%}>"


class Timeline(Sequence[SegmentPrediction]):
    """The segments of a track, stored as arrays: an hour has thousands of segments.

    Attributes
    ----------
    labels : tuple of str
        The genres, in the order of the probabilities.
    times : ndarray of float64, shape (segments, 2)
        Start and end of each segment, in seconds.
    probabilities : ndarray of float64, shape (segments, labels)
        0 to 1; each row sums to 1.
    silent : ndarray of bool, shape (segments,)
        Segments without sound, whose genre is "unknown".

    Examples
    --------
    >>> import numpy as np
    >>> from genreclf import GenreClassifier
    >>> prediction = GenreClassifier.from_pretrained().predict((np.zeros(10 * 22050), 22050))
    >>> prediction.timeline.probabilities.shape == (len(prediction.timeline), 10)
    True
    """

    def __init__(
        self,
        labels: tuple[str, ...],
        times: NDArray[np.float64],
        probabilities: NDArray[np.float64],
        silent: NDArray[np.bool_],
    ) -> None:
        self.labels = labels
        self.times = times
        self.probabilities = probabilities
        self.silent = silent

    def __len__(self) -> int:
        return len(self.times)

    @overload
    def __getitem__(self, index: int) -> SegmentPrediction: ...

    @overload
    def __getitem__(self, index: slice) -> Timeline: ...

    def __getitem__(self, index: int | slice) -> SegmentPrediction | Timeline:
        if isinstance(index, slice):
            parts = (self.times[index], self.probabilities[index], self.silent[index])
            return Timeline(self.labels, *parts)
        row = self.probabilities[index]
        start, end = self.times[index].tolist()
        return SegmentPrediction(
            start=start,
            end=end,
            genre=UNKNOWN if self.silent[index] else self.labels[int(row.argmax())],
            confidence=float(row.max()),
            probabilities=dict(zip(self.labels, row.tolist(), strict=True)),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __repr__(self) -> str:
        end = format_time(self.times[-1, 1]) if len(self) else "0:00"
        return f"<Timeline of {len(self)} segments, {end}>"


@dataclass(frozen=True)
class Failure:
    """A source that ``predict_many`` could not classify.

    Attributes
    ----------
    source : str
        Name of the source, as in :class:`Prediction`.
    error : GenreclfError
        The reason. ``str(error)`` is a message for the user.

    Examples
    --------
    >>> from genreclf import Failure, GenreClassifier
    >>> [result] = GenreClassifier.from_pretrained().predict_many([b"not audio"])
    >>> isinstance(result, Failure), result.source
    (True, '<bytes>')
    """

    source: str
    error: Exception

    def to_dict(self) -> dict[str, Any]:
        """Return the failure as a dict for JSON: ``version``, ``source`` and ``error``."""
        return {"version": FORMAT_VERSION, "source": self.source, "error": str(self.error)}

    def to_row(self) -> dict[str, Any]:
        """Return the failure as a row of a table, with the keys ``path`` and ``error``."""
        return next(to_rows(self))


def column_names(labels: Sequence[str], timeline: bool) -> list[str]:
    """Return the names of the columns in order, with one column per genre."""
    times = ["start", "end"] if timeline else ["duration"]
    return ["path", *times, "genre", "confidence", *labels, "flags", "error"]


def to_rows(
    result: Prediction | Failure, top: int | None = None, timeline: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield a result as a row, or with `timeline` as one row per segment.

    The keys are those of :func:`column_names`, without columns that have no value. Only the
    `top` most probable genres are included, by default all.
    """
    if isinstance(result, Failure):
        yield {"path": result.source, "error": str(result.error)}
    elif timeline:
        for segment in result.timeline:
            yield _row(result, segment, {"start": segment.start, "end": segment.end}, top)
    else:
        yield _row(result, result, {"duration": result.duration}, top)


def _row(
    track: Prediction,
    part: Prediction | SegmentPrediction,
    times: dict[str, float],
    top: int | None,
) -> dict[str, Any]:
    return {
        "path": track.source,
        **times,
        "genre": part.genre,
        "confidence": part.confidence,
        **dict(_most_probable(part.probabilities, top)),
        "flags": " ".join(sorted(track.flags)),
    }


def _most_probable(probabilities: Mapping[str, float], k: int | None) -> list[tuple[str, float]]:
    return sorted(probabilities.items(), key=lambda item: -item[1])[:k]


def format_row(row: Mapping[str, Any]) -> dict[str, str]:
    """Format a row for CSV: times with three decimals, probabilities with six."""
    return {column: _format_value(column, value) for column, value in row.items()}


def _format_value(column: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.3f}" if column in ("start", "end", "duration") else f"{value:.6f}"


def format_others(prediction: Prediction, k: int = 3) -> str:
    """Format those of the `k` most probable genres that are not the result: rock 9%, jazz 3%.

    Silent tracks have none, and genres that would show as 0% are left out.
    """
    if "silent" in prediction.flags:
        return ""
    others = [item for item in prediction.top(k) if item[0] != prediction.genre]
    return ", ".join(f"{genre} {p:.0%}" for genre, p in others if p >= _MIN_SHOWN)


def format_counts(genres: Counter[str]) -> str:
    """Format the number of tracks of each genre, the most frequent first: jazz 2, blues 1."""
    return ", ".join(f"{genre} {count}" for genre, count in genres.most_common())


def format_time(seconds: float) -> str:
    """Format seconds as minutes and seconds, with hours if needed: 3:07, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
