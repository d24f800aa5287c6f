"""``genreclf plot``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genreclf.cli.options import model_option

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _checked(context: click.Context, parameter: click.Parameter, value: Path) -> Path:
    """Reject an output that cannot be written, before the work starts."""
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
    help="Picture file: .png, .svg or .pdf.",
)
_song = click.argument("song", type=click.Path(path_type=Path))


@click.group()
def plot() -> None:
    """Plot music, networks and results."""


@plot.command()
@_song
@_output
def spectrogram(song: Path, output: Path) -> None:
    """Plot the mel spectrogram of a song."""
    from genreclf import plots

    _save(plots.spectrogram(song), output)


@plot.command()
@_song
@model_option
@_output
def timeline(song: Path, model: str, output: Path) -> None:
    """Plot the genre of a song over time."""
    from genreclf import plots
    from genreclf.classifier import GenreClassifier

    _save(plots.timeline(GenreClassifier.from_pretrained(model).predict(song)), output)


@plot.command()
@model_option
@_output
def filters(model: str, output: Path) -> None:
    """Plot the kernels of a network's first layer."""
    from genreclf import plots
    from genreclf.classifier import GenreClassifier

    _save(plots.filters(GenreClassifier.from_pretrained(model, runtime="torch")), output)


@plot.command()
@click.argument("metrics", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_output
def confusion(metrics: Path, output: Path) -> None:
    """Plot the confusion matrix of an evaluation's metrics.json."""
    from genreclf import plots
    from genreclf.evaluation.report import read_scores

    _save(plots.confusion(read_scores(metrics)), output)


@plot.command()
@click.argument("features", type=click.Path(exists=True, file_okay=False, path_type=Path))
@model_option
@_output
def projection(features: Path, model: str, output: Path) -> None:
    """Plot tracks by genre, before the network and after it, in two dimensions.

    FEATURES is a folder that `genreclf features extract` wrote.
    """
    from genreclf import plots
    from genreclf.classifier import GenreClassifier
    from genreclf.data.feature_set import FeatureSet

    classifier = GenreClassifier.from_pretrained(model)
    _save(plots.projection(classifier, FeatureSet.load(features)), output)


def _save(figure: "Figure", output: Path) -> None:
    from genreclf import plots

    plots.save(figure, output)
    click.echo(f"wrote {output}", err=True)
