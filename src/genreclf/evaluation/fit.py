"""Whether a classifier can be measured on some features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genreclf.datasets.feature_set import FeatureSet, same_frames
from genreclf.errors import DatasetError

if TYPE_CHECKING:
    from genreclf.classifier import GenreClassifier


def check_fit(classifier: GenreClassifier, features: FeatureSet) -> None:
    """Make sure that a classifier can be evaluated on some features.

    Raises
    ------
    DatasetError
        If there are no tracks, a genre is unknown to the classifier, or the features
        are not those that it needs.
    """
    if not len(features):
        raise DatasetError("there are no tracks to evaluate")
    unknown = sorted(set(features.genres) - set(classifier.labels))
    if unknown:
        raise DatasetError(
            f"the model does not know {', '.join(map(repr, unknown))}, only "
            f"{', '.join(classifier.labels)}; leave these tracks out or train on them"
        )
    check_frames(classifier, features)


def check_frames(classifier: GenreClassifier, features: FeatureSet) -> None:
    """Make sure that features are those that a classifier needs, whatever their genres.

    Raises
    ------
    DatasetError
        If they are not.
    """
    if not same_frames(classifier.extractor, features.extractor()):
        wanted = classifier.config.features
        raise DatasetError(
            f"the features were made by '{features.features}' {dict(features.parameters)}, "
            f"the model needs '{wanted.name}' {dict(wanted.parameters)}; extract them again"
        )
