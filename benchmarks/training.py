"""Measure how fast a recipe trains on this machine, and with how much memory.

    python benchmarks/training.py [--recipe NAME|FILE] [--batches N]

Trains on noise: the values make no difference to the time. Prints segments per second and
peak memory for the CPU and, if there is one, the GPU.
"""

import argparse
import dataclasses
import resource
import time

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from genreclf import Trainer
from genreclf.data import FeatureSet
from genreclf.features import make_extractor
from genreclf.recipe import Recipe

TRACKS = 200
SECONDS = 30


def noise(recipe: Recipe) -> FeatureSet:
    """Make features of noise in the shape of the recipe's extractor."""
    settings = recipe.features
    extractor = make_extractor(settings.name, **settings.parameters)
    n_frames = SECONDS * extractor.sample_rate // extractor.hop_length
    rng = np.random.default_rng(0)
    shape = (extractor.frame_bins, n_frames)
    frames = [rng.normal(-40, 10, shape).astype(np.float32) for _ in range(TRACKS)]
    ids, genres = map(str, range(TRACKS)), [f"genre {i % 10}" for i in range(TRACKS)]
    return FeatureSet.from_frames(
        settings.name, frames, list(ids), genres, parameters=settings.parameters
    )


def measure(recipe: Recipe, features: FeatureSet, device: str, batches: int) -> tuple[float, float]:
    """Return segments per second and peak memory in MB, after an epoch to warm up."""
    per_epoch = recipe.training.batch_size * batches
    training = dataclasses.replace(
        recipe.training,
        epochs=2,
        segments_per_track=max(1, per_epoch // TRACKS),
        keep="last",
        patience=0,
    )
    recipe = dataclasses.replace(recipe, training=training)
    marks = []
    trainer = Trainer(recipe, device=device, progress=lambda _: marks.append(time.perf_counter()))
    trainer.fit(features)
    if device == "cpu":
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    else:
        peak = torch.cuda.max_memory_allocated() / 2**20
    return TRACKS * training.segments_per_track / (marks[1] - marks[0]), peak


def main() -> None:
    """Print a row for each device."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="short-chunk")
    parser.add_argument("--batches", type=int, default=20, help="in the epoch that is timed")
    arguments = parser.parse_args()
    recipe = Recipe.load(arguments.recipe)
    features = noise(recipe)
    table = Table("device", "segments/s", "peak memory", box=None)
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        speed, peak = measure(recipe, features, device, arguments.batches)
        name = f"{torch.get_num_threads()} threads" if device == "cpu" else "GPU memory"
        table.add_row(f"{device} ({name})", f"{speed:,.0f}", f"{peak:,.0f} MB")
    Console().print(f"recipe {arguments.recipe}, batches of {recipe.training.batch_size}", table)


if __name__ == "__main__":
    main()
