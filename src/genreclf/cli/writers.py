"""How results are written: a table, JSON Lines, CSV."""

import csv
import io
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from genreclf.prediction import FLAGS, Failure, Prediction, SegmentPrediction

Result = Prediction | Failure


class Writer(ABC):
    """Writes results one by one, to a file or to standard output.

    Parameters
    ----------
    output : Path or None
        None is standard output.
    labels : sequence of str
        The model's genres.
    top : int or None
        Write only the most probable genres.
    timeline : bool
        Write the segments too.
    """

    def __init__(
        self, output: Path | None, labels: Sequence[str], top: int | None, timeline: bool
    ) -> None:
        self.labels = labels
        self.top = top
        self.timeline = timeline
        self.progress_console = Console(stderr=True)
        self._closing = ExitStack()
        self.stream: IO[str] = sys.stdout
        if output is not None:
            self.stream = self._closing.enter_context(
                output.open("w", encoding="utf-8", newline="")
            )
        if isinstance(self.stream, io.TextIOWrapper):
            # Names of files may hold bytes that are no text; they go out as they came in.
            self.stream.reconfigure(errors="surrogateescape")

    @abstractmethod
    def write(self, result: Result) -> None:
        """Write one result."""

    def close(self) -> None:
        """Write what is left, and close the file."""
        self._closing.close()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class JsonLines(Writer):
    """A JSON object per line: path and prediction, or path and error."""

    def write(self, result: Result) -> None:
        """Write one line, at once."""
        if isinstance(result, Failure):
            record = result.to_dict()
        else:
            record = result.to_dict(self.top, self.timeline)
        json.dump({"path": result.source, **record}, self.stream, ensure_ascii=True)
        self.stream.write("\n")
        self.stream.flush()


class Csv(Writer):
    """A row per track (or, with the timeline, per segment), a column per genre."""

    def __init__(
        self, output: Path | None, labels: Sequence[str], top: int | None, timeline: bool
    ) -> None:
        super().__init__(output, labels, top, timeline)
        times = ["start", "end"] if timeline else ["duration"]
        columns = ["path", *times, "genre", "confidence", *labels, "flags", "error"]
        self._rows = csv.DictWriter(self.stream, columns)
        self._rows.writeheader()

    def write(self, result: Result) -> None:
        """Write the result's row or rows, at once."""
        if isinstance(result, Failure):
            self._rows.writerow({"path": result.source, "error": str(result.error)})
        elif self.timeline:
            for segment in result.timeline:
                times = {"start": f"{segment.start:.3f}", "end": f"{segment.end:.3f}"}
                self._rows.writerow(self._row(result, segment, times))
        else:
            self._rows.writerow(self._row(result, result, {"duration": f"{result.duration:.3f}"}))
        self.stream.flush()

    def _row(
        self, result: Prediction, part: Prediction | SegmentPrediction, times: Mapping[str, str]
    ) -> dict[str, str]:
        best = sorted(part.probabilities.items(), key=lambda item: -item[1])[: self.top]
        return {
            "path": result.source,
            **times,
            "genre": part.genre,
            "confidence": f"{part.confidence:.6f}",
            **{label: f"{probability:.6f}" for label, probability in best},
            "flags": " ".join(sorted(result.flags)),
        }


class TableWriter(Writer):
    """A table for people; long work shows its rows when it is done."""

    def __init__(
        self, output: Path | None, labels: Sequence[str], top: int | None, timeline: bool
    ) -> None:
        super().__init__(output, labels, top, timeline)
        self._console = Console(file=self.stream)
        self._table = Table(box=None, header_style="bold", pad_edge=False)
        self._table.add_column("file", overflow="fold", ratio=3)
        self._table.add_column("genre", no_wrap=True)
        self._table.add_column("confidence", justify="right", no_wrap=True)
        self._table.add_column("length" if not timeline else "time", justify="right", no_wrap=True)
        self._table.add_column("next", overflow="fold", ratio=2)
        self._notes: dict[str, str] = {}
        self._errors: list[str] = []

    def write(self, result: Result) -> None:
        """Add the result's rows."""
        path = escape(result.source.encode("utf-8", "replace").decode())
        if isinstance(result, Failure):
            self._table.add_row(path, "[red]failed[/red]", "", "", "")
            self._errors.append(str(result.error))
            return
        marks = " ".join(sorted(result.flags))
        self._notes.update({flag: FLAGS[flag] for flag in result.flags})
        following = ", ".join(f"{name} {p:.0%}" for name, p in result.top(self.top or 3)[1:])
        self._table.add_row(
            path,
            f"[bold]{result.genre}[/bold]",
            f"{result.confidence:.0%}",
            clock(result.duration),
            f"{following} [yellow]{marks}[/yellow]" if marks else following,
        )
        for segment in result.timeline if self.timeline else ():
            times = f"{clock(segment.start)} - {clock(segment.end)}"
            self._table.add_row("", segment.genre, f"{segment.confidence:.0%}", times, "")

    def close(self) -> None:
        """Print the table, and what its marks mean."""
        self._console.print(self._table)
        for flag, meaning in sorted(self._notes.items()):
            self._console.print(f"[yellow]{flag}[/yellow]: {meaning}")
        for error in self._errors:
            self._console.print(Text.assemble(("failed", "red"), ": ", error))
        super().close()


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any: 3:07, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


FORMATS: Mapping[str, type[Writer]] = {"table": TableWriter, "jsonl": JsonLines, "csv": Csv}
