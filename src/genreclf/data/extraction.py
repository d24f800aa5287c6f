"""Extraction of a data set's features into a folder, which can be interrupted."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from genreclf.audio import open_audio
from genreclf.data.dataset import Dataset, Skipped, Track, summarize_skipped
from genreclf.data.feature_set import FRAMES, INDEX, FeatureSet
from genreclf.errors import DatasetError, GenreclfError
from genreclf.features import Extractor, iter_frames, make_extractor
from genreclf.files import atomic_write, printable

Progress = Callable[[int, int], None]

_CONFIGURATION = "configuration.json"
_SUFFIX = ".frames"


def extract_features(
    dataset: Dataset,
    output: str | PathLike[str],
    features: str = "logmel-13fps",
    parameters: Mapping[str, Any] | None = None,
    *,
    precision: Literal["float16", "float32"] = "float16",
    workers: int | None = None,
    progress: Progress | None = None,
) -> FeatureSet:
    """Extract the features of all tracks into a folder, and map them into memory.

    If the extraction is interrupted, the same call continues after the finished tracks. If
    the folder already has the requested features, nothing is extracted. A file counts as
    changed if its size or modification time differs.

    Parameters
    ----------
    dataset : Dataset
    output : path
        The folder; created if it does not exist.
    features : str
        Registered name of an extractor.
    parameters : mapping, optional
        Parameters that differ from the registered ones.
    precision : {"float16", "float32"}
        How frames are stored. "float16" halves the size and rounds to 11 significant bits:
        by at most 0.03 dB from 64 to 128 dB below (or above) full scale and less nearer to
        it, by 0.05 % of a ``log(1 + S)``.
    workers : int, optional
        Number of threads, by default one per processor. Memory grows with them, but not
        with the length of a track.
    progress : callable, optional
        Called in this thread with the number of tracks done (successful or not) and the
        total, once before the first track and after each.

    Returns
    -------
    FeatureSet
        In the order of `dataset`. Its `skipped` lists what `dataset` skipped, then the files
        that failed.

    Raises
    ------
    DatasetError, PluginError, ConfigError
        If no track could be extracted, the folder has other features or those of other files,
        or the disk is full or cannot be written; or there is no such extractor, or it does not
        accept these parameters.
    """
    extractor = make_extractor(features, **(parameters or {}))
    if workers is not None and workers < 1:
        raise DatasetError(f"workers must be at least 1 (got {workers})")
    folder = Path(output)
    configuration = {
        "features": features,
        "parameters": dict(extractor.parameters),
        "precision": precision,
    }
    keys = [_key(track) for track in dataset.tracks]
    source = {"configuration": configuration, "tracks": _digest(dataset, keys)}
    dtype = np.dtype(precision).newbyteorder("<")
    try:
        found = _existing(folder, json.loads(json.dumps(source)))
        if found is None:
            store = FrameStore(folder / "parts", configuration, dtype, extractor.frame_bins)
            extraction = _Extraction(extractor, store, workers or os.cpu_count() or 1, progress)
            failed = extraction.run(dataset.tracks, keys)
            found = _assemble(dataset, keys, failed, store, folder, source)
            store.remove()
    except OSError as error:
        raise DatasetError(
            f"'{printable(folder)}' cannot be written: {error.strerror or error}; finished "
            "tracks are stored, and the same call continues after them"
        ) from error
    return found


def _key(track: Track) -> str:
    """Return the track's name in the store, which differs if its file has changed."""
    try:
        status = _audio_path(track).stat()
        version = f"{status.st_size} {status.st_mtime_ns}"
    except (OSError, ValueError):
        version = "missing"
    return _hash(f"{version} {track.id}")


def _audio_path(track: Track) -> Path:
    if track.path is None:
        raise DatasetError(f"track '{track.id}' has no audio file to extract features from")
    return track.path


def _digest(dataset: Dataset, keys: Sequence[str]) -> str:
    tracks = [
        (key, track.genres, track.group, track.split)
        for key, track in zip(keys, dataset.tracks, strict=True)
    ]
    return _hash(json.dumps(tracks))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def _existing(folder: Path, source: Mapping[str, Any]) -> FeatureSet | None:
    """Return the folder's complete feature set if it has one, which must be of this source."""
    try:
        found = json.loads((folder / INDEX).read_text(encoding="utf-8")).get("source", {})
    except FileNotFoundError:
        return None
    except (ValueError, AttributeError):
        found = {}
    if found == source:
        return FeatureSet.load(folder)
    same = found.get("configuration") == source["configuration"]
    other = "tracks, or their files have changed" if same else "features or parameters"
    raise DatasetError(
        f"'{printable(folder)}' has a feature set of other {other}; "
        "choose another output, or delete that folder"
    )


