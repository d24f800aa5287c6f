"""Accuracy against the number of tracks that are trained on.

    python scripts/learning_curve.py ../shared/data --recipe short-chunk

On the artist-filtered split, with the same number of steps whatever the number of tracks.
"""

import argparse
import dataclasses
from pathlib import Path

import numpy as np

from genreclf import Trainer
from genreclf.datasets import FeatureSet
from genreclf.evaluation import evaluate, make_split
from genreclf.training import Recipe


def part_of(features: FeatureSet, share: float, seed: int) -> FeatureSet:
    """A share of each genre's tracks, at random."""
    rng, chosen = np.random.default_rng(seed), []
    for label in range(len(features.labels)):
        tracks = rng.permutation(np.flatnonzero(features.targets == label))
        chosen += tracks[: max(1, round(share * len(tracks)))].tolist()
    return features.subset(sorted(chosen))


def main() -> None:
    """Print a line for each share and seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder with gtzan/")
    parser.add_argument("--recipe", default="short-chunk", help="(default: %(default)s)")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.25, 0.5, 0.75, 1.0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--precision", default="no", choices=["no", "bf16"])
    options = parser.parse_args()
    recipe = Recipe.load(options.recipe)
    data = options.data / "gtzan"
    tracks = FeatureSet.from_npz(data / "logmel_13fps.npz", recipe.features.name)
    split = make_split(tracks, "artist-filtered", lists=data / "splits")
    train, test = tracks.subset(split.train), tracks.subset(split.test)
    for share in options.shares:
        epochs = round(recipe.training.epochs / share)
        training = dataclasses.replace(recipe.training, epochs=epochs)
        settings = dataclasses.replace(recipe, training=training)
        for seed in range(options.seeds):
            some = part_of(train, share, seed)
            trainer = Trainer(settings, device="cpu", seed=seed, precision=options.precision)
            scores = evaluate(trainer.fit(some).classifier, test).scores
            print(f"{len(some)} tracks, seed {seed}: {scores.accuracy:.3f} right, "
                  f"log loss {scores.log_loss:.3f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
