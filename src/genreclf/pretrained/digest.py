"""Digests of files."""

import hashlib
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    return _update(hashlib.sha256(), path)


def git_blob_of(path: Path) -> str:
    """What git calls a file with this content: a SHA-1, in hexadecimal."""
    start = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    return _update(start, path)


def _update(digest: Any, path: Path) -> str:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return str(digest.hexdigest())
