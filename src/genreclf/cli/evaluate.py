"""``genreclf evaluate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    from genreclf.datasets import FeatureSet
    from genreclf.evaluation import Evaluation
    from genreclf.evaluation.protocols import Protocol
    from genreclf.training import Recipe


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
@click.option("--workers", type=click.IntRange(1), help="Runs at a time.  [default: processors]")
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
    workers: int | None,
) -> None:
    """Measure how often a model, or a protocol's models, are right on DATA.

    DATA is as for `genreclf train`. Can be stopped and called again: finished runs
    are kept.
    """
    from genreclf.cli.data import open_features
    from genreclf.evaluation import write_report
    from genreclf.training import Recipe

    if protocol is None:
        title = f"{model} on {data.name}"
        evaluations, facts = _test(data, model, output)
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
        evaluations = _run(
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
        )
    report = write_report(evaluations, output, title, facts)
    for evaluation in evaluations:
        click.echo(_line(evaluation))
    if len(evaluations) > 1:
        accuracies = [evaluation.scores.accuracy for evaluation in evaluations]
        click.echo(
            f"mean {sum(accuracies) / len(accuracies):.1%}, "
            f"from {min(accuracies):.1%} to {max(accuracies):.1%}"
        )
    click.echo(f"report: {report}")


def _line(evaluation: "Evaluation") -> str:
    scores = evaluation.scores
    line = f"{evaluation.name + ': ' if evaluation.name else ''}{scores.accuracy:.1%} of tracks"
    if scores.segment_accuracy is not None:
        line += f", {scores.segment_accuracy:.1%} of segments"
    return f"{line} right, macro F1 {scores.macro_f1:.3f}, log loss {scores.log_loss:.3f}"


def _test(data: Path, model: str, output: Path) -> "tuple[list[Evaluation], dict[str, str]]":
    from genreclf.classifier import GenreClassifier
    from genreclf.cli.data import open_features, progress_bar
    from genreclf.evaluation import evaluate as measure

    classifier = GenreClassifier.from_pretrained(model)
    features = open_features(data, classifier.config.features, output / "features")
    with progress_bar("Listening") as advance:
        advance(total=len(features))
        found = measure(classifier, features, progress=lambda _: advance(advance=1))
    return [found], {
        "Data": _described(data, features),
        "Model": model,
    }


def _described(data: Path, features: "FeatureSet") -> str:
    return f"{data.name}: {len(features)} tracks, {len(features.labels)} genres"


def _run(
    features: "FeatureSet",
    recipe: "Recipe",
    protocol: "Protocol",
    output: Path,
    runs: int,
    **settings: Any,
) -> "list[Evaluation]":
    from genreclf.cli.data import progress_bar
    from genreclf.evaluation import run_protocol

    with progress_bar("Training and testing") as advance:
        advance(total=runs)
        return run_protocol(
            features,
            recipe,
            protocol,
            output,
            runs=runs,
            **settings,
            progress=lambda _: advance(advance=1),
        )
