"""Where the genre stands in each kind of file, with mutagen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from genreclf.errors import MissingExtraError, TagError

try:
    import mutagen
    from mutagen.flac import FLAC
    from mutagen.id3 import ID3, TCON, ID3NoHeaderError
    from mutagen.mp3 import MP3
    from mutagen.mp4 import MP4
    from mutagen.ogg import OggFileType
except ImportError as error:
    raise MissingExtraError("tags", "tags") from error

_ID3V1_BYTES = 128


class TagFile(Protocol):
    """The tags of an open file."""

    def genre(self) -> list[str]:
        """Its genres as they stand there; none if it has no such tag."""

    def set_genre(self, genres: list[str]) -> None:
        """Replace them; an empty list takes the tag away. Not saved yet."""

    def save(self, path: Path) -> None:
        """Write all tags into a file that has the same sound."""

    def others(self) -> Mapping[str, str]:
        """Everything else, to be compared."""


def open_file(path: Path) -> TagFile:
    """The tags of a file.

    Raises
    ------
    TagError
        If the kind of file is none of MP3, M4A, FLAC and Ogg, or its tags are damaged
        or of a version that cannot be written.
    """
    try:
        found = mutagen.File(path)
        if isinstance(found, MP3):
            return _Id3File(path)
        if isinstance(found, MP4):
            return _ItemFile(found, "\xa9gen")
        if isinstance(found, FLAC | OggFileType):
            return _ItemFile(found, "genre")
    except (mutagen.MutagenError, OSError) as error:
        raise TagError(f"{path}: its tags cannot be read ({error})") from error
    raise TagError(f"{path}: only MP3, M4A, FLAC and Ogg files can be tagged")


class _Id3File:
    def __init__(self, path: Path) -> None:
        try:
            # Translated, an old version's frames would be written as other ones.
            self._tags = ID3(path, translate=False)
        except ID3NoHeaderError:
            self._tags = ID3()
        self._version = self._tags.version[1] if len(self._tags) else 4
        if self._version < 3:
            raise TagError(
                f"{path}: has ID3 tags of version 2.2, which only a converter can change"
            )
        self._end = _id3v1(path)

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
        if self._end:  # an old tag at the end would be made again from the new one
            with path.open("r+b") as file:
                file.seek(-_ID3V1_BYTES, 2)
                file.write(self._end)

    def others(self) -> Mapping[str, str]:
        return {"ID3v1": repr(self._end), "unknown": repr(self._tags.unknown_frames)} | {
            key: repr(frame) for key, frame in self._tags.items() if frame.FrameID != "TCON"
        }


def _id3v1(path: Path) -> bytes:
    with path.open("rb") as file:
        if file.seek(0, 2) < _ID3V1_BYTES:
            return b""
        file.seek(-_ID3V1_BYTES, 2)
        end = file.read()
    return end if end.startswith(b"TAG") else b""


class _ItemFile:
    """MP4, FLAC and Ogg: names with lists of values."""

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

    def others(self) -> Mapping[str, str]:
        tags = {key: repr(value) for key, value in self._file.tags.items() if key != self._key}
        # FLAC has some that are not among its comments.
        blocks = [*getattr(self._file, "pictures", ()), *_tables(self._file)]
        return {**tags, "blocks": repr([block.write() for block in blocks])}


def _tables(file: Any) -> list[Any]:
    tables = (getattr(file, "cuesheet", None), getattr(file, "seektable", None))
    return [table for table in tables if table is not None]
