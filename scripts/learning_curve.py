"""Measure accuracy against the number of training tracks.

    python scripts/learning_curve.py ../shared/data --of artist-filtered --recipe short-chunk

Tests on GTZAN's artist-filtered split; on the clips that are there as audio (here as arrays),
after training on the rest of GTZAN and the releases; or on the releases (three folds), after
training on GTZAN and a fraction of other artists' releases. The number of training steps is
always the same.
"""

from itertools import islice, product
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
from development_data import clip_ids, folds, gtzan, join_without_duplicates, releases
from experiments import for_epochs, make_parser, run_parallel, train

from genreclf.data import FeatureSet, make_split
from genreclf.evaluation import Evaluation, evaluate
from genreclf.evaluation.evaluate import pool
from genreclf.recipe import Recipe


class Job(NamedTuple):
    """A network to train and test."""

    data: Path
    recipe: str
    of: str
    fraction: float
    fold: int
    seed: int
    epochs: int | None
    precision: str


def sample_tracks(features: FeatureSet, fraction: float, seed: int) -> list[int]:
    """Choose a fraction of each genre's tracks at random."""
    rng, chosen = np.random.default_rng(seed), []
    for label in range(len(features.labels)):
        tracks = rng.permutation(np.flatnonzero(features.targets == label))
        chosen += tracks[: round(fraction * len(tracks))].tolist()
    return sorted(chosen)


def load_tracks(job: Job, features: str) -> tuple[FeatureSet, FeatureSet, int]:
    """Return the training tracks, the test tracks, and the largest number of training tracks."""
    clips = gtzan(job.data, features)
    if job.of == "releases":
        tracks, tested, _ = releases(job.data, features)
        test = folds(tracks, 3)[job.fold]
        others = tracks.subset(np.setdiff1d(np.arange(len(tracks)), test))
        train = join_without_duplicates(
            clips, others.subset(sample_tracks(others, job.fraction, job.seed))
        )
        return train, tracks.subset(test[tested[test]]), len(clips) + len(others)
    if job.of == "clips":
        held_out = clip_ids(job.data / "gtzan" / "audio")
        train = join_without_duplicates(clips, releases(job.data, features).tracks, held_out)
        test = np.flatnonzero(np.isin(clips.ids, sorted(held_out)))
    else:
        split = make_split(clips, "artist-filtered", lists=job.data / "gtzan" / "splits")
        train, test = clips.subset(split.train), split.test
    return (
        train.subset(sample_tracks(train, job.fraction, job.seed)),
        clips.subset(test),
        len(train),
    )


def run(job: Job) -> tuple[int, Evaluation]:
    """Train and test a network; return the number of training tracks with the result."""
    recipe = Recipe.load(job.recipe)
    tracks, test, most = load_tracks(job, recipe.features.name)
    epochs = round((job.epochs or recipe.training.epochs) * most / len(tracks))
    classifier = train(for_epochs(recipe, epochs), tracks, job.seed, job.precision)
    return len(tracks), evaluate(classifier, test)


def main() -> None:
    """Print a line for each fraction and seed."""
    arguments = make_parser(__doc__)
    arguments.add_argument(
        "--of", default="artist-filtered", choices=["artist-filtered", "clips", "releases"]
    )
    arguments.add_argument("--fractions", type=float, nargs="+", default=[0.25, 0.5, 0.75, 1.0])
    arguments.add_argument("--seeds", type=int, default=1)
    arguments.add_argument("--epochs", type=int, help="of all tracks (default: the recipe's)")
    options = arguments.parse_args()
    n_folds = 3 if options.of == "releases" else 1
    settings = (options.data, options.recipe, options.of)
    points = list(product(options.fractions, range(options.seeds)))
    jobs = [
        Job(*settings, fraction, fold, seed, options.epochs, options.precision)
        for fraction, seed in points
        for fold in range(n_folds)
    ]
    results = run_parallel(run, jobs, options.workers)
    for fraction, seed in points:
        counts, evaluations = zip(*islice(results, n_folds), strict=True)
        scores = pool(evaluations)
        recall = fmean(genre.recall for genre in scores.genres if genre.support)
        print(f"fraction {fraction:g}, seed {seed}, {fmean(counts):.0f} tracks: "
              f"accuracy {scores.accuracy:.3f}, mean recall {recall:.3f}, "
              f"log loss {scores.log_loss:.3f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
