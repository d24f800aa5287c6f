"""Extracted features of many tracks, with their genres."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genreclf.data.dataset import Skipped, SplitName, Track
from genreclf.errors import DatasetError
from genreclf.features import Extractor, make_extractor
from genreclf.files import atomic_write

FORMAT_VERSION = 2
INDEX = "features.json"
FRAMES = "frames.npy"


@dataclass(frozen=True)
class FeatureSet:
    """Frames of features of many tracks, in memory or mapped from a file.

    Attributes
    ----------
    features : str
        Registered name of the extractor.
    parameters : mapping
        All of its parameters.
    data : ndarray, shape (frames, frame_bins)
        The frames of all tracks in order, transposed results of
        :meth:`Extractor.transform`, or ``(transform - shift) / scale`` in a smaller type.
    bounds : ndarray of int64, shape (tracks + 1,)
        Track ``i`` is ``data[bounds[i]:bounds[i + 1]]``.
    tracks : tuple of Track
        A record for each track; all ids differ.
    labels : tuple of str
        All genres, in the order of a model's outputs.
    scale, shift : float
        See `data`.
    skipped : tuple of Skipped
        What the data set skipped, and tracks that could not be extracted.

    Raises
    ------
    DatasetError
        If an id repeats, or a genre is not among the labels.
    """

    features: str
    parameters: Mapping[str, Any]
    data: NDArray[Any]
    bounds: NDArray[np.int64]
    tracks: tuple[Track, ...]
    labels: tuple[str, ...]
    scale: float = 1.0
    shift: float = 0.0
    skipped: tuple[Skipped, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.ids)) < len(self):
            raise DatasetError("two tracks of a feature set have the same id")
        unknown = set(self.genres) - set(self.labels)
        if unknown:
            raise DatasetError(f"genres that are not among the labels: {sorted(unknown)}")

    def __len__(self) -> int:
        return len(self.tracks)

    @property
    def ids(self) -> tuple[str, ...]:
        """The id of each track."""
        return tuple(track.id for track in self.tracks)

    @property
    def genres(self) -> tuple[str, ...]:
        """The label of each track."""
        return tuple(track.genre for track in self.tracks)

    @property
    def groups(self) -> tuple[str | None, ...]:
        """The group of each track (artist, album); None where unknown."""
        return tuple(track.group for track in self.tracks)

    @property
    def splits(self) -> tuple[SplitName | None, ...]:
        """The split that the data set assigns each track to; None where it does not."""
        return tuple(track.split for track in self.tracks)

    @property
    def targets(self) -> NDArray[np.int64]:
        """Index of each track's genre among the labels, shape (tracks,)."""
        index = {label: i for i, label in enumerate(self.labels)}
        return np.array([index[genre] for genre in self.genres], dtype=np.int64)

    def extractor(self) -> Extractor:
        """Build the extractor that made these features."""
        return make_extractor(self.features, **self.parameters)

    def check_extractor(self, features: str, parameters: Mapping[str, Any], needed_by: str) -> None:
        """Raise DatasetError if an extractor computes other frames than these.

        Extractors that differ only in how they normalize segments have the same frames.

        Parameters
        ----------
        features : str
            Registered name of the extractor.
        parameters : mapping
        needed_by : str
            What needs them, for the message.
        """
        if not _same_frames(self.extractor(), make_extractor(features, **parameters)):
            raise DatasetError(
                f"the features were made by '{self.features}' {dict(self.parameters)}, but "
                f"{needed_by} needs '{features}' {dict(parameters)}; extract them again"
            )

    def n_frames(self, track: int) -> int:
        """Return the number of frames of a track."""
        return int(self.bounds[track + 1] - self.bounds[track])

    def frames(self, track: int, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
        """Return frames of a track as the extractor computed them.

        Parameters
        ----------
        track : int
        start, stop : int, optional
            Range of frames, by default all.

        Returns
        -------
        ndarray of float32, shape (frame_bins, frames)
        """
        first = self.bounds[track]
        last = self.bounds[track + 1] if stop is None else first + stop
        return np.asarray(self._unscaled(slice(first + start, last)).T)

    def _unscaled(self, rows: slice = slice(None)) -> NDArray[np.float32]:
        stored = np.asarray(self.data[rows], np.float32)
        frames: NDArray[np.float32] = stored * np.float32(self.scale) + np.float32(self.shift)
        return frames

    def subset(self, tracks: Sequence[int] | NDArray[np.int64]) -> FeatureSet:
        """Select tracks, in the order given; the labels stay the same.

        The frames are copied, so the selected ones must fit in memory.
        """
        chosen = [int(track) for track in tracks]
        frames = [self.data[self.bounds[i] : self.bounds[i + 1]] for i in chosen]
        return dataclasses.replace(
            self,
            data=np.concatenate(frames) if frames else self.data[:0],
            bounds=np.cumsum([0, *map(len, frames)], dtype=np.int64),
            tracks=tuple(self.tracks[i] for i in chosen),
        )

    def drop(self, ids: Collection[str]) -> FeatureSet:
        """Select all tracks except those with these ids."""
        dropped = set(ids)
        return self.subset([i for i, name in enumerate(self.ids) if name not in dropped])

    def with_id_prefix(self, prefix: str) -> FeatureSet:
        """Return the same set with a prefix before each id."""
        tracks = (dataclasses.replace(track, id=prefix + track.id) for track in self.tracks)
        return dataclasses.replace(self, tracks=tuple(tracks))

    def concatenate(self, other: FeatureSet) -> FeatureSet:
        """Add another set's tracks after these, with this set's labels.

        The frames are copied, as float32 unless both sets store them in the same way.

        Raises
        ------
        DatasetError
            If an id is in both sets, or `other` has a genre that is not among the labels or
            other features.
        """
        other.check_extractor(self.features, self.parameters, "the set to add them to")
        storage, of_other = ((s.scale, s.shift, s.data.dtype) for s in (self, other))
        alike = storage == of_other
        parts = [self.data, other.data] if alike else [self._unscaled(), other._unscaled()]
        return dataclasses.replace(
            self,
            data=np.concatenate(parts),
            bounds=np.concatenate([self.bounds, self.bounds[-1] + other.bounds[1:]]),
            tracks=self.tracks + other.tracks,
            scale=self.scale if alike else 1.0,
            shift=self.shift if alike else 0.0,
            skipped=self.skipped + other.skipped,
        )

    @classmethod
    def from_frames(
        cls,
        features: str,
        frames: Sequence[NDArray[Any]],
        ids: Sequence[str],
        genres: Sequence[str],
        *,
        groups: Sequence[str | None] | None = None,
        splits: Sequence[SplitName | None] | None = None,
        labels: Sequence[str] | None = None,
        parameters: Mapping[str, Any] | None = None,
        scale: float = 1.0,
        shift: float = 0.0,
    ) -> FeatureSet:
        """Make a feature set from arrays.

        Parameters
        ----------
        features : str
            Registered name of the extractor that computed them.
        frames : sequence of ndarray, shape (frame_bins, frames)
            One for each track.
        ids, genres : sequence of str
        groups, splits : sequence of str or None, optional
        labels : sequence of str, optional
            By default the genres, sorted.
        parameters : mapping, optional
            Parameters of the extractor that differ from the registered ones.
        scale, shift : float
            The extractor's values are ``scale * frames + shift``.

        Raises
        ------
        DatasetError
            If the lengths differ, an id repeats, or an array does not have the extractor's
            number of bins.
        """
        unknown = [None] * len(ids)
        groups, splits = groups or unknown, splits or unknown
        lengths = list(map(len, (frames, ids, genres, groups, splits)))
        if len(set(lengths)) > 1:
            raise DatasetError(
                f"the numbers of arrays, ids, genres, groups and splits differ: {lengths}"
            )
        extractor = make_extractor(features, **(parameters or {}))
        for name, array in zip(ids, frames, strict=True):
            if array.ndim != 2 or array.shape[0] != extractor.frame_bins or array.shape[1] == 0:
                raise DatasetError(
                    f"features of '{name}' have shape {array.shape}, "
                    f"not ({extractor.frame_bins}, frames)"
                )
        return cls(
            features=features,
            parameters=dict(extractor.parameters),
            data=np.concatenate([np.asarray(array).T for array in frames]),
            bounds=np.cumsum([0, *(array.shape[1] for array in frames)], dtype=np.int64),
            tracks=tuple(
                Track(str(name), (str(genre),), group=group, split=split)
                for name, genre, group, split in zip(ids, genres, groups, splits, strict=True)
            ),
            labels=tuple(sorted(set(genres)) if labels is None else labels),
            scale=scale,
            shift=shift,
        )

    @classmethod
    def from_npz(cls, path: str | PathLike[str], features: str = "logmel-13fps") -> FeatureSet:
        """Read log-mel spectrograms in dB, stored as bytes.

        Parameters
        ----------
        path : path
            An ``.npz`` file with ``X`` uint8 of shape (tracks, frame_bins, frames), where 0
            is -80 dB and 255 is 0 dB; ``ids``; either ``genres`` with ``y`` (index of each
            track's genre) or ``label`` (its name); and optionally ``group``.
        features : str
            Registered name of the extractor that the arrays match.

        Raises
        ------
        DatasetError
            If the file cannot be read or lacks one of these.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            if "label" in arrays:
                genres, labels = arrays["label"], sorted(set(arrays["label"].tolist()))
            else:
                genres, labels = arrays["genres"][arrays["y"]], arrays["genres"].tolist()
            groups = arrays.get("group")
            return cls.from_frames(
                features,
                list(arrays["X"]),
                arrays["ids"].tolist(),
                genres.tolist(),
                groups=None if groups is None else [str(group) for group in groups],
                labels=labels,
                scale=80.0 / 255.0,
                shift=-80.0,
            )
        except (OSError, ValueError, KeyError) as error:
            raise DatasetError(f"{path}: not a file of log-mel arrays: {error}") from error

    def save(self, folder: str | PathLike[str]) -> Path:
        """Write the set to a folder that :meth:`load` can map into memory; return the folder."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        # The old file may be the one that is mapped, so it must not be overwritten.
        with atomic_write(path / FRAMES) as file:
            np.save(file, self.data)
            # An index must never stand beside frames of another set.
            (path / INDEX).unlink(missing_ok=True)
        self.write_index(path)
        return path

    def write_index(self, folder: Path, **extra: Any) -> None:
        """Write everything but the frames, and `extra`: the last step, which completes a folder."""
        index = {
            **extra,
            "format": FORMAT_VERSION,
            "features": self.features,
            "parameters": dict(self.parameters),
            "labels": self.labels,
            "scale": self.scale,
            "shift": self.shift,
            "bounds": self.bounds.tolist(),
            "tracks": [
                {"id": each.id, "genres": each.genres, "group": each.group, "split": each.split}
                for each in self.tracks
            ],
            "skipped": [dataclasses.asdict(each) for each in self.skipped],
        }
        with atomic_write(folder / INDEX, "w", encoding="utf-8") as file:
            json.dump(index, file)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> FeatureSet:
        """Map a saved set into memory.

        Raises
        ------
        DatasetError
            If the folder is incomplete, damaged, or of another format.
        """
        path = Path(folder)
        try:
            index = json.loads((path / INDEX).read_text(encoding="utf-8"))
            if index["format"] != FORMAT_VERSION:
                raise DatasetError(f"{path}: format {index['format']}; extract the features again")
            loaded = cls(
                features=index["features"],
                parameters=index["parameters"],
                data=np.load(path / FRAMES, mmap_mode="r", allow_pickle=False),
                bounds=np.array(index["bounds"], np.int64),
                tracks=tuple(
                    Track(**{**row, "genres": tuple(row["genres"])}) for row in index["tracks"]
                ),
                labels=tuple(index["labels"]),
                scale=index["scale"],
                shift=index["shift"],
                skipped=tuple(Skipped(**each) for each in index["skipped"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"'{path}' is not a complete feature set: {error}") from error
        if len(loaded.bounds) != len(loaded) + 1 or loaded.bounds[-1] != len(loaded.data):
            raise DatasetError(f"'{path}' is damaged: its index does not fit its frames")
        return loaded


def _same_frames(one: Extractor, other: Extractor) -> bool:
    sizes, of_other = (
        (each.sample_rate, each.window_length, each.hop_length, each.frame_bins)
        for each in (one, other)
    )
    probe = np.random.default_rng(0).standard_normal(4 * one.window_length).astype(np.float32)
    return sizes == of_other and np.array_equal(one.transform(probe), other.transform(probe))
