"""Writing, hashing and naming files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import IO, Any

_CHUNK = 1 << 20  # bytes


@contextmanager
def atomic_write(path: Path, mode: str = "wb", **options: Any) -> Iterator[IO[Any]]:
    """Open a file that takes its place only when it is complete.

    The content goes to a temporary file in the same folder, which is flushed to the disk and
    renamed when the block ends. If the block raises, the old file stays.

    Parameters
    ----------
    path : Path
    mode : {"wb", "w"}
    **options
        For :func:`open`, such as ``encoding``.

    Yields
    ------
    file object

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from genreclf.files import atomic_write
    >>> path = Path(tempfile.mkdtemp()) / "song.txt"
    >>> with atomic_write(path, "w", encoding="utf-8") as file:
    ...     _ = file.write("blues")
    >>> path.read_text()
    'blues'
    """
    # One name per process, so that two of them do not write into one file.
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with scratch.open(mode, **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal."""
    return _hash(hashlib.sha256(), path)


def git_blob_of(path: Path) -> str:
    """Compute the hash that git gives a file of this content: a SHA-1, in hexadecimal."""
    start = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    return _hash(start, path)


def _hash(digest: Any, path: Path) -> str:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return str(digest.hexdigest())


def printable(name: str | PathLike[str]) -> str:
    r"""Replace the characters of a name that are not valid text.

    Parameters
    ----------
    name : str or path
        A path may hold unpaired surrogates, for bytes in another encoding than UTF-8.

    Examples
    --------
    >>> from genreclf.files import printable
    >>> printable("caf\udce9.mp3")
    'caf?.mp3'
    """
    return os.fspath(name).encode(errors="replace").decode()
