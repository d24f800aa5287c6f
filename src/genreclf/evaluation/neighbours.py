"""Whether what lies near by is of the same genre."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from genreclf.datasets import FeatureSet, find_duplicates, ties_of
from genreclf.evaluation.fit import check_frames

if TYPE_CHECKING:
    from genreclf.classifier import GenreClassifier

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]

NEAREST = 5
"""How many neighbours of a track are looked at."""


@dataclass(frozen=True)
class Agreement:
    """How often neighbours have the genre of the track that they are neighbours of.

    Attributes
    ----------
    first : float
        Part of the tracks whose nearest neighbour does, 0 to 1.
    five : float
        Part of the five nearest that do, mean over the tracks, 0 to 1.
    """

    first: float
    five: float


@dataclass(frozen=True)
class Neighbours:
    """How often tracks that lie near each other share their genre.

    Attributes
    ----------
    queries : int
        Tracks whose neighbours were sought.
    references : int
        Tracks that they were sought among.
    chance : float
        What neighbours drawn at random would reach, 0 to 1.
    embeddings : Agreement
        By the classifier's embeddings.
    frames : Agreement
        By the mean over time of the frames that its extractor gives (of a mel
        spectrogram, the mean spectrum): what can be had without the network.
    """

    queries: int
    references: int
    chance: float
    embeddings: Agreement
    frames: Agreement

    def to_dict(self) -> dict[str, Any]:
        """Fit for JSON: the attributes."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Neighbours:
        """Undo :meth:`to_dict`; raises KeyError or TypeError for other records."""
        agreements = {name: Agreement(**record[name]) for name in ("embeddings", "frames")}
        return cls(**{**record, **agreements})


def neighbours(
    classifier: GenreClassifier, queries: FeatureSet, references: FeatureSet | None = None
) -> Neighbours | None:
    """Look for each track's nearest neighbours, and count those of its genre.

    Distance is cosine distance: of embeddings as they are; of mean frames after each
    bin is standardised over the references.

    Parameters
    ----------
    classifier : GenreClassifier
        Its genres do not matter.
    queries : FeatureSet
    references : FeatureSet, optional
        Another side of a split, which must not share artists (groups) or recordings
        with the queries. The queries themselves if left out: each without itself, the
        tracks of its group, and other copies of its recording.

    Returns
    -------
    Neighbours or None
        None if a track has fewer than five references, or there are no tracks.

    Raises
    ------
    DatasetError
        If the features are not those that the classifier needs.
    """
    if not len(queries):
        return None
    others = queries if references is None else references
    search = _Search(queries, references)
    counts = [search.allowed(query).sum() for query in range(len(queries))]
    if min(counts) < NEAREST:
        return None
    check_frames(classifier, queries)
    check_frames(classifier, others)
    embeddings = partial(_embeddings, classifier)
    return Neighbours(
        queries=len(queries),
        references=len(others),
        chance=float(np.mean([search.same_genre(i).mean() for i in range(len(queries))])),
        embeddings=_agreement(*_of_both(embeddings, queries, references), search),
        frames=_agreement(*_standardised(queries, references), search),
    )


class _Search:
    """Which references a query may have for neighbours, and which of those have its genre."""

    def __init__(self, queries: FeatureSet, references: FeatureSet | None) -> None:
        self._genres = np.array(queries.genres)
        if references is None:
            self._ties = self._sought_ties = ties_of(queries, find_duplicates(queries))
            self._sought_genres = self._genres
        else:
            self._ties = np.zeros(len(queries), np.int64)
            self._sought_ties = np.ones(len(references), np.int64)
            self._sought_genres = np.array(references.genres)

    def allowed(self, query: int) -> BoolArray:
        """Of all references; shape (references,)."""
        return np.asarray(self._sought_ties != self._ties[query])

    def same_genre(self, query: int) -> BoolArray:
        """Of those that are allowed; shape (allowed,)."""
        return np.asarray(self._sought_genres[self.allowed(query)] == self._genres[query])


def _of_both(
    vectors: Callable[[FeatureSet], FloatArray], queries: FeatureSet, references: FeatureSet | None
) -> tuple[FloatArray, FloatArray]:
    found = vectors(queries)
    return found, found if references is None else vectors(references)


def _embeddings(classifier: GenreClassifier, features: FeatureSet) -> FloatArray:
    rows = [classifier.embed_frames(features.frames(i)) for i in range(len(features))]
    return np.array(rows, np.float64)


def _mean_frames(features: FeatureSet) -> FloatArray:
    return np.array([features.frames(i).mean(axis=1) for i in range(len(features))], np.float64)


def _standardised(
    queries: FeatureSet, references: FeatureSet | None
) -> tuple[FloatArray, FloatArray]:
    from sklearn.preprocessing import StandardScaler

    asked, sought = _of_both(_mean_frames, queries, references)
    scaler = StandardScaler().fit(sought)
    return scaler.transform(asked), scaler.transform(sought)


def _agreement(queries: FloatArray, references: FloatArray, search: _Search) -> Agreement:
    from sklearn.preprocessing import normalize

    # Of unit vectors: their product falls as cosine distance rises.
    asked, sought = normalize(queries), normalize(references)
    found = []
    for query, vector in enumerate(asked):
        closeness = (sought @ vector)[search.allowed(query)]
        nearest = np.argsort(-closeness, kind="stable")[:NEAREST]
        found.append(search.same_genre(query)[nearest])
    shares = np.array(found)
    return Agreement(float(shares[:, 0].mean()), float(shares.mean()))
