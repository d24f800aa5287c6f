"""The output formats of ``genreclf predict``, and the finished part of an output to resume."""

import csv
import io
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import click

from genreclf.errors import MissingExtraError
from genreclf.files import printable
from genreclf.prediction import (
    FLAGS,
    Failure,
    Prediction,
    column_names,
    format_row,
    format_time,
    to_rows,
)

_PARQUET_BATCH_ROWS = 5000
_TEXT_COLUMNS = frozenset({"path", "genre", "flags", "error"})


@dataclass(frozen=True)
class Output:
    """Where results go and what they include.

    A `path` of None is standard output; `labels` are the model's genres; `top` is the number of
    genres to include, the most probable first, or None for all; `timeline` includes the segments.
    """

    path: Path | None
    labels: Sequence[str]
    top: int | None = None
    timeline: bool = False
    append: bool = False


class Writer(ABC):
    """Write results one by one to a file or to standard output."""

    def __init__(self, output: Output) -> None:
        self.output = output

    @abstractmethod
    def write(self, result: Prediction | Failure) -> None:
        """Write one result."""

    @abstractmethod
    def close(self) -> None:
        """Write buffered results and close the file."""

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class TextWriter(Writer):
    """Base class of the text formats. Subclasses write to ``stream``."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self._files = ExitStack()
        self.stream: IO[str] = sys.stdout
        if output.path is not None:
            mode = "a" if output.append else "w"
            self.stream = self._files.enter_context(
                output.path.open(mode, encoding="utf-8", newline="")
            )
        if isinstance(self.stream, io.TextIOWrapper):
            # File names may hold bytes that are not valid text. They are written unchanged.
            self.stream.reconfigure(errors="surrogateescape")

    def close(self) -> None:
        """Close the file."""
        self._files.close()


class JsonLinesWriter(TextWriter):
    """JSON Lines: one object per track, with its path and the prediction or the error."""

    def write(self, result: Prediction | Failure) -> None:
        """Write one line and flush it."""
        if isinstance(result, Failure):
            record = result.to_dict()
        else:
            record = result.to_dict(self.output.top, self.output.timeline)
        line = json.dumps({"path": record.pop("source"), **record}, ensure_ascii=True)
        self.stream.write(f"{line}\n")
        self.stream.flush()


class CsvWriter(TextWriter):
    """CSV: one row per track or segment, one column per genre."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self._csv = csv.DictWriter(self.stream, column_names(output.labels, output.timeline))
        if not output.append:
            self._csv.writeheader()

    def write(self, result: Prediction | Failure) -> None:
        """Write the rows of one result and flush them."""
        rows = to_rows(result, self.output.top, self.output.timeline)
        self._csv.writerows(map(format_row, rows))
        self.stream.flush()


class ParquetWriter(Writer):
    """Parquet (extra ``parquet``): the columns of CSV, with numbers as numbers and nulls."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        try:
            import pyarrow as pa  # type: ignore[import-untyped]
            from pyarrow import parquet
        except ImportError as error:
            raise MissingExtraError("Parquet files", "parquet") from error
        if output.path is None:
            raise click.UsageError("--format parquet needs --output FILE")
        fields = [
            (name, pa.string() if name in _TEXT_COLUMNS else pa.float64())
            for name in column_names(output.labels, output.timeline)
        ]
        self._schema = pa.schema(fields)
        self._file = parquet.ParquetWriter(output.path, self._schema)
        self._rows: list[dict[str, Any]] = []

    def write(self, result: Prediction | Failure) -> None:
        """Buffer the rows of one result, and write them when there are enough."""
        for row in to_rows(result, self.output.top, self.output.timeline):
            # Parquet text must be valid UTF-8, unlike file names.
            self._rows.append({**row, "path": printable(row["path"])})
        if len(self._rows) >= _PARQUET_BATCH_ROWS:
            self._flush()

    def close(self) -> None:
        """Write buffered rows and the footer, without which the file is not valid."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            self._file.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []


