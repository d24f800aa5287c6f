"""GTZAN (Tzanetakis and Cook 2002), as it is commonly distributed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from genreclf.audio import is_audio_path
from genreclf.datasets.folders import visible
from genreclf.datasets.tracks import Dataset, LeftOut, Track, printable
from genreclf.errors import DatasetError

GENRES = (
    *("blues", "classical", "country", "disco", "hiphop"),
    *("jazz", "metal", "pop", "reggae", "rock"),
)
BROKEN = {"jazz.00054": "broken in the common distribution of GTZAN"}

_LAYOUTS = ("genres", "genres_original", "Data/genres_original", "audio", ".")
_NAME = re.compile(rf"(?P<id>(?P<genre>{'|'.join(GENRES)})\.\d{{5}})\.\w+")


class GTZAN(Dataset):
    """The 1,000 clips of GTZAN, or some of them; their ids are like ``blues.00000``.

    The clips are looked for in ``genres/``, ``genres_original/``,
    ``Data/genres_original/``, ``audio/`` and `root` itself, there in one folder per
    genre or all in one, in any format that can be decoded.

    ``jazz.00054``, whose file is broken in the common distribution, is left out.
    Recordings that occur twice are kept: see
    :func:`genreclf.datasets.find_duplicates`.

    Parameters
    ----------
    root : path

    Raises
    ------
    DatasetError
        If `root` holds no clips of GTZAN, or of one genre only.
    """

    def __init__(self, root: str | PathLike[str]) -> None:
        folder = Path(root)
        base = find_clips(folder)
        if base is None:
            raise DatasetError(
                f"'{printable(folder)}' holds no clips of GTZAN; expected files such as "
                f"genres/blues/blues.00000.wav"
            )
        tracks: dict[str, Track] = {}
        left_out: list[LeftOut] = []
        for path in _candidates(base):
            match = _NAME.fullmatch(path.name)
            reason = _objection(path, base)
            if not reason and match and match["id"] in tracks:
                reason = f"a second file of {match['id']}"
            if reason or not match:
                left_out.append(LeftOut(printable(path.relative_to(base)), reason))
            else:
                tracks[match["id"]] = Track(match["id"], path, match["genre"])
        name = f"GTZAN in '{printable(folder)}'"
        super().__init__(name, tuple(tracks.values()), tuple(left_out))


def find_clips(root: Path) -> Path | None:
    """The folder in which a distribution of GTZAN keeps its clips or genres, if it is one."""
    for layout in _LAYOUTS:
        base = root / layout
        if base.is_dir() and any(not _objection(path, base) for path in _candidates(base)):
            return base
    return None


def _candidates(base: Path) -> Iterator[Path]:
    for entry in visible(base):
        if entry.is_dir() and entry.name in GENRES:
            yield from visible(entry)
        else:
            yield entry


def _objection(path: Path, base: Path) -> str:
    """Why a file is not used; empty if it is."""
    if path.is_dir():
        return "a folder that is no genre of GTZAN"
    match = _NAME.fullmatch(path.name)
    if not match or not is_audio_path(path):
        return "not named like a clip of GTZAN (blues.00000.wav)"
    if path.parent != base and path.parent.name != match["genre"]:
        return f"in the folder of {path.parent.name}, not of {match['genre']}"
    return BROKEN.get(match["id"], "")
