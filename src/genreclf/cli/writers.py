"""The output formats of ``genreclf predict``, and the finished part of an output to resume."""

from __future__ import annotations

import csv
import io
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from genreclf.errors import MissingExtraError
from genreclf.files import printable
from genreclf.prediction import (
    FLAGS,
    Failure,
    Prediction,
    column_names,
    format_others,
    format_row,
    format_time,
    to_rows,
)

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod
    from rich.text import Text

_COLUMN_GAP = 2  # of the table, in characters
_MIN_PATH_WIDTH = 24  # of the table in a terminal, before columns are left out
_MIN_LAST_WIDTH = 14  # of the table's last column, before it is left out
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

    def __enter__(self) -> Writer:
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
    """A table to read, one line per track, printed when all results are there.

    A terminal shortens paths in the middle and, if it is narrow, shows fewer columns. In a file
    or a pipe, nothing is cut.
    """

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self._time = "time" if output.timeline else "length"
        self._rows: list[dict[str, Text]] = []
        self._flags: set[str] = set()
        self._errors: list[str] = []

    def write(self, result: Prediction | Failure) -> None:
        """Add the rows of one result."""
        from rich.text import Text

        path = Text(printable(result.source))
        if isinstance(result, Failure):
            self._rows.append({"file": path, "genre": Text("failed", "red")})
            self._errors.append(str(result.error))
            return
        self._flags |= result.flags
        row = {
            "file": path,
            "genre": Text(result.genre, "bold"),
            "confidence": Text(f"{result.confidence:.0%}"),
            self._time: Text(format_time(result.duration)),
            "flags": Text(" ".join(sorted(result.flags)), "yellow"),
            "next": Text(format_others(result, self.output.top or 3)),
        }
        self._rows.append(row)
        for segment in result.timeline if self.output.timeline else ():
            times = f"{format_time(segment.start)} - {format_time(segment.end)}"
            cells = {"genre": segment.genre, "confidence": f"{segment.confidence:.0%}"}
            self._rows.append({k: Text(v) for k, v in {**cells, self._time: times}.items()})

    def close(self) -> None:
        """Print the table, the meanings of its flags, and the errors."""
        from rich.console import Console
        from rich.text import Text

        console = Console(file=self.stream)
        self._print_table(console)
        for flag in sorted(self._flags):
            console.print(f"[yellow]{flag}[/yellow]: {FLAGS[flag]}", soft_wrap=True)
        for error in self._errors:
            console.print(Text.assemble(("failed", "red"), ": ", error), soft_wrap=True)
        super().close()

    def _print_table(self, console: Console) -> None:
        from rich.table import Table
        from rich.text import Text

        widths = {
            name: max(
                row[name].cell_len for row in [{name: Text(name)}, *self._rows] if name in row
            )
            for name in ("file", "genre", "confidence", self._time, "flags", "next")
            if name != "flags" or self._flags
        }
        if console.is_terminal:
            _fit(widths, ("next", self._time, "confidence"), console.width)
        else:
            console.width = _width(widths)
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name, width in widths.items():
            number = name in ("confidence", self._time)
            justify: JustifyMethod = "right" if number else "left"
            table.add_column(name, justify=justify, no_wrap=True, width=width)
        for row in self._rows:
            cells = [row.get(name, Text()) for name in widths]
            table.add_row(Text(_shorten(cells[0].plain, widths["file"])), *cells[1:])
        console.print(table)


def _fit(widths: dict[str, int], optional: Sequence[str], available: int) -> None:
    """Narrow a table's last column and paths, and remove optional columns, in this order."""
    excess = _width(widths) - available
    if excess > 0:
        last = next(reversed(widths))
        widths[last] = max(widths[last] - excess, min(widths[last], _MIN_LAST_WIDTH))
    needed = min(widths["file"], _MIN_PATH_WIDTH)
    for name in optional:
        if _width(widths) - widths["file"] + needed > available:
            del widths[name]
    widths["file"] = max(widths["file"] - max(_width(widths) - available, 0), 1)


def _width(widths: Mapping[str, int]) -> int:
    """Return the width of a table whose columns have these widths."""
    return sum(widths.values()) + _COLUMN_GAP * (len(widths) - 1)


def _shorten(path: str, width: int) -> str:
    """Replace the middle of a path by an ellipsis, and keep the file's name if it fits."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(path) <= width:
        return path
    name_start = max(path.rfind("/"), path.rfind("\\"), 0)
    head, tail = path, path[name_start:]
    if cell_len(tail) >= width:
        head = tail = path[name_start + 1 :]
        while cell_len(tail) > width // 2:
            tail = tail[1:]
    return f"{set_cell_size(head, width - cell_len(tail) - 1)}…{tail}"


FORMATS: Mapping[str, type[Writer]] = {
    "table": TableWriter,
    "jsonl": JsonLinesWriter,
    "csv": CsvWriter,
    "parquet": ParquetWriter,
}
"""The writer of each output format."""


def finished_paths(format_: str, output: Output) -> set[str]:
    """Return the paths whose results are complete, and remove incomplete ones from the file.

    The format is one of RESUMABLE. The file must exist; if it is not of the same command and
    model, a UsageError is raised.
    """
    assert output.path is not None  # noqa: S101
    finished, end = RESUMABLE[format_](output.path, output)
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


RESUMABLE: Mapping[str, Callable[[Path, Output], tuple[set[str], int]]] = {
    "jsonl": _read_json_lines,
    "csv": _read_csv,
}
"""How to read an output of each format that can be resumed: paths, and length in bytes."""


def _mismatch(path: Path, reason: str) -> click.UsageError:
    return click.UsageError(f"--resume cannot append to {path}: {reason}; choose another file")
