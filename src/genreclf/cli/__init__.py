"""The command ``genreclf``, which finds its subcommands and prints errors as one line.

It holds one of them, ``genreclf plugins``; the others have their own modules.
"""

import sys
from typing import Any

import click

import genreclf
from genreclf.errors import GenreclfError, PluginError
from genreclf.plugins import Command, registry


class _Group(click.Group):
    """A group whose subcommands come from the registry."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return registry().names("commands")

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in registry().names("commands"):
            return None
        entry = registry().find("commands", name)
        command = entry.load()
        if not isinstance(command, click.Command):
            raise PluginError(
                f"'{name}' of plugin '{entry.plugin}' ({entry.package}) is not a click command"
            )
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # Importing every command for its help would take a second.
        rows = [(name, _short_help(name)) for name in registry().names("commands")]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"Error: {_message(error)}", err=True)
            sys.exit(2)


def _short_help(name: str) -> str:
    try:
        target = registry().find("commands", name).target
    except PluginError as error:  # two plugins register it
        return str(error)
    if isinstance(target, click.Command):
        return target.get_short_help_str()
    return target.help if isinstance(target, Command) else ""


def _message(error: Exception) -> str:
    if isinstance(error, GenreclfError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return (
        f"unexpected {type(error).__name__}: {error}. This is a bug; "
        "`genreclf --debug ...` shows where, please report it."
    )


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(genreclf.__version__, prog_name="genreclf")
def main(debug: bool) -> None:
    """Classify music by genre."""


@click.command()
def plugins() -> None:
    """List what plugins register, and their packages.

    Exits with 1 if a plugin is broken.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table("kind", "name", "package", "plugin", box=None, header_style="bold")
    for entry in registry().registrations():
        table.add_row(entry.kind, entry.name, entry.package, entry.plugin)
    Console().print(table)
    for broken in registry().broken:
        click.echo(f"Error: {broken}", err=True)
    sys.exit(1 if registry().broken else 0)
