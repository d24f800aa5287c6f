"""``genreclf train``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genreclf.cli import options

if TYPE_CHECKING:
    from genreclf.data import FeatureSet, Scheme
    from genreclf.training import Trainer, TrainingResult


@click.command()
@options.data_argument
@options.recipe_option
@options.output_option("model, checkpoints, log and features")
@options.split_option
@options.lists_option
@click.option("--resume", is_flag=True, help="Continue the run in the output folder.")
@options.seed_option
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where to train.",
)
@options.precision_option
@click.option("--tensorboard", is_flag=True, help="Log for TensorBoard too.")
def train(
    data: Path,
    recipe: str,
    output: Path,
    split: "Scheme",
    lists: Path | None,
    resume: bool,
    seed: int,
    device: str,
    precision: str,
    tensorboard: bool,
) -> None:
    """Train a network on DATA.

    DATA is a folder with one folder per genre, GTZAN, a manifest (CSV or Parquet with the
    columns path and genre), or extracted features. The output folder is a model: `genreclf
    predict SONG --model OUTPUT`.
    """
    from genreclf.cli.features import open_features
    from genreclf.data import make_split
    from genreclf.training import Recipe, Trainer

    # After genreclf.training, which names the extra if Accelerate is not installed.
    from accelerate import PartialState  # isort: skip

    settings = Recipe.load(recipe)
    processes = PartialState(cpu=device == "cpu")
    with processes.main_process_first():  # the others find the extracted features
        features = open_features(data, settings.features, output / "features")
    split_indices = make_split(features, split, seed, lists)
    train_set, valid_set, test_set = (features.subset(indices) for indices in split_indices)
    click.echo(
        f"{len(train_set)} training, {len(valid_set)} validation and {len(test_set)} test "
        f"tracks ({split} split, seed {seed})",
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
    result = _fit(trainer, train_set, valid_set)
    if processes.is_main_process:
        _report(result, {"training": train_set, "validation": valid_set, "test": test_set})


def _fit(trainer: "Trainer", train_set: "FeatureSet", valid_set: "FeatureSet") -> "TrainingResult":
    from genreclf.cli.progress import progress_bar

    with progress_bar("Training") as advance:

        def show(record: dict[str, float]) -> None:
            accuracy = record.get("valid_accuracy")
            validation = "" if accuracy is None else f", validation accuracy {accuracy:.1%}"
            advance(
                completed=record["epoch"],
                total=trainer.recipe.training.epochs,
                description=f"Training: loss {record['loss']:.3f}{validation}",
            )

        trainer.progress = show
        return trainer.fit(train_set, valid_set)


def _report(result: "TrainingResult", sets: "dict[str, FeatureSet]") -> None:
    from genreclf.evaluation import evaluate
    from genreclf.metrics import wilson_interval

    click.echo(f"{len(result.history)} epochs")
    for name, features in sets.items():
        scores = evaluate(result.classifier, features).scores
        low, high = wilson_interval(round(scores.accuracy * len(features)), len(features))
        click.echo(
            f"{name} accuracy: {scores.accuracy:.1%} of {len(features)} tracks "
            f"(95 % interval {low:.1%} to {high:.1%})"
        )
