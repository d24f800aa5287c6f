"""``genreclf predict``."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genreclf.cli.options import model_option
from genreclf.cli.writers import FORMATS, Writer

if TYPE_CHECKING:
    from genreclf.prediction import Failure, Prediction


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@model_option
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    default="table",
    show_default=True,
    help="How results are written.",
)
@click.option("--top", type=click.IntRange(1), help="Only the K most probable genres.", metavar="K")
@click.option("--timeline", is_flag=True, help="Also the genre of each segment.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write results to this file instead of standard output.",
)
@click.option("--device", default="cpu", show_default=True, help="Where the network runs.")
def predict(
    paths: tuple[Path, ...],
    model: str,
    format_: str,
    top: int | None,
    timeline: bool,
    output: Path | None,
    device: str,
) -> None:
    """Tell the genre of files and folders of music (folders recursively).

    Exits with 0 if all files were classified, 1 if some failed (the others are
    done), 2 if the command was wrong.
    """
    from genreclf.classifier import GenreClassifier

    files = list(find_files(paths))
    if not files:
        raise click.UsageError("there is no music in these folders")
    classifier = GenreClassifier.from_pretrained(model, device=device)
    with FORMATS[format_](output, classifier.labels, top, timeline) as writer:
        failed = _write_all(writer, files, classifier.predict_many(files))
    if failed:
        click.echo(f"{failed} of {len(files)} files failed", err=True)
    sys.exit(1 if failed else 0)


def find_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files to classify: those named, and those in folders that look like music.

    Hidden files are left out; each folder's files come sorted by name.
    """
    from genreclf.audio import is_audio_path

    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, subfolders, names in os.walk(path):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            for name in sorted(names):
                if is_audio_path(name) and not name.startswith("."):
                    yield Path(folder, name)


def _write_all(writer: Writer, files: list[Path], results: "Iterable[Prediction | Failure]") -> int:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from genreclf.prediction import Failure

    failed = 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=writer.progress_console,
        transient=True,
        disable=len(files) < 2,
    ) as progress:
        for result in progress.track(results, total=len(files), description="Listening"):
            failed += isinstance(result, Failure)
            writer.write(result)
    return failed
