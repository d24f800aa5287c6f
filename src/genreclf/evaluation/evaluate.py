"""Evaluation of a classifier on tracks whose genre is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genreclf.data import FeatureSet, Skipped
from genreclf.errors import DatasetError
from genreclf.evaluation.neighbors import Neighbors
from genreclf.evaluation.robustness import Robustness
from genreclf.metrics import score
from genreclf.scores import Scores

if TYPE_CHECKING:
    from genreclf.classifier import GenreClassifier


@dataclass(frozen=True)
class TrackResult:
    """True and predicted genre of one track.

    The probabilities are in the order of the scores' labels; `segments_correct` is the number
    of segments whose prediction is correct.
    """

    id: str
    genre: str
    predicted: str
    confidence: float
    probabilities: tuple[float, ...]
    segments: int
    segments_correct: int

    @property
    def correct(self) -> bool:
        """Whether the predicted genre is the true one."""
        return self.genre == self.predicted


@dataclass(frozen=True)
class Evaluation:
    """Results of a classifier on a set of tracks.

    Attributes
    ----------
    scores : Scores
    tracks : tuple of TrackResult
        In the order of the data.
    skipped : tuple of Skipped
        Tracks that the data lacks, and why.
    name : str
        Name of the run in a report, such as "seed 3".
    neighbors : Neighbors or None
        How often nearest neighbors share their genre, if measured.
    robustness : Robustness or None
        How often perturbations change the predicted genre, if measured.
    """

    scores: Scores
    tracks: tuple[TrackResult, ...]
    skipped: tuple[Skipped, ...] = ()
    name: str = ""
    neighbors: Neighbors | None = None
    robustness: Robustness | None = None

    def worst_errors(self, count: int = 20) -> list[TrackResult]:
        """Return the wrong predictions of the highest confidence, in descending order."""
        errors = [track for track in self.tracks if not track.correct]
        return sorted(errors, key=lambda track: -track.confidence)[:count]

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes, which JSON can store; probabilities have six decimals."""
        return {
            "name": self.name,
            "scores": self.scores.to_dict(),
            "tracks": [
                dataclasses.asdict(track)
                | {"probabilities": [round(each, 6) for each in track.probabilities]}
                for track in self.tracks
            ],
            "skipped": [dataclasses.asdict(item) for item in self.skipped],
            "neighbors": self.neighbors and self.neighbors.to_dict(),
            "robustness": self.robustness and self.robustness.to_dict(),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Evaluation:
        """Build an evaluation from the result of :meth:`to_dict`; others raise DatasetError."""
        try:
            neighbors, robustness = record.get("neighbors"), record.get("robustness")
            rows = [
                {**row, "probabilities": tuple(row["probabilities"])} for row in record["tracks"]
            ]
            return cls(
                scores=Scores.from_dict(record["scores"]),
                tracks=tuple(TrackResult(**row) for row in rows),
                skipped=tuple(Skipped(**item) for item in record["skipped"]),
                name=record["name"],
                neighbors=neighbors and Neighbors.from_dict(neighbors),
                robustness=robustness and Robustness.from_dict(robustness),
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise DatasetError(f"this is not an evaluation: {error!r}") from error


def evaluate(
    classifier: GenreClassifier,
    features: FeatureSet,
    *,
    name: str = "",
    progress: Callable[[TrackResult], None] | None = None,
) -> Evaluation:
    """Classify tracks whose genre is known, and score the predictions.

    The scores' labels are the classifier's.

    Parameters
    ----------
    classifier : GenreClassifier
    features : FeatureSet
        Its genres must be among the classifier's, in any order.
    name : str
        Name of the run in a report.
    progress : callable, optional
        Called with the result of each track.

    Raises
    ------
    DatasetError
        If there are no tracks, the classifier does not have one of the genres, or the
        features are not those of the model.
    """
    check_compatible(classifier, features)
    tracks = []
    for index, (track, genre) in enumerate(zip(features.ids, features.genres, strict=True)):
        prediction = classifier.predict_frames(features.frames(index))
        result = TrackResult(
            id=track,
            genre=genre,
            predicted=prediction.genre,
            confidence=prediction.confidence,
            probabilities=tuple(prediction.probabilities.values()),
            segments=len(prediction.timeline),
            segments_correct=sum(segment.genre == genre for segment in prediction.timeline),
        )
        tracks.append(result)
        if progress:
            progress(result)
    scores = score_tracks(tracks, classifier.labels)
    return Evaluation(scores, tuple(tracks), features.skipped, name)


def score_tracks(tracks: Sequence[TrackResult], labels: Sequence[str]) -> Scores:
    """Score results of tracks; the labels are in the order of the results' probabilities."""
    order = {label: index for index, label in enumerate(labels)}
    segments = sum(track.segments for track in tracks)
    return score(
        np.array([track.probabilities for track in tracks]),
        np.array([order[track.genre] for track in tracks], np.int64),
        labels,
        sum(track.segments_correct for track in tracks) / segments if segments else None,
    )


def pool(runs: Sequence[Evaluation]) -> Scores:
    """Score the results of several runs, which have the same labels, together.

    There is no interval if a track is in more than one run, because repeated tracks are not
    independent.
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


def check_compatible(classifier: GenreClassifier, features: FeatureSet) -> None:
    """Raise DatasetError if a classifier cannot be evaluated on a feature set."""
    if not len(features):
        raise DatasetError("there are no tracks to evaluate")
    unknown = sorted(set(features.genres) - set(classifier.labels))
    if unknown:
        raise DatasetError(
            f"the model does not know {', '.join(map(repr, unknown))}, only "
            f"{', '.join(classifier.labels)}; leave these tracks out or train on them"
        )
    wanted = classifier.config.features
    features.check_extractor(wanted.name, wanted.parameters, "the model")
