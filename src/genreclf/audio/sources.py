"""What a source of sound is, and what it is called."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Protocol, TypeAlias

import numpy as np

from genreclf.audio.problems import decode_error
from genreclf.audio.remote import RemoteFile

AudioSource: TypeAlias = (
    "str | os.PathLike[str] | RemoteFile | bytes | BinaryIO | tuple[np.ndarray, int]"
)
"""A path, a remote file, a file's bytes, a binary file object, or an array with its rate in Hz."""

MIN_RATE, MAX_RATE = 1_000, 1_536_000
"""The rates that can be read and asked for, in Hz."""

PIECE = 2**17
"""About how many samples a source hands on at once: more and they leave the cache, fewer and
threads stand in each other's way."""


class Source(Protocol):
    """Where the samples come from: pieces of bounded size, in any sample type.

    Attributes
    ----------
    name : str
        As `source_name` gives it.
    truncated : bool
        Whether it broke off before its end; valid after the last piece.
    non_finite : bool
        Whether NaN or infinite samples were met so far; set by who reads the pieces.
    """

    name: str
    truncated: bool = False
    non_finite: bool = False

    def pieces(self) -> Iterator[tuple[int, Sequence[np.ndarray]]]:
        """The rate in Hz and the channels, each (samples,), of one piece after another."""

    def close(self) -> None:
        """Release everything; harmless if repeated."""


def source_name(source: AudioSource) -> str:
    """What a source is called.

    Parameters
    ----------
    source : str, os.PathLike, RemoteFile, bytes, binary file object, or (array, int)
        As for `open_audio`; it is not opened.

    Returns
    -------
    str
        The path or address as given, ``<bytes>``, ``<file object>`` or ``<array>``. A path that is
        not valid text holds surrogates, which `os.fsencode` turns back into its bytes.
    """
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    if isinstance(source, RemoteFile):
        return source.address
    if isinstance(source, tuple):
        return "<array>"
    return "<bytes>" if isinstance(source, bytes | bytearray | memoryview) else "<file object>"


def check_rate(rate: int, name: str) -> None:
    """Raise `AudioDecodeError` if the rate of a source, in Hz, is out of range."""
    if not MIN_RATE <= rate <= MAX_RATE:
        raise decode_error(
            name,
            f"has a sample rate of {rate} Hz; "
            f"rates from {MIN_RATE:,} to {MAX_RATE:,} Hz can be read.",
        )
