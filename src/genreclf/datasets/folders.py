"""A folder for each genre."""

from __future__ import annotations

import os
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from genreclf.audio import is_audio_path
from genreclf.datasets.tracks import Dataset, LeftOut, Track, printable, unique_names
from genreclf.errors import DatasetError


class AudioFolder(Dataset):
    """Music in one folder per genre, each searched with its subfolders.

    A track's id is its path from `root` without the suffix (with it, where two
    files differ in nothing else). Hidden files and folders are ignored; all else
    that is no track is listed in `left_out`.

    Parameters
    ----------
    root : path
        Holds the genres' folders; a folder's name is the genre.

    Raises
    ------
    DatasetError
        If `root` is no folder that can be read, or fewer than two genres have music.
    """

    def __init__(self, root: str | PathLike[str]) -> None:
        folder = Path(root)
        files: list[Path] = []
        left_out: list[LeftOut] = []
        for entry in visible(folder):
            if not entry.is_dir():
                left_out.append(LeftOut(printable(entry.name), "not in the folder of a genre"))
                continue
            found = len(files)
            for path in _walk(entry):
                reason = _objection(path)
                if reason:
                    left_out.append(LeftOut(printable(path.relative_to(folder)), reason))
                else:
                    files.append(path)
            if len(files) == found:
                left_out.append(LeftOut(printable(entry.name), "a folder without music"))
        names = [path.relative_to(folder) for path in files]
        tracks = (
            Track(name, path, relative.parts[0])
            for name, path, relative in zip(unique_names(names), files, names, strict=True)
        )
        super().__init__(f"folder '{printable(folder)}'", tuple(tracks), tuple(left_out))


def visible(folder: Path) -> list[Path]:
    """What is in a folder and not hidden, sorted by name.

    Raises
    ------
    DatasetError
        If it is missing, no folder, or must not be read.
    """
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise DatasetError(
            f"'{printable(folder)}' cannot be read as a folder of music: {error.strerror}"
        ) from error


def _walk(folder: Path) -> Iterator[Path]:
    """The files in a folder and its subfolders, and the folders that are not searched."""
    unreadable: list[Path] = []
    for where, subfolders, names in os.walk(
        folder, onerror=lambda error: unreadable.append(Path(error.filename))
    ):
        links = [name for name in subfolders if Path(where, name).is_symlink()]
        subfolders[:] = sorted(n for n in subfolders if not n.startswith(".") and n not in links)
        yield from (Path(where, name) for name in sorted(names + links) if name[0] != ".")
    yield from unreadable


def _objection(path: Path) -> str:
    if path.is_dir():
        link = path.is_symlink()
        return "a link to a folder, not followed" if link else "a folder that cannot be read"
    return "" if is_audio_path(path) else "not a sound file"
