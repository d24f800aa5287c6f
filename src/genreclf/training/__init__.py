"""Training networks, as recipes say."""

from genreclf.training.recipe import Recipe, recipe_names
from genreclf.training.trainer import Trainer, TrainingResult

__all__ = ["Recipe", "Trainer", "TrainingResult", "recipe_names"]
