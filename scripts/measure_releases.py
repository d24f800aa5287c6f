"""Train on GTZAN, alone or with releases of other artists, and test on recent releases.

    python scripts/measure_releases.py ../shared/data --recipe short-chunk --output out [--alone]

Tests on the tracks whose genre independent sources agree on, of the six genres with enough
tracks. Each of three folds is tested with a network that was trained on GTZAN and the other
two folds; no artist is in two folds. With ``--alone``, one network that was trained on GTZAN
is tested on all. The log loss on the tracks whose genre only one source states is there to
choose settings with.
"""

import json
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
from development_data import TESTED_GENRES, folds, gtzan, join_without_duplicates, releases
from experiments import for_epochs, make_parser, run_parallel, train
from numpy.typing import NDArray

from genreclf.evaluation import Evaluation, evaluate
from genreclf.evaluation.evaluate import pool
from genreclf.recipe import Recipe


class Job(NamedTuple):
    """A network to train, and what to test it on."""

    data: Path
    recipe: Recipe
    train: list[int]
    fold: list[int]
    seed: int
    precision: str


class Results(NamedTuple):
    """Results on the tested tracks, and on those to choose settings with."""

    tested: Evaluation
    selection: Evaluation


def run(job: Job) -> Results:
    """Train and test a network."""
    name = job.recipe.features.name
    tracks, tested, selection = releases(job.data, name)
    training = join_without_duplicates(gtzan(job.data, name), tracks.subset(job.train))
    classifier = train(job.recipe, training, job.seed, job.precision)
    fold = np.array(job.fold)

    def test(mask: NDArray[np.bool_]) -> Evaluation:
        return evaluate(classifier, tracks.subset(fold[mask[fold]]), name=f"seed {job.seed}")

    return Results(test(tested), test(selection))


def main() -> None:
    """Train, test, print and store the recalls."""
    arguments = make_parser(__doc__)
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
    report(list(run_parallel(run, jobs, options.workers)), options.output)


def report(results: list[Results], output: Path) -> None:
    """Print and store the recalls."""
    tested, selection = (pool(runs) for runs in zip(*results, strict=True))
    recalls = {g.genre: g.recall for g in tested.genres if g.genre in TESTED_GENRES}
    mean = fmean(recalls.values())
    for genre in TESTED_GENRES:
        print(f"{genre:8} {recalls[genre]:.3f}")
    print(f"mean     {mean:.3f}")
    print(f"to choose settings: log loss {selection.log_loss:.3f} on {selection.tracks} tracks")
    record = {
        "mean_recall": mean,
        "recall": recalls,
        "runs": [evaluation.to_dict()["scores"] for evaluation, _ in results],
    }
    output.mkdir(parents=True, exist_ok=True)
    (output / "metrics.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
