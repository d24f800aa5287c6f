"""``genreclf evaluate``."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genreclf.cli.options import (
    data_argument,
    lists_option,
    model_option,
    output_option,
    precision_option,
    recipe_option,
    seed_option,
)

if TYPE_CHECKING:
    from genreclf.classifier import GenreClassifier
    from genreclf.datasets import Dataset, FeatureSet
    from genreclf.evaluation import Evaluation, Stability
    from genreclf.evaluation.protocols import Protocol


@click.command()
@data_argument
@output_option("report.html, metrics.json and the pictures")
@model_option
@click.option(
    "--protocol",
    type=click.Choice(["paper", "artist-filtered", "given"]),
    help="Train and test as this says, instead of testing a model.",
)
@recipe_option
@click.option(
    "--runs", type=click.IntRange(1), default=1, show_default=True, help="Of the protocol."
)
@seed_option
@lists_option
@click.option(
    "--also",
    type=click.Path(exists=True, path_type=Path),
    help="More data to train on in every run, of other artists.",
)
@precision_option
@click.option(
    "--stability",
    is_flag=True,
    help="Of a model: how many clips keep their genre as MP3, quieter, equalised, cut...",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Runs, or clips whose stability is measured, at a time.  [default: processors]",
)
def evaluate(
    data: Path,
    output: Path,
    model: str,
    protocol: "Protocol | None",
    recipe: str,
    runs: int,
    seed: int,
    lists: Path | None,
    also: Path | None,
    precision: str,
    stability: bool,
    workers: int | None,
) -> None:
    """Measure how often a model, or a protocol's models, are right on DATA.

    DATA is as for `genreclf train`. Can be stopped and called again: finished runs
    are kept.
    """
    from genreclf.cli.data import open_features, progress_bar
    from genreclf.evaluation import run_protocol, write_report
    from genreclf.training import Recipe

    if protocol is None:
        title = f"{model} on {data.name}"
        evaluations, facts = _test(data, model, output, stability, workers)
    elif stability:
        raise click.UsageError("--stability is of a --model; leave --protocol out")
    else:
        settings = Recipe.load(recipe)
        title = f"{recipe}, {protocol} protocol"
        features = open_features(data, settings.features, output / "extracted")
        facts = {
            "Data": _described(data, features),
            "Protocol": f"{protocol}, seeds {seed} to {seed + runs - 1}",
            "Recipe": recipe,
        }
        more = None
        if also is not None:
            more = open_features(also, settings.features, output / "extracted-also")
            facts["Also trained on"] = _described(also, more)
        with progress_bar("Training and testing") as advance:
            advance(total=runs)
            evaluations = run_protocol(
                features,
                settings,
                protocol,
                output,
                runs=runs,
                first_seed=seed,
                lists=lists,
                also=more,
                precision=precision,
                workers=workers,
                progress=lambda _: advance(advance=1),
            )
    report = write_report(evaluations, output, title, facts)
    _print(evaluations)
    click.echo(f"report: {report}")


def _print(evaluations: "list[Evaluation]") -> None:
    for evaluation in evaluations:
        click.echo(_line(evaluation))
        if evaluation.stability:
            _print_stability(evaluation.stability)
    if len(evaluations) > 1:
        accuracies = [evaluation.scores.accuracy for evaluation in evaluations]
        click.echo(
            f"mean {sum(accuracies) / len(accuracies):.1%}, "
            f"from {min(accuracies):.1%} to {max(accuracies):.1%}"
        )


def _line(evaluation: "Evaluation") -> str:
    scores = evaluation.scores
    line = f"{evaluation.name + ': ' if evaluation.name else ''}{scores.accuracy:.1%} of tracks"
    if scores.segment_accuracy is not None:
        line += f", {scores.segment_accuracy:.1%} of segments"
    return f"{line} right, macro F1 {scores.macro_f1:.3f}, log loss {scores.log_loss:.3f}"


def _print_stability(found: "Stability") -> None:
    for result in found.changes:
        click.echo(f"{result.change}: {result.share:.1%} of {result.clips} clips keep their genre")
    for item in found.left_out:
        click.echo(f"not compared: {item}", err=True)


def _test(
    data: Path, model: str, output: Path, stability: bool, workers: int | None
) -> "tuple[list[Evaluation], dict[str, str]]":
    from genreclf.classifier import GenreClassifier
    from genreclf.cli.data import open_features, progress_bar
    from genreclf.evaluation import evaluate as measure
    from genreclf.evaluation import neighbours

    classifier = GenreClassifier.from_pretrained(model)
    sound = _sound(data) if stability else None
    features = open_features(data, classifier.config.features, output / "features")
    with progress_bar("Listening") as advance:
        advance(total=len(features))
        found = measure(classifier, features, progress=lambda _: advance(advance=1))
    found = dataclasses.replace(found, neighbours=neighbours(classifier, features))
    if sound:
        # What could not be extracted is named already.
        paths = [track.path for track in sound.tracks if track.id in features.ids]
        found = dataclasses.replace(found, stability=_stability(classifier, paths, workers))
    return [found], {
        "Data": _described(data, features),
        "Model": model,
    }


def _sound(data: Path) -> "Dataset":
    from genreclf.datasets import open_dataset
    from genreclf.errors import DatasetError

    try:
        return open_dataset(data)
    except DatasetError as error:
        raise DatasetError(f"--stability changes the sound itself: {error}") from error


def _stability(
    classifier: "GenreClassifier", paths: list[Path], workers: int | None
) -> "Stability":
    from genreclf.cli.data import progress_bar
    from genreclf.evaluation import stability

    with progress_bar("Changing the sound") as advance:
        advance(total=len(paths))
        return stability(
            classifier, paths, workers=workers, progress=lambda done: advance(completed=done)
        )


def _described(data: Path, features: "FeatureSet") -> str:
    return f"{data.name}: {len(features)} tracks, {len(features.labels)} genres"
