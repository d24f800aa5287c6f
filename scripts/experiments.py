"""Functions that the scripts that train networks share."""

import argparse
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from genreclf import GenreClassifier, Trainer
from genreclf.data import FeatureSet
from genreclf.recipe import Recipe

J = TypeVar("J")
R = TypeVar("R")


def make_parser(documentation: str) -> argparse.ArgumentParser:
    """Return a parser with the options of all scripts."""
    parser = argparse.ArgumentParser(description=documentation.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder with gtzan/ and realworld/")
    parser.add_argument("--recipe", default="short-chunk", help="(default: %(default)s)")
    parser.add_argument("--precision", default="no", choices=["no", "bf16"])
    parser.add_argument("--workers", type=int, default=2)
    return parser


def for_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """Return a recipe with another number of epochs, validated after the last."""
    changed = dataclasses.replace(recipe.training, epochs=epochs, validate_every=epochs)
    return dataclasses.replace(recipe, training=changed)


def train(recipe: Recipe, tracks: FeatureSet, seed: int, precision: str) -> GenreClassifier:
    """Train a network in one thread."""
    import torch

    torch.set_num_threads(1)
    return Trainer(recipe, device="cpu", seed=seed, precision=precision).fit(tracks).classifier


def run_parallel(run: Callable[[J], R], jobs: Sequence[J], workers: int) -> Iterator[R]:
    """Yield the result of each job in order, run in several processes."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(run, jobs)
