"""Tracks with their genres, and what a data set skipped and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal, TypeAlias

from genreclf.errors import DatasetError

SplitName: TypeAlias = Literal["train", "valid", "test"]


@dataclass(frozen=True)
class Track:
    """A piece of music whose genre is known.

    Attributes
    ----------
    id : str
        Its name in the data set.
    genres : tuple of str
        One or more; the first is the track's label.
    path : Path or None
        The audio file; None where only the features are known.
    group : str or None
        Tracks of one group (artist, album) must be in the same split; None where unknown.
    split : {"train", "valid", "test"} or None
        The split that the data set assigns the track to, if it does.

    Raises
    ------
    DatasetError
        If there is no genre.
    """

    id: str
    genres: tuple[str, ...]
    path: Path | None = None
    group: str | None = None
    split: SplitName | None = None

    def __post_init__(self) -> None:
        if not self.genres:
            raise DatasetError(f"track '{self.id}' has no genre")

    @property
    def genre(self) -> str:
        """The first genre: the label to train and test on."""
        return self.genres[0]


@dataclass(frozen=True)
class Skipped:
    """A file, folder, row or track that was found but not used, and the reason."""

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
        Name in messages.
    tracks : tuple of Track
    skipped : tuple of Skipped
        Everything else that was found.

    Raises
    ------
    DatasetError
        If there is no track, only one genre, or an id twice.
    """

    name: str
    tracks: tuple[Track, ...]
    skipped: tuple[Skipped, ...] = ()

    def __post_init__(self) -> None:
        hint = f" ({summarize_skipped(self.skipped)})" if self.skipped else ""
        if not self.tracks:
            raise DatasetError(f"{self.name} has no tracks{hint}")
        if len(self.labels) == 1:
            raise DatasetError(
                f"{self.name} has one genre only, '{self.labels[0]}'; "
                f"a classifier needs two or more{hint}"
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
        """Describe the data set in one line: its tracks, genres, and what was skipped."""
        line = f"{self.name}: {len(self)} tracks of {len(self.labels)} genres"
        return f"{line}; {summarize_skipped(self.skipped)}" if self.skipped else line


def summarize_skipped(skipped: Sequence[Skipped]) -> str:
    """Describe what was skipped in one line, the most frequent reasons first."""
    examples = {each.reason: each.name for each in reversed(skipped)}
    counts = Counter(each.reason for each in skipped).most_common()
    reasons = [f"{reason} ({n}, such as {examples[reason]})" for reason, n in counts[:3]]
    more = [f"{len(counts) - 3} other reasons"] if len(counts) > 3 else []
    return f"{len(skipped)} skipped: {'; '.join(reasons + more)}"


def unique_ids(paths: Sequence[PurePath]) -> list[str]:
    """Return an id for each path (no two are equal): without its suffix, unless two would clash.

    Examples
    --------
    >>> from pathlib import PurePosixPath as P
    >>> from genreclf.data.dataset import unique_ids
    >>> unique_ids([P("rock/a.mp3"), P("rock/b.mp3"), P("rock/b.flac")])
    ['rock/a', 'rock/b.mp3', 'rock/b.flac']
    """
    full = [path.as_posix() for path in paths]
    short = [(path.parent / path.stem).as_posix() for path in paths]
    taken = Counter(short) + Counter(set(full))
    return [name if taken[name] == 1 else whole for name, whole in zip(short, full, strict=True)]
