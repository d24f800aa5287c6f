"""Splits into tracks to train on, to validate with, and to test on.

Tracks of one group (see :func:`group_tracks`) are always in the same split, and each split
has every label; otherwise the functions here raise an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from genreclf.data.duplicates import find_duplicates
from genreclf.data.feature_set import FeatureSet
from genreclf.errors import ConfigError, DatasetError

Scheme: TypeAlias = Literal["paper", "artist-filtered", "given"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

PAPER_FRACTIONS = (0.5, 0.2, 0.3)

Indices: TypeAlias = NDArray[np.int64]


class Split(NamedTuple):
    """Sorted indices of the tracks of each split: int64, shape (tracks of the split,)."""

    train: Indices
    valid: Indices
    test: Indices


def make_split(
    features: FeatureSet,
    scheme: Scheme,
    seed: int = 0,
    lists: str | PathLike[str] | None = None,
    groups: Indices | None = None,
) -> Split:
    """Split the tracks by a named scheme.

    Parameters
    ----------
    features : FeatureSet
    scheme : {"paper", "artist-filtered", "given"}
        Dong 2018's random 50/20/30 % of each genre; the published lists for GTZAN; or the
        split that the data set defines.
    seed : int
        Random seed of "paper".
    lists : path, optional
        Folder with the lists of "artist-filtered".
    groups : ndarray of int64, shape (tracks,), optional
        From :func:`group_tracks`; by default with the duplicates that
        :func:`find_duplicates` finds.

    Raises
    ------
    ConfigError, DatasetError
        If the scheme is unknown, its lists are missing, or the data cannot be split like this.
    """
    # gtzan imports this module.
    from genreclf.data.gtzan import artist_filtered_split

    if scheme not in SCHEMES:
        raise ConfigError(f"no scheme '{scheme}', only {', '.join(SCHEMES)}")
    if groups is None:
        groups = group_tracks(features, find_duplicates(features))
    if scheme == "paper":
        return paper_split(features, seed, groups)
    if scheme == "given":
        return given_split(features, groups)
    if lists is None:
        raise ConfigError(
            "the artist-filtered split needs the folder with its published lists, "
            "artist_filtered_train.txt, ..._valid.txt and ..._test.txt"
        )
    return artist_filtered_split(features, lists, groups)


def group_tracks(features: FeatureSet, duplicates: Iterable[tuple[int, int]] = ()) -> Indices:
    """Assign a number to each group of tracks that must be in the same split.

    Parameters
    ----------
    features : FeatureSet
        Tracks with the same `group` belong together.
    duplicates : iterable of (int, int)
        Pairs of tracks that belong together too, as :func:`genreclf.data.find_duplicates`
        returns them.

    Returns
    -------
    ndarray of int64, shape (tracks,)
        The number of each track's group: equal for tracks that are connected, directly or
        through others.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first_of: dict[str, int] = {}
    first = [
        track if group is None else first_of.setdefault(group, track)
        for track, group in enumerate(features.groups)
    ]
    one, other = np.array([*enumerate(first), *duplicates], np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(len(first), len(first)))
    n_groups, components = connected_components(graph, directed=False)
    # A track of the group gives it its number: random splits depend on the order of the
    # numbers, which must not change with scipy's.
    numbers = np.zeros(n_groups, np.int64)
    np.maximum.at(numbers, components, first)
    return np.asarray(numbers[components])


def paper_split(features: FeatureSet, seed: int, groups: Indices | None = None) -> Split:
    """Split each genre at random: 50 % to train, 20 % to validate and 30 % to test.

    Parameters
    ----------
    features : FeatureSet
    seed : int
    groups : ndarray of int64, shape (tracks,), optional
        From :func:`group_tracks`; by default only the groups of the tracks count. Each
        genre's fractions are as close to the wanted ones as the groups allow.

    Raises
    ------
    DatasetError
        If a genre has too few tracks, or groups, for three splits.
    """
    targets = features.targets
    counts = np.bincount(targets, minlength=len(features.labels))
    wanted = np.outer(np.maximum(counts, 1), PAPER_FRACTIONS)
    assigned = np.zeros_like(wanted)
    split_of = np.empty(len(features), np.int64)
    for tracks in _shuffled_groups(check_groups(features, groups), seed):
        added = np.bincount(targets[tracks], minlength=len(counts))
        # How much each split's squared excess would grow, relative to the wanted number.
        # For single tracks this is the Webster method of apportioning seats.
        growth = added[:, None] * (2 * assigned + added[:, None]) / wanted
        split = int(growth.sum(axis=0).argmin())
        assigned[:, split] += added
        split_of[tracks] = split
    return _split_by(features, split_of)


def given_split(features: FeatureSet, groups: Indices | None = None) -> Split:
    """Return the split that the data set defines.

    Parameters
    ----------
    features : FeatureSet
        With the split of each track.
    groups : ndarray of int64, shape (tracks,), optional
        From :func:`group_tracks`; by default only the groups of the tracks are checked.

    Raises
    ------
    DatasetError
        If a track has no split, a group is in two of them, or one lacks a label.
    """
    names = features.splits
    unknown = [i for i, split in enumerate(names) if split not in Split._fields]
    if unknown:
        raise DatasetError(
            f"{len(unknown)} of {len(features)} tracks have no given split, such as "
            f"'{features.ids[unknown[0]]}'; give one to each (train, valid or test)"
        )
    first_of: dict[int, int] = {}
    for track, group in enumerate(check_groups(features, groups).tolist()):
        first = first_of.setdefault(group, track)
        if names[first] != names[track]:
            raise DatasetError(
                f"'{features.ids[first]}' ({names[first]}) and '{features.ids[track]}' "
                f"({names[track]}) are the same recording or of one group; "
                "put them in one split, or remove one"
            )
    return _split_by(features, np.array([Split._fields.index(str(name)) for name in names]))


def check_groups(features: FeatureSet, groups: Indices | None) -> Indices:
    """Return the group numbers, by default those of the tracks' groups.

    Raises DatasetError if there is not one number for each track.
    """
    if groups is None:
        return group_tracks(features)
    if len(groups) != len(features):
        raise DatasetError(f"{len(groups)} group numbers do not fit {len(features)} tracks")
    return groups


def check_labels(features: FeatureSet, split: Split) -> Split:
    """Return the split, or raise DatasetError if one of its parts lacks a label."""
    for name, tracks in zip(Split._fields, split, strict=True):
        missing = set(range(len(features.labels))) - set(features.targets[tracks].tolist())
        if missing:
            raise DatasetError(
                f"genre '{features.labels[min(missing)]}' has no track in the {name} split; "
                "it needs more tracks, or fewer that belong to one group; or remove the genre"
            )
    return split


def _shuffled_groups(groups: Indices, seed: int) -> list[Indices]:
    """Return the tracks of each group, in random order but the largest groups first."""
    _, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(numbers, kind="stable"), np.cumsum(sizes)[:-1])
    order = np.random.default_rng(seed).permutation(len(members))
    return sorted((members[i] for i in order), key=len, reverse=True)


def _split_by(features: FeatureSet, split_of: Indices) -> Split:
    return check_labels(features, Split(*(np.flatnonzero(split_of == i) for i in range(3))))
