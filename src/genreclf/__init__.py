"""genreclf tells the genre of music from its sound.

>>> from genreclf import GenreClassifier
>>> classifier = GenreClassifier.from_pretrained()
>>> print(classifier.predict("song.mp3").genre)  # doctest: +SKIP
blues
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genreclf.classifier import GenreClassifier
    from genreclf.errors import GenreclfError
    from genreclf.features import extract_segments
    from genreclf.prediction import Failure, Prediction
    from genreclf.training import Trainer

__version__ = "0.1.0"

__all__ = [
    "Failure",
    "GenreClassifier",
    "GenreclfError",
    "Prediction",
    "Trainer",
    "__version__",
    "extract_segments",
]

_HOMES = {
    "Failure": "prediction",
    "GenreClassifier": "classifier",
    "GenreclfError": "errors",
    "Prediction": "prediction",
    "Trainer": "training",
    "extract_segments": "features",
}


def __getattr__(name: str) -> Any:
    # Public names are imported when first used, so that `import genreclf` is instant.
    if name not in _HOMES:
        raise AttributeError(f"module 'genreclf' has no attribute {name!r}")
    return getattr(importlib.import_module(f"genreclf.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
