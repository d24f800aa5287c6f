"""What each part of a recipe's training is worth: trained without one at a time.

    python scripts/ablations.py ../shared/data --recipe short-chunk --seeds 2

Trained on the artist-filtered split of GTZAN. Measured on its validation side, and on the
releases of which only one source tells the genre: nothing here is a test.
"""

import dataclasses
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
from development_data import gtzan, releases
from experiments import parser, side_by_side, trained

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
    clips = gtzan(job.data, job.recipe.features.name)
    others = releases(job.data, job.recipe.features.name)
    split = make_split(clips, "artist-filtered", lists=job.data / "gtzan" / "splits")
    classifier = trained(job.recipe, clips.subset(split.train), job.seed, job.precision)
    valid = evaluate(classifier, clips.subset(split.valid)).scores
    other = evaluate(classifier, others.tracks.subset(np.flatnonzero(others.watched))).scores
    return Measured(valid.accuracy, valid.log_loss, other.log_loss)


def main() -> None:
    """Print a line for each part that is left out."""
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=2, help="(default: %(default)s)")
    options = arguments.parse_args()
    recipes = without_each(Recipe.load(options.recipe))
    jobs = [
        Job(options.data, recipe, seed, options.precision)
        for recipe in recipes.values()
        for seed in range(options.seeds)
    ]
    results = side_by_side(run, jobs, options.workers)
    for left_out in recipes:
        means = Measured(*map(fmean, zip(*islice(results, options.seeds), strict=True)))
        print(f"without {left_out}: {means.accuracy:.3f} right, log loss {means.log_loss:.3f}, "
              f"of the releases {means.releases_log_loss:.3f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
