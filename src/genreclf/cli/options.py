"""Arguments and options that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from genreclf.pretrained import DEFAULT_MODEL
from genreclf.recipes import DEFAULT_RECIPE

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
    help="Below this probability the genre is 'unknown'.",
)

recipe_option = click.option(
    "--recipe",
    default=DEFAULT_RECIPE,
    show_default=True,
    help="A registered name (`genreclf plugins`) or a TOML file.",
)

seed_option = click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Decides all random numbers.",
)

split_option = click.option(
    "--split",
    type=click.Choice(["paper", "artist-filtered", "given"]),
    default="paper",
    show_default=True,
    help="Which tracks are trained on, watched, and tested on.",
)

lists_option = click.option(
    "--lists",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder with the lists of the artist-filtered split.",
)

precision_option = click.option(
    "--precision",
    type=click.Choice(["no", "bf16", "fp16"]),
    default="no",
    show_default=True,
    help="Mixed precision of the training.",
)


def output_option(content: str) -> Decorator:
    """The folder that a command writes to."""
    return click.option(
        "--output",
        required=True,
        type=click.Path(file_okay=False, path_type=Path),
        help=f"The folder for {content}.",
    )
