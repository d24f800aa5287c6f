"""Train on GTZAN, alone or with releases of other artists, and test on today's releases.

    python scripts/measure_releases.py ../shared/data --recipe short-chunk --output out [--alone]

Tests on the tracks whose genre independent sources agree on, of the six genres that
there are enough of. With releases in the training, each of three folds is tested by a
network that heard GTZAN and the other two; no artist stands in two folds. With
``--alone``, one network that heard GTZAN is tested on all. The log loss on those of which
only one source tells the genre is there to choose settings by.
"""

import argparse
import dataclasses
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
from development_data import TESTED_GENRES, folds, gtzan, joined_once, releases

from genreclf import Trainer
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


def for_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """A recipe with another number of epochs, validated after the last."""
    changed = dataclasses.replace(recipe.training, epochs=epochs, validate_every=epochs)
    return dataclasses.replace(recipe, training=changed)


def run(job: Job) -> Found:
    """Train and test."""
    import torch

    torch.set_num_threads(1)
    name = job.recipe.features.name
    tracks, is_tested = releases(job.data, name)
    train = joined_once(gtzan(job.data, name), tracks.subset(job.train))
    trainer = Trainer(job.recipe, device="cpu", seed=job.seed, precision=job.precision)
    classifier = trainer.fit(train).classifier
    part = np.array(job.part)
    others = ~is_tested & np.isin(tracks.genres, TESTED_GENRES)
    return Found(
        *(
            evaluate(classifier, tracks.subset(part[side[part]]), name=f"seed {job.seed}")
            for side in (is_tested, others)
        )
    )


def main() -> None:
    """Train, test, print the recalls and write them down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder with gtzan/ and realworld/")
    parser.add_argument("--recipe", default="short-chunk", help="(default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="(default: the recipe's)")
    parser.add_argument("--output", type=Path, required=True, help="the folder for metrics.json")
    parser.add_argument("--alone", action="store_true", help="train on GTZAN alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="no", choices=["no", "bf16"])
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()

    recipe = Recipe.load(options.recipe)
    if options.epochs:
        recipe = for_epochs(recipe, options.epochs)
    tracks, _ = releases(options.data, recipe.features.name)
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
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as workers:
        found = list(workers.map(run, jobs))
    report(found, options.output)


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
