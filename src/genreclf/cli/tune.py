"""``genreclf tune``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genreclf.cli import options

if TYPE_CHECKING:
    from genreclf.data import Scheme
    from genreclf.training.tuning import TrialResult


@click.command()
@options.data_argument
@options.recipe_option
@options.output_option("the study and the best recipe")
@click.option(
    "--trials", type=click.IntRange(1), default=20, show_default=True, help="Number of trials."
)
@options.split_option
@options.lists_option
@options.seed_option
def tune(
    data: Path,
    recipe: str,
    output: Path,
    trials: int,
    split: "Scheme",
    lists: Path | None,
    seed: int,
) -> None:
    """Search for a better recipe on DATA; DATA is as for `genreclf train`.

    The search does not use the test set. The same output folder continues its study. The
    best recipe is `best.toml` in that folder.
    """
    from genreclf.cli.features import open_features
    from genreclf.cli.progress import progress_bar
    from genreclf.data import make_split
    from genreclf.training import Recipe, tuning

    settings = Recipe.load(recipe)
    features = open_features(data, settings.features, output / "features")
    sets = make_split(features, split, seed, lists)
    with progress_bar("Tuning", trials) as advance:
        result = tuning.tune(
            features.subset(sets.train),
            features.subset(sets.valid),
            settings,
            output,
            trials=trials,
            seed=seed,
            progress=lambda _: advance(advance=1),
        )
    _print_trials(result.trials)
    click.echo(f"best recipe: {output / tuning.BEST}")


def _print_trials(trials: "tuple[TrialResult, ...]") -> None:
    from rich.console import Console
    from rich.table import Table

    names = sorted({name for trial in trials for name in trial.parameters})
    table = Table("trial", "valid loss", "state", *names, box=None, header_style="bold")
    worst = float("inf")
    for trial in sorted(trials, key=lambda t: (t.state != "complete", t.valid_loss or worst)):
        loss = "" if trial.valid_loss is None else f"{trial.valid_loss:.4f}"
        # A trial that was killed may lack some of its values.
        found = trial.parameters
        values = (f"{found[name]:.4g}" if name in found else "" for name in names)
        table.add_row(str(trial.number), loss, trial.state, *values)
    Console().print(table)
