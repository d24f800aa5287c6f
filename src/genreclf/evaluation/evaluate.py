"""A classifier on tracks whose genre is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genreclf.datasets.feature_set import FeatureSet
from genreclf.datasets.tracks import LeftOut
from genreclf.errors import DatasetError
from genreclf.evaluation.fit import check_fit
from genreclf.evaluation.metrics import Scores, score
from genreclf.evaluation.neighbours import Neighbours
from genreclf.evaluation.stability import Stability

if TYPE_CHECKING:
    from genreclf.classifier import GenreClassifier
    from genreclf.prediction import Prediction


@dataclass(frozen=True)
class TrackResult:
    """What was said of one track.

    Attributes
    ----------
    id : str
        The track's name in the data.
    genre, predicted : str
        The true one, and the classifier's.
    confidence : float
        Of the classifier, 0 to 1.
    probabilities : tuple of float
        In the order of the scores' labels.
    segments, segments_right : int
        Segments that were heard, and those classified as the true genre.
    """

    id: str
    genre: str
    predicted: str
    confidence: float
    probabilities: tuple[float, ...]
    segments: int
    segments_right: int

    @property
    def right(self) -> bool:
        """Whether the prediction is the true genre."""
        return self.genre == self.predicted


@dataclass(frozen=True)
class Evaluation:
    """A classifier's results on a set of tracks.

    Attributes
    ----------
    scores : Scores
    tracks : tuple of TrackResult
        In the order of the data.
    left_out : tuple of LeftOut
        What the data had to leave out, and why.
    name : str
        What a report calls it beside others, such as "seed 3".
    neighbours : Neighbours or None
        How often near tracks share their genre, where that was measured.
    stability : Stability or None
        What changes of the sound do to the genre, where that was measured.
    """

    scores: Scores
    tracks: tuple[TrackResult, ...]
    left_out: tuple[LeftOut, ...] = ()
    name: str = ""
    neighbours: Neighbours | None = None
    stability: Stability | None = None

    def worst(self, count: int = 20) -> list[TrackResult]:
        """The mistakes that the classifier was surest of, the surest first."""
        wrong = [track for track in self.tracks if not track.right]
        return sorted(wrong, key=lambda track: -track.confidence)[:count]

    def to_dict(self) -> dict[str, Any]:
        """Fit for JSON: the attributes; probabilities have six decimals."""
        return {
            "name": self.name,
            "scores": self.scores.to_dict(),
            "tracks": [_row(track) for track in self.tracks],
            "left_out": [dataclasses.asdict(item) for item in self.left_out],
            "neighbours": self.neighbours and self.neighbours.to_dict(),
            "stability": self.stability and self.stability.to_dict(),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Evaluation:
        """Undo :meth:`to_dict`.

        Raises
        ------
        DatasetError
            If a value is missing or of the wrong kind.
        """
        try:
            # Records of former versions lack these two.
            neighbours, stability = record.get("neighbours"), record.get("stability")
            rows = [
                {**row, "probabilities": tuple(row["probabilities"])} for row in record["tracks"]
            ]
            return cls(
                scores=Scores.from_dict(record["scores"]),
                tracks=tuple(TrackResult(**row) for row in rows),
                left_out=tuple(LeftOut(**item) for item in record["left_out"]),
                name=record["name"],
                neighbours=neighbours and Neighbours.from_dict(neighbours),
                stability=stability and Stability.from_dict(stability),
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise DatasetError(f"this is not an evaluation: {error!r}") from error


def _row(track: TrackResult) -> dict[str, Any]:
    rounded = [round(probability, 6) for probability in track.probabilities]
    return {**dataclasses.asdict(track), "probabilities": rounded}


def evaluate(
    classifier: GenreClassifier,
    features: FeatureSet,
    *,
    name: str = "",
    progress: Callable[[TrackResult], None] | None = None,
) -> Evaluation:
    """Classify tracks whose genre is known, and count.

    Parameters
    ----------
    classifier : GenreClassifier
    features : FeatureSet
        Its genres must be among the classifier's, in any order.
    name : str
        What a report calls it.
    progress : callable, optional
        Called with the result of each track.

    Returns
    -------
    Evaluation
        The scores' labels are the classifier's.

    Raises
    ------
    DatasetError
        If there are no tracks, a genre is unknown to the classifier, or the features
        are not those that it needs.
    """
    check_fit(classifier, features)
    tracks = []
    for index, (track, genre) in enumerate(zip(features.ids, features.genres, strict=True)):
        prediction = classifier.predict_frames(features.frames(index))
        tracks.append(_result(track, genre, prediction))
        if progress:
            progress(tracks[-1])
    scores = score_tracks(tracks, classifier.labels)
    return Evaluation(scores, tuple(tracks), features.left_out, name)


def _result(track: str, genre: str, prediction: Prediction) -> TrackResult:
    segments = prediction.timeline
    return TrackResult(
        id=track,
        genre=genre,
        predicted=prediction.genre,
        confidence=prediction.confidence,
        probabilities=tuple(prediction.probabilities.values()),
        segments=len(segments),
        segments_right=sum(segment.genre == genre for segment in segments),
    )


def score_tracks(tracks: Sequence[TrackResult], labels: Sequence[str]) -> Scores:
    """The scores of results that are at hand.

    Parameters
    ----------
    tracks : sequence of TrackResult
    labels : sequence of str
        In the order of the results' probabilities.

    Raises
    ------
    DatasetError
        If there are none, or they do not fit the labels.
    """
    order = {label: index for index, label in enumerate(labels)}
    segments = sum(track.segments for track in tracks)
    return score(
        np.array([track.probabilities for track in tracks]),
        np.array([order[track.genre] for track in tracks], np.int64),
        labels,
        sum(track.segments_right for track in tracks) / segments if segments else None,
    )


def pool(runs: Sequence[Evaluation]) -> Scores:
    """The scores of several runs' results taken together.

    Parameters
    ----------
    runs : sequence of Evaluation
        With the same labels in the same order.

    Returns
    -------
    Scores
        Without an interval if a track stands in more than one run: repeated tracks
        are not independent.

    Raises
    ------
    DatasetError
        If the labels differ or there are no runs.
    """
    if not runs:
        raise DatasetError("there are no runs to pool")
    labels = runs[0].scores.labels
    if any(run.scores.labels != labels for run in runs):
        raise DatasetError("these runs have different genres and cannot be pooled")
    tracks = [track for run in runs for track in run.tracks]
    scores = score_tracks(tracks, labels)
    repeated = len({track.id for track in tracks}) < len(tracks)
    return dataclasses.replace(scores, interval=None) if repeated else scores
