"""How results are written; each way is imported when it is chosen."""

import csv
import importlib
import io
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from genreclf.prediction import Failure, Prediction
from genreclf.tables import as_text, columns, rows

Result = Prediction | Failure


@dataclass(frozen=True)
class Target:
    """What is to be written, and where.

    Attributes
    ----------
    output : Path or None
        None is standard output.
    labels : sequence of str
        The model's genres.
    top : int or None
        Write only the most probable genres.
    timeline : bool
        Write the segments too.
    append : bool
        Go on with what is in the output.
    """

    output: Path | None
    labels: Sequence[str]
    top: int | None = None
    timeline: bool = False
    append: bool = False


class Writer(ABC):
    """Writes results one by one, to a file or to standard output."""

    def __init__(self, target: Target) -> None:
        self.target = target

    @abstractmethod
    def write(self, result: Result) -> None:
        """Write one result."""

    @abstractmethod
    def close(self) -> None:
        """Write what is left, and close the file."""

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class TextWriter(Writer):
    """Writes lines of text."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._closing = ExitStack()
        self.stream: IO[str] = sys.stdout
        if target.output is not None:
            mode = "a" if target.append else "w"
            self.stream = self._closing.enter_context(
                target.output.open(mode, encoding="utf-8", newline="")
            )
        if isinstance(self.stream, io.TextIOWrapper):
            # Names of files may hold bytes that are no text; they go out as they came in.
            self.stream.reconfigure(errors="surrogateescape")

    def close(self) -> None:
        """Close the file."""
        self._closing.close()


class JsonLines(TextWriter):
    """A JSON object per line: path and prediction, or path and error."""

    def write(self, result: Result) -> None:
        """Write one line, at once."""
        if isinstance(result, Failure):
            record = result.to_dict()
        else:
            record = result.to_dict(self.target.top, self.target.timeline)
        line = json.dumps({"path": result.source, **record}, ensure_ascii=True)
        self.stream.write(f"{line}\n")
        self.stream.flush()


class Csv(TextWriter):
    """A row per track (or, with the timeline, per segment), a column per genre."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._rows = csv.DictWriter(self.stream, columns(target.labels, target.timeline))
        if not target.append:
            self._rows.writeheader()

    def write(self, result: Result) -> None:
        """Write the result's row or rows, at once."""
        for row in rows(result, self.target.top, self.target.timeline):
            self._rows.writerow(as_text(row))
        self.stream.flush()


FORMATS: Mapping[str, str] = {
    "table": "genreclf.cli.table:TableWriter",
    "jsonl": "genreclf.cli.writers:JsonLines",
    "csv": "genreclf.cli.writers:Csv",
    "parquet": "genreclf.cli.parquet:Parquet",
}
"""Where the writer of each format is."""


def make_writer(format_: str, target: Target) -> Writer:
    """The writer of a format, a key of :data:`FORMATS`."""
    module, _, name = FORMATS[format_].partition(":")
    writer: Writer = getattr(importlib.import_module(module), name)(target)
    return writer
