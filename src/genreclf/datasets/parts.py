"""Finished frames of single tracks, kept until a feature set is assembled."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from genreclf.datasets.tracks import printable
from genreclf.errors import DatasetError

_CONFIGURATION = "configuration.json"
_SUFFIX = ".frames"
_UNFINISHED = ".unfinished"


class Parts:
    """A folder with the frames of one track per file, as bare numbers in row order.

    Parameters
    ----------
    folder : Path
        Made if need be.
    configuration : mapping
        How the frames are made, fit for JSON.
    dtype : dtype
        Type of the numbers.
    bins : int
        Values per frame.

    Raises
    ------
    DatasetError
        If the folder holds frames that were made otherwise, or other files.
    """

    def __init__(
        self, folder: Path, configuration: Mapping[str, Any], dtype: np.dtype[Any], bins: int
    ) -> None:
        self.dtype = dtype
        self._folder = folder
        self._bins = bins
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / _CONFIGURATION
        if not any(folder.iterdir()):
            scratch = path.with_suffix(_UNFINISHED)
            scratch.write_text(json.dumps(configuration), encoding="utf-8")
            scratch.replace(path)
        elif not _holds(path, configuration):
            raise DatasetError(
                f"'{printable(folder)}' holds unfinished features with another configuration, "
                "or other files; choose another output, or delete that folder"
            )

    def n_frames(self, key: str) -> int:
        """Frames of a finished track; 0 if there are none, or not in whole frames."""
        path = self._path(key)
        size = path.stat().st_size if path.exists() else 0
        frames, rest = divmod(size, self._bins * self.dtype.itemsize)
        return 0 if rest else frames

    def write(self, key: str, blocks: Iterable[NDArray[Any]]) -> None:
        """Keep a track's frames as they come; they count once all are written.

        Parameters
        ----------
        key : str
        blocks : iterable of ndarray, shape (frames, bins)
        """
        scratch = self._path(key).with_suffix(_UNFINISHED)
        try:
            with scratch.open("wb") as stream:
                for block in blocks:
                    stream.write(np.ascontiguousarray(block, self.dtype).data)
            scratch.replace(self._path(key))
        finally:
            scratch.unlink(missing_ok=True)

    def join(self, keys: Sequence[str], target: Path) -> None:
        """Write the frames of several tracks to one ``.npy`` file, without loading them."""
        scratch = target.with_name(f"{target.name}.part")
        try:
            with scratch.open("wb") as stream:
                self._write_header(stream, sum(map(self.n_frames, keys)))
                for key in keys:
                    with self._path(key).open("rb") as part:
                        shutil.copyfileobj(part, stream, 2**20)
            scratch.replace(target)
        finally:
            scratch.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete what this class wrote, and the folder if nothing else is in it."""
        for path in self._folder.iterdir():
            if path.suffix in (_SUFFIX, _UNFINISHED) or path.name == _CONFIGURATION:
                path.unlink()
        if not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _write_header(self, stream: BinaryIO, n_frames: int) -> None:
        # Written, not mapped: on a full disk a mapped file ends the process.
        descr = np.lib.format.dtype_to_descr(self.dtype)
        header = {"descr": descr, "fortran_order": False, "shape": (n_frames, self._bins)}
        np.lib.format.write_array_header_1_0(stream, header)


def _holds(path: Path, configuration: Mapping[str, Any]) -> bool:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(found == json.loads(json.dumps(configuration)))
