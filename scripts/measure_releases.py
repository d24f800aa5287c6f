"""Train on GTZAN, alone or with releases of other artists, and test on today's releases.

    python scripts/measure_releases.py ../shared/data --recipe short-chunk --output out [--alone]

Tests on the tracks whose genre independent sources agree on, of the six genres that
there are enough of. With releases in the training, each of three folds is tested by a
network that heard GTZAN and the other two; no artist stands in two folds. With
``--alone``, one network that heard GTZAN is tested on all.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
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
    recipe: str
    train: list[int]
    test: list[int]
    seed: int
    precision: str


def run(job: Job) -> Evaluation:
    """Train and test."""
    import torch

    torch.set_num_threads(1)
    recipe = Recipe.load(job.recipe)
    tracks, _ = releases(job.data, recipe.features.name)
    train = joined_once(gtzan(job.data, recipe.features.name), tracks.subset(job.train))
    trainer = Trainer(recipe, device="cpu", seed=job.seed, precision=job.precision)
    classifier = trainer.fit(train).classifier
    name = f"seed {job.seed}, {len(job.train)} releases heard"
    return evaluate(classifier, tracks.subset(job.test), name=name)


def main() -> None:
    """Train, test, print the recalls and write them down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder with gtzan/ and realworld/")
    parser.add_argument("--recipe", default="short-chunk", help="(default: %(default)s)")
    parser.add_argument("--output", type=Path, required=True, help="the folder for metrics.json")
    parser.add_argument("--alone", action="store_true", help="train on GTZAN alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="no", choices=["no", "bf16"])
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()

    tracks, tested = releases(options.data, Recipe.load(options.recipe).features.name)
    everything = np.arange(len(tracks))
    parts = [everything] if options.alone else folds(tracks, 3)
    jobs = [
        Job(
            options.data,
            options.recipe,
            [] if options.alone else np.setdiff1d(everything, part).tolist(),
            part[tested[part]].tolist(),
            options.seed,
            options.precision,
        )
        for part in parts
    ]
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as workers:
        found = list(workers.map(run, jobs))
    scores = pool(found)
    recalls = {g.genre: g.recall for g in scores.genres if g.genre in TESTED_GENRES}
    for genre in TESTED_GENRES:
        print(f"{genre:8} {recalls[genre]:.3f}")
    print(f"mean     {np.mean(list(recalls.values())):.3f}")
    options.output.mkdir(parents=True, exist_ok=True)
    record = {"mean_recall": float(np.mean(list(recalls.values()))), "recall": recalls}
    record["runs"] = [evaluation.to_dict()["scores"] for evaluation in found]
    (options.output / "metrics.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
