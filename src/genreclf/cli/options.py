"""Arguments and options that several commands share, and option groups of a command's help."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from genreclf.pretrained import DEFAULT_MODEL
from genreclf.recipe import DEFAULT_RECIPE

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

data_argument = click.argument("data", type=click.Path(exists=True, path_type=Path))

model_option = click.option(
    "--model",
    default=DEFAULT_MODEL,
    show_default=True,
    help="A model folder, a name (`genreclf models list`), hf://owner/repository[@revision], "
    "or https://.../model.zip#sha256=...",
)

min_confidence_option = click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="If no genre reaches this probability, the result is 'unknown'.",
)

recipe_option = click.option(
    "--recipe",
    default=DEFAULT_RECIPE,
    show_default=True,
    help="A registered recipe (`genreclf plugins` lists them) or a TOML file.",
)

seed_option = click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed of all random numbers.",
)

split_option = click.option(
    "--split",
    type=click.Choice(["paper", "artist-filtered", "given"]),
    default="paper",
    show_default=True,
    help="How tracks are divided into training, validation and test sets.",
)

lists_option = click.option(
    "--lists",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the lists that define the artist-filtered split.",
)

precision_option = click.option(
    "--precision",
    type=click.Choice(["no", "bf16", "fp16"]),
    default="no",
    show_default=True,
    help="Mixed precision of the training.",
)


def output_option(content: str) -> Decorator:
    """Return the option for the folder that a command writes to."""
    return click.option(
        "--output",
        required=True,
        type=click.Path(file_okay=False, path_type=Path),
        help=f"Folder for {content}.",
    )


class GroupedCommand(click.Command):
    """A command whose help lists options in groups.

    `groups` maps each title to the names of the options' parameters. The others follow under
    "Other options".
    """

    def __init__(self, *args: Any, groups: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.groups = groups

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the groups."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        records = {option.name: option.get_help_record(ctx) for option in options}
        groups = {
            title: [records.pop(name) for name in names] for title, names in self.groups.items()
        }
        groups["Other options"] = list(records.values())
        for title, group in groups.items():
            with formatter.section(title):
                formatter.write_dl([record for record in group if record])
