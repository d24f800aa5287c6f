"""Tracks with their genres, and what was left out of a data set and why."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path, PurePath
from typing import Literal, TypeAlias

from genreclf.errors import DatasetError

Side: TypeAlias = Literal["train", "valid", "test"]


@dataclass(frozen=True)
class Track:
    """A piece of music whose genre is known.

    Attributes
    ----------
    id : str
        Its name within the data set.
    path : Path
        The file with its sound.
    genre : str
    group : str or None
        What must stay on one side of a split (artist, album), where known.
    split : {"train", "valid", "test"} or None
        The side of a given split, where there is one.
    """

    id: str
    path: Path
    genre: str
    group: str | None = None
    split: Side | None = None


@dataclass(frozen=True)
class LeftOut:
    """Something that was found but not used.

    Attributes
    ----------
    name : str
        A file, folder, row or track.
    reason : str
    """

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@dataclass(frozen=True)
class Dataset:
    """Tracks of at least two genres.

    Attributes
    ----------
    name : str
        What messages call it.
    tracks : tuple of Track
    left_out : tuple of LeftOut
        Everything that was found beside them, each with the reason.

    Raises
    ------
    DatasetError
        If there is no track or one genre only, or an id repeats.
    """

    name: str
    tracks: tuple[Track, ...]
    left_out: tuple[LeftOut, ...] = ()

    def __post_init__(self) -> None:
        if not self.tracks:
            raise DatasetError(f"{self.name} has no tracks{self._hint()}")
        if len(self.labels) == 1:
            raise DatasetError(
                f"{self.name} has one genre only, '{self.labels[0]}'; "
                f"two or more are needed to tell them apart{self._hint()}"
            )
        repeated = [name for name, n in Counter(track.id for track in self.tracks).items() if n > 1]
        if repeated:
            raise DatasetError(f"{self.name} has two tracks with the id '{repeated[0]}'")

    def __len__(self) -> int:
        return len(self.tracks)

    @property
    def labels(self) -> tuple[str, ...]:
        """All genres, sorted."""
        return tuple(sorted({track.genre for track in self.tracks}))

    def summary(self) -> str:
        """One line: how many tracks of how many genres, and what was left out."""
        line = f"{self.name}: {len(self)} tracks of {len(self.labels)} genres"
        return f"{line}; {summarise(self.left_out)}" if self.left_out else line

    def _hint(self) -> str:
        return f" ({summarise(self.left_out)})" if self.left_out else ""


def summarise(left_out: Sequence[LeftOut]) -> str:
    """What was left out in one line, the most frequent reasons first.

    Examples
    --------
    >>> summarise([LeftOut("a.txt", "no sound file"), LeftOut("b.txt", "no sound file")])
    '2 left out: no sound file (2, such as a.txt)'
    """
    examples = {each.reason: each.name for each in reversed(left_out)}
    counts = Counter(each.reason for each in left_out).most_common()
    reasons = [f"{reason} ({n}, such as {examples[reason]})" for reason, n in counts[:3]]
    more = [f"{len(counts) - 3} other reasons"] if len(counts) > 3 else []
    return f"{len(left_out)} left out: {'; '.join(reasons + more)}"


def printable(name: str | PathLike[str]) -> str:
    """A path as messages show it, even where it is not valid text."""
    return os.fspath(name).encode(errors="replace").decode()


def unique_names(paths: Sequence[PurePath]) -> list[str]:
    """A name for each path: without its suffix where that is enough to tell it apart.

    Parameters
    ----------
    paths : sequence of PurePath
        All different.

    Examples
    --------
    >>> from pathlib import PurePosixPath as P
    >>> unique_names([P("rock/a.mp3"), P("rock/b.mp3"), P("rock/b.flac")])
    ['rock/a', 'rock/b.mp3', 'rock/b.flac']
    """
    full = [path.as_posix() for path in paths]
    short = [(path.parent / path.stem).as_posix() for path in paths]
    taken = Counter(short) + Counter(set(full))
    return [name if taken[name] == 1 else whole for name, whole in zip(short, full, strict=True)]
