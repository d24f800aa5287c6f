"""``genreclf train``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genreclf.cli.options import (
    data_argument,
    lists_option,
    output_option,
    precision_option,
    recipe_option,
    seed_option,
    split_option,
)

if TYPE_CHECKING:
    from genreclf.datasets import FeatureSet
    from genreclf.evaluation.protocols import Protocol
    from genreclf.training import Recipe, Trainer, TrainingResult


@click.command()
@data_argument
@recipe_option
@output_option("model, checkpoints, log and features")
@split_option
@lists_option
@click.option("--resume", is_flag=True, help="Go on with the run in the output folder.")
@seed_option
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where to train.",
)
@precision_option
@click.option("--tensorboard", is_flag=True, help="Log for TensorBoard too.")
def train(
    data: Path,
    recipe: str,
    output: Path,
    split: "Protocol",
    lists: Path | None,
    resume: bool,
    seed: int,
    device: str,
    precision: str,
    tensorboard: bool,
) -> None:
    """Train a network on DATA.

    DATA is a folder with one folder per genre, GTZAN, a manifest (CSV or Parquet
    with the columns path and genre), or features extracted before. The output
    folder is a model: `genreclf predict SONG --model OUTPUT`.
    """
    from accelerate import PartialState

    from genreclf.cli.data import open_features
    from genreclf.evaluation import make_split
    from genreclf.training import Recipe, Trainer

    settings = Recipe.load(recipe)
    processes = PartialState(cpu=device == "cpu")
    with processes.main_process_first():  # the others find the features extracted
        features = open_features(data, settings.features, output / "features")
    sides = make_split(features, split, seed, lists)
    train_side, valid_side, test_side = (features.subset(side) for side in sides)
    click.echo(
        f"{len(train_side)} tracks to train on, {len(valid_side)} to watch, "
        f"{len(test_side)} to test on ({split} split, seed {seed})",
        err=True,
    )
    trainer = Trainer(
        settings,
        output=output,
        resume=resume,
        seed=seed,
        device=device,
        precision=precision,
        tensorboard=tensorboard,
        metadata={"data": data.name, "split": f"{split}, seed {seed}", "recipe": recipe},
    )
    result = _fit(trainer, settings, train_side, valid_side)
    if processes.is_main_process:
        _report(result, {"training": train_side, "validation": valid_side, "test": test_side})


def _fit(
    trainer: "Trainer", recipe: "Recipe", train_side: "FeatureSet", valid_side: "FeatureSet"
) -> "TrainingResult":
    from genreclf.cli.data import progress_bar

    with progress_bar("Training") as advance:

        def show(record: dict[str, float]) -> None:
            accuracy = record.get("valid_accuracy")
            watched = "" if accuracy is None else f", validation accuracy {accuracy:.1%}"
            advance(
                completed=record["epoch"],
                total=recipe.training.epochs,
                description=f"Training: loss {record['loss']:.3f}{watched}",
            )

        trainer.progress = show
        return trainer.fit(train_side, valid_side)


def _report(result: "TrainingResult", sides: "dict[str, FeatureSet]") -> None:
    from genreclf.evaluation import evaluate
    from genreclf.evaluation.metrics import wilson_interval

    click.echo(f"{len(result.history)} epochs")
    for name, side in sides.items():
        scores = evaluate(result.classifier, side).scores
        low, high = wilson_interval(round(scores.accuracy * len(side)), len(side))
        click.echo(
            f"{name} side: {scores.accuracy:.1%} of {len(side)} tracks right "
            f"(95 % interval {low:.1%} to {high:.1%})"
        )
