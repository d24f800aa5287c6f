"""Splits keep groups of tracks together and have all labels."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genreclf.data import (
    FeatureSet,
    Split,
    artist_filtered_split,
    given_split,
    group_tracks,
    paper_split,
)
from genreclf.errors import DatasetError

REAL = Path(__file__).parents[2] / "shared" / "data" / "gtzan"
real_data = pytest.mark.skipif(not REAL.is_dir(), reason="the shared GTZAN data is not here")


def feature_set(genres, groups=None, splits=None, ids=None) -> FeatureSet:
    """Tracks of one frame each."""
    frames = [np.zeros((128, 1), np.float32)] * len(genres)
    ids = ids or [f"t{i}" for i in range(len(genres))]
    return FeatureSet.from_frames("logmel-13fps", frames, ids, genres, groups=groups, splits=splits)


def check(split: Split, features: FeatureSet, groups: np.ndarray, everything: bool = True) -> None:
    """No group in two splits, no track twice, every label in each split."""
    placed = np.concatenate(split)
    assert len(set(placed.tolist())) == len(placed)
    if everything:
        assert sorted(placed.tolist()) == list(range(len(features)))
    members = [set(groups[tracks].tolist()) for tracks in split]
    assert not members[0] & members[1]
    assert not members[0] & members[2]
    assert not members[1] & members[2]
    for tracks in split:
        assert tracks.dtype == np.int64
        assert (np.diff(tracks) > 0).all()
        assert set(features.targets[tracks]) == set(range(len(features.labels)))


@st.composite
def grouped_sets(draw, min_groups: int = 3):
    """Genres with groups and duplicates that reach across genres."""
    sizes = draw(st.lists(st.integers(min_groups, 30), min_size=2, max_size=4))
    genres = [f"g{i}" for i, size in enumerate(sizes) for _ in range(size)]
    tracks = st.integers(0, len(genres) - 1)
    groups: list[str | None] = [None] * len(genres)
    for track in draw(st.lists(tracks, max_size=10)):
        groups[track] = draw(st.sampled_from("abc"))
    duplicates = draw(st.lists(st.tuples(tracks, tracks), max_size=8))
    return feature_set(genres, groups), duplicates


class TestGroups:
    def test_groups_and_duplicates_unite_across_each_other(self):
        features = feature_set("ababab", ["x", None, "x", "y", None, "y"])
        groups = group_tracks(features, [(1, 4), (2, 1)])
        assert groups.dtype == np.int64
        assert len({int(groups[i]) for i in (0, 1, 2, 4)}) == 1
        assert groups[3] == groups[5] != groups[0]

    def test_tracks_without_a_group_are_alone(self):
        assert len(set(group_tracks(feature_set("abab")).tolist())) == 4

    @given(grouped_sets())
    def test_they_are_the_connected_components(self, drawn):
        features, duplicates = drawn
        names = features.groups
        connected = np.array([[a == b is not None for b in names] for a in names])
        connected |= np.eye(len(features), dtype=bool)
        for one, other in duplicates:
            connected[one, other] = connected[other, one] = True
        for _ in range(len(features).bit_length()):
            connected = connected @ connected
        groups = group_tracks(features, duplicates)
        assert ((groups[:, None] == groups) == connected).all()


class TestPaperSplit:
    def test_fractions_are_exact_where_they_can_be(self):
        features = feature_set(["a"] * 100 + ["b"] * 40 + ["c"] * 99)
        split = paper_split(features, seed=1)
        counts = [np.bincount(features.targets[tracks]).tolist() for tracks in split]
        assert counts == [[50, 20, 49], [20, 8, 20], [30, 12, 30]]

    def test_seeds_differ_and_repeat(self):
        features = feature_set(["a", "b"] * 50)
        one, same, other = (paper_split(features, seed) for seed in (1, 1, 2))
        assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
        assert not np.array_equal(one.test, other.test)

    def test_a_seed_gives_the_same_split_in_every_version(self):
        features = feature_set("ab" * 10, ["x", "y", "x", "y"] + [None] * 16)
        split = paper_split(features, 7, group_tracks(features, [(4, 9), (5, 12)]))
        assert [tracks.tolist() for tracks in split] == [
            [5, 7, 10, 11, 12, 14, 15, 16, 17, 18],
            [4, 8, 9, 19],
            [0, 1, 2, 3, 6, 13],
        ]

    def test_every_track_gets_its_turn_in_testing(self):
        features = feature_set(["a", "b"] * 10)
        tested = np.zeros(20)
        for seed in range(400):
            tested[paper_split(features, seed).test] += 1
        assert np.abs(tested / 400 - 0.3).max() < 0.1

    @given(grouped_sets(), st.integers(0, 2**32))
    def test_groups_stay_together(self, drawn, seed):
        features, duplicates = drawn
        groups = group_tracks(features, duplicates)
        try:
            split = paper_split(features, seed, groups)
        except DatasetError:
            # Only where groups are large: some genre has few of them, or mixes with others.
            sizes = np.unique(groups, return_counts=True)[1]
            assert sizes.max() > 1
            return
        check(split, features, groups)

    @given(st.lists(st.integers(1, 6), min_size=5, max_size=30), st.integers(0, 99))
    def test_fractions_are_as_close_as_groups_allow(self, sizes, seed):
        groups = [f"{genre}{i}" for genre in "ab" for i, n in enumerate(sizes) for _ in range(n)]
        features = feature_set([group[0] for group in groups], groups)
        split = paper_split(features, seed)
        check(split, features, group_tracks(features))
        total = sum(sizes)
        for tracks, fraction in zip(split, (0.5, 0.2, 0.3), strict=True):
            for count in np.bincount(features.targets[tracks]):
                assert abs(count - fraction * total) <= max(sizes)

    def test_groups_are_kept_together_unless_told_otherwise(self):
        features = feature_set(["a", "b"] * 20, [str(i // 4) for i in range(40)])
        check(paper_split(features, 0), features, group_tracks(features))
        alone = paper_split(features, 0, np.arange(40))
        members = [{features.groups[i] for i in tracks} for tracks in alone]
        assert members[0] & members[2]

    def test_too_few_tracks_name_the_genre(self):
        with pytest.raises(DatasetError, match="genre 'few' has no track in the valid split"):
            paper_split(feature_set(["few"] * 2 + ["many"] * 9), 0)

    def test_groups_of_another_set(self):
        with pytest.raises(DatasetError, match="3 group numbers do not fit 4 tracks"):
            paper_split(feature_set("abab"), 0, np.arange(3))


class TestGivenSplit:
    def test_splits_are_those_given(self):
        features = feature_set("ababab", splits=["train"] * 2 + ["test"] * 2 + ["valid"] * 2)
        split = given_split(features)
        assert [tracks.tolist() for tracks in split] == [[0, 1], [4, 5], [2, 3]]
        check(split, features, np.arange(6))

    def test_a_track_without_a_split(self):
        with pytest.raises(DatasetError, match=r"1 of 4 tracks have no given split.*'t3'"):
            given_split(feature_set("abab", splits=["train", "valid", "test", None]))
        with pytest.raises(DatasetError, match="2 of 2 tracks"):
            given_split(feature_set("ab"))

    def test_groups_in_two_splits_are_named(self):
        splits = ["train", "train", "valid", "valid", "test", "test"]
        with pytest.raises(DatasetError, match=r"'t1' \(train\) and 't5' \(test\)"):
            given_split(feature_set("ababab", [None, "x", None, None, None, "x"], splits))
        features = feature_set("ababab", splits=splits)
        with pytest.raises(DatasetError, match=r"'t0' \(train\) and 't2' \(valid\)"):
            given_split(features, group_tracks(features, [(2, 0)]))

    def test_a_label_in_some_splits_only(self):
        splits = ["train", "train", "valid", "valid", "test"]
        with pytest.raises(DatasetError, match="genre 'b' has no track in the test split"):
            given_split(feature_set("ababa", splits=splits))


class TestArtistFilteredSplit:
    NAMES = tuple(f"{genre}.{i:05d}" for i in range(4) for genre in ("blues", "rock"))

    def lists(self, folder: Path, name: str = "artist_filtered_{}.txt", **changes: str) -> Path:
        content = {
            "train": "blues.00000\nrock.00000\n\n",
            "valid": "blues/blues.00001.wav\r\nrock/rock.00001.au\n",
            "test": "  blues.00002\nrock.00002\nrock.00002\n",
        } | changes
        for split, text in content.items():
            (folder / name.format(split)).write_text(text)
        return folder

    def features(self) -> FeatureSet:
        return feature_set([name[:-6] for name in self.NAMES], ids=self.NAMES)

    @pytest.mark.parametrize("name", ["artist_filtered_{}.txt", "{}_filtered.txt"])
    def test_lists_are_read(self, tmp_path, name):
        split = artist_filtered_split(self.features(), self.lists(tmp_path, name))
        assert [tracks.tolist() for tracks in split] == [[0, 1], [2, 3], [4, 5]]

    def test_ids_of_a_plain_folder_of_genres_fit(self, tmp_path):
        ids = [f"{name[:-6]}/{name}" for name in self.NAMES]
        features = feature_set([name[:-6] for name in self.NAMES], ids=ids)
        split = artist_filtered_split(features, self.lists(tmp_path))
        assert split.test.tolist() == [4, 5]

    def test_listed_tracks_that_are_not_there_are_reported(self, tmp_path):
        train = "blues.00000\nrock.00000\nrock.00077\njazz.00054\n"
        with pytest.warns(UserWarning, match=r"not in the set \(1\): rock\.00077$"):
            artist_filtered_split(self.features(), self.lists(tmp_path, train=train))

    def test_tracks_leave_the_split_that_needs_them_less(self, tmp_path):
        train = "".join(f"{genre}.0000{i}\n" for genre in ("blues", "rock") for i in (0, 3))
        features = self.features()
        groups = group_tracks(features, [(6, 4), (7, 3)])
        with pytest.warns(UserWarning, match=r"of their group .* \(2\): blues\.00003, rock\.00003"):
            split = artist_filtered_split(features, self.lists(tmp_path, train=train), groups)
        check(split, features, groups, everything=False)
        assert [tracks.tolist() for tracks in split] == [[0, 1], [2, 3], [4, 5]]

    def test_errors(self, tmp_path):
        with pytest.raises(DatasetError, match=r"has no artist_filtered_train\.txt"):
            artist_filtered_split(self.features(), tmp_path)
        with pytest.raises(DatasetError, match=r"'rock\.00002' is on the lists for train and test"):
            artist_filtered_split(
                self.features(), self.lists(tmp_path, train="rock.00002\nblues.00000\n")
            )
        with pytest.raises(DatasetError, match="genre 'rock' has no track in the train split"):
            artist_filtered_split(self.features(), self.lists(tmp_path, train="blues.00000\n"))

    @real_data
    def test_the_published_lists_have_no_known_duplicates_in_two_splits(self):
        features = FeatureSet.from_npz(REAL / "logmel_13fps.npz")
        index = {name: i for i, name in enumerate(features.ids)}
        with (REAL / "splits" / "duplicates.csv").open() as file:
            pairs = [(index[row["a"]], index[row["b"]]) for row in csv.DictReader(file)]
        groups = group_tracks(features, pairs)
        # No warning: nothing is taken away but jazz.00054, of the 443.
        split = artist_filtered_split(features, REAL / "splits", groups)
        assert [len(tracks) for tracks in split] == [442, 197, 290]
        check(split, features, groups, everything=False)
        check(paper_split(features, 0, groups), features, groups)
