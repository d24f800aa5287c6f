"""Writing the genres of predictions, with a log that can be played back."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from genreclf.errors import TagError
from genreclf.prediction import UNKNOWN, Prediction
from genreclf.tags.genre import read_genre, write_genre

Outcome = Literal["written", "unchanged", "had a genre", "unknown", "failed"]


class Tagger:
    """Writes the genres of predictions into the files.

    Parameters
    ----------
    log : Path
        JSON Lines; each change is added before it is made.
    dry_run : bool
        Change nothing, neither files nor log.
    only_missing : bool
        Leave files alone that have a genre.

    Attributes
    ----------
    outcomes : Counter
        How many files were "written", "unchanged" (they had this genre), "had a genre",
        "unknown" (no genre to write) or "failed".
    """

    def __init__(self, log: Path, *, dry_run: bool = False, only_missing: bool = False) -> None:
        self.log = log
        self.dry_run = dry_run
        self.only_missing = only_missing
        self.outcomes: Counter[Outcome] = Counter()

    def tag(self, prediction: Prediction) -> Outcome:
        """Write a prediction's genre into its source, a path.

        Raises
        ------
        TagError
            If the file cannot be tagged; it is as it was.
        """
        try:
            outcome = self._tag(prediction)
        except TagError:
            self.outcomes["failed"] += 1
            raise
        self.outcomes[outcome] += 1
        return outcome

    def _tag(self, prediction: Prediction) -> Outcome:
        if prediction.genre == UNKNOWN:
            return "unknown"
        path, new = Path(os.path.abspath(prediction.source)), [prediction.genre]  # noqa: PTH100
        old = read_genre(path)
        if old == new:
            return "unchanged"
        if old and self.only_missing:
            return "had a genre"
        if not self.dry_run:
            change = Change(str(path), old, new)
            write_genre(path, new, before=lambda: self._note(change))
        return "written"

    def _note(self, change: Change) -> None:
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(change._asdict()) + "\n")
            file.flush()
            os.fsync(file.fileno())


class Change(NamedTuple):
    """A line of the log.

    Attributes
    ----------
    path : str
        Absolute.
    old, new : list of str
        Genres before and after; none where there was no such tag.
    """

    path: str
    old: list[str]
    new: list[str]


def undo(log: Path, dry_run: bool = False) -> Iterator[tuple[Change, str]]:
    """Give files the genres back that they had before a log was written.

    Parameters
    ----------
    log : Path
    dry_run : bool
        Change nothing.

    Yields
    ------
    change : Change
        From the last to the first.
    problem : str
        Why it was not taken back: the file is gone, or has got another genre since.
        Empty if all is well.

    Raises
    ------
    TagError
        If the file is no such log.
    """
    for change in reversed(_read(log)):
        path = Path(change.path)
        try:
            found = read_genre(path)
            if found not in (change.new, change.old):
                yield change, f"{path}: its genre was changed since, to {', '.join(found)}"
                continue
            if found != change.old and not dry_run:
                write_genre(path, change.old)
        except TagError as error:
            yield change, str(error)
        else:
            yield change, ""


def _read(log: Path) -> list[Change]:
    changes = []
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    for line in lines:
        try:
            changes.append(Change(**json.loads(line)))
        except (ValueError, TypeError) as error:
            if line is lines[-1] and not line.endswith("\n"):
                break  # a log is written before the change: this one was not made
            raise TagError(f"{log}: is no log of tags: {line[:80]!r}") from error
    return changes
