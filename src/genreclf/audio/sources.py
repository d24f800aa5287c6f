"""Sources of sound: which kinds can be opened, and what they are called."""

from __future__ import annotations

import contextlib
import operator
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from genreclf.errors import AudioDecodeError, MissingExtraError
from genreclf.files import printable

AudioSource: TypeAlias = (
    "str | os.PathLike[str] | RemoteFile | bytes | BinaryIO | tuple[NDArray[Any], int]"
)
"""A path, a remote file, the bytes of a file, a binary file object, or (samples, sample_rate)."""

MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 1_000, 1_536_000
"""Range of sample rates that can be read and asked for, in Hz."""

# Larger chunks do not fit into the processor's cache. Smaller ones make threads wait for
# each other, since each chunk takes Python's lock.
CHUNK_SAMPLES = 2**17
"""Approximate number of samples per chunk and channel."""

_MAX_CHANNELS = 32
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True)
class RemoteFile:
    """An audio file in any file system that fsspec supports.

    It is copied when it is opened: into memory up to 32 MiB, else into a temporary file.

    Parameters
    ----------
    url : str
        Such as ``s3://bucket/song.mp3``, ``https://...`` or ``file:///...``. The supported
        protocols depend on the installed packages, such as s3fs or gcsfs.

    Examples
    --------
    >>> import tempfile, wave
    >>> from pathlib import Path
    >>> from genreclf.audio import RemoteFile, load_audio
    >>> path = Path(tempfile.mkdtemp(), "silence.wav")
    >>> with wave.open(str(path), "wb") as file:
    ...     file.setparams((1, 2, 22050, 0, "NONE", ""))
    ...     file.writeframes(bytes(2 * 22050))
    >>> load_audio(RemoteFile(path.as_uri()), 22050).shape
    (22050,)
    """

    url: str

    def copy_to(self, file: IO[bytes]) -> None:
        """Append the bytes of the file to another file.

        Raises
        ------
        AudioDecodeError
            If they cannot be read.
        """
        with remote_errors(self.url, "read"):
            filesystem, path = open_filesystem(self.url)
            with filesystem.open(path, "rb") as remote:
                shutil.copyfileobj(remote, file)


class Chunk(NamedTuple):
    """Consecutive samples of a source.

    Attributes
    ----------
    sample_rate : int
        In Hz.
    channels : sequence of ndarray, each of shape (samples,)
        One array per channel, of any real dtype.
    """

    sample_rate: int
    channels: Sequence[NDArray[Any]]


class Source(Protocol):
    """An open source of sound, read chunk by chunk.

    Attributes
    ----------
    name : str
        As :func:`source_name` returns it.
    truncated : bool
        Whether the file was cut off before its end; valid after the last chunk.
    non_finite : bool
        Whether NaN or infinite samples were found so far; the reader of the chunks sets it.
    """

    name: str
    truncated: bool = False
    non_finite: bool = False

    def chunks(self) -> Iterator[Chunk]:
        """Read the sound in chunks of bounded size, whose rate and channels may change."""

    def close(self) -> None:
        """Release all resources; closing twice is harmless."""


def source_name(source: AudioSource) -> str:
    """Return the name of a source for messages and results.

    Parameters
    ----------
    source : path, RemoteFile, bytes, binary file object, or (samples, sample_rate)
        See :func:`genreclf.audio.open_audio`. It is not opened.

    Returns
    -------
    str
        The path or URL as given, ``<bytes>``, ``<file object>`` or ``<array>``. A path that is
        not valid text contains surrogates, which :func:`os.fsencode` turns back into bytes.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclf.audio import RemoteFile, source_name
    >>> source_name(RemoteFile("s3://bucket/song.mp3"))
    's3://bucket/song.mp3'
    >>> source_name((np.zeros(22050), 22050))
    '<array>'
    """
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    if isinstance(source, RemoteFile):
        return source.url
    if isinstance(source, tuple):
        return "<array>"
    return "<bytes>" if isinstance(source, bytes | bytearray | memoryview) else "<file object>"


