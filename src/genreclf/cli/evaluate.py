"""``genreclf evaluate``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genreclf.cli import options

if TYPE_CHECKING:
    from genreclf.data import Dataset, FeatureSet, Scheme
    from genreclf.evaluation import Evaluation


@click.command()
@options.data_argument
@options.output_option("report.html, metrics.json and the pictures")
@options.model_option
@click.option(
    "--protocol",
    type=click.Choice(["paper", "artist-filtered", "given"]),
    help="Train and test by this scheme, instead of testing a model.",
)
@options.recipe_option
@click.option(
    "--runs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Number of runs of the protocol.",
)
@options.seed_option
@options.lists_option
@click.option(
    "--also",
    type=click.Path(exists=True, path_type=Path),
    help="Further data to train on in every run, of other artists.",
)
@options.precision_option
@click.option(
    "--robustness",
    is_flag=True,
    help="Count the clips that keep their genre as MP3, quieter, with more bass, cut...",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Number of parallel runs, or of clips for --robustness.  [default: processors]",
)
def evaluate(
    data: Path,
    output: Path,
    model: str,
    protocol: Scheme | None,
    recipe: str,
    runs: int,
    seed: int,
    lists: Path | None,
    also: Path | None,
    precision: str,
    robustness: bool,
    workers: int | None,
) -> None:
    """Measure the accuracy of a model, or of the models of a protocol, on DATA.

    DATA is as for `genreclf train`. If interrupted, run the same command again to
    continue: finished runs are not repeated.
    """
    from genreclf.cli.features import open_features
    from genreclf.cli.progress import progress_bar
    from genreclf.evaluation import run_scheme, write_report
    from genreclf.plots.figure import require_matplotlib

    # The report has plots; fail before the work, not after it.
    require_matplotlib()
    if protocol is None:
        title = f"{model} on {data.name}"
        evaluations, facts = _test(data, model, output, robustness, workers)
    elif robustness:
        raise click.UsageError("--robustness needs a --model; leave --protocol out")
    else:
        from genreclf.training import Recipe

        settings = Recipe.load(recipe)
        title = f"{recipe}, {protocol} protocol"
        features = open_features(data, settings.features, output / "extracted")
        facts = {
            "Data": _describe(data, features),
            "Protocol": f"{protocol}, seeds {seed} to {seed + runs - 1}",
            "Recipe": recipe,
        }
        extra = None
        if also is not None:
            extra = open_features(also, settings.features, output / "extracted-also")
            facts["Also trained on"] = _describe(also, extra)
        with progress_bar("Training and testing", runs) as advance:
            evaluations = run_scheme(
                features,
                settings,
                protocol,
                output,
                runs=runs,
                first_seed=seed,
                lists=lists,
                extra=extra,
                precision=precision,
                workers=workers,
                progress=lambda _: advance(advance=1),
            )
    report = write_report(evaluations, output, title, facts)
    _print(evaluations)
    click.echo(f"report: {report}")


def _print(evaluations: list[Evaluation]) -> None:
    for evaluation in evaluations:
        click.echo(_line(evaluation))
        if evaluation.robustness is None:
            continue
        for result in evaluation.robustness.perturbations:
            click.echo(
                f"{result.perturbation}: {result.consistency:.1%} of {result.clips} clips "
                "keep their genre"
            )
        for item in evaluation.robustness.skipped:
            click.echo(f"not compared: {item}", err=True)
    if len(evaluations) > 1:
        accuracies = [evaluation.scores.accuracy for evaluation in evaluations]
        click.echo(
            f"mean {sum(accuracies) / len(accuracies):.1%}, "
            f"from {min(accuracies):.1%} to {max(accuracies):.1%}"
        )


def _line(evaluation: Evaluation) -> str:
    scores = evaluation.scores
    line = f"{evaluation.name + ': ' if evaluation.name else ''}{scores.accuracy:.1%} of tracks"
    if scores.segment_accuracy is not None:
        line += f", {scores.segment_accuracy:.1%} of segments"
    return f"{line} correct, macro F1 {scores.macro_f1:.3f}, log loss {scores.log_loss:.3f}"


def _test(
    data: Path, model: str, output: Path, robustness: bool, workers: int | None
) -> tuple[list[Evaluation], dict[str, str]]:
    from genreclf import evaluation
    from genreclf.classifier import GenreClassifier
    from genreclf.cli.features import open_features
    from genreclf.cli.progress import progress_bar

    classifier = GenreClassifier.from_pretrained(model)
    audio = _open_audio(data) if robustness else None
    features = open_features(data, classifier.config.features, output / "features")
    with progress_bar("Classifying", len(features)) as advance:
        result = evaluation.evaluate(classifier, features, progress=lambda _: advance(advance=1))
    neighbors = evaluation.nearest_neighbors(classifier, features)
    result = dataclasses.replace(result, neighbors=neighbors)
    if audio:
        # Tracks that could not be extracted were reported by the extraction.
        paths = [track.path for track in audio.tracks if track.id in features.ids and track.path]
        with progress_bar("Measuring robustness", len(paths)) as advance:
            robust = evaluation.measure_robustness(
                classifier, paths, workers=workers, progress=lambda done: advance(completed=done)
            )
        result = dataclasses.replace(result, robustness=robust)
    return [result], {"Data": _describe(data, features), "Model": model}


def _open_audio(data: Path) -> Dataset:
    from genreclf.data import open_dataset
    from genreclf.errors import DatasetError

    try:
        return open_dataset(data)
    except DatasetError as error:
        raise DatasetError(f"--robustness needs audio files: {error}") from error


def _describe(data: Path, features: FeatureSet) -> str:
    return f"{data.name}: {len(features)} tracks, {len(features.labels)} genres"
