"""From the sound of a data set to a feature set on disk."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from genreclf.audio import open_audio
from genreclf.datasets.feature_set import FRAMES, INDEX, FeatureSet
from genreclf.datasets.parts import Parts
from genreclf.datasets.tracks import Dataset, LeftOut, Track, printable, summarise
from genreclf.errors import DatasetError, GenreclfError
from genreclf.features import Extractor, frame_blocks, make_extractor

Progress = Callable[[int, int], None]


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

    Whatever stops it, finished tracks are kept, and the same call goes on after
    them. If the folder already holds what the call asks for, nothing is done.
    A file counts as changed if its size or time of modification does.

    Parameters
    ----------
    dataset : Dataset
    output : path
        The folder; made if need be.
    features : str
        A registered extractor's name.
    parameters : mapping, optional
        What differs from the preset's parameters.
    precision : {"float16", "float32"}
        How frames are stored. "float16" halves the size and rounds to 11
        significant bits: by at most 0.03 dB from 64 to 128 dB below (or above)
        full scale and less nearer to it, by 0.05 % of a ``log(1 + S)``.
    workers : int, optional
        Threads, as many as the machine has processors if left out. Memory grows
        with them, and not with the length of a track.
    progress : callable, optional
        Called in this thread with the number of tracks done (successful or not)
        and of all, once before the first track and after each.

    Returns
    -------
    FeatureSet
        In the order of `dataset`. Files that failed are listed in its `left_out`,
        after those that `dataset` left out.

    Raises
    ------
    DatasetError
        If no track could be extracted; if the folder holds features of another
        configuration or of other files; if the disk is full or cannot be written.
    PluginError, ConfigError
        If there is no such extractor, or it does not take these parameters.
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
        existing = _existing(folder, json.loads(json.dumps(source)))
        if existing is None:
            parts = Parts(folder / "parts", configuration, dtype, extractor.frame_bins)
            todo = _Extraction(extractor, parts, workers or os.cpu_count() or 1, progress)
            failed = todo.run(dataset.tracks, keys)
            existing = _assemble(dataset, keys, failed, parts, folder, source)
            parts.remove()
    except OSError as error:
        raise DatasetError(
            f"'{printable(folder)}' cannot be written: {error.strerror or error}; finished "
            "tracks are kept, and the same call goes on after them"
        ) from error
    return existing


class _Extraction:
    """Extracts tracks in threads, each into its part."""

    def __init__(
        self, extractor: Extractor, parts: Parts, workers: int, progress: Progress | None
    ) -> None:
        self._extractor = extractor
        self._parts = parts
        self._workers = workers
        self._progress = progress or (lambda _done, _total: None)

    def run(self, tracks: Sequence[Track], keys: Sequence[str]) -> dict[int, LeftOut]:
        """Extract what is not finished yet; what failed, by the track's position."""
        waiting = [i for i, key in enumerate(keys) if not self._parts.n_frames(key)]
        resumed = len(tracks) - len(waiting)
        failed: dict[int, LeftOut] = {}
        # Threads: decoding, resampling, FFT and matrix products release the GIL, and
        # extractors that a program registered for itself are there.
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="genreclf-extract")
        with _one_blas_thread():
            try:
                self._progress(resumed, len(tracks))
                futures = {pool.submit(self._one, tracks[i], keys[i]): i for i in waiting}
                for done, future in enumerate(as_completed(futures), start=resumed + 1):
                    problem = future.result()
                    if problem:
                        failed[futures[future]] = problem
                    self._progress(done, len(tracks))
            finally:
                pool.shutdown(cancel_futures=True)
        return failed

    def _one(self, track: Track, key: str) -> LeftOut | None:
        try:
            with open_audio(track.path, self._extractor.sample_rate) as stream:
                self._parts.write(key, self._stored(frame_blocks(stream, self._extractor)))
        except GenreclfError as error:
            return LeftOut(track.id, str(error))
        return None

    def _stored(self, blocks: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        for block in blocks:
            frames = block[:-1].T
            _check_fits(frames, self._parts.dtype)
            yield frames


def _check_fits(frames: NDArray[np.float32], dtype: np.dtype[Any]) -> None:
    largest = float(np.abs(frames).max())
    # Written so that it is true of NaN as well.
    if not largest <= float(np.finfo(dtype).max):
        raise DatasetError(
            f"its features reach {largest:g}, which {dtype.name} cannot hold; "
            "extract with precision float32"
            if np.isfinite(largest)
            else "its features are not finite"
        )


def _existing(folder: Path, source: Mapping[str, Any]) -> FeatureSet | None:
    """The folder's complete feature set, if there is one and it is of this source."""
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
        f"'{printable(folder)}' holds a feature set of other {other}; "
        "choose another output, or delete that folder"
    )


def _assemble(
    dataset: Dataset,
    keys: Sequence[str],
    failed: Mapping[int, LeftOut],
    parts: Parts,
    folder: Path,
    source: Mapping[str, Any],
) -> FeatureSet:
    kept = [i for i in range(len(dataset)) if i not in failed]
    problems = tuple(failed[i] for i in sorted(failed))
    if not kept:
        raise DatasetError(f"{dataset.name}: no track can be used; {summarise(problems)}")
    lengths = [parts.n_frames(keys[i]) for i in kept]
    parts.join([keys[i] for i in kept], folder / FRAMES)
    tracks = [dataset.tracks[i] for i in kept]
    FeatureSet(
        features=source["configuration"]["features"],
        parameters=source["configuration"]["parameters"],
        data=np.load(folder / FRAMES, mmap_mode="r"),
        bounds=np.cumsum([0, *lengths], dtype=np.int64),
        ids=tuple(track.id for track in tracks),
        genres=tuple(track.genre for track in tracks),
        groups=tuple(track.group for track in tracks),
        labels=tuple(sorted({track.genre for track in tracks})),
        splits=tuple(track.split for track in tracks),
        left_out=dataset.left_out + problems,
    ).write_index(folder, source=source)
    return FeatureSet.load(folder)


def _key(track: Track) -> str:
    """Name of a track's part: another one if its file changes."""
    try:
        status = track.path.stat()
        version = f"{status.st_size} {status.st_mtime_ns}"
    except (OSError, ValueError):
        version = "missing"
    return _hash(f"{version} {track.id}")


def _digest(dataset: Dataset, keys: Sequence[str]) -> str:
    tracks = [
        (key, track.genre, track.group, track.split)
        for key, track in zip(keys, dataset.tracks, strict=True)
    ]
    return _hash(json.dumps(tracks))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def _one_blas_thread() -> contextlib.AbstractContextManager[Any]:
    """Keep matrix products to the thread they are called in.

    They are small here, and BLAS's own threads, waiting for each other beside
    these, make the work several times slower on a busy machine.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: contextlib.AbstractContextManager[Any] = threadpool_limits(1, user_api="blas")
    return limits
