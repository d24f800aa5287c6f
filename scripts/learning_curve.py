"""Accuracy against the number of tracks that are trained on.

    python scripts/learning_curve.py ../shared/data --of artist-filtered --recipe short-chunk

Of GTZAN's artist-filtered split; of the clips at hand as audio (as arrays here), after
the rest of GTZAN and the releases; or of the releases (three folds), after GTZAN and a
share of other artists' releases. With the same number of steps whatever the number of tracks.
"""

from itertools import islice, product
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
from development_data import clip_ids, folds, gtzan, joined_once, releases
from experiments import for_epochs, parser, side_by_side, trained

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
        tracks, tested, _ = releases(job.data, features)
        test = folds(tracks, 3)[job.fold]
        others = tracks.subset(np.setdiff1d(np.arange(len(tracks)), test))
        train = joined_once(clips, others.subset(part_of(others, job.share, job.seed)))
        return train, tracks.subset(test[tested[test]]), len(clips) + len(others)
    if job.of == "clips":
        held_out = clip_ids(job.data / "gtzan" / "audio")
        train = joined_once(clips, releases(job.data, features).tracks, held_out)
        test = np.flatnonzero(np.isin(clips.ids, sorted(held_out)))
    else:
        split = make_split(clips, "artist-filtered", lists=job.data / "gtzan" / "splits")
        train, test = clips.subset(split.train), split.test
    return train.subset(part_of(train, job.share, job.seed)), clips.subset(test), len(train)


def run(job: Job) -> tuple[int, Evaluation]:
    """Train and test; the number of tracks trained on comes with the result."""
    recipe = Recipe.load(job.recipe)
    train, test, most = sides(job, recipe.features.name)
    epochs = round((job.epochs or recipe.training.epochs) * most / len(train))
    classifier = trained(for_epochs(recipe, epochs), train, job.seed, job.precision)
    return len(train), evaluate(classifier, test)


def main() -> None:
    """Print a line for each share and seed."""
    arguments = parser(__doc__)
    arguments.add_argument(
        "--of", default="artist-filtered", choices=["artist-filtered", "clips", "releases"]
    )
    arguments.add_argument("--shares", type=float, nargs="+", default=[0.25, 0.5, 0.75, 1.0])
    arguments.add_argument("--seeds", type=int, default=1)
    arguments.add_argument("--epochs", type=int, help="of all tracks (default: the recipe's)")
    options = arguments.parse_args()
    n_folds = 3 if options.of == "releases" else 1
    settings = (options.data, options.recipe, options.of)
    points = list(product(options.shares, range(options.seeds)))
    jobs = [
        Job(*settings, share, fold, seed, options.epochs, options.precision)
        for share, seed in points
        for fold in range(n_folds)
    ]
    results = side_by_side(run, jobs, options.workers)
    for share, seed in points:
        counts, evaluations = zip(*islice(results, n_folds), strict=True)
        scores = pool(evaluations)
        recall = fmean(genre.recall for genre in scores.genres if genre.support)
        print(f"share {share:g}, seed {seed}, {fmean(counts):.0f} tracks: "
              f"{scores.accuracy:.3f} right, mean recall {recall:.3f}, "
              f"log loss {scores.log_loss:.3f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