class TableWriter(TextWriter):
    """A table to read in a terminal, printed after the last result."""

    def __init__(self, output: Output) -> None:
        from rich.table import Table

        super().__init__(output)
        time = "time" if output.timeline else "length"
        self._table = Table(box=None, header_style="bold", pad_edge=False)
        self._table.add_column("file", overflow="fold", ratio=3)
        self._table.add_column("genre", no_wrap=True)
        self._table.add_column("confidence", justify="right", no_wrap=True)
        self._table.add_column(time, justify="right", no_wrap=True)
        self._table.add_column("next", overflow="fold", ratio=2)
        self._flags: set[str] = set()
        self._errors: list[str] = []

    def write(self, result: Prediction | Failure) -> None:
        """Add the rows of one result."""
        from rich.markup import escape

        path = escape(printable(result.source))
        if isinstance(result, Failure):
            self._table.add_row(path, "[red]failed[/red]", "", "", "")
            self._errors.append(str(result.error))
            return
        self._flags |= result.flags
        flags = " ".join(sorted(result.flags))
        others = ", ".join(f"{name} {p:.0%}" for name, p in result.top(self.output.top or 3)[1:])
        self._table.add_row(
            path,
            f"[bold]{result.genre}[/bold]",
            f"{result.confidence:.0%}",
            format_time(result.duration),
            f"{others} [yellow]{flags}[/yellow]" if flags else others,
        )
        for segment in result.timeline if self.output.timeline else ():
            times = f"{format_time(segment.start)} - {format_time(segment.end)}"
            self._table.add_row("", segment.genre, f"{segment.confidence:.0%}", times, "")

    def close(self) -> None:
        """Print the table, the meanings of its flags, and the errors."""
        from rich.console import Console
        from rich.text import Text

        console = Console(file=self.stream)
        console.print(self._table)
        for flag in sorted(self._flags):
            console.print(f"[yellow]{flag}[/yellow]: {FLAGS[flag]}")
        for error in self._errors:
            console.print(Text.assemble(("failed", "red"), ": ", error))
        super().close()


FORMATS: Mapping[str, type[Writer]] = {
    "table": TableWriter,
    "jsonl": JsonLinesWriter,
    "csv": CsvWriter,
    "parquet": ParquetWriter,
}
"""The writer of each output format."""


def finished_paths(format_: str, output: Output) -> set[str]:
    """Return the paths whose results are complete, and remove incomplete ones from the file.

    The format is "jsonl" or "csv". The file must exist; if it is not of the same command and
    model, a UsageError is raised.
    """
    assert output.path is not None  # noqa: S101
    read = {"jsonl": _read_json_lines, "csv": _read_csv}[format_]
    finished, end = read(output.path, output)
    with output.path.open("r+b") as file:
        file.truncate(end)
    return finished


def _read_json_lines(path: Path, output: Output) -> tuple[set[str], int]:
    """Return the finished paths and the length of the complete lines in bytes."""
    finished, end = set(), 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            try:
                record = json.loads(line)
                finished.add(record["path"])
                unknown = set(record.get("probabilities", ())) - set(output.labels)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise _mismatch(path, "a line is not a result") from error
            if unknown:
                raise _mismatch(path, f"the model has no genre {', '.join(sorted(unknown))}")
            end += len(line)
    return finished, end


def _read_csv(path: Path, output: Output) -> tuple[set[str], int]:
    """Return the finished paths and the length of the complete rows in bytes."""
    consumed = 0

    def lines() -> Iterator[str]:
        nonlocal consumed
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                consumed += len(line)
                yield line.decode("utf-8", "surrogateescape")

    columns = column_names(output.labels, output.timeline)
    rows = csv.reader(lines())
    if next(rows, None) != columns:
        raise _mismatch(path, "its columns differ")
    starts: dict[str, int] = {}
    end = consumed
    for row in rows:
        if len(row) != len(columns):
            break
        starts.setdefault(row[0], end)
        end = consumed
    if output.timeline and starts:
        # The last track may lack segments, so it is classified again.
        _, end = starts.popitem()
    return set(starts), end


def _mismatch(path: Path, reason: str) -> click.UsageError:
    return click.UsageError(f"--resume cannot append to {path}: {reason}; choose another file")
