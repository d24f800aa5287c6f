"""Finding audio files in folders, on this machine and at URLs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from genreclf.audio.sources import RemoteFile, is_url, open_filesystem, remote_errors

AUDIO_SUFFIXES = frozenset(
    {".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".au", ".avi", ".caf", ".flac"}
    | {".flv", ".m4a", ".m4b", ".m4v", ".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpc"}
    | {".mpeg", ".mpg", ".oga", ".ogg", ".ogv", ".opus", ".snd", ".spx", ".tta", ".wav"}
    | {".wave", ".weba", ".webm", ".wma", ".wmv", ".wv"}
)
"""Suffixes of audio and video files, in lower case, with the dot."""


def find_files(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    on_skip: Callable[[Path, str], object] | None = None,
) -> Iterator[Path | RemoteFile]:
    """Find the audio files in folders, recursively.

    Parameters
    ----------
    paths : path or iterable of paths
        Files are yielded as they are, whatever their suffix. Folders are searched: hidden
        files and folders are skipped, and links to folders are not followed. Strings such as
        ``s3://bucket/folder`` are URLs, for which :mod:`fsspec` must be installed.
    on_skip : callable, optional
        Called with the path of anything else that a local folder holds, and with the reason
        for skipping it: not an audio file, a link to a folder, a folder that cannot be read.

    Yields
    ------
    Path or RemoteFile
        Sorted by name in each folder; the files of a folder come before its subfolders.

    Raises
    ------
    AudioDecodeError
        If the folder at a URL cannot be listed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from genreclf.audio import find_files
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("cover.jpg", "b.mp3", "a.flac"):
    ...     (folder / name).touch()
    >>> [path.name for path in find_files(folder)]
    ['a.flac', 'b.mp3']
    >>> for _ in find_files(folder, on_skip=lambda path, reason: print(path.name, "is", reason)):
    ...     pass
    cover.jpg is not an audio file
    """
    for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
        if isinstance(path, str) and is_url(path):
            yield from _find_remote(path)
        elif Path(path).is_dir():
            yield from _find_local(Path(path), on_skip or (lambda *_: None))
        else:
            yield Path(path)


def is_audio_path(path: str | os.PathLike[str]) -> bool:
    """Return whether a path has the suffix of an audio or video file.

    Parameters
    ----------
    path : path
        Need not exist.

    Returns
    -------
    bool
        True if the suffix, in upper or lower case, is in :data:`AUDIO_SUFFIXES`.

    Examples
    --------
    >>> from genreclf.audio import is_audio_path
    >>> is_audio_path("album/song.MP3"), is_audio_path("album/cover.jpg")
    (True, False)
    """
    return Path(path).suffix.lower() in AUDIO_SUFFIXES


def _find_local(folder: Path, on_skip: Callable[[Path, str], object]) -> Iterator[Path]:
    def skip_unreadable(error: OSError) -> None:
        on_skip(Path(error.filename), "a folder that cannot be read")

    for parent, subfolders, names in os.walk(folder, onerror=skip_unreadable):
        links = {name for name in subfolders if Path(parent, name).is_symlink()}
        # os.walk descends into what is left in this list, in its order.
        subfolders[:] = sorted(n for n in subfolders if n not in links and not n.startswith("."))
        for name in sorted([*names, *links]):
            path = Path(parent, name)
            if name.startswith("."):
                continue
            if name in links:
                on_skip(path, "a link to a folder, not followed")
            elif is_audio_path(path):
                yield path
            else:
                on_skip(path, "not an audio file")


def _find_remote(url: str) -> Iterator[RemoteFile]:
    # A web server has no folders, so do not ask it about what looks like a file.
    if is_audio_path(url):
        yield RemoteFile(url)
        return
    with remote_errors(url, "listed"):
        filesystem, root = open_filesystem(url)
        paths = filesystem.find(root) if filesystem.isdir(root) else None
    if paths is None:
        yield RemoteFile(url)
        return
    for path in sorted(paths):
        hidden = any(part.startswith(".") for part in path[len(root) :].split("/"))
        if is_audio_path(path) and not hidden:
            yield RemoteFile(filesystem.unstrip_protocol(path))
