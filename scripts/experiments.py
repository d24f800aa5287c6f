"""What the scripts that train networks to learn from them have in common."""

import argparse
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from genreclf import GenreClassifier, Trainer
from genreclf.datasets import FeatureSet
from genreclf.training import Recipe

J = TypeVar("J")
R = TypeVar("R")


def parser(documentation: str) -> argparse.ArgumentParser:
    """The options of them all."""
    found = argparse.ArgumentParser(description=documentation.splitlines()[0])
    found.add_argument("data", type=Path, help="the folder with gtzan/ and realworld/")
    found.add_argument("--recipe", default="short-chunk", help="(default: %(default)s)")
    found.add_argument("--precision", default="no", choices=["no", "bf16"])
    found.add_argument("--workers", type=int, default=2)
    return found


def for_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """A recipe with another number of epochs, validated after the last."""
    changed = dataclasses.replace(recipe.training, epochs=epochs, validate_every=epochs)
    return dataclasses.replace(recipe, training=changed)


def trained(recipe: Recipe, train: FeatureSet, seed: int, precision: str) -> GenreClassifier:
    """A network trained on one thread, as beside others."""
    import torch

    torch.set_num_threads(1)
    return Trainer(recipe, device="cpu", seed=seed, precision=precision).fit(train).classifier


def side_by_side(run: Callable[[J], R], jobs: Sequence[J], workers: int) -> Iterator[R]:
    """The result of each job, in order, each in a process of a few."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(run, jobs)
