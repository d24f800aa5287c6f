"""Precision of nearest neighbors, against scikit-learn's search."""

import dataclasses
import json

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from conftest import noise
from genreclf.data import FeatureSet
from genreclf.errors import DatasetError
from genreclf.evaluation import Evaluation, Neighbors, evaluate, nearest_neighbors
from genreclf.features import make_extractor

GENRES = ("blues", "jazz", "metal")
TRACKS = 24


def tracks(seed, count=TRACKS, features="logmel-13fps"):
    """Noise with a tone of its genre's height, which is not always the genre's."""
    rng = np.random.default_rng(seed)
    extractor = make_extractor(features)
    genres = [GENRES[i % 3] for i in range(count)]
    frames = []
    for i, genre in enumerate(genres):
        hertz = 300 * 3.0 ** (GENRES.index(genre) + rng.normal(0, 0.4))
        wave = np.sin(2 * np.pi * hertz * np.arange(4 * 22050) / 22050)
        frames.append(extractor.transform(noise(4, seed=1000 * seed + i) + 0.1 * wave.astype("f4")))
    return FeatureSet.from_frames(features, frames, [f"{seed}-{i}" for i in range(count)], genres)


@pytest.fixture(scope="module")
def train():
    return tracks(1)


@pytest.fixture(scope="module")
def test():
    return tracks(2, 15)


def vectors(classifier, features):
    frames = [features.frames(i) for i in range(len(features))]
    return (
        np.array([classifier.embed_frames(each) for each in frames]),
        np.array([each.mean(axis=1) for each in frames]),
    )


def precision(queries, references, asked, sought, excluded=None):
    """Precision at 1 and 5 by scikit-learn, from all neighbors but the excluded ones."""
    search = NearestNeighbors(n_neighbors=len(sought), metric="cosine").fit(sought)
    rows = []
    for i, order in enumerate(search.kneighbors(asked, return_distance=False)):
        allowed = [j for j in order if excluded is None or not excluded(i, j)]
        rows.append([references.genres[j] == queries.genres[i] for j in allowed[:5]])
    return np.mean([row[0] for row in rows]), np.mean(rows)


def with_groups(features, groups):
    rows = zip(features.tracks, groups, strict=True)
    tracks = tuple(dataclasses.replace(track, group=group) for track, group in rows)
    return dataclasses.replace(features, tracks=tracks)


def test_neighbors_on_another_side(classifier, test, train):
    found = nearest_neighbors(classifier, test, train)
    assert (found.queries, found.references) == (15, TRACKS)
    assert found.chance == pytest.approx(1 / 3)
    (asked, asked_means), (sought, means) = vectors(classifier, test), vectors(classifier, train)
    expected = precision(test, train, asked, sought)
    assert (found.embeddings.at_1, found.embeddings.at_5) == pytest.approx(expected)
    center, spread = means.mean(axis=0), means.std(axis=0)
    expected = precision(test, train, (asked_means - center) / spread, (means - center) / spread)
    assert (found.frames.at_1, found.frames.at_5) == pytest.approx(expected)
    for found_precision in (found.embeddings, found.frames):
        assert found.chance < found_precision.at_5 < 1


def test_neighbors_in_the_same_set_are_of_other_groups(classifier, train):
    groups = tuple(f"artist {i // 4}" for i in range(TRACKS))
    grouped = with_groups(train, groups)
    found = nearest_neighbors(classifier, grouped)
    embedded, _ = vectors(classifier, train)
    alone = precision(train, train, embedded, embedded, lambda i, j: i == j)
    apart = precision(train, train, embedded, embedded, lambda i, j: groups[i] == groups[j])
    assert (found.embeddings.at_1, found.embeddings.at_5) == pytest.approx(apart)
    assert alone != apart
    assert nearest_neighbors(classifier, train).embeddings.at_5 == pytest.approx(alone[1])


def test_a_copy_of_a_recording_is_no_neighbor(classifier, train):
    twice = FeatureSet.from_frames(
        train.features,
        [train.frames(i % TRACKS) for i in range(2 * TRACKS)],
        [str(i) for i in range(2 * TRACKS)],
        train.genres * 2,
    )
    found = nearest_neighbors(classifier, twice)
    # 16 tracks of the same genre, less itself and its copy, of 48 less these two.
    assert found.chance == pytest.approx(14 / 46)
    once = nearest_neighbors(classifier, train)
    assert found.embeddings.at_1 == pytest.approx(once.embeddings.at_1)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_too_few_references(classifier, train, count):
    assert nearest_neighbors(classifier, train.subset(range(count))) is None


def test_just_enough(classifier, train):
    enough = nearest_neighbors(classifier, train, train.subset(range(5)))
    assert enough.embeddings.at_5 == pytest.approx(enough.chance)


def test_one_group_has_no_neighbors(classifier, train):
    together = with_groups(train, ("one artist",) * TRACKS)
    assert nearest_neighbors(classifier, together) is None


def test_features_of_another_kind_are_refused(classifier, train):
    with pytest.raises(DatasetError, match="extract them again"):
        nearest_neighbors(classifier, train, tracks(3, 6, "logmel-dong2018"))


def test_an_evaluation_keeps_its_neighbors(classifier, test, train):
    plain = evaluate(classifier, test)
    full = dataclasses.replace(plain, neighbors=nearest_neighbors(classifier, test, train))
    record = json.loads(json.dumps(full.to_dict()))
    assert Evaluation.from_dict(record).neighbors == full.neighbors
    assert isinstance(full.neighbors, Neighbors)
    del record["neighbors"], record["robustness"]
    assert Evaluation.from_dict(record).neighbors is None
    for damaged in ({"queries": 1}, {**full.neighbors.to_dict(), "frames": {}}, "none"):
        with pytest.raises(DatasetError, match="not an evaluation"):
            Evaluation.from_dict({**record, "neighbors": damaged})
