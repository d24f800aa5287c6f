"""Read and change the genre in a file's tags without damaging the file, and undo the changes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from genreclf.errors import MissingExtraError, TagError
from genreclf.prediction import UNKNOWN, Prediction

try:
    import mutagen
    from mutagen.flac import FLAC
    from mutagen.id3 import ID3, TCON, ID3NoHeaderError
    from mutagen.mp3 import MP3
    from mutagen.mp4 import MP4
    from mutagen.ogg import OggFileType
except ImportError as error:
    raise MissingExtraError("tags", "tags") from error

Outcome = Literal["written", "unchanged", "had a genre", "unknown", "failed"]

_ID3V1_BYTES = 128
_UNCHANGED = "the file was not changed"


def read_genre(path: Path) -> list[str]:
    """Return the genres in a file's tags, or an empty list if there are none."""
    return open_tags(path).genre()


def write_genre(
    path: Path, genres: Sequence[str], before: Callable[[], object] = lambda: None
) -> None:
    """Replace the genres in the tags of an MP3, M4A, FLAC or Ogg file; no genres remove the tag.

    A copy of the file is changed and compared with the original: the audio packets and all
    other tags must be the same. It then replaces the original in one step; `before` is called
    just before that. If the tag cannot be written, TagError is raised and the file is not
    changed.
    """
    path = path.resolve()  # replace the file that a link points to
    original = open_tags(path)
    other_tags = original.other_tags()
    try:
        handle, name = tempfile.mkstemp(path.suffix, ".genreclf-", path.parent)
        os.close(handle)
        copy = Path(name)
        try:
            shutil.copy2(path, copy)  # with the permissions, unlike atomic_write
            original.set_genre(list(genres))
            original.save(copy)
            _verify(path, copy, list(genres), other_tags)
            with copy.open("rb") as file:
                os.fsync(file.fileno())
            before()
            copy.replace(path)
        finally:
            copy.unlink(missing_ok=True)
    except TagError:
        raise
    except Exception as error:  # mutagen raises many kinds on damaged files
        raise TagError(f"{path}: tags cannot be written ({error}); {_UNCHANGED}") from error


def _verify(path: Path, copy: Path, genres: list[str], other_tags: Mapping[str, str]) -> None:
    written = open_tags(copy)
    if written.genre() != genres:
        raise TagError(f"{path}: the genre cannot be read back as written; {_UNCHANGED}")
    if written.other_tags() != other_tags:
        raise TagError(f"{path}: writing would change other tags; {_UNCHANGED}")
    if _hash_audio(path) != _hash_audio(copy):
        raise TagError(f"{path}: writing would change the audio; {_UNCHANGED}")


def _hash_audio(path: Path) -> bytes:
    import av

    digest = hashlib.sha256()
    with path.open("rb") as file, av.open(file, metadata_errors="replace") as container:
        for packet in container.demux(container.streams.audio[0]):
            digest.update(bytes(packet))
    return digest.digest()


class Tagger:
    """Write the genres of predictions into the tags of their files.

    `outcomes` counts the files that were "written", "unchanged" (they had this genre already),
    "had a genre", "unknown" (no genre to write) or "failed".

    Parameters
    ----------
    log : Path
        A JSON Lines file. Each change is appended before it is made, for :func:`undo`.
    dry_run : bool
        Change neither the files nor the log.
    on_change : callable, optional
        Called with each :class:`Change` that was made, or would be in a dry run.
    only_missing : bool
        Skip files that have a genre.
    """

    def __init__(
        self,
        log: Path,
        *,
        dry_run: bool = False,
        only_missing: bool = False,
        on_change: Callable[[Change], object] | None = None,
    ) -> None:
        self.log = log
        self.on_change = on_change
        self.dry_run = dry_run
        self.only_missing = only_missing
        self.outcomes: Counter[Outcome] = Counter()

    def tag(self, prediction: Prediction) -> Outcome:
        """Write a prediction's genre into its source, which must be a path."""
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
        change = Change(str(path), old, new)
        if not self.dry_run:
            write_genre(path, new, before=lambda: self._log(change))
        if self.on_change is not None:
            self.on_change(change)
        return "written"

    def _log(self, change: Change) -> None:
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(change._asdict()) + "\n")
            file.flush()
            os.fsync(file.fileno())


class Change(NamedTuple):
    """A change of a file's genre: a line of the log.

    The path is absolute. `old` and `new` are the genres; empty if there is no such tag.
    """

    path: str
    old: list[str]
    new: list[str]


