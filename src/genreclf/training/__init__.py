"""Training of networks, as a recipe describes it."""

from genreclf.recipe import Recipe
from genreclf.training.trainer import Trainer, TrainingResult

__all__ = ["Recipe", "Trainer", "TrainingResult"]
