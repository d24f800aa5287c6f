"""What the commands that take data share: finding or extracting its features."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from genreclf.datasets import Dataset, FeatureSet
    from genreclf.pretrained import Component
    from genreclf.training.recipe import FeatureSettings


def open_features(data: Path, wanted: Component | FeatureSettings, cache: Path) -> FeatureSet:
    """The features of some data, extracted if need be.

    Parameters
    ----------
    data : Path
        A feature set, an ``.npz`` of log-mel arrays, or a data set of sound.
    wanted : Component or FeatureSettings
        The extractor and its parameters, as a model or a recipe has them.
    cache : Path
        Where features of a data set of sound are put; what is there is not
        extracted again.
    """
    from genreclf.datasets import FeatureSet, open_dataset
    from genreclf.datasets.feature_set import INDEX

    if data.suffix == ".npz":
        return FeatureSet.from_npz(data, wanted.name)
    if (data / INDEX).exists():
        return FeatureSet.load(data)
    return extract(open_dataset(data), wanted, cache)


def extract(
    dataset: Dataset,
    wanted: Component | FeatureSettings,
    output: Path,
    workers: int | None = None,
    precision: Literal["float16", "float32"] = "float16",
) -> FeatureSet:
    """Extract the features of a data set, with a progress bar and a word on what is left out."""
    from genreclf.datasets import extract_features

    click.echo(dataset.summary(), err=True)
    with progress_bar("Extracting") as advance:
        features = extract_features(
            dataset,
            output,
            wanted.name,
            wanted.parameters,
            precision=precision,
            workers=workers,
            progress=lambda done, total: advance(completed=done, total=total),
        )
    # What the data set left out today, and what failed whenever it was extracted.
    for item in dict.fromkeys((*dataset.left_out, *features.left_out)):
        click.echo(f"left out: {item}", err=True)
    return features


@contextmanager
def progress_bar(description: str) -> Iterator[Any]:
    """A bar on standard error; gives the function that moves it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Left())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=None)
        yield lambda **changes: bar.update(task, **changes)
