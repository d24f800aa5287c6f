"""``genreclf plugins``."""

import sys

import click

from genreclf.plugins import registry


@click.command()
def plugins() -> None:
    """List what is registered, and by which package.

    Exits with 1 if a plugin is broken.
    """
    from rich.console import Console
    from rich.table import Table

    found = registry()
    table = Table("kind", "name", "package", "plugin", box=None, header_style="bold")
    for entry in found.registrations():
        table.add_row(entry.kind, entry.name, entry.package, entry.plugin)
    Console().print(table)
    for broken in found.broken:
        click.echo(f"Error: {broken}", err=True)
    sys.exit(1 if found.broken else 0)
