"""What a former run has written, so that another can go on."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from genreclf.cli.writers import Target
from genreclf.tables import columns


def finished_paths(format_: str, target: Target) -> set[str]:
    """Paths whose results are in the output already; what was not finished is cut off.

    Parameters
    ----------
    format_ : str
        "jsonl" or "csv".
    target : Target
        With an output that exists.

    Raises
    ------
    click.UsageError
        If the output is something else, or of another model.
    """
    assert target.output is not None  # noqa: S101
    readers: dict[str, Callable[[Path, Target], tuple[set[str], int]]] = {
        "jsonl": _finished_lines,
        "csv": _finished_rows,
    }
    done, end = readers[format_](target.output, target)
    with target.output.open("r+b") as file:
        file.truncate(end)
    return done


def _finished_lines(output: Path, target: Target) -> tuple[set[str], int]:
    done, end = set(), 0
    with output.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            try:
                record = json.loads(line)
                done.add(record["path"])
                odd = set(record.get("probabilities", ())) - set(target.labels)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise _other(output, "a line is no record") from error
            if odd:
                raise _other(output, f"it has the genres {', '.join(sorted(odd))}")
            end += len(line)
    return done, end


def _finished_rows(output: Path, target: Target) -> tuple[set[str], int]:
    consumed = 0

    def lines() -> Iterator[str]:
        nonlocal consumed
        with output.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                consumed += len(line)
                yield line.decode("utf-8", "surrogateescape")

    expected = columns(target.labels, target.timeline)
    rows = csv.reader(lines())
    if next(rows, None) != expected:
        raise _other(output, "it has other columns")
    ends: dict[str, int] = {}
    begins: dict[str, int] = {}
    before = consumed
    for row in rows:
        if len(row) != len(expected):
            break
        begins.setdefault(row[0], before)
        ends[row[0]] = before = consumed
    if target.timeline and ends:
        # Whether the last file has all of its segments cannot be seen.
        last = next(reversed(ends))
        del ends[last]
        before = begins[last]
    return set(ends), before


def _other(output: Path, difference: str) -> click.UsageError:
    return click.UsageError(
        f"{output} was not written by such a command: {difference}; choose another file"
    )


def is_begun(output: Path | None) -> bool:
    """Whether there is anything to go on with."""
    return output is not None and output.is_file() and output.stat().st_size > 0