def is_url(name: str) -> bool:
    """Return whether a string is a URL and not a path.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool
        True if it starts with a protocol, such as ``s3://``.

    Examples
    --------
    >>> from genreclf.audio import is_url
    >>> is_url("s3://bucket/song.mp3"), is_url("music/song.mp3")
    (True, False)
    """
    return bool(_URL.match(name))


class ArraySource(Source):
    """An array of samples with its sample rate.

    Parameters
    ----------
    source : (samples, sample_rate)
        An array of shape (samples,) or (samples, channels), and an integer in Hz.

    Raises
    ------
    AudioDecodeError
        If it is not such a pair.
    """

    name = "<array>"

    def __init__(self, source: tuple[Any, ...]) -> None:
        try:
            samples, sample_rate = source
            self._samples, self._rate = np.asarray(samples), operator.index(sample_rate)
        except (TypeError, ValueError) as error:
            raise decode_error(
                self.name, "must be a pair (samples, sample_rate): an array and an integer in Hz."
            ) from error
        problem = _array_problem(self._samples)
        if problem:
            raise decode_error(self.name, problem)
        check_sample_rate(self._rate, self.name)

    def chunks(self) -> Iterator[Chunk]:
        """See :class:`Source`."""
        columns = self._samples.reshape(len(self._samples), -1)
        for rows in split([columns], CHUNK_SAMPLES):
            yield Chunk(self._rate, list(rows.T))

    def close(self) -> None:
        """Do nothing: an array needs no closing."""


def _array_problem(samples: NDArray[Any]) -> str:
    if samples.dtype.kind not in "iuf":
        return f"has dtype {samples.dtype}; pass real floating-point or integer samples."
    if samples.ndim not in (1, 2):
        return f"has {samples.ndim} dimensions; pass shape (samples,) or (samples, channels)."
    if not samples.size:
        return "is empty; pass at least one sample."
    if samples.ndim == 2 and samples.shape[1] > _MAX_CHANNELS:
        return (
            f"has {samples.shape[1]} channels, more than {_MAX_CHANNELS}; "
            "pass shape (samples, channels), perhaps by transposing the array."
        )
    return ""


def split(arrays: Iterable[NDArray[Any]], size: int) -> Iterator[NDArray[Any]]:
    """Cut arrays along their first axis into views of at most `size` rows."""
    for array in arrays:
        for start in range(0, len(array), size):
            yield array[start : start + size]


def check_sample_rate(sample_rate: int, name: str) -> None:
    """Raise `AudioDecodeError` if the sample rate of a source, in Hz, is out of range."""
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise decode_error(
            name,
            f"has a sample rate of {sample_rate} Hz; "
            f"rates from {MIN_SAMPLE_RATE:,} to {MAX_SAMPLE_RATE:,} Hz can be read.",
        )


def decode_error(name: str, problem: str) -> AudioDecodeError:
    """Build the error of a source from its name and the rest of the sentence."""
    return AudioDecodeError(printable(f"{name or repr(name)} {problem}"))


def open_filesystem(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, and the path in it."""
    try:
        import fsspec

        filesystem, path = fsspec.url_to_fs(url)
    except ImportError as error:
        # For other protocols, fsspec's own message names the package to install.
        if error.name == "fsspec" or url.startswith("http"):
            raise MissingExtraError("files at URLs", "ray") from error
        raise
    return filesystem, path


@contextlib.contextmanager
def remote_errors(url: str, action: str) -> Iterator[None]:
    """Raise what goes wrong at a URL as `AudioDecodeError`: it cannot be "read" or "listed"."""
    try:
        yield
    except MissingExtraError:
        raise
    except Exception as error:  # each file system raises types of its own
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise decode_error(
            url, f"cannot be {action} ({reason}); check the URL and your access to it."
        ) from error
