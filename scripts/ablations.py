"""What each part of a recipe's training is worth: trained without one at a time.

    python scripts/ablations.py ../shared/data --recipe short-chunk --seeds 2

Trained on the artist-filtered split of GTZAN. Measured on its validation side, and on the
releases of which only one source tells the genre: nothing here is a test.
"""

import argparse
import dataclasses
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
from development_data import TESTED_GENRES, gtzan, releases

from genreclf import Trainer
from genreclf.evaluation import evaluate, make_split
from genreclf.training import Recipe

SHAPES = {"equalisation_order"}  # of an augmentation; on and off is another setting's


class Job(NamedTuple):
    """A network to train and measure."""

    data: Path
    recipe: Recipe
    seed: int
    precision: str


class Measured(NamedTuple):
    """Of one network."""

    accuracy: float
    log_loss: float
    releases_log_loss: float


def without_each(recipe: Recipe) -> dict[str, Recipe]:
    """The recipe, and the recipe without each augmentation that it has, and without dropout."""
    found = {"nothing": recipe}
    for name, value in dataclasses.asdict(recipe.augmentation).items():
        if value and name not in SHAPES:
            changed = dataclasses.replace(recipe.augmentation, **{name: type(value)(0)})
            found[name] = dataclasses.replace(recipe, augmentation=changed)
    parameters = {**recipe.architecture.parameters, "dropout": 0.0}
    architecture = dataclasses.replace(recipe.architecture, parameters=parameters)
    found["dropout"] = dataclasses.replace(recipe, architecture=architecture)
    return found


def run(job: Job) -> Measured:
    """Train and measure."""
    import torch

    torch.set_num_threads(1)
    clips = gtzan(job.data, job.recipe.features.name)
    tracks, is_tested = releases(job.data, job.recipe.features.name)
    watched = np.flatnonzero(~is_tested & np.isin(tracks.genres, TESTED_GENRES))
    split = make_split(clips, "artist-filtered", lists=job.data / "gtzan" / "splits")
    trainer = Trainer(job.recipe, device="cpu", seed=job.seed, precision=job.precision)
    classifier = trainer.fit(clips.subset(split.train)).classifier
    valid = evaluate(classifier, clips.subset(split.valid)).scores
    other = evaluate(classifier, tracks.subset(watched)).scores
    return Measured(valid.accuracy, valid.log_loss, other.log_loss)


def main() -> None:
    """Print a line for each part that is left out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder with gtzan/ and realworld/")
    parser.add_argument("--recipe", default="short-chunk", help="(default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=2, help="(default: %(default)s)")
    parser.add_argument("--precision", default="no", choices=["no", "bf16"])
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    recipes = without_each(Recipe.load(options.recipe))
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as workers:
        waiting = {
            left_out: [
                workers.submit(run, Job(options.data, recipe, seed, options.precision))
                for seed in range(options.seeds)
            ]
            for left_out, recipe in recipes.items()
        }
        for left_out, runs in waiting.items():
            of_seeds = zip(*(each.result() for each in runs), strict=True)
            means = Measured(*map(fmean, of_seeds))
            print(f"without {left_out}: {means.accuracy:.3f} right, log loss {means.log_loss:.3f}, "
                  f"of the releases {means.releases_log_loss:.3f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
