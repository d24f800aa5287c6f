"""A data set from whatever a path leads to."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from genreclf.datasets.feature_set import INDEX
from genreclf.datasets.folders import AudioFolder
from genreclf.datasets.gtzan import GTZAN, find_clips
from genreclf.datasets.manifest import SUFFIXES, Manifest
from genreclf.datasets.tracks import Dataset, printable
from genreclf.errors import DatasetError


def open_dataset(path: str | PathLike[str]) -> Dataset:
    """Open a manifest, a distribution of GTZAN, or a folder with one folder per genre.

    Parameters
    ----------
    path : path
        A file is a :class:`Manifest`; a folder with files such as
        ``blues.00000.wav`` where they are expected is :class:`GTZAN`; any other is
        an :class:`AudioFolder`.

    Raises
    ------
    DatasetError
        If it is none of these, or cannot be used as it is.
    MissingExtraError
        If it is a Parquet file and pyarrow is not installed.
    """
    root = Path(path)
    if not root.is_dir():
        if root.suffix.lower() in SUFFIXES:
            return Manifest(root)
        problem = "is no manifest" if root.exists() else "does not exist"
        raise DatasetError(
            f"'{printable(root)}' {problem}; give a folder with one folder per genre, "
            f"a folder with GTZAN, or a {' or '.join(SUFFIXES)} file"
        )
    if (root / INDEX).is_file():
        raise DatasetError(
            f"'{printable(root)}' is a feature set, not a data set of sound; "
            "load it with FeatureSet.load"
        )
    return GTZAN(root) if find_clips(root) else AudioFolder(root)
