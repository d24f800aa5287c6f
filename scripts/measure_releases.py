"""Train on GTZAN, alone or with releases of other artists, and test on today's releases.

    python scripts/measure_releases.py ../shared/data --recipe short-chunk --output out [--alone]

Tests on the tracks whose genre independent sources agree on, of the six genres that
there are enough of. With releases in the training, each of three folds is tested by a
network that heard GTZAN and the other two; no artist stands in two folds. With
``--alone``, one network that heard GTZAN is tested on all. The log loss on those of which
only one source tells the genre is there to choose settings by.
"""

import json
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
from development_data import TESTED_GENRES, folds, gtzan, joined_once, releases
from experiments import for_epochs, parser, side_by_side, trained
from numpy.typing import NDArray

from genreclf.evaluation import Evaluation, evaluate
from genreclf.evaluation.evaluate import pool
from genreclf.training import Recipe


class Job(NamedTuple):
    """A network to train, and what to test it on."""

    data: Path
    recipe: Recipe
    train: list[int]
    part: list[int]
    seed: int
    precision: str


class Found(NamedTuple):
    """What a network is right on, of the tested tracks and of those to choose by."""

    tested: Evaluation
    watched: Evaluation


def run(job: Job) -> Found:
    """Train and test."""
    name = job.recipe.features.name
    tracks, tested, watched = releases(job.data, name)
    train = joined_once(gtzan(job.data, name), tracks.subset(job.train))
    classifier = trained(job.recipe, train, job.seed, job.precision)
    part = np.array(job.part)

    def of(side: NDArray[np.bool_]) -> Evaluation:
        return evaluate(classifier, tracks.subset(part[side[part]]), name=f"seed {job.seed}")

    return Found(of(tested), of(watched))


def main() -> None:
    """Train, test, print the recalls and write them down."""
    arguments = parser(__doc__)
    arguments.add_argument("--epochs", type=int, help="(default: the recipe's)")
    arguments.add_argument("--output", type=Path, required=True, help="the folder for metrics.json")
    arguments.add_argument("--alone", action="store_true", help="train on GTZAN alone")
    arguments.add_argument("--seed", type=int, default=0)
    options = arguments.parse_args()

    recipe = Recipe.load(options.recipe)
    if options.epochs:
        recipe = for_epochs(recipe, options.epochs)
    tracks = releases(options.data, recipe.features.name).tracks
    everything = np.arange(len(tracks))
    parts = [everything] if options.alone else folds(tracks, 3)
    jobs = [
        Job(
            options.data,
            recipe,
            [] if options.alone else np.setdiff1d(everything, part).tolist(),
            part.tolist(),
            options.seed,
            options.precision,
        )
        for part in parts
    ]
    report(list(side_by_side(run, jobs, options.workers)), options.output)


def report(found: list[Found], output: Path) -> None:
    """Print what was found, and write it down."""
    tested, watched = (pool(side) for side in zip(*found, strict=True))
    recalls = {g.genre: g.recall for g in tested.genres if g.genre in TESTED_GENRES}
    mean = fmean(recalls.values())
    for genre in TESTED_GENRES:
        print(f"{genre:8} {recalls[genre]:.3f}")
    print(f"mean     {mean:.3f}")
    print(f"to choose by: log loss {watched.log_loss:.3f} on {watched.tracks} tracks")
    record = {
        "mean_recall": mean,
        "recall": recalls,
        "runs": [evaluation.to_dict()["scores"] for evaluation, _ in found],
    }
    output.mkdir(parents=True, exist_ok=True)
    (output / "metrics.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
