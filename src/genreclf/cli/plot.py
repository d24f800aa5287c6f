"""``genreclf plot``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genreclf.cli.options import model_option

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _checked(context: click.Context, parameter: click.Parameter, value: Path) -> Path:
    """Refuse what cannot be written before the work, not after it."""
    from genreclf.plots.figure import picture_format, require_matplotlib

    picture_format(value)
    require_matplotlib()
    if not value.parent.is_dir():
        raise click.BadParameter(f"there is no folder '{value.parent}'", context, parameter)
    return value


_output = click.option(
    "--output",
    required=True,
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    callback=_checked,
    help="The picture: a .png, .svg or .pdf file.",
)
_song = click.argument("song", type=click.Path(path_type=Path))


@click.group()
def plot() -> None:
    """Draw pictures of music, networks and results."""


@plot.command()
@_song
@_output
def spectrogram(song: Path, output: Path) -> None:
    """Draw the mel spectrogram of a piece of music."""
    from genreclf import plots

    _save(plots.spectrogram(song), output)


@plot.command()
@_song
@model_option
@_output
def timeline(song: Path, model: str, output: Path) -> None:
    """Draw the genre of a piece of music over its time."""
    from genreclf import plots
    from genreclf.classifier import GenreClassifier

    _save(plots.timeline(GenreClassifier.from_pretrained(model).predict(song)), output)


@plot.command()
@model_option
@_output
def filters(model: str, output: Path) -> None:
    """Draw the kernels of a network's first layer."""
    from genreclf import plots
    from genreclf.classifier import GenreClassifier

    _save(plots.filters(GenreClassifier.from_pretrained(model, runtime="torch")), output)


@plot.command()
@click.argument("metrics", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_output
def confusion(metrics: Path, output: Path) -> None:
    """Draw the confusion matrix of the metrics.json of an evaluation."""
    from genreclf import plots
    from genreclf.evaluation.report import read_scores

    _save(plots.confusion(read_scores(metrics)), output)


@plot.command()
@click.argument("features", type=click.Path(exists=True, file_okay=False, path_type=Path))
@model_option
@_output
def projection(features: Path, model: str, output: Path) -> None:
    """Draw how far apart genres lie before the network and after it.

    FEATURES is a folder of extracted features.
    """
    from genreclf import plots
    from genreclf.classifier import GenreClassifier
    from genreclf.datasets.feature_set import FeatureSet

    classifier = GenreClassifier.from_pretrained(model)
    _save(plots.projection(classifier, FeatureSet.load(features)), output)


def _save(figure: "Figure", output: Path) -> None:
    from genreclf import plots

    plots.save(figure, output)
    click.echo(f"wrote {output}", err=True)
