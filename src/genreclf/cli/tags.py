"""``genreclf tags``."""

import sys
from pathlib import Path

import click


@click.group()
def tags() -> None:
    """Restore the genres that `predict --write-tags` replaced."""


@tags.command()
@click.argument("log", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only print what would change.")
def undo(log: Path, dry_run: bool) -> None:
    """Restore the earlier genres of the files in LOG, written by `predict --write-tags`.

    The exit code is 1 if a file could not be restored.
    """
    from genreclf import tags

    failed = 0
    for change, problem in tags.undo(log, dry_run):
        failed += bool(problem)
        genres = f"{', '.join(change.new)} -> {', '.join(change.old) or 'none'}"
        click.echo(problem or f"{change.path}: {genres}", err=bool(problem))
    sys.exit(1 if failed else 0)
