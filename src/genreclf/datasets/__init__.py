"""Music with its genres: data sets, feature sets and splits."""

from genreclf.datasets.duplicates import find_duplicates
from genreclf.datasets.extraction import extract_features
from genreclf.datasets.feature_set import FeatureSet
from genreclf.datasets.folders import AudioFolder
from genreclf.datasets.gtzan import GTZAN
from genreclf.datasets.manifest import Manifest
from genreclf.datasets.opening import open_dataset
from genreclf.datasets.splits import (
    Split,
    artist_filtered_split,
    given_split,
    grouped_folds,
    paper_split,
    ties_of,
)
from genreclf.datasets.tracks import Dataset, LeftOut, Track

__all__ = [
    "GTZAN",
    "AudioFolder",
    "Dataset",
    "FeatureSet",
    "LeftOut",
    "Manifest",
    "Split",
    "Track",
    "artist_filtered_split",
    "extract_features",
    "find_duplicates",
    "given_split",
    "grouped_folds",
    "open_dataset",
    "paper_split",
    "ties_of",
]
