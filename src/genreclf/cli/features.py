"""``genreclf features``."""

import sys
from pathlib import Path
from typing import Literal

import click

from genreclf.cli.options import data_argument, output_option


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
    help="How values are stored.",
)
@click.option("--workers", type=click.IntRange(1), help="Threads.  [default: all processors]")
def extract(
    data: Path,
    output: Path,
    name: str,
    precision: Literal["float16", "float32"],
    workers: int | None,
) -> None:
    """Extract the features of DATA: a folder with one folder per genre, GTZAN, or a manifest.

    Can be stopped and called again: it goes on where it stopped. Exits with 0 if
    all tracks were extracted, 1 if some failed (the others are there), 2 if the
    command was wrong.
    """
    from genreclf.cli.data import extract as extract_features
    from genreclf.datasets import open_dataset
    from genreclf.datasets.tracks import printable
    from genreclf.pretrained import Component

    dataset = open_dataset(data)
    found = extract_features(dataset, Component(name), output, workers, precision)
    click.echo(
        f"{len(found)} of {len(dataset)} tracks, {len(found.labels)} genres, "
        f"{found.features} features in {printable(output)}"
    )
    sys.exit(0 if len(found) == len(dataset) else 1)
