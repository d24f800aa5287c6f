"""Recordings that occur more than once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from genreclf.data.feature_set import FeatureSet
from genreclf.features import Extractor

_SECONDS = 30.0  # of each track to compare
_RATE = 13.0  # frames per second to compare, approximately
_MIN_DEVIATION = 1e-3  # patterns that vary less than this (RMS) are not compared
_BLOCK_BYTES = 2**27


def find_duplicates(features: FeatureSet, threshold: float = 0.95) -> list[tuple[int, int]]:
    """Find pairs of tracks that are the same recording from the same moment on.

    Two tracks are compared over the first 30 seconds, or as many whole seconds as the shorter
    one has, by the correlation of their frames after each bin's mean is subtracted: a
    different level or equalization does not hide a duplicate. A duplicate that starts at
    another moment of the recording is not found.

    Parameters
    ----------
    features : FeatureSet
        Read in blocks, so memory stays bounded.
    threshold : float
        Correlation above which two tracks are the same, 0 to 1. Duplicates reach 0.98 and
        more even after lossy coding, different recordings rarely 0.7.

    Returns
    -------
    list of (int, int)
        Indices of tracks, the smaller first, sorted.
    """
    extractor = features.extractor()
    lengths = _lengths(features, extractor)
    pool = max(1, int(extractor.sample_rate / extractor.hop_length / _RATE))
    found = []
    # Each track is compared with those that are as long or longer, cut to its length.
    for length in np.unique(lengths):
        size = max(1, _BLOCK_BYTES // (4 * extractor.frame_bins * (1 + int(length) // pool)))
        shortest = np.flatnonzero(lengths == length)
        others = np.concatenate([shortest, np.flatnonzero(lengths > length)])
        for rows in _chunks(shortest, size):
            one = _patterns(features, rows, int(length), pool)
            others = others[len(rows) :]
            for columns in (rows, *_chunks(others, size)):
                two = one if columns is rows else _patterns(features, columns, int(length), pool)
                similar = np.argwhere(one @ two.T > threshold)
                found += [(int(rows[i]), int(columns[j])) for i, j in similar]
    return sorted({(min(pair), max(pair)) for pair in found if pair[0] != pair[1]})


def _lengths(features: FeatureSet, extractor: Extractor) -> NDArray[np.int64]:
    """Return how many frames of each track to compare: few distinct numbers, for large products."""
    second = max(1, round(extractor.sample_rate / extractor.hop_length))
    frames = np.diff(features.bounds).clip(max=round(_SECONDS * second))
    return np.where(frames > second, frames // second * second, frames)


def _chunks(tracks: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(tracks), size):
        yield tracks[start : start + size]


def _patterns(
    features: FeatureSet, tracks: Sequence[int] | NDArray[np.int64], length: int, pool: int
) -> NDArray[np.float32]:
    """Return each track's frames as a row of norm 1 (or 0), so that products are correlations."""
    rows = [_pattern(features.frames(int(track), 0, length), pool) for track in tracks]
    return np.stack(rows)


def _pattern(frames: NDArray[np.float32], pool: int) -> NDArray[np.float32]:
    pool = min(pool, frames.shape[1])
    whole = frames.shape[1] // pool * pool
    pooled = frames[:, :whole].reshape(len(frames), -1, pool).mean(axis=2)
    row = (pooled - pooled.mean(axis=1, keepdims=True)).ravel()
    norm = float(np.linalg.norm(row))
    return row / np.float32(norm) if norm > _MIN_DEVIATION * row.size**0.5 else np.zeros_like(row)
