"""``genreclf tags``."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from genreclf.files import printable


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
        click.echo(problem or format_change(change.path, change.new, change.old), err=bool(problem))
    sys.exit(1 if failed else 0)


def format_change(path: str, before: Sequence[str], after: Sequence[str]) -> str:
    """Format a change of genres: ``song.mp3: Polka -> metal``."""
    return f"{printable(path)}: {', '.join(before) or 'none'} -> {', '.join(after) or 'none'}"
