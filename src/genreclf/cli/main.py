"""The command group, and what all commands share."""

import importlib
import sys
from typing import Any

import click

import genreclf
from genreclf.errors import GenreclfError

# Imported when called or listed with its help, so that `genreclf --help` is instant.
_COMMANDS = {
    "app": ("genreclf.cli.app", "Serve a page for the browser: drop a song, see its genre."),
    "evaluate": ("genreclf.cli.evaluate", "Measure how often a model or a protocol is right."),
    "features": ("genreclf.cli.features", "Extract the features of a data set, to train on."),
    "models": ("genreclf.cli.models", "List, download and check models."),
    "plot": ("genreclf.cli.plot", "Draw pictures of music, networks and results."),
    "plugins": ("genreclf.cli.plugins", "List what is registered, and by which package."),
    "predict": ("genreclf.cli.predict", "Tell the genre of files and folders of music."),
    "tags": ("genreclf.cli.tags", "Take back the genres that predict has written."),
    "train": ("genreclf.cli.train", "Train a network on your own genres."),
    "tune": ("genreclf.cli.tune", "Search for a better recipe."),
}


class _Group(click.Group):
    """Imports a command when it is used, and prints the library's errors as one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(_COMMANDS[name][0]), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in sorted(_COMMANDS.items())])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"Error: {_explain(error)}", err=True)
            sys.exit(2)


def _explain(error: Exception) -> str:
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
    """Tell the genre of music from its sound."""
