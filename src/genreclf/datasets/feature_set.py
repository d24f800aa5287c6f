"""Extracted features of many tracks, with their genres."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genreclf.datasets.tracks import LeftOut
from genreclf.errors import DatasetError
from genreclf.features import Extractor, make_extractor

FORMAT_VERSION = 1
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
        All tracks one after the other, as :meth:`Extractor.transform` gives them
        (transposed), or ``(transform - shift) / scale`` in a smaller type.
    bounds : ndarray of int64, shape (tracks + 1,)
        Track ``i`` is ``data[bounds[i]:bounds[i + 1]]``.
    ids : tuple of str
        A name for each track, all different.
    genres : tuple of str
        The label of each track.
    groups : tuple of str or None
        What must stay on one side of a split (artist, album); None where unknown.
    labels : tuple of str
        All genres, sorted unless given otherwise: the order of a model's outputs.
    scale, shift : float
        See `data`.
    splits : tuple of str or None
        The side of each track in a given split: "train", "valid" or "test".
    left_out : tuple of LeftOut
        What could not be extracted, or was left out of the data set before.
    """

    features: str
    parameters: Mapping[str, Any]
    data: NDArray[Any]
    bounds: NDArray[np.int64]
    ids: tuple[str, ...]
    genres: tuple[str, ...]
    groups: tuple[str | None, ...]
    labels: tuple[str, ...]
    scale: float = 1.0
    shift: float = 0.0
    splits: tuple[str | None, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    def __post_init__(self) -> None:
        if not self.splits:
            object.__setattr__(self, "splits", (None,) * len(self.ids))
        if len(set(self.ids)) < len(self.ids):
            raise DatasetError("two tracks of a feature set have the same id")
        unknown = set(self.genres) - set(self.labels)
        if unknown:
            raise DatasetError(f"genres that are not among the labels: {sorted(unknown)}")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def targets(self) -> NDArray[np.int64]:
        """Index of each track's genre among the labels, shape (tracks,)."""
        return np.array([self.labels.index(genre) for genre in self.genres], dtype=np.int64)

    def extractor(self) -> Extractor:
        """The extractor that made these features."""
        return make_extractor(self.features, **self.parameters)

    def n_frames(self, track: int) -> int:
        """Frames of a track."""
        return int(self.bounds[track + 1] - self.bounds[track])

    def frames(self, track: int, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
        """Frames of a track as the extractor gave them.

        Parameters
        ----------
        track : int
        start, stop : int, optional
            Range of frames; all of them if left out.

        Returns
        -------
        ndarray of float32, shape (frame_bins, frames)
        """
        first = self.bounds[track]
        last = self.bounds[track + 1] if stop is None else first + stop
        return np.asarray(self._unpacked(slice(first + start, last)).T)

    def subset(self, tracks: Sequence[int] | NDArray[np.int64]) -> FeatureSet:
        """Some of the tracks, in the order given, with the same labels.

        The frames are copied, so keep to a part of a mapped set that fits in memory.
        """
        chosen = [int(track) for track in tracks]
        pieces = [self.data[self.bounds[i] : self.bounds[i + 1]] for i in chosen]
        lengths = [len(piece) for piece in pieces]
        empty = self.data[:0]
        return FeatureSet(
            features=self.features,
            parameters=self.parameters,
            data=np.concatenate(pieces) if pieces else empty,
            bounds=np.cumsum([0, *lengths], dtype=np.int64),
            ids=tuple(self.ids[i] for i in chosen),
            genres=tuple(self.genres[i] for i in chosen),
            groups=tuple(self.groups[i] for i in chosen),
            labels=self.labels,
            scale=self.scale,
            shift=self.shift,
            splits=tuple(self.splits[i] for i in chosen),
            left_out=self.left_out,
        )

    def without(self, ids: Sequence[str]) -> FeatureSet:
        """All tracks but those of these ids."""
        return self.subset([i for i, name in enumerate(self.ids) if name not in set(ids)])

    def joined(self, other: FeatureSet) -> FeatureSet:
        """These tracks and another set's, under this set's labels.

        The frames are copied; as float32 unless both sets store them alike.

        Raises
        ------
        DatasetError
            If an id stands in both, the other has a genre that is not among the labels,
            or its features are not these.
        """
        if not same_frames(self.extractor(), other.extractor()):
            raise DatasetError(
                f"features of '{self.features}' {dict(self.parameters)} and of "
                f"'{other.features}' {dict(other.parameters)} cannot be joined"
            )
        alike = (self.scale, self.shift, self.data.dtype) == (
            other.scale,
            other.shift,
            other.data.dtype,
        )
        parts = [self.data, other.data] if alike else [self._unpacked(), other._unpacked()]
        return dataclasses.replace(
            self,
            data=np.concatenate(parts),
            bounds=np.concatenate([self.bounds, self.bounds[-1] + other.bounds[1:]]),
            ids=self.ids + other.ids,
            genres=self.genres + other.genres,
            groups=self.groups + other.groups,
            scale=self.scale if alike else 1.0,
            shift=self.shift if alike else 0.0,
            splits=self.splits + other.splits,
            left_out=self.left_out + other.left_out,
        )

    def _unpacked(self, some: slice = slice(None)) -> NDArray[np.float32]:
        stored = np.asarray(self.data[some], np.float32)
        frames: NDArray[np.float32] = stored * np.float32(self.scale) + np.float32(self.shift)
        return frames

    def with_parameters(self, **parameters: Any) -> FeatureSet:
        """The same frames for an extractor that only finishes segments differently.

        Raises
        ------
        DatasetError
            If a parameter changes the frames themselves.
        """
        merged = {**self.parameters, **parameters}
        if not same_frames(self.extractor(), make_extractor(self.features, **merged)):
            raise DatasetError(
                f"these features were not extracted with {parameters}; extract them again"
            )
        return dataclasses.replace(self, parameters=merged)

    @classmethod
    def from_frames(
        cls,
        features: str,
        frames: Sequence[NDArray[Any]],
        ids: Sequence[str],
        genres: Sequence[str],
        *,
        groups: Sequence[str | None] | None = None,
        splits: Sequence[str | None] | None = None,
        labels: Sequence[str] | None = None,
        parameters: Mapping[str, Any] | None = None,
        scale: float = 1.0,
        shift: float = 0.0,
    ) -> FeatureSet:
        """A feature set from arrays.

        Parameters
        ----------
        features : str
            Registered name of the extractor that made them.
        frames : sequence of ndarray, shape (frame_bins, frames)
            One for each track.
        ids, genres : sequence of str
        groups, splits : sequence of str or None, optional
        labels : sequence of str, optional
            The genres found, sorted, if left out.
        parameters : mapping, optional
            The extractor's, where they differ from the preset's.
        scale, shift : float
            What the extractor would give is ``scale * frames + shift``.

        Raises
        ------
        DatasetError
            If the lengths differ, an id repeats, or arrays do not have the
            extractor's number of bins.
        """
        if not len(frames) == len(ids) == len(genres):
            raise DatasetError(
                f"{len(frames)} arrays, {len(ids)} ids and {len(genres)} genres do not match"
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
            ids=tuple(map(str, ids)),
            genres=tuple(map(str, genres)),
            groups=tuple(groups) if groups is not None else (None,) * len(ids),
            labels=tuple(labels) if labels is not None else tuple(sorted(set(genres))),
            scale=scale,
            shift=shift,
            splits=tuple(splits or ()),
        )

    @classmethod
    def from_npz(cls, path: str | PathLike[str], features: str = "logmel-13fps") -> FeatureSet:
        """Read arrays of log-mel spectrograms in dB, stored as bytes.

        Parameters
        ----------
        path : path
            An ``.npz`` with ``X`` uint8 of shape (tracks, frame_bins, frames), where 0
            is -80 dB and 255 is 0 dB, ``ids``, and either ``genres`` with ``y`` (index
            of each track's genre) or ``label`` (its name); ``group`` is optional.
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
        """Write the set as a folder that :meth:`load` maps into memory.

        Returns
        -------
        Path
            The folder.
        """
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        # Beside the old file, which may be the one that is mapped.
        scratch = path / f"{FRAMES}.part"
        with scratch.open("wb") as stream:
            np.save(stream, self.data)
        (path / INDEX).unlink(missing_ok=True)
        scratch.replace(path / FRAMES)
        self.write_index(path)
        return path

    def write_index(self, folder: Path, **extra: Any) -> None:
        """Write all but the frames: the last step, which makes a folder complete.

        Parameters
        ----------
        folder : Path
        **extra
            What else to keep in the file.
        """
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
                {"id": name, "genre": genre, "group": group, "split": split}
                for name, genre, group, split in zip(
                    self.ids, self.genres, self.groups, self.splits, strict=True
                )
            ],
            "left_out": [dataclasses.asdict(each) for each in self.left_out],
        }
        scratch = folder / f"{INDEX}.part"
        scratch.write_text(json.dumps(index), encoding="utf-8")
        scratch.replace(folder / INDEX)

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
            data = np.load(path / FRAMES, mmap_mode="r", allow_pickle=False)
            found = cls(
                features=index["features"],
                parameters=index["parameters"],
                data=data,
                bounds=np.array(index["bounds"], np.int64),
                ids=tuple(track["id"] for track in index["tracks"]),
                genres=tuple(track["genre"] for track in index["tracks"]),
                groups=tuple(track["group"] for track in index["tracks"]),
                labels=tuple(index["labels"]),
                scale=index["scale"],
                shift=index["shift"],
                splits=tuple(track.get("split") for track in index["tracks"]),
                left_out=tuple(LeftOut(**each) for each in index.get("left_out", [])),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"'{path}' is not a complete feature set: {error}") from error
        if len(found.bounds) != len(found) + 1 or found.bounds[-1] != len(data):
            raise DatasetError(f"'{path}' is damaged: its index does not fit its frames")
        return found


def same_frames(one: Extractor, other: Extractor) -> bool:
    """Whether two extractors give the same frames, however they finish segments."""
    probe = np.random.default_rng(0).standard_normal(4 * one.window_length).astype(np.float32)
    return (
        (one.sample_rate, one.window_length, one.hop_length, one.frame_bins)
        == (other.sample_rate, other.window_length, other.hop_length, other.frame_bins)
    ) and np.array_equal(one.transform(probe), other.transform(probe))
