"""The development data, as the scripts beside this module take it.

A folder with ``gtzan/`` (log-mel arrays, ten clips of each genre as audio) and
``realworld/`` (arrays of today's releases, labelled by public tags).
"""

import warnings
from collections.abc import Set
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genreclf.datasets import FeatureSet, find_duplicates

TESTED_GENRES = ("country", "hiphop", "metal", "pop", "reggae", "rock")
"""The genres that there are enough releases of."""


def clip_ids(folder: Path) -> set[str]:
    """The ids ("blues.00000") of the clips in a folder of genres."""
    return {path.stem for path in folder.glob("*/*.flac")}


def gtzan(data: Path, features: str) -> FeatureSet:
    """GTZAN's arrays."""
    return FeatureSet.from_npz(data / "gtzan" / "logmel_13fps.npz", features)


class Releases(NamedTuple):
    """The releases, and masks of those of `TESTED_GENRES`.

    Attributes
    ----------
    tracks : FeatureSet
    tested : ndarray of bool, shape (tracks,)
        Independent sources agree on the genre.
    watched : ndarray of bool, shape (tracks,)
        Only one source tells it: to choose settings by.
    """

    tracks: FeatureSet
    tested: NDArray[np.bool_]
    watched: NDArray[np.bool_]


def releases(data: Path, features: str) -> Releases:
    """The releases' arrays."""
    path = data / "realworld" / "logmel_13fps.npz"
    tracks = FeatureSet.from_npz(path, features)
    with np.load(path, allow_pickle=False) as stored:
        agreed = stored["strict"].astype(bool)
    enough = np.isin(tracks.genres, TESTED_GENRES)
    return Releases(tracks, enough & agreed, enough & ~agreed)


def joined_once(
    tracks: FeatureSet, more: FeatureSet, held_out: Set[str] = frozenset()
) -> FeatureSet:
    """Two sets as one, no recording of the first again from the second.

    Tracks that are held out are missing, and whatever is the same recording.
    """
    both = tracks.joined(more)
    pairs = find_duplicates(both)
    copies = {both.ids[b] for a, b in pairs if a < len(tracks) <= b}
    for a, b in pairs:
        if not held_out.isdisjoint({both.ids[a], both.ids[b]}):
            copies |= {both.ids[a], both.ids[b]}
    return both.without(sorted(held_out | copies))


def folds(tracks: FeatureSet, count: int) -> list[NDArray[np.int64]]:
    """Parts with the same share of each genre as far as may be, and artists of their own."""
    from sklearn.model_selection import StratifiedGroupKFold

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # one genre has a single track
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=0)
        return [test for _, test in splitter.split(tracks.ids, tracks.targets, tracks.groups)]
