"""Which tracks train, which choose the model, and which test it.

No function here puts tied tracks (see :func:`ties_of`) on two sides, or returns a
side on which one of the labels is missing.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genreclf.audio import is_audio_path
from genreclf.datasets.feature_set import FeatureSet
from genreclf.datasets.gtzan import BROKEN
from genreclf.datasets.tracks import printable
from genreclf.errors import ConfigError, DatasetError

Indices = NDArray[np.int64]

SIDES = ("train", "valid", "test")
PAPER_SHARES = (0.5, 0.2, 0.3)


class Split(NamedTuple):
    """Indices of tracks, each sorted.

    Attributes
    ----------
    train, valid, test : ndarray of int64, shape (tracks of this side,)
    """

    train: Indices
    valid: Indices
    test: Indices


def ties_of(features: FeatureSet, duplicates: Iterable[tuple[int, int]] = ()) -> Indices:
    """Which tracks must stay together: those of a group, and duplicates.

    Parameters
    ----------
    features : FeatureSet
    duplicates : iterable of (int, int)
        Pairs of tracks, as :func:`genreclf.datasets.find_duplicates` gives them.

    Returns
    -------
    ndarray of int64, shape (tracks,)
        Equal for tracks that are tied, directly or through others.
    """
    leader = list(range(len(features)))

    def find(track: int) -> int:
        while leader[track] != track:
            leader[track] = leader[leader[track]]
            track = leader[track]
        return track

    first_of: dict[str, int] = {}
    for track, group in enumerate(features.groups):
        if group is not None:
            leader[find(track)] = find(first_of.setdefault(group, track))
    for one, other in duplicates:
        leader[find(one)] = find(other)
    return np.array([find(track) for track in range(len(features))], dtype=np.int64)


def paper_split(features: FeatureSet, seed: int, ties: Indices | None = None) -> Split:
    """50 % training, 20 % validation and 30 % testing of each genre, at random.

    Parameters
    ----------
    features : FeatureSet
    seed : int
    ties : ndarray of int64, shape (tracks,), optional
        From :func:`ties_of`; only groups are kept together if left out. Each
        genre's shares are as near to the wanted ones as they allow.

    Raises
    ------
    DatasetError
        If a genre has too few tracks, or ties, for three sides.
    """
    targets = features.targets
    counts = np.bincount(targets, minlength=len(features.labels))
    wanted = np.outer(np.maximum(counts, 1), PAPER_SHARES)
    placed = np.zeros_like(wanted)
    side_of = np.empty(len(features), np.int64)
    for tracks in _shuffled_ties(_ties(features, ties), seed):
        here = np.bincount(targets[tracks], minlength=len(counts))
        # How much each side's squared excess, relative to its due, would grow. For
        # single tracks this is the Webster method of sharing out seats.
        growth = here[:, None] * (2 * placed + here[:, None]) / wanted
        side = int(growth.sum(axis=0).argmin())
        placed[:, side] += here
        side_of[tracks] = side
    return _checked(features, Split(*(np.flatnonzero(side_of == side) for side in range(3))))


def artist_filtered_split(
    features: FeatureSet, folder: str | PathLike[str], ties: Indices | None = None
) -> Split:
    """The published split of GTZAN without common artists, copies and faults.

    By Kereliuk, Sturm and Larsen (2015): 443 tracks for training, 197 for
    validation, 290 for testing; tracks on none of the lists are on no side. One of
    the 443 is ``jazz.00054``, which :class:`genreclf.datasets.GTZAN` leaves out.

    Parameters
    ----------
    features : FeatureSet
        GTZAN, or a part of it.
    folder : path
        Holds the lists: ``artist_filtered_train.txt`` (or ``train_filtered.txt``)
        and the same for ``valid`` and ``test``, each line an id or a path such as
        ``blues/blues.00029.wav``.
    ties : ndarray of int64, shape (tracks,), optional
        From :func:`ties_of`; only groups are kept together if left out. A track
        tied to one that tests (or validates) is taken from the other side.

    Raises
    ------
    DatasetError
        If a list is missing, a track is on two of them, or a label is missing on
        one side.

    Warns
    -----
    UserWarning
        Names other listed tracks that are not in the set, and tracks taken away.
    """
    index = {_bare(name): track for track, name in enumerate(features.ids)}
    if len(index) < len(features):
        raise DatasetError("tracks of different folders have the same name: this is not GTZAN")
    lists = [_read_list(Path(folder), side) for side in SIDES]
    _check_disjoint(lists)
    listed = [name for names in lists for name in names]
    _warn(
        "listed tracks that are not in the set", [n for n in listed if n not in {*index, *BROKEN}]
    )
    sides = [[index[name] for name in names if name in index] for names in lists]
    return _checked(features, _untied(features, sides, _ties(features, ties)))


def grouped_folds(
    features: FeatureSet, n_folds: int, seed: int, ties: Indices | None = None
) -> list[Split]:
    """Cross-validation: each track tests once, and genres are shared out evenly.

    scikit-learn's ``StratifiedGroupKFold`` makes the folds, and takes as many
    tracks as one of them has from each training side for validation.

    Parameters
    ----------
    features : FeatureSet
    n_folds : int
        At least 2.
    seed : int
    ties : ndarray of int64, shape (tracks,), optional
        From :func:`ties_of`; only groups are kept together if left out.

    Raises
    ------
    ConfigError
        If `n_folds` is below 2.
    DatasetError
        If a genre has too few tracks, or ties, for all sides of all folds.
    """
    if n_folds < 2:
        raise ConfigError(f"folds: at least 2 are needed (got {n_folds})")
    tied = _ties(features, ties)
    everything = np.arange(len(features))
    folds = []
    for rest, test in _stratified(features, everything, tied, n_folds, seed):
        parts = max(2, min(n_folds - 1, *_ties_per_label(features, rest, tied).values()))
        train, valid = next(_stratified(features, rest, tied, parts, seed))
        folds.append(_checked(features, Split(train, valid, test)))
    return folds


def given_split(features: FeatureSet, ties: Indices | None = None) -> Split:
    """The split that the data set came with.

    Parameters
    ----------
    features : FeatureSet
        With `splits`.
    ties : ndarray of int64, shape (tracks,), optional
        From :func:`ties_of`; only groups are checked if left out.

    Raises
    ------
    DatasetError
        If a track has no side, tied tracks have different ones, or a label is
        missing on one.
    """
    unknown = [i for i, split in enumerate(features.splits) if split not in SIDES]
    if unknown:
        raise DatasetError(
            f"{len(unknown)} of {len(features)} tracks have no given split, such as "
            f"'{features.ids[unknown[0]]}'; give one to each (train, valid or test)"
        )
    side_of = np.array([SIDES.index(str(split)) for split in features.splits], np.int64)
    first_of: dict[int, int] = {}
    for track, tie in enumerate(_ties(features, ties)):
        first = first_of.setdefault(int(tie), track)
        if side_of[first] != side_of[track]:
            raise DatasetError(
                f"'{features.ids[first]}' ({features.splits[first]}) and '{features.ids[track]}' "
                f"({features.splits[track]}) are the same recording or of one group; "
                "put them on one side, or leave one out"
            )
    return _checked(features, Split(*(np.flatnonzero(side_of == side) for side in range(3))))


def _ties(features: FeatureSet, ties: Indices | None) -> Indices:
    if ties is None:
        return ties_of(features)
    if len(ties) != len(features):
        raise DatasetError(f"{len(ties)} ties do not fit {len(features)} tracks")
    return ties


def _shuffled_ties(ties: Indices, seed: int) -> list[Indices]:
    """The tracks of each tie, in random order but the largest ties first."""
    _, numbers, sizes = np.unique(ties, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(numbers, kind="stable"), np.cumsum(sizes)[:-1])
    order = np.random.default_rng(seed).permutation(len(members))
    return sorted((members[i] for i in order), key=len, reverse=True)


def _stratified(
    features: FeatureSet, tracks: Indices, ties: Indices, n_splits: int, seed: int
) -> Iterator[tuple[Indices, Indices]]:
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)
    for label, count in _ties_per_label(features, tracks, ties).items():
        if count < n_splits:
            raise DatasetError(
                f"genre '{label}' has only {count} tracks that are not tied to each other, "
                f"too few for {n_splits} parts"
            )
    for first, second in folds.split(tracks, features.targets[tracks], ties[tracks]):
        yield tracks[first], tracks[second]


def _ties_per_label(features: FeatureSet, tracks: Indices, ties: Indices) -> dict[str, int]:
    targets = features.targets[tracks]
    return {
        label: len(np.unique(ties[tracks[targets == index]]))
        for index, label in enumerate(features.labels)
    }


def _untied(features: FeatureSet, sides: Sequence[Sequence[int]], ties: Indices) -> Split:
    """Take tracks away whose ties are on a later side, which needs them more."""
    kept: list[Indices] = []
    removed: list[int] = []
    later: set[int] = set()
    for side in reversed(sides):
        removed += [track for track in side if ties[track] in later]
        kept.append(np.array(sorted(set(side) - set(removed)), np.int64))
        later |= set(ties[kept[-1]].tolist())
    _warn(
        "tracks left out because they are tied to tracks of another side",
        [features.ids[track] for track in removed],
    )
    return Split(*reversed(kept))


def _checked(features: FeatureSet, split: Split) -> Split:
    for side, tracks in zip(SIDES, split, strict=True):
        missing = set(range(len(features.labels))) - set(features.targets[tracks].tolist())
        if missing:
            raise DatasetError(
                f"genre '{features.labels[min(missing)]}' has no track on the {side} side of the "
                "split; it needs more tracks (or fewer ties between them), or leave it out"
            )
    return split


def _read_list(folder: Path, side: str) -> list[str]:
    names = (f"artist_filtered_{side}.txt", f"{side}_filtered.txt")
    for path in (folder / name for name in names):
        if path.is_file():
            lines = path.read_text(encoding="utf-8-sig").splitlines()
            return list(dict.fromkeys(_bare(line.strip()) for line in lines if line.strip()))
    raise DatasetError(
        f"'{printable(folder)}' has no {names[0]} (or {names[1]}); put the published lists of "
        "the fault-filtered GTZAN (Kereliuk, Sturm and Larsen 2015) there"
    )


def _bare(name: str) -> str:
    """The clip in a line such as ``blues/blues.00029.wav``."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.stem if is_audio_path(path) else path.name


def _check_disjoint(lists: Sequence[Sequence[str]]) -> None:
    seen: dict[str, str] = {}
    for side, names in zip(SIDES, lists, strict=True):
        for name in names:
            if name in seen:
                raise DatasetError(f"'{name}' is on the lists for {seen[name]} and {side}")
            seen[name] = side


def _warn(problem: str, names: Sequence[str]) -> None:
    if names:
        more = ", ..." if len(names) > 5 else ""
        message = f"{problem} ({len(names)}): {', '.join(names[:5])}{more}"
        warnings.warn(message, stacklevel=3)
