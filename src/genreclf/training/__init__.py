"""Training of networks, as a recipe describes it. Importing this package imports PyTorch."""

from genreclf.errors import MissingExtraError
from genreclf.recipe import Recipe

try:
    import accelerate  # noqa: F401
    import torch  # noqa: F401
except ImportError as error:
    raise MissingExtraError("training runs", "train") from error

from genreclf.training.trainer import Trainer, TrainingResult

__all__ = ["Recipe", "Trainer", "TrainingResult"]
