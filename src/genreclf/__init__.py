"""Classify the genre of music from its sound.

>>> from genreclf import GenreClassifier
>>> classifier = GenreClassifier.from_pretrained()
>>> print(classifier.predict("song.mp3").genre)  # doctest: +SKIP
blues
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genreclf.architectures.base import Architecture
    from genreclf.classifier import GenreClassifier
    from genreclf.errors import GenreclfError
    from genreclf.features import Extractor, extract_segments
    from genreclf.plugins import hookimpl
    from genreclf.prediction import Failure, Prediction
    from genreclf.recipe import Recipe
    from genreclf.training import Trainer

__version__ = "0.1.0"

__all__ = [
    "Architecture",
    "Extractor",
    "Failure",
    "GenreClassifier",
    "GenreclfError",
    "Prediction",
    "Recipe",
    "Trainer",
    "__version__",
    "extract_segments",
    "hookimpl",
]

_HOMES = {
    "Architecture": "architectures.base",
    "Extractor": "features",
    "Failure": "prediction",
    "GenreClassifier": "classifier",
    "GenreclfError": "errors",
    "Prediction": "prediction",
    "Recipe": "recipe",
    "Trainer": "training",
    "extract_segments": "features",
    "hookimpl": "plugins",
}


def __getattr__(name: str) -> Any:
    # Public names are imported when first used, so that `import genreclf` is instant.
    if name not in _HOMES:
        raise AttributeError(f"module 'genreclf' has no attribute {name!r}")
    return getattr(importlib.import_module(f"genreclf.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
