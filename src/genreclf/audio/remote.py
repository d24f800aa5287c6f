"""Sound files in other places than this machine's folders."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from genreclf.audio.problems import decode_error
from genreclf.audio.suffixes import is_audio_path

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_address(name: str) -> bool:
    """Whether a name is an address such as ``s3://bucket/song.mp3``, and no path."""
    return bool(_ADDRESS.match(name))


@dataclass(frozen=True)
class RemoteFile:
    """A sound file in any file system that fsspec knows.

    It is copied when it is opened: in memory up to 32 MiB, in a temporary file beyond.

    Parameters
    ----------
    address : str
        ``s3://bucket/song.mp3``, ``https://...``, ``file:///...``; what kinds there are
        depends on the packages installed beside fsspec, such as s3fs or gcsfs.
    """

    address: str

    def copy_to(self, file: IO[bytes]) -> None:
        """Append the file's bytes to another one.

        Raises
        ------
        AudioDecodeError
            If they cannot be had.
        """
        try:
            system, path = _locate(self.address)
            with system.open(path, "rb") as remote:
                shutil.copyfileobj(remote, file)
        except Exception as error:  # of every file system's own types
            raise decode_error(
                self.address,
                f"cannot be read ({_reason(error)}); check the address and your access to it.",
            ) from error


def find_remote(address: str) -> Iterator[RemoteFile]:
    """The file at an address; or those in the folder there that look like music.

    Hidden files are left out; files come sorted by name.

    Parameters
    ----------
    address : str

    Raises
    ------
    AudioDecodeError
        If a folder cannot be listed.
    """
    # A web server has no folders, so what looks like a file is not asked about.
    if is_audio_path(address):
        yield RemoteFile(address)
        return
    try:
        system, path = _locate(address)
        names = system.find(path) if system.isdir(path) else None
    except Exception as error:  # of every file system's own types
        raise decode_error(
            address,
            f"cannot be listed ({_reason(error)}); check the address and your access to it.",
        ) from error
    if names is None:
        yield RemoteFile(address)
        return
    for name in sorted(names):
        inside = name[len(path) :].split("/")
        if is_audio_path(name) and not any(part.startswith(".") for part in inside):
            yield RemoteFile(system.unstrip_protocol(name))


def _locate(address: str) -> tuple[Any, str]:
    import fsspec

    system, path = fsspec.url_to_fs(address)
    return system, path


def _reason(error: Exception) -> str:
    strerror = getattr(error, "strerror", None)
    return strerror or f"{type(error).__name__}: {error}"
