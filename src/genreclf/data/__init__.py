"""Data sets of music with genres, feature sets and splits."""

from os import PathLike
from pathlib import Path

from genreclf.data.audio_folder import AudioFolder
from genreclf.data.dataset import Dataset, Skipped, Track
from genreclf.data.duplicates import find_duplicates
from genreclf.data.extraction import extract_features
from genreclf.data.feature_set import INDEX, FeatureSet
from genreclf.data.gtzan import GTZAN, artist_filtered_split, find_clips
from genreclf.data.manifest import SUFFIXES, Manifest
from genreclf.data.splits import (
    SCHEMES,
    Scheme,
    Split,
    given_split,
    group_tracks,
    make_split,
    paper_split,
)
from genreclf.errors import DatasetError
from genreclf.files import printable

__all__ = [
    "GTZAN",
    "SCHEMES",
    "AudioFolder",
    "Dataset",
    "FeatureSet",
    "Manifest",
    "Scheme",
    "Skipped",
    "Split",
    "Track",
    "artist_filtered_split",
    "extract_features",
    "find_duplicates",
    "given_split",
    "group_tracks",
    "make_split",
    "open_dataset",
    "paper_split",
]


def open_dataset(path: str | PathLike[str]) -> Dataset:
    """Open a manifest, a distribution of GTZAN, or a folder with one folder per genre.

    Parameters
    ----------
    path : path
        A file is a :class:`Manifest`; a folder with files such as ``blues.00000.wav`` in the
        places that :class:`GTZAN` searches is that; any other is an :class:`AudioFolder`.

    Raises
    ------
    DatasetError, MissingExtraError
        If it is none of these or cannot be used; or if pyarrow, which Parquet files need, is
        not installed.
    """
    root = Path(path)
    if not root.is_dir():
        if root.suffix.lower() in SUFFIXES:
            return Manifest(root)
        problem = "is not a manifest" if root.exists() else "does not exist"
        raise DatasetError(
            f"'{printable(root)}' {problem}; give a folder with one folder per genre, "
            f"a folder with GTZAN, or a {' or '.join(SUFFIXES)} file"
        )
    if (root / INDEX).is_file():
        raise DatasetError(
            f"'{printable(root)}' is a feature set, not a data set of audio; "
            "load it with FeatureSet.load"
        )
    return GTZAN(root) if find_clips(root) else AudioFolder(root)