def undo(log: Path, dry_run: bool = False) -> Iterator[tuple[Change, str]]:
    """Restore the genres that files had before a log was written, the last change first.

    Yields each change with the reason if it could not be undone (the file is missing, or its
    genre was changed again), or else an empty string. With `dry_run`, no file is changed.
    """
    for change in reversed(_read_log(log)):
        path = Path(change.path)
        try:
            current = read_genre(path)
            if current not in (change.new, change.old):
                yield change, f"{path}: the genre was changed again, to {', '.join(current)}"
                continue
            if current != change.old and not dry_run:
                write_genre(path, change.old)
        except TagError as error:
            yield change, str(error)
        else:
            yield change, ""


def _read_log(log: Path) -> list[Change]:
    changes = []
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    for line in lines:
        try:
            changes.append(Change(**json.loads(line)))
        except (ValueError, TypeError) as error:
            if line is lines[-1] and not line.endswith("\n"):
                break  # the change of an incomplete line was not made
            raise TagError(f"{log} is not a log of tags: {line[:80]!r}") from error
    return changes


class TagFile(Protocol):
    """The tags of a file."""

    def genre(self) -> list[str]:
        """Return the genres, or an empty list if there is no such tag."""

    def set_genre(self, genres: list[str]) -> None:
        """Replace the genres in memory. An empty list removes the tag."""

    def save(self, path: Path) -> None:
        """Write all tags into a copy of the file."""

    def other_tags(self) -> Mapping[str, str]:
        """Return all tags but the genre, in a form to compare."""


def open_tags(path: Path) -> TagFile:
    """Read the tags of a file; raise TagError if they cannot be read, or not be written later."""
    try:
        file = mutagen.File(path)
        if isinstance(file, MP3):
            return _Id3File(path)
        if isinstance(file, MP4):
            return _KeyValueFile(file, "\xa9gen")
        if isinstance(file, FLAC | OggFileType):
            return _KeyValueFile(file, "genre")
    except (mutagen.MutagenError, OSError) as error:
        raise TagError(f"{path}: its tags cannot be read ({error})") from error
    raise TagError(f"{path}: only MP3, M4A, FLAC and Ogg files can be tagged")


class _Id3File:
    def __init__(self, path: Path) -> None:
        try:
            # Translation would replace the frames of older versions by others.
            self._tags = ID3(path, translate=False)
        except ID3NoHeaderError:
            self._tags = ID3()
        self._version = self._tags.version[1] if len(self._tags) else 4
        if self._version < 3:
            raise TagError(f"{path}: ID3 2.2 tags cannot be written; convert them to ID3 2.4 first")
        self._id3v1 = _read_id3v1(path)

    def genre(self) -> list[str]:
        return [str(text) for frame in self._tags.getall("TCON") for text in frame.text]

    def set_genre(self, genres: list[str]) -> None:
        self._tags.delall("TCON")
        if genres:
            latin = all(genre.isascii() for genre in genres)
            self._tags.add(TCON(encoding=0 if latin else 1, text=genres))

    def save(self, path: Path) -> None:
        separator = None if self._version == 3 else "/"
        self._tags.save(path, v1=1, v2_version=self._version, v23_sep=separator)
        # mutagen has rewritten an ID3v1 tag at the end from the other tags; restore it.
        if self._id3v1:
            with path.open("r+b") as file:
                file.seek(-_ID3V1_BYTES, 2)
                file.write(self._id3v1)

    def other_tags(self) -> Mapping[str, str]:
        return {"ID3v1": repr(self._id3v1), "unknown": repr(self._tags.unknown_frames)} | {
            key: repr(frame) for key, frame in self._tags.items() if frame.FrameID != "TCON"
        }


def _read_id3v1(path: Path) -> bytes:
    with path.open("rb") as file:
        if file.seek(0, 2) < _ID3V1_BYTES:
            return b""
        file.seek(-_ID3V1_BYTES, 2)
        end = file.read()
    return end if end.startswith(b"TAG") else b""


class _KeyValueFile:
    """MP4, FLAC and Ogg, whose tags are keys with lists of values."""

    def __init__(self, file: Any, key: str) -> None:
        self._file = file
        self._key = key
        if file.tags is None:
            file.add_tags()

    def genre(self) -> list[str]:
        return list(self._file.tags[self._key]) if self._key in self._file.tags else []

    def set_genre(self, genres: list[str]) -> None:
        if self._key in self._file.tags:
            del self._file.tags[self._key]
        if genres:
            self._file.tags[self._key] = genres

    def save(self, path: Path) -> None:
        self._file.save(path)

    def other_tags(self) -> Mapping[str, str]:
        tags = {key: repr(value) for key, value in self._file.tags.items() if key != self._key}
        # FLAC stores pictures and seek tables outside the comments.
        tables = (getattr(self._file, name, None) for name in ("cuesheet", "seektable"))
        blocks = [*getattr(self._file, "pictures", ()), *tables]
        return {**tags, "blocks": repr([block.write() for block in blocks if block is not None])}
