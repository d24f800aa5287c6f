"""``genreclf tags``."""

import sys
from pathlib import Path

import click


@click.group()
def tags() -> None:
    """Take back the genres that predict --write-tags has written."""


@tags.command()
@click.argument("log", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Change nothing.")
def undo(log: Path, dry_run: bool) -> None:
    """Give the files in LOG the genres back that they had.

    Exits with 1 if some cannot be.
    """
    from genreclf import tags

    problems = 0
    for change, problem in tags.undo(log, dry_run):
        problems += bool(problem)
        genres = f"{', '.join(change.new)} -> {', '.join(change.old) or 'none'}"
        click.echo(problem or f"{change.path}: {genres}", err=bool(problem))
    sys.exit(1 if problems else 0)
