"""Changing a file's genre without ever damaging the file."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from genreclf.errors import TagError
from genreclf.tags.containers import open_file


def read_genre(path: Path) -> list[str]:
    """The genres in a file's tags, as they stand there.

    Raises
    ------
    MissingExtraError
        If mutagen (extra ``tags``) is not installed.
    TagError
        If the file has no tags that can be read.
    """
    return open_file(path).genre()


def write_genre(
    path: Path, genres: Sequence[str], before: Callable[[], object] = lambda: None
) -> None:
    """Replace the genres in a file's tags.

    The file is copied, the copy is changed and compared with the original (the sound,
    packet by packet, and all other tags), and takes its place in one step.

    Parameters
    ----------
    path : Path
        An MP3, M4A, FLAC or Ogg file.
    genres : sequence of str
        None takes the tag away.
    before : callable
        Called when all is well, just before the file is replaced.

    Raises
    ------
    MissingExtraError
        If mutagen (extra ``tags``) is not installed.
    TagError
        If the file cannot be changed; it is as it was.
    """
    path = path.resolve()  # a link stays a link
    original = open_file(path)
    others = original.others()
    try:
        handle, name = tempfile.mkstemp(path.suffix, ".genreclf-", path.parent)
        os.close(handle)
        copy = Path(name)
        try:
            shutil.copy2(path, copy)
            original.set_genre(list(genres))
            original.save(copy)
            _check(path, copy, list(genres), dict(others))
            with copy.open("rb") as file:
                os.fsync(file.fileno())
            before()
            copy.replace(path)
        finally:
            copy.unlink(missing_ok=True)
    except TagError:
        raise
    except Exception as error:  # mutagen's, on files that only look well
        raise TagError(f"{path}: its tags cannot be written ({error}); it is as it was") from error


def _check(path: Path, copy: Path, genres: list[str], others: dict[str, str]) -> None:
    written = open_file(copy)
    if written.genre() != genres:
        raise TagError(f"{path}: the genre does not come back as written; the file is as it was")
    if dict(written.others()) != others:
        raise TagError(f"{path}: another tag would be changed; the file is as it was")
    if _sound(path) != _sound(copy):
        raise TagError(f"{path}: the sound would be changed; the file is as it was")


def _sound(path: Path) -> bytes:
    import av

    digest = hashlib.sha256()
    with path.open("rb") as file, av.open(file, metadata_errors="replace") as container:
        for packet in container.demux(container.streams.audio[0]):
            digest.update(bytes(packet))
    return digest.digest()
