"""``genreclf tune``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genreclf.cli.options import (
    data_argument,
    lists_option,
    output_option,
    recipe_option,
    seed_option,
    split_option,
)

if TYPE_CHECKING:
    from genreclf.evaluation.protocols import Protocol
    from genreclf.training.tuning import Tuning


@click.command()
@data_argument
@recipe_option
@output_option("the study and the best recipe")
@click.option("--trials", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@split_option
@lists_option
@seed_option
def tune(
    data: Path,
    recipe: str,
    output: Path,
    trials: int,
    split: "Protocol",
    lists: Path | None,
    seed: int,
) -> None:
    """Search for a better recipe on DATA; DATA is as for `genreclf train`.

    The test side has no part in it. Called again with the same output folder it
    goes on with its study. The best recipe is `best.toml` in that folder.
    """
    from genreclf.cli.data import open_features, progress_bar
    from genreclf.evaluation import make_split
    from genreclf.training import Recipe
    from genreclf.training.tuning import BEST
    from genreclf.training.tuning import tune as search

    settings = Recipe.load(recipe)
    features = open_features(data, settings.features, output / "features")
    sides = make_split(features, split, seed, lists)
    with progress_bar("Trying") as advance:
        advance(total=trials)
        found = search(
            features.subset(sides.train),
            features.subset(sides.valid),
            settings,
            output,
            trials=trials,
            seed=seed,
            progress=lambda _: advance(advance=1),
        )
    _print(found)
    click.echo(f"best recipe: {output / BEST}")


def _print(found: "Tuning") -> None:
    from rich.console import Console
    from rich.table import Table

    names = sorted({name for trial in found.trials for name in trial.parameters})
    table = Table("trial", "valid loss", "state", *names, box=None, header_style="bold")
    worst = float("inf")
    for trial in sorted(found.trials, key=lambda t: (t.state != "complete", t.valid_loss or worst)):
        loss = "" if trial.valid_loss is None else f"{trial.valid_loss:.4f}"
        values = (f"{trial.parameters.get(name, ''):.4g}" for name in names)
        table.add_row(str(trial.number), loss, trial.state, *values)
    Console().print(table)