class _Extraction:
    """Extract tracks in threads, each into its part of the store."""

    def __init__(
        self, extractor: Extractor, store: FrameStore, workers: int, progress: Progress | None
    ) -> None:
        self._extractor = extractor
        self._store = store
        self._workers = workers
        self._progress = progress or (lambda _done, _total: None)

    def run(self, tracks: Sequence[Track], keys: Sequence[str]) -> dict[int, Skipped]:
        """Extract the tracks that are not in the store; return those that fail, by index."""
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        waiting = [i for i, key in enumerate(keys) if not self._store.n_frames(key)]
        finished = len(tracks) - len(waiting)
        failed: dict[int, Skipped] = {}
        # Threads, not processes: decoding, resampling, FFT and matrix products release the
        # GIL, and threads have the extractors that a program registers itself.
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="genreclf-extract")
        # The matrix products are small: BLAS threads that wait for each other beside the pool's
        # make the work several times slower on a busy machine.
        with threadpool_limits(1, user_api="blas"):
            try:
                self._progress(finished, len(tracks))
                futures = {pool.submit(self._extract, tracks[i], keys[i]): i for i in waiting}
                for done, future in enumerate(as_completed(futures), start=finished + 1):
                    problem = future.result()
                    if problem:
                        failed[futures[future]] = problem
                    self._progress(done, len(tracks))
            finally:
                pool.shutdown(cancel_futures=True)
        return failed

    def _extract(self, track: Track, key: str) -> Skipped | None:
        try:
            with open_audio(_audio_path(track), self._extractor.sample_rate) as stream:
                frames = (block.features.T for block in iter_frames(stream, self._extractor))
                self._store.write(key, self._checked(frames))
        except GenreclfError as error:
            return Skipped(track.id, str(error))
        return None

    def _checked(self, blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        dtype = self._store.dtype
        for block in blocks:
            largest = float(np.abs(block).max())
            # The negation catches NaN too.
            if not largest <= float(np.finfo(dtype).max):
                raise DatasetError(
                    f"its features reach {largest:g}, which {dtype.name} cannot represent; "
                    "extract with precision float32"
                    if np.isfinite(largest)
                    else "its features are not finite"
                )
            yield block


def _assemble(
    dataset: Dataset,
    keys: Sequence[str],
    failed: Mapping[int, Skipped],
    store: FrameStore,
    folder: Path,
    source: Mapping[str, Any],
) -> FeatureSet:
    extracted = [i for i in range(len(dataset)) if i not in failed]
    problems = tuple(failed[i] for i in sorted(failed))
    if not extracted:
        raise DatasetError(f"{dataset.name}: no track can be used; {summarize_skipped(problems)}")
    tracks = tuple(dataset.tracks[i] for i in extracted)
    used = [keys[i] for i in extracted]
    lengths = [store.n_frames(key) for key in used]
    store.join(used, folder / FRAMES)
    FeatureSet(
        features=source["configuration"]["features"],
        parameters=source["configuration"]["parameters"],
        data=np.load(folder / FRAMES, mmap_mode="r"),
        bounds=np.cumsum([0, *lengths], dtype=np.int64),
        tracks=tracks,
        labels=tuple(sorted({track.genre for track in tracks})),
        skipped=dataset.skipped + problems,
    ).write_index(folder, source=source)
    return FeatureSet.load(folder)


class FrameStore:
    """A folder with the frames of each track in a file: bare numbers, one frame after the other.

    The folder is created if it does not exist. A DatasetError is raised if it has frames of
    another configuration (which JSON can represent), or other files.
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
            with atomic_write(path, "w", encoding="utf-8") as file:
                json.dump(configuration, file)
        elif not _is_configuration(path, configuration):
            raise DatasetError(
                f"'{printable(folder)}' has unfinished features with another configuration, "
                "or other files; choose another output, or delete that folder"
            )

    def n_frames(self, key: str) -> int:
        """Return the number of frames of a finished track; 0 if it is missing or damaged."""
        path = self._path(key)
        size = path.stat().st_size if path.exists() else 0
        frames, rest = divmod(size, self._bins * self.dtype.itemsize)
        return 0 if rest else frames

    def write(self, key: str, blocks: Iterable[NDArray[Any]]) -> None:
        """Write the frames of a track, blocks of shape (frames, bins), as they are computed.

        If `blocks` raises an error, nothing is stored.
        """
        with atomic_write(self._path(key)) as file:
            for block in blocks:
                file.write(np.ascontiguousarray(block, self.dtype).data)

    def join(self, keys: Sequence[str], target: Path) -> None:
        """Write the frames of several tracks to one ``.npy`` file, without loading them."""
        shape = (sum(map(self.n_frames, keys)), self._bins)
        descr = np.lib.format.dtype_to_descr(self.dtype)
        # Written, not mapped: on a full disk, a mapped file would end the process.
        with atomic_write(target) as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": descr, "fortran_order": False, "shape": shape}
            )
            for key in keys:
                with self._path(key).open("rb") as part:
                    shutil.copyfileobj(part, file, 2**20)

    def remove(self) -> None:
        """Delete what this class wrote, and the folder if nothing else is in it."""
        for path in self._folder.iterdir():
            # A killed process may have left unfinished files, ".part".
            if path.suffix in (_SUFFIX, ".part") or path.name == _CONFIGURATION:
                path.unlink()
        if not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"


def _is_configuration(path: Path, configuration: Mapping[str, Any]) -> bool:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(found == json.loads(json.dumps(configuration)))
