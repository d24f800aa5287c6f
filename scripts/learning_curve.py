"""Accuracy against the number of tracks that are trained on.

    python scripts/learning_curve.py ../shared/data --of artist-filtered --recipe short-chunk

Of GTZAN's artist-filtered split; of the clips at hand as audio (as arrays here), after
the rest of GTZAN and the releases; or of the releases (three folds), after GTZAN and a
share of other artists' releases. With the same number of steps whatever the number of tracks.
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
from development_data import clip_ids, folds, gtzan, joined_once, releases
from measure_releases import for_epochs

from genreclf import Trainer
from genreclf.datasets import FeatureSet
from genreclf.evaluation import Evaluation, evaluate, make_split
from genreclf.evaluation.evaluate import pool
from genreclf.training import Recipe


class Job(NamedTuple):
    """A network to train and test."""

    data: Path
    recipe: str
    of: str
    share: float
    fold: int
    seed: int
    epochs: int | None
    precision: str


def part_of(features: FeatureSet, share: float, seed: int) -> list[int]:
    """A share of each genre's tracks, at random."""
    rng, chosen = np.random.default_rng(seed), []
    for label in range(len(features.labels)):
        tracks = rng.permutation(np.flatnonzero(features.targets == label))
        chosen += tracks[: round(share * len(tracks))].tolist()
    return sorted(chosen)


def sides(job: Job, features: str) -> tuple[FeatureSet, FeatureSet, int]:
    """What to train on and to test on, and how many tracks the former has at most."""
    clips = gtzan(job.data, features)
    if job.of == "releases":
        tracks, tested = releases(job.data, features)
        test = folds(tracks, 3)[job.fold]
        others = tracks.subset(np.setdiff1d(np.arange(len(tracks)), test))
        train = joined_once(clips, others.subset(part_of(others, job.share, job.seed)))
        return train, tracks.subset(test[tested[test]]), len(clips) + len(others)
    if job.of == "clips":
        held_out = clip_ids(job.data / "gtzan" / "audio")
        train = joined_once(clips, releases(job.data, features)[0], held_out)
        test = np.flatnonzero(np.isin(clips.ids, sorted(held_out)))
    else:
        split = make_split(clips, "artist-filtered", lists=job.data / "gtzan" / "splits")
        train, test = clips.subset(split.train), split.test
    return train.subset(part_of(train, job.share, job.seed)), clips.subset(test), len(train)


def run(job: Job) -> tuple[int, Evaluation]:
    """Train and test; the number of tracks trained on comes with the result."""
    import torch

    torch.set_num_threads(1)
    recipe = Recipe.load(job.recipe)
    train, test, most = sides(job, recipe.features.name)
    epochs = round((job.epochs or recipe.training.epochs) * most / len(train))
    trainer = Trainer(
        for_epochs(recipe, epochs), device="cpu", seed=job.seed, precision=job.precision
    )
    return len(train), evaluate(trainer.fit(train).classifier, test)


def results(jobs: list[Job], workers: int) -> Iterator[tuple[Job, int, Evaluation]]:
    """Of each job, in order."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool_of_workers:
        for job, result in zip(jobs, pool_of_workers.map(run, jobs), strict=True):
            yield job, *result


def main() -> None:
    """Print a line for each share and seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder with gtzan/ and realworld/")
    parser.add_argument(
        "--of", default="artist-filtered", choices=["artist-filtered", "clips", "releases"]
    )
    parser.add_argument("--recipe", default="short-chunk", help="(default: %(default)s)")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.25, 0.5, 0.75, 1.0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, help="of all tracks (default: the recipe's)")
    parser.add_argument("--precision", default="no", choices=["no", "bf16"])
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    parts = range(3 if options.of == "releases" else 1)
    settings = (options.data, options.recipe, options.of)
    jobs = [
        Job(*settings, share, fold, seed, options.epochs, options.precision)
        for share in options.shares
        for seed in range(options.seeds)
        for fold in parts
    ]
    found: list[tuple[int, Evaluation]] = []
    for job, count, evaluation in results(jobs, options.workers):
        found.append((count, evaluation))
        if len(found) == len(parts):
            scores = pool([evaluation for _, evaluation in found])
            recall = fmean(genre.recall for genre in scores.genres if genre.support)
            print(f"share {job.share:g}, seed {job.seed}, {fmean(n for n, _ in found):.0f} tracks: "
                  f"{scores.accuracy:.3f} right, mean recall {recall:.3f}, "
                  f"log loss {scores.log_loss:.3f}", flush=True)  # fmt: skip
            found = []


if __name__ == "__main__":
    main()
