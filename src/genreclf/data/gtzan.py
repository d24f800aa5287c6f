"""GTZAN (Tzanetakis and Cook 2002) as it is commonly distributed, and its published split."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from genreclf.audio import is_audio_path
from genreclf.data.audio_folder import list_visible
from genreclf.data.dataset import Dataset, Skipped, Track
from genreclf.data.feature_set import FeatureSet
from genreclf.data.splits import Split, check_groups, check_labels
from genreclf.errors import DatasetError
from genreclf.files import printable

GENRES = (
    *("blues", "classical", "country", "disco", "hiphop"),
    *("jazz", "metal", "pop", "reggae", "rock"),
)
BROKEN = {"jazz.00054": "broken in the common distribution of GTZAN"}

_LAYOUTS = ("genres", "genres_original", "Data/genres_original", "audio", ".")
_NAME = re.compile(rf"(?P<id>(?P<genre>{'|'.join(GENRES)})\.\d{{5}})\.\w+")


class GTZAN(Dataset):
    """The 1,000 clips of GTZAN, or some of them; their ids are like ``blues.00000``.

    The clips are searched for in ``genres/``, ``genres_original/``,
    ``Data/genres_original/``, ``audio/`` and `root` itself, in one folder per genre or all in
    one folder, in any format that can be decoded.

    ``jazz.00054``, whose file is broken in the common distribution, is skipped. Recordings
    that occur twice are not: see :func:`genreclf.data.find_duplicates`.

    Parameters
    ----------
    root : path

    Raises
    ------
    DatasetError
        If `root` has no clips of GTZAN, or only of one genre.
    """

    def __init__(self, root: str | PathLike[str]) -> None:
        folder = Path(root)
        base = find_clips(folder)
        if base is None:
            raise DatasetError(
                f"'{printable(folder)}' has no clips of GTZAN; expected files such as "
                f"genres/blues/blues.00000.wav"
            )
        tracks: dict[str, Track] = {}
        skipped: list[Skipped] = []
        for path in _candidates(base):
            match = _NAME.fullmatch(path.name)
            reason = _reason_to_skip(path, base)
            if not reason and match and match["id"] in tracks:
                reason = f"a second file of {match['id']}"
            if reason or not match:
                skipped.append(Skipped(printable(path.relative_to(base)), reason))
            else:
                tracks[match["id"]] = Track(match["id"], (match["genre"],), path)
        name = f"GTZAN in '{printable(folder)}'"
        super().__init__(name, tuple(tracks.values()), tuple(skipped))


def find_clips(root: Path) -> Path | None:
    """Return the folder with the clips or genres of a distribution of GTZAN, if it is one."""
    for layout in _LAYOUTS:
        base = root / layout
        if base.is_dir() and any(not _reason_to_skip(path, base) for path in _candidates(base)):
            return base
    return None


def _candidates(base: Path) -> Iterator[Path]:
    for entry in list_visible(base):
        if entry.is_dir() and entry.name in GENRES:
            yield from list_visible(entry)
        else:
            yield entry


def _reason_to_skip(path: Path, base: Path) -> str:
    """Return why a file is not used, or an empty string if it is."""
    if path.is_dir():
        return "a folder that is no genre of GTZAN"
    match = _NAME.fullmatch(path.name)
    if not match or not is_audio_path(path):
        return "not named like a clip of GTZAN (blues.00000.wav)"
    if path.parent != base and path.parent.name != match["genre"]:
        return f"in the folder of {path.parent.name}, not of {match['genre']}"
    return BROKEN.get(match["id"], "")


def artist_filtered_split(
    features: FeatureSet, folder: str | PathLike[str], groups: NDArray[np.int64] | None = None
) -> Split:
    """Return the published split of GTZAN without common artists, duplicates and faults.

    By Kereliuk, Sturm and Larsen (2015): 443 tracks for training, 197 for validation and 290
    for testing. Tracks that are on none of the lists are in no split. One of the 443 is
    ``jazz.00054``, which :class:`genreclf.data.GTZAN` skips.

    Parameters
    ----------
    features : FeatureSet
        GTZAN, or a part of it.
    folder : path
        Contains the lists: ``artist_filtered_train.txt`` (or ``train_filtered.txt``) and the
        same for ``valid`` and ``test``, with an id or a path such as
        ``blues/blues.00029.wav`` on each line.
    groups : ndarray of int64, shape (tracks,), optional
        From :func:`group_tracks`; by default only the groups of the tracks count. A track
        is removed if another one of its group is in a later split (train, valid, test).

    Raises
    ------
    DatasetError
        If a list is missing, a track is on two of them, or a split lacks a label.

    Warns
    -----
    UserWarning
        Names other listed tracks that are not in the set, and removed tracks.
    """
    index = {_clip_id(name): track for track, name in enumerate(features.ids)}
    if len(index) < len(features):
        raise DatasetError("tracks of different folders have the same name: this is not GTZAN")
    lists = [_read_list(Path(folder), split) for split in Split._fields]
    _check_disjoint(lists)
    listed = [name for names in lists for name in names]
    _warn("listed tracks that are not in the set", [n for n in listed if n not in index | BROKEN])
    splits = [[index[name] for name in names if name in index] for names in lists]
    split = _remove_shared_groups(features, splits, check_groups(features, groups))
    return check_labels(features, split)


def _read_list(folder: Path, split: str) -> list[str]:
    names = (f"artist_filtered_{split}.txt", f"{split}_filtered.txt")
    for path in (folder / name for name in names):
        if path.is_file():
            lines = path.read_text(encoding="utf-8-sig").splitlines()
            return list(dict.fromkeys(_clip_id(line.strip()) for line in lines if line.strip()))
    raise DatasetError(
        f"'{printable(folder)}' has no {names[0]} (or {names[1]}); put the published lists of "
        "the fault-filtered GTZAN (Kereliuk, Sturm and Larsen 2015) there"
    )


def _clip_id(name: str) -> str:
    """Return the clip's id in a line such as ``blues/blues.00029.wav``."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.stem if is_audio_path(path) else path.name


def _check_disjoint(lists: Sequence[Sequence[str]]) -> None:
    seen: dict[str, str] = {}
    for split, names in zip(Split._fields, lists, strict=True):
        for name in names:
            if name in seen:
                raise DatasetError(f"'{name}' is on the lists for {seen[name]} and {split}")
            seen[name] = split


def _remove_shared_groups(
    features: FeatureSet, splits: Sequence[Sequence[int]], groups: NDArray[np.int64]
) -> Split:
    """Remove tracks whose group is in a later split, which has fewer tracks to lose."""
    disjoint: list[NDArray[np.int64]] = []
    removed: list[int] = []
    later: set[int] = set()
    for tracks in reversed(splits):
        removed += [track for track in tracks if groups[track] in later]
        disjoint.append(np.array(sorted(set(tracks) - set(removed)), np.int64))
        later |= set(groups[disjoint[-1]].tolist())
    _warn(
        "tracks removed because others of their group are in another split",
        [features.ids[track] for track in removed],
    )
    return Split(*reversed(disjoint))


def _warn(problem: str, names: Sequence[str]) -> None:
    if names:
        more = ", ..." if len(names) > 5 else ""
        message = f"{problem} ({len(names)}): {', '.join(names[:5])}{more}"
        warnings.warn(message, stacklevel=3)
