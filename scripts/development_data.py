"""Load the development data for the other scripts.

The data is a folder with ``gtzan/`` (log-mel arrays, and ten clips of each genre as audio)
and ``realworld/`` (arrays of recent releases, labeled by public tags).
"""

import warnings
from collections.abc import Set
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genreclf.data import FeatureSet, find_duplicates

TESTED_GENRES = ("country", "hiphop", "metal", "pop", "reggae", "rock")
"""The genres with enough releases."""


def clip_ids(folder: Path) -> set[str]:
    """Return the ids ("blues.00000") of the clips in a folder of genres."""
    return {path.stem for path in folder.glob("*/*.flac")}


def gtzan(data: Path, features: str) -> FeatureSet:
    """Load the arrays of GTZAN."""
    return FeatureSet.from_npz(data / "gtzan" / "logmel_13fps.npz", features)


class Releases(NamedTuple):
    """The releases, and two masks of those in `TESTED_GENRES`.

    Attributes
    ----------
    tracks : FeatureSet
    tested : ndarray of bool, shape (tracks,)
        Independent sources agree on the genre.
    selection : ndarray of bool, shape (tracks,)
        Only one source states it: to choose settings with.
    """

    tracks: FeatureSet
    tested: NDArray[np.bool_]
    selection: NDArray[np.bool_]


def releases(data: Path, features: str) -> Releases:
    """Load the arrays of the releases."""
    path = data / "realworld" / "logmel_13fps.npz"
    tracks = FeatureSet.from_npz(path, features)
    with np.load(path, allow_pickle=False) as stored:
        agreed = stored["strict"].astype(bool)
    enough = np.isin(tracks.genres, TESTED_GENRES)
    return Releases(tracks, enough & agreed, enough & ~agreed)


def join_without_duplicates(
    tracks: FeatureSet, more: FeatureSet, held_out: Set[str] = frozenset()
) -> FeatureSet:
    """Join two sets, without recordings of the first in the second.

    Held-out tracks and their duplicates are removed.
    """
    both = tracks.concatenate(more)
    pairs = find_duplicates(both)
    copies = {both.ids[b] for a, b in pairs if a < len(tracks) <= b}
    for a, b in pairs:
        if not held_out.isdisjoint({both.ids[a], both.ids[b]}):
            copies |= {both.ids[a], both.ids[b]}
    return both.drop(sorted(held_out | copies))


def folds(tracks: FeatureSet, count: int) -> list[NDArray[np.int64]]:
    """Split into folds by artist, each with the same fraction of each genre if possible."""
    from sklearn.model_selection import StratifiedGroupKFold

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # one genre has a single track
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=0)
        return [test for _, test in splitter.split(tracks.ids, tracks.targets, tracks.groups)]
