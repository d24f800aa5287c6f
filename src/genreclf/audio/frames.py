"""Decoded frames of FFmpeg as arrays."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from genreclf.audio.sources import PIECE

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

_SAMPLE_TYPES = {
    "u8": np.uint8,
    "s16": np.int16,
    "s32": np.int32,
    "s64": np.int64,
    "flt": np.float32,
    "dbl": np.float64,
}


def join_frames(frames: Iterable[AudioFrame]) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Join frames of one kind, until they hold `PIECE` samples.

    Parameters
    ----------
    frames : iterable of av.AudioFrame
        Rate, sample type and channels may change on the way.

    Yields
    ------
    rate : int
        In Hz.
    channels : list of numpy.ndarray
        Each of shape (samples,).
    """
    for (rate, kind, count), alike in itertools.groupby(frames, key=_kind):
        for batch in _batches(alike):
            yield rate, _channels(batch, kind, count)


def _kind(frame: AudioFrame) -> tuple[int, str, int]:
    return frame.sample_rate, frame.format.name, frame.layout.nb_channels


def _batches(frames: Iterable[AudioFrame]) -> Iterator[list[AudioFrame]]:
    # MP3 frames are tiny: what follows costs far less on many of them at once.
    batch: list[AudioFrame] = []
    held = 0
    for frame in frames:
        batch.append(frame)
        held += frame.samples
        if held >= PIECE:
            yield batch
            batch, held = [], 0
    if held:
        yield batch


def _channels(frames: list[AudioFrame], kind: str, count: int) -> list[np.ndarray]:
    dtype = np.dtype(_SAMPLE_TYPES[kind.removesuffix("p")])
    planes = [frame.planes for frame in frames]  # made anew by PyAV whenever asked for

    def joined(index: int, width: int) -> np.ndarray:
        size = width * dtype.itemsize
        parts = (
            memoryview(own[index])[: frame.samples * size]
            for frame, own in zip(frames, planes, strict=True)
        )
        return np.frombuffer(b"".join(parts), dtype)

    if kind.endswith("p"):
        return [joined(plane, 1) for plane in range(count)]
    return list(joined(0, count).reshape(-1, count).T)
