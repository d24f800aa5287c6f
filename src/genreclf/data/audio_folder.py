"""A data set with one folder per genre."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from genreclf.audio import find_files
from genreclf.data.dataset import Dataset, Skipped, Track, unique_ids
from genreclf.errors import DatasetError
from genreclf.files import printable


class AudioFolder(Dataset):
    """Music in one folder per genre, subfolders included.

    A track's id is its path relative to `root`, without the suffix unless two files differ
    only in that. Hidden files and folders are ignored; anything else that is not a track is
    listed in `skipped`.

    Parameters
    ----------
    root : path
        Contains a folder for each genre, named after it.

    Raises
    ------
    DatasetError
        If `root` is not a folder that can be read, or fewer than two genres have music.
    """

    def __init__(self, root: str | PathLike[str]) -> None:
        folder = Path(root)
        files: list[Path] = []
        skipped: list[Skipped] = []

        def skip(path: Path, reason: str) -> None:
            skipped.append(Skipped(printable(path.relative_to(folder)), reason))

        for entry in list_visible(folder):
            if not entry.is_dir():
                skip(entry, "not in the folder of a genre")
                continue
            found = [path for path in find_files(entry, skip) if isinstance(path, Path)]
            if not found:
                skip(entry, "a folder without music")
            files += found
        names = [path.relative_to(folder) for path in files]
        tracks = (
            Track(track_id, (name.parts[0],), path)
            for track_id, name, path in zip(unique_ids(names), names, files, strict=True)
        )
        super().__init__(f"folder '{printable(folder)}'", tuple(tracks), tuple(skipped))


def list_visible(folder: Path) -> list[Path]:
    """List the visible entries of a folder by name, or raise DatasetError if it cannot be read."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise DatasetError(
            f"'{printable(folder)}' cannot be read as a folder of music: {error.strerror}"
        ) from error
