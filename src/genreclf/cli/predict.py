"""``genreclf predict``."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genreclf.cli.options import min_confidence_option, model_option
from genreclf.cli.progress import show_progress
from genreclf.cli.resume import finished_paths, is_begun
from genreclf.cli.writers import FORMATS, Target, make_writer
from genreclf.errors import TagError
from genreclf.prediction import Failure, Prediction

if TYPE_CHECKING:
    from genreclf.audio import RemoteFile
    from genreclf.classifier import Engine
    from genreclf.pretrained.network import Runtime
    from genreclf.tags import Tagger

_MANY = 32  # files that make up for the time that processes take to start


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path())
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
@click.option("--resume", is_flag=True, help="Go on with the output of a former run.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Files at a time; as many as there are processors if left out.",
)
@click.option(
    "--engine",
    type=click.Choice(["threads", "processes", "ray"]),
    show_default=f"threads; processes for more than {_MANY} files",
    help="Threads of this process, processes, or those of a Ray cluster.",
)
@click.option("--ray-address", help="With --engine ray: a running cluster.", metavar="ADDRESS")
@click.option("--device", default="cpu", show_default=True, help="Where the network runs.")
@click.option(
    "--runtime",
    type=click.Choice(["auto", "onnx", "torch"]),
    default="auto",
    show_default=True,
    help="What runs the network.",
)
@min_confidence_option
@click.option("--write-tags", is_flag=True, help="Write the genres into the files' tags.")
@click.option("--dry-run", is_flag=True, help="With --write-tags: only say what would be written.")
@click.option("--only-missing", is_flag=True, help="With --write-tags: keep genres that are there.")
@click.option(
    "--tags-log",
    type=click.Path(dir_okay=False, path_type=Path),
    default="genreclf-tags.jsonl",
    show_default=True,
    help="With --write-tags: where changes are noted, for `genreclf tags undo`.",
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
    """Tell the genre of files and folders of music (folders recursively).

    PATHS may be addresses such as s3://bucket/folder or https://host/song.mp3 too.

    Exits with 0 if all files were classified, 1 if some failed (the others are
    done), 2 if the command was wrong.
    """
    from genreclf.audio import RemoteFile, source_name
    from genreclf.classifier import GenreClassifier

    if resume and (output is None or format_ not in ("jsonl", "csv")):
        raise click.UsageError("--resume needs --output FILE and --format jsonl or csv")
    files = list(find_files(paths))
    if not files:
        raise click.UsageError("there is no music in these folders")
    if write_tags and any(isinstance(file, RemoteFile) for file in files):
        raise click.UsageError("--write-tags writes into files on this machine, not at addresses")
    classifier = GenreClassifier.from_pretrained(
        model, min_confidence=min_confidence, device=device, runtime=runtime
    )
    append = resume and is_begun(output)
    target = Target(output, classifier.labels, top, timeline, append)
    if append:
        done = finished_paths(format_, target)
        files = [file for file in files if source_name(file) not in done]
        click.echo(f"{len(done)} files are done, {len(files)} are left", err=True)
    tagger = None
    if write_tags:
        from genreclf.tags import Tagger

        tagger = Tagger(tags_log, dry_run=dry_run, only_missing=only_missing)
    engine = engine or ("processes" if len(files) > _MANY and device == "cpu" else "threads")
    results = classifier.predict_many(files, workers, engine=engine, ray_address=ray_address)
    # Of workers that die, Ray tells whoever reads standard output, which is the results' place.
    with make_writer(format_, target) as writer, redirect_stdout(sys.stderr), closing(results):
        failed = 0
        for result in show_progress(results, len(files)):
            writer.write(result)
            if isinstance(result, Failure) or not _tagged(result, tagger):
                failed += 1
    if tagger is not None:
        found = ", ".join(f"{count} {outcome}" for outcome, count in tagger.outcomes.items())
        click.echo(f"tags{' (dry run)' if dry_run else ''}: {found or 'none'}", err=True)
    if failed:
        click.echo(f"{failed} of {len(files)} files failed", err=True)
    sys.exit(1 if failed else 0)


def find_files(paths: Iterable[str]) -> Iterator["Path | RemoteFile"]:
    """The files to classify: those named, and those in folders that look like music.

    Hidden files are left out; each folder's files come sorted by name.
    """
    from genreclf.audio import find_remote, is_address

    for path in paths:
        yield from find_remote(path) if is_address(path) else _find_here(Path(path))


def _find_here(path: Path) -> Iterator[Path]:
    from genreclf.audio import is_audio_path

    if not path.is_dir():
        yield path
        return
    for folder, subfolders, names in os.walk(path):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            if is_audio_path(name) and not name.startswith("."):
                yield Path(folder, name)


def _tagged(prediction: Prediction, tagger: "Tagger | None") -> bool:
    if tagger is not None:
        try:
            tagger.tag(prediction)
        except TagError as error:
            click.echo(str(error), err=True)
            return False
    return True
