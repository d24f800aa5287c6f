"""How often the nearest neighbors of a track share its genre."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from genreclf.data import FeatureSet, find_duplicates, group_tracks

if TYPE_CHECKING:
    from genreclf.classifier import GenreClassifier

Vectors: TypeAlias = NDArray[np.float64]
"""Shape (tracks, dimensions)."""

NEAREST = 5
"""Number of neighbors of a track that count."""


@dataclass(frozen=True)
class NeighborPrecision:
    """Precision of a nearest-neighbor search, mean over the queries.

    It is the fraction of the nearest one or five neighbors that have the query's genre.
    """

    at_1: float
    at_5: float


@dataclass(frozen=True)
class Neighbors:
    """How often the nearest neighbors of tracks share their genre.

    Attributes
    ----------
    queries, references : int
        Number of tracks whose neighbors were searched for, and of tracks that were searched.
    chance : float
        Expected precision of neighbors drawn at random, 0 to 1.
    embeddings : NeighborPrecision
        By the classifier's embeddings.
    frames : NeighborPrecision
        By the mean over time of the extractor's frames (of a mel spectrogram, the mean
        spectrum): a baseline without the network.
    """

    queries: int
    references: int
    chance: float
    embeddings: NeighborPrecision
    frames: NeighborPrecision

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes, which JSON can store."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Neighbors:
        """Build it from the result of :meth:`to_dict`; others raise KeyError or TypeError."""
        precisions = {name: NeighborPrecision(**record[name]) for name in ("embeddings", "frames")}
        return cls(**{**record, **precisions})


def nearest_neighbors(
    classifier: GenreClassifier, queries: FeatureSet, references: FeatureSet | None = None
) -> Neighbors | None:
    """Find each track's nearest neighbors, and compute how often they share its genre.

    The distance is the cosine distance: of embeddings as they are; of mean frames after
    each bin is standardized over the references. The result is None if there are no queries,
    or one of them has fewer than five references.

    Parameters
    ----------
    classifier : GenreClassifier
        Its genres do not matter.
    queries : FeatureSet
    references : FeatureSet, optional
        Another part of a split, without the queries' artists (groups) and recordings.
        By default the queries themselves; then a track's own group and copies of its
        recording are no neighbors of it.

    Raises
    ------
    DatasetError
        If the features are not those of the model.
    """
    if not len(queries):
        return None
    others = queries if references is None else references
    search = _Search(queries, references)
    counts = [search.allowed(query).sum() for query in range(len(queries))]
    if min(counts) < NEAREST:
        return None
    wanted = classifier.config.features
    for features in (queries, others):
        features.check_extractor(wanted.name, wanted.parameters, "the model")
    embeddings = partial(_embeddings, classifier)
    return Neighbors(
        queries=len(queries),
        references=len(others),
        chance=float(np.mean([search.same_genre(i).mean() for i in range(len(queries))])),
        embeddings=_precision(*_of_both(embeddings, queries, references), search),
        frames=_precision(*_standardized(queries, references), search),
    )


class _Search:
    """Which references may be neighbors of a query, and which of those have its genre."""

    def __init__(self, queries: FeatureSet, references: FeatureSet | None) -> None:
        self._genres = np.array(queries.genres)
        if references is None:
            self._groups = group_tracks(queries, find_duplicates(queries))
            self._reference_groups, self._reference_genres = self._groups, self._genres
        else:
            self._groups = np.zeros(len(queries), np.int64)
            self._reference_groups = np.ones(len(references), np.int64)
            self._reference_genres = np.array(references.genres)

    def allowed(self, query: int) -> NDArray[np.bool_]:
        """Shape (references,)."""
        return np.asarray(self._reference_groups != self._groups[query])

    def same_genre(self, query: int) -> NDArray[np.bool_]:
        """Shape (allowed references,)."""
        return np.asarray(self._reference_genres[self.allowed(query)] == self._genres[query])


def _of_both(
    vectors: Callable[[FeatureSet], Vectors], queries: FeatureSet, references: FeatureSet | None
) -> tuple[Vectors, Vectors]:
    of_queries = vectors(queries)
    return of_queries, of_queries if references is None else vectors(references)


def _embeddings(classifier: GenreClassifier, features: FeatureSet) -> Vectors:
    rows = [classifier.embed_frames(features.frames(i)) for i in range(len(features))]
    return np.array(rows, np.float64)


def _mean_frames(features: FeatureSet) -> Vectors:
    return np.array([features.frames(i).mean(axis=1) for i in range(len(features))], np.float64)


def _standardized(queries: FeatureSet, references: FeatureSet | None) -> tuple[Vectors, Vectors]:
    from sklearn.preprocessing import StandardScaler

    of_queries, of_references = _of_both(_mean_frames, queries, references)
    scaler = StandardScaler().fit(of_references)
    return scaler.transform(of_queries), scaler.transform(of_references)


def _precision(queries: Vectors, references: Vectors, search: _Search) -> NeighborPrecision:
    from sklearn.preprocessing import normalize

    # The dot product of unit vectors falls as their cosine distance rises.
    units, reference_units = normalize(queries), normalize(references)
    relevant = []
    for query, vector in enumerate(units):
        similarity = (reference_units @ vector)[search.allowed(query)]
        nearest = np.argsort(-similarity, kind="stable")[:NEAREST]
        relevant.append(search.same_genre(query)[nearest])
    matrix = np.array(relevant)
    return NeighborPrecision(float(matrix[:, 0].mean()), float(matrix.mean()))
