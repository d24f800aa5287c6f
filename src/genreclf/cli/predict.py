"""``genreclf predict``."""

import sys
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genreclf.cli.options import GroupedCommand, min_confidence_option, model_option
from genreclf.cli.progress import Tally, show_progress
from genreclf.cli.tags import format_change
from genreclf.cli.writers import FORMATS, RESUMABLE, Output, Writer, finished_paths
from genreclf.errors import TagError
from genreclf.prediction import Failure, Prediction

if TYPE_CHECKING:
    from genreclf.parallel import Engine
    from genreclf.pretrained.folder import Runtime
    from genreclf.tags import Change, Tagger

_INTERRUPTED = 130  # the exit code of shells for SIGINT
_MANY_FILES = 32  # from here on, processes are worth the time they take to start


@click.command(
    cls=GroupedCommand,
    groups={
        "Output": ("format_", "top", "timeline", "output", "resume"),
        "Model": ("model", "min_confidence", "runtime", "device"),
        "Speed": ("workers", "engine", "ray_address"),
        "Tags": ("write_tags", "dry_run", "only_missing", "tags_log"),
    },
)
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@model_option
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    default="table",
    show_default=True,
    help="The output format.",
)
@click.option(
    "--top", type=click.IntRange(1), help="Include only the K most probable genres.", metavar="K"
)
@click.option("--timeline", is_flag=True, help="Include the genre of each segment.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write results to this file instead of standard output.",
)
@click.option("--resume", is_flag=True, help="Continue an interrupted run with the same --output.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Number of files to classify at a time.  [default: number of processors]",
)
@click.option(
    "--engine",
    type=click.Choice(["threads", "processes", "ray"]),
    show_default=f"threads; processes for more than {_MANY_FILES} files",
    help="Run in threads, in processes, or on a Ray cluster.",
)
@click.option(
    "--ray-address", help="Address of a running cluster, for --engine ray.", metavar="ADDRESS"
)
@click.option(
    "--device", default="cpu", show_default=True, help="Device of the network, such as cuda."
)
@click.option(
    "--runtime",
    type=click.Choice(["auto", "onnx", "torch"]),
    default="auto",
    show_default=True,
    help="Run the network in ONNX Runtime or in PyTorch.",
)
@min_confidence_option
@click.option("--write-tags", is_flag=True, help="Write the genres into the files' tags.")
@click.option("--dry-run", is_flag=True, help="With --write-tags: change no file.")
@click.option(
    "--only-missing", is_flag=True, help="With --write-tags: skip files that have a genre."
)
@click.option(
    "--tags-log",
    type=click.Path(dir_okay=False, path_type=Path),
    default="genreclf-tags.jsonl",
    show_default=True,
    help="With --write-tags: log of the changes, for `genreclf tags undo`.",
)
def predict(
    paths: tuple[str, ...],
    model: str,
    format_: str,
    top: int | None,
    timeline: bool,
    output: Path | None,
    resume: bool,
    workers: int | None,
    engine: "Engine | None",
    ray_address: str | None,
    device: str,
    runtime: "Runtime",
    min_confidence: float,
    write_tags: bool,
    dry_run: bool,
    only_missing: bool,
    tags_log: Path,
) -> None:
    """Classify audio files, and folders of them (searched recursively).

    PATHS may be URLs too, such as s3://bucket/folder or https://host/song.mp3.

    The exit code is 0 if all files were classified, 1 if some failed (the others were
    classified), 2 if the command is invalid, 130 if it was interrupted.

    \b
    Examples:
      genreclf predict song.mp3 Music/
      genreclf predict Music/ --format csv --output genres.csv
    """  # noqa: D301  (click reads \b, a raw string would hide it)
    from genreclf.audio import RemoteFile, find_files, source_name
    from genreclf.classifier import GenreClassifier

    resumable = output is not None and format_ in RESUMABLE
    if resume and not resumable:
        raise click.UsageError(
            f"--resume needs --output FILE and --format {' or '.join(RESUMABLE)}"
        )
    files = list(find_files(paths))
    if not files:
        raise click.UsageError("there are no audio files in these folders")
    if write_tags and any(isinstance(file, RemoteFile) for file in files):
        raise click.UsageError("--write-tags needs local files, not URLs")
    classifier = GenreClassifier.from_pretrained(
        model, min_confidence=min_confidence, device=device, runtime=runtime
    )
    append = resume and output is not None and output.is_file() and output.stat().st_size > 0
    target = Output(output, classifier.labels, top, timeline, append)
    if append:
        finished = finished_paths(format_, target)
        files = [file for file in files if source_name(file) not in finished]
        click.echo(f"{len(finished)} files are done, {len(files)} are left", err=True)
    tagger = None
    if write_tags:
        from genreclf.tags import Tagger

        on_change = _print_change if dry_run else None
        tagger = Tagger(tags_log, dry_run=dry_run, only_missing=only_missing, on_change=on_change)
    engine = engine or ("processes" if len(files) > _MANY_FILES and device == "cpu" else "threads")
    results = classifier.predict_many(files, workers, engine=engine, ray_address=ray_address)
    tally = Tally()
    try:
        # Ray prints the output of its workers, which must not get between the results.
        with FORMATS[format_](target) as writer, redirect_stdout(sys.stderr), closing(results):
            progress = show_progress(results, len(files), tally)
            failed = sum(not _write(result, writer, tagger) for result in progress)
    except KeyboardInterrupt:
        hint = "; the same command with --resume continues" if resumable else ""
        click.echo(f"interrupted after {tally.files} of {len(files)} files{hint}", err=True)
        sys.exit(_INTERRUPTED)
    if tally.files > 1:
        click.echo(tally.summary(), err=True)
    if tagger is not None:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in tagger.outcomes.items())
        click.echo(f"tags{' (dry run)' if dry_run else ''}: {counts or 'none'}", err=True)
    if failed:
        click.echo(f"{failed} of {len(files)} files failed", err=True)
    sys.exit(1 if failed else 0)


def _print_change(change: "Change") -> None:
    click.echo(format_change(change.path, change.old, change.new), err=True)


def _write(result: Prediction | Failure, writer: Writer, tagger: "Tagger | None") -> bool:
    """Write a result, and its tag if there is a tagger; return whether both succeeded."""
    writer.write(result)
    if isinstance(result, Failure):
        return False
    if tagger is not None:
        try:
            tagger.tag(result)
        except TagError as error:
            click.echo(str(error), err=True)
            return False
    return True
