"""Measure what each part of a recipe's training contributes, by training without it.

    python scripts/ablations.py ../shared/data --recipe short-chunk --seeds 2

Trains on the artist-filtered split of GTZAN. Measures on its validation tracks, and on the
releases whose genre only one source states: none of these is a test set.
"""

import dataclasses
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
from development_data import gtzan, releases
from experiments import make_parser, run_parallel, train

from genreclf.data import make_split
from genreclf.evaluation import evaluate
from genreclf.recipe import Recipe

SHAPES = {"equalization_order"}  # how, not whether, an augmentation is applied


class Job(NamedTuple):
    """A network to train and measure."""

    data: Path
    recipe: Recipe
    seed: int
    precision: str


class Measured(NamedTuple):
    """Results of one network."""

    accuracy: float
    log_loss: float
    releases_log_loss: float


def without_each(recipe: Recipe) -> dict[str, Recipe]:
    """Return the recipe, and it without each of its augmentations and without dropout."""
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
    """Train and measure a network."""
    clips = gtzan(job.data, job.recipe.features.name)
    others = releases(job.data, job.recipe.features.name)
    split = make_split(clips, "artist-filtered", lists=job.data / "gtzan" / "splits")
    classifier = train(job.recipe, clips.subset(split.train), job.seed, job.precision)
    valid = evaluate(classifier, clips.subset(split.valid)).scores
    other = evaluate(classifier, others.tracks.subset(np.flatnonzero(others.watched))).scores
    return Measured(valid.accuracy, valid.log_loss, other.log_loss)


def main() -> None:
    """Print a line for each part that is omitted."""
    arguments = make_parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=2, help="(default: %(default)s)")
    options = arguments.parse_args()
    recipes = without_each(Recipe.load(options.recipe))
    jobs = [
        Job(options.data, recipe, seed, options.precision)
        for recipe in recipes.values()
        for seed in range(options.seeds)
    ]
    results = run_parallel(run, jobs, options.workers)
    for omitted in recipes:
        means = Measured(*map(fmean, zip(*islice(results, options.seeds), strict=True)))
        print(f"without {omitted}: accuracy {means.accuracy:.3f}, log loss {means.log_loss:.3f}, "
              f"of the releases {means.releases_log_loss:.3f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
