"""``genreclf features``, and features for the commands that train and evaluate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from genreclf.cli.options import data_argument, output_option
from genreclf.cli.progress import progress_bar

if TYPE_CHECKING:
    from genreclf.data import Dataset, FeatureSet
    from genreclf.pretrained import Component
    from genreclf.recipe import FeatureSettings


@click.group()
def features() -> None:
    """Extract the features of a data set once, to train on them many times."""


@features.command()
@data_argument
@output_option("the features")
@click.option(
    "--features",
    "name",
    default="logmel-13fps",
    show_default=True,
    help="A registered extractor; `genreclf plugins` lists them.",
)
@click.option(
    "--precision",
    type=click.Choice(["float16", "float32"]),
    default="float16",
    show_default=True,
    help="Data type of the stored features.",
)
@click.option(
    "--workers", type=click.IntRange(1), help="Number of threads.  [default: all processors]"
)
def extract(
    data: Path,
    output: Path,
    name: str,
    precision: Literal["float16", "float32"],
    workers: int | None,
) -> None:
    """Extract the features of DATA: a folder with one folder per genre, GTZAN, or a manifest.

    If interrupted, run the same command again to continue. The exit code is 0 if all
    tracks were extracted, 1 if some failed (the others were extracted), 2 if the command
    is invalid.
    """
    from genreclf.data import open_dataset
    from genreclf.files import printable
    from genreclf.pretrained import Component

    dataset = open_dataset(data)
    found = _extract(dataset, Component(name), output, precision, workers)
    click.echo(
        f"{len(found)} of {len(dataset)} tracks, {len(found.labels)} genres, "
        f"{found.features} features in {printable(output)}"
    )
    sys.exit(0 if len(found) == len(dataset) else 1)


def open_features(data: Path, extractor: Component | FeatureSettings, cache: Path) -> FeatureSet:
    """Open extracted features, or extract those of an audio data set into the folder `cache`.

    `data` is a feature set, an ``.npz`` file of log-mel arrays, or an audio data set, whose
    features are extracted only if the cache does not have them.
    """
    from genreclf.data import FeatureSet, open_dataset
    from genreclf.data.feature_set import INDEX

    if data.suffix == ".npz":
        return FeatureSet.from_npz(data, extractor.name)
    if (data / INDEX).exists():
        return FeatureSet.load(data)
    return _extract(open_dataset(data), extractor, cache)


def _extract(
    dataset: Dataset,
    extractor: Component | FeatureSettings,
    output: Path,
    precision: Literal["float16", "float32"] = "float16",
    workers: int | None = None,
) -> FeatureSet:
    """Extract features with a progress bar, and list what was skipped."""
    from genreclf.data import extract_features

    click.echo(dataset.summary(), err=True)
    with progress_bar("Extracting") as update:
        extracted = extract_features(
            dataset,
            output,
            extractor.name,
            extractor.parameters,
            precision=precision,
            workers=workers,
            progress=lambda done, total: update(completed=done, total=total),
        )
    # The cache may hold failures of earlier runs, which the data set does not know.
    for item in dict.fromkeys((*dataset.skipped, *extracted.skipped)):
        click.echo(f"skipped: {item}", err=True)
    return extracted
