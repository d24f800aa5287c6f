"""Whether near tracks share their genre, against scikit-learn's search."""

import dataclasses
import json

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from conftest import noise
from genreclf.datasets import FeatureSet
from genreclf.errors import DatasetError
from genreclf.evaluation import Evaluation, Neighbours, evaluate, neighbours
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


def shares(queries, references, asked, sought, barred=None):
    """First and five by scikit-learn: all neighbours in order, less those that are barred."""
    search = NearestNeighbors(n_neighbors=len(sought), metric="cosine").fit(sought)
    rows = []
    for i, order in enumerate(search.kneighbors(asked, return_distance=False)):
        kept = [j for j in order if barred is None or not barred(i, j)]
        rows.append([references.genres[j] == queries.genres[i] for j in kept[:5]])
    return np.mean([row[0] for row in rows]), np.mean(rows)


def test_neighbours_on_another_side(classifier, test, train):
    found = neighbours(classifier, test, train)
    assert (found.queries, found.references) == (15, TRACKS)
    assert found.chance == pytest.approx(1 / 3)
    (asked, asked_means), (sought, means) = vectors(classifier, test), vectors(classifier, train)
    expected = shares(test, train, asked, sought)
    assert (found.embeddings.first, found.embeddings.five) == pytest.approx(expected)
    centre, spread = means.mean(axis=0), means.std(axis=0)
    expected = shares(test, train, (asked_means - centre) / spread, (means - centre) / spread)
    assert (found.frames.first, found.frames.five) == pytest.approx(expected)
    for agreement in (found.embeddings, found.frames):
        assert found.chance < agreement.five < 1


def test_neighbours_in_the_same_set_are_of_other_groups(classifier, train):
    groups = tuple(f"artist {i // 4}" for i in range(TRACKS))
    grouped = dataclasses.replace(train, groups=groups)
    found = neighbours(classifier, grouped)
    embedded, _ = vectors(classifier, train)
    alone = shares(train, train, embedded, embedded, lambda i, j: i == j)
    apart = shares(train, train, embedded, embedded, lambda i, j: groups[i] == groups[j])
    assert (found.embeddings.first, found.embeddings.five) == pytest.approx(apart)
    assert alone != apart
    assert neighbours(classifier, train).embeddings.five == pytest.approx(alone[1])


def test_a_copy_of_a_recording_is_no_neighbour(classifier, train):
    twice = FeatureSet.from_frames(
        train.features,
        [train.frames(i % TRACKS) for i in range(2 * TRACKS)],
        [str(i) for i in range(2 * TRACKS)],
        train.genres * 2,
    )
    found = neighbours(classifier, twice)
    # 16 tracks of the same genre, less itself and its copy, of 48 less these two.
    assert found.chance == pytest.approx(14 / 46)
    once = neighbours(classifier, train)
    assert found.embeddings.first == pytest.approx(once.embeddings.first)


@pytest.mark.parametrize("kept", [0, 1, 5])
def test_too_few_to_say(classifier, train, kept):
    assert neighbours(classifier, train.subset(range(kept))) is None


def test_just_enough(classifier, train):
    enough = neighbours(classifier, train, train.subset(range(5)))
    assert enough.embeddings.five == pytest.approx(enough.chance)


def test_one_group_has_no_neighbours(classifier, train):
    together = dataclasses.replace(train, groups=("one artist",) * TRACKS)
    assert neighbours(classifier, together) is None


def test_features_of_another_kind_are_refused(classifier, train):
    with pytest.raises(DatasetError, match="extract them again"):
        neighbours(classifier, train, tracks(3, 6, "logmel-dong2018"))


def test_an_evaluation_keeps_its_neighbours(classifier, test, train):
    plain = evaluate(classifier, test)
    full = dataclasses.replace(plain, neighbours=neighbours(classifier, test, train))
    record = json.loads(json.dumps(full.to_dict()))
    assert Evaluation.from_dict(record).neighbours == full.neighbours
    assert isinstance(full.neighbours, Neighbours)
    # As former versions wrote it.
    del record["neighbours"], record["stability"]
    assert Evaluation.from_dict(record).neighbours is None
    for damaged in ({"queries": 1}, {**full.neighbours.to_dict(), "frames": {}}, "none"):
        with pytest.raises(DatasetError, match="not an evaluation"):
            Evaluation.from_dict({**record, "neighbours": damaged})
