"""From samples to segments: the first three steps of the pipeline.

``samples -> iter_frames -> iter_segments -> Extractor.normalize -> network``. Each step takes
the result of the one before as a stream, so memory does not grow with the length of the sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genreclf.audio import AudioSource, open_audio
from genreclf.errors import ConfigError
from genreclf.features.base import Extractor
from genreclf.plugins import registry


class Frames(NamedTuple):
    """Consecutive frames of a stream.

    Attributes
    ----------
    features : ndarray of float32, shape (frame_bins, frames)
        As :meth:`Extractor.transform` returns them.
    power : ndarray of float32, shape (frames,)
        Mean square of the samples from each frame's start to the next one's.
    """

    features: NDArray[np.float32]
    power: NDArray[np.float32]

    @classmethod
    def audible(cls, features: NDArray[np.float32]) -> Frames:
        """Make frames of stored features, which do not hold the level: full scale."""
        return cls(features, np.ones(features.shape[1], np.float32))


class SegmentBatch(NamedTuple):
    """Consecutive segments of a stream.

    Attributes
    ----------
    data : ndarray of float32, shape (segments, frame_bins, segment_frames)
        Frames as :meth:`Extractor.transform` returns them, not normalized.
    starts : ndarray of int64, shape (segments,)
        First frame of each segment, counted from the start of the stream.
    level_db : ndarray of float64, shape (segments,)
        RMS level in dB re full scale.
    wrapped : bool
        True if the stream was shorter than a segment and its frames were repeated.
    """

    data: NDArray[np.float32]
    starts: NDArray[np.int64]
    level_db: NDArray[np.float64]
    wrapped: bool


class Segments(NamedTuple):
    """The network's input and the start of each segment; see :func:`extract_segments`."""

    data: NDArray[np.float32]
    starts: NDArray[np.float64]


def make_extractor(features: str | Extractor, **parameters: Any) -> Extractor:
    """Build an extractor from its registered name.

    Parameters
    ----------
    features : str or Extractor
        A name that ``genreclf plugins`` lists. An extractor is returned unchanged.
    **parameters
        Override the registered parameters.

    Raises
    ------
    PluginError, ConfigError
        If no plugin registers the name, or a parameter is unknown or out of range.

    Examples
    --------
    >>> from genreclf.features import make_extractor
    >>> make_extractor("logmel-dong2018", n_mels=32).bins
    32
    """
    if isinstance(features, Extractor):
        return features
    extractor: Extractor = registry().build("extractors", features, **parameters)
    return extractor


def iter_frames(blocks: Iterable[NDArray[np.float32]], extractor: Extractor) -> Iterator[Frames]:
    """Compute the frames of a stream of sound.

    Frame ``i`` is centered on sample ``i * hop_length``, with zeros before the first sample
    and after the last one. The frames do not depend on how the stream is cut into blocks.

    Parameters
    ----------
    blocks : iterable of ndarray of float32, shape (n,)
        Mono sound at the extractor's sample rate; :func:`genreclf.audio.open_audio` gives it.
    extractor : Extractor

    Yields
    ------
    Frames
        One or more frames each, at least one in total.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclf.features import LogMel, iter_frames
    >>> second = np.zeros(22050, np.float32)
    >>> [frames.features.shape for frames in iter_frames([second, second], LogMel())]
    [(128, 42), (128, 43), (128, 2)]
    """
    window, hop = extractor.window_length, extractor.hop_length
    margin = np.zeros(window // 2, np.float32)
    rest = margin
    for block in chain(blocks, [margin]):
        rest = np.concatenate([rest, block])
        if len(rest) >= window:
            frames = _frames(rest, extractor)
            yield frames
            rest = rest[frames.features.shape[1] * hop :]


def _frames(samples: NDArray[np.float32], extractor: Extractor) -> Frames:
    features = extractor.transform(samples)
    n_frames, hop = features.shape[1], extractor.hop_length
    steps = samples[: n_frames * hop].reshape(n_frames, hop)
    return Frames(features, np.einsum("ij,ij->i", steps, steps) / np.float32(hop))


def segment_hop(segment_frames: int, overlap: float) -> int:
    """Return the hop length between segments, in frames.

    Parameters
    ----------
    segment_frames : int
        Frames per segment.
    overlap : float
        Fraction of a segment that the next one repeats, ``0 <= overlap < 1``.

    Returns
    -------
    int
        ``max(1, round(segment_frames * (1 - overlap)))``.

    Raises
    ------
    ConfigError
        If `overlap` is out of range.

    Examples
    --------
    >>> from genreclf.features.segments import segment_hop
    >>> segment_hop(256, overlap=0.5)
    128
    """
    if not 0.0 <= overlap < 1.0:
        raise ConfigError(f"overlap must be at least 0 and below 1 (got {overlap})")
    return max(1, round(segment_frames * (1.0 - overlap)))


def window_starts(n_frames: int, length: int, hop: int) -> NDArray[np.int64]:
    """Return the first frames of the windows that cover `n_frames` frames.

    Windows start every `hop` frames while they are full. If frames are left after the last
    one, another window ends with the last frame and overlaps more: nothing is dropped and
    nothing is padded.

    Parameters
    ----------
    n_frames, length, hop : int
        Number of frames, window length and hop length in frames, each at least 1 and
        ``hop <= length``.

    Returns
    -------
    ndarray of int64, shape (windows,)
        Ascending, at least one. Fewer frames than a window give one window.

    Examples
    --------
    >>> from genreclf.features.segments import window_starts
    >>> window_starts(11, length=4, hop=2)
    array([0, 2, 4, 6, 7])
    """
    last = max(n_frames - length, 0)
    starts = np.arange(0, last + 1, hop, dtype=np.int64)
    return starts if starts[-1] == last else np.append(starts, last)


def iter_segments(
    frames: Iterable[Frames], length: int, hop: int, batch_size: int = 64
) -> Iterator[SegmentBatch]:
    """Cut a stream of frames into segments.

    The segments are those of :func:`window_starts` for the whole stream, however the stream
    is cut. If it is shorter than a segment, its frames are repeated ("wrap" padding).

    Parameters
    ----------
    frames : iterable of Frames
        From :func:`iter_frames`.
    length, hop : int
        Segment length and hop length in frames, ``hop <= length``.
    batch_size : int
        Segments per batch, which bounds the memory. The last batch may hold one more.

    Yields
    ------
    SegmentBatch

    Examples
    --------
    >>> import numpy as np
    >>> from genreclf.features import Frames, iter_segments
    >>> frames = Frames(np.zeros((64, 100), np.float32), np.ones(100, np.float32))
    >>> [batch.starts.tolist() for batch in iter_segments([frames], length=40, hop=40)]
    [[0, 40, 60]]
    """
    first = 0
    buffered: list[Frames] = []
    n_buffered = 0
    step = batch_size * hop
    # A full segment stays in the buffer, so that the one that ends with the stream can
    # reach back as far as it needs.
    enough = step + length
    for block in frames:
        buffered.append(block)
        n_buffered += len(block.power)
        if n_buffered < enough:
            continue
        features, power = _concatenate(buffered)
        while len(power) >= enough:
            offsets = np.arange(batch_size, dtype=np.int64) * hop
            yield _batch(Frames(features, power), offsets, length, first)
            features, power, first = features[:, step:], power[step:], first + step
        buffered, n_buffered = [Frames(features, power)], len(power)
    if n_buffered:
        yield _last_batch(_concatenate(buffered), length, hop, first)


def _concatenate(blocks: list[Frames]) -> Frames:
    return Frames(
        np.concatenate([block.features for block in blocks], axis=1),
        np.concatenate([block.power for block in blocks]),
    )


def _last_batch(frames: Frames, length: int, hop: int, first: int) -> SegmentBatch:
    n_frames = len(frames.power)
    offsets = window_starts(n_frames, length, hop)
    missing = max(0, length - n_frames)
    if missing:
        frames = Frames(
            np.pad(frames.features, ((0, 0), (0, missing)), mode="wrap"),
            np.pad(frames.power, (0, missing), mode="wrap"),
        )
    return _batch(frames, offsets, length, first, wrapped=missing > 0)


def _batch(
    frames: Frames, offsets: NDArray[np.int64], length: int, first: int, wrapped: bool = False
) -> SegmentBatch:
    views = np.lib.stride_tricks.sliding_window_view(frames.features, length, axis=1)
    data = np.ascontiguousarray(views[:, offsets].transpose(1, 0, 2))
    windows = np.lib.stride_tricks.sliding_window_view(frames.power, length)[offsets]
    # -300 dB stands for digital silence, whose logarithm is not finite.
    level_db = 10.0 * np.log10(np.maximum(windows.mean(axis=1), 1e-30))
    return SegmentBatch(data, first + offsets, level_db, wrapped)


def extract_segments(
    audio: AudioSource, features: str | Extractor = "logmel-13fps", overlap: float = 0.5
) -> Segments:
    """Compute the network's input for a track.

    Parameters
    ----------
    audio : path, RemoteFile, bytes, binary file object, or (samples, sample_rate)
        See :func:`genreclf.audio.open_audio`.
    features : str or Extractor
        A registered name; ``genreclf plugins`` lists them.
    overlap : float
        Fraction of a segment that the next one repeats, ``0 <= overlap < 1``.

    Returns
    -------
    Segments
        ``data``, float32 of shape (segments, bins, frames), and ``starts`` in seconds. The
        last segment ends with the last frame, so it may overlap more. Sound shorter than a
        segment is repeated to fill one.

    Raises
    ------
    AudioDecodeError, PluginError, ConfigError
        If the source holds no sound that can be decoded, no plugin registers the extractor,
        or `overlap` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclf import extract_segments
    >>> sine = np.sin(2 * np.pi * 440 * np.arange(10 * 22050) / 22050)
    >>> data, starts = extract_segments((sine, 22050), features="logmel-dong2018")
    >>> data.shape
    (6, 64, 256)
    """
    extractor = make_extractor(features)
    length = extractor.segment_frames
    hop = segment_hop(length, overlap)
    with open_audio(audio, extractor.sample_rate) as stream:
        batches = list(iter_segments(iter_frames(stream, extractor), length, hop))
    data = np.concatenate([extractor.normalize(batch.data) for batch in batches])
    starts = np.concatenate([batch.starts for batch in batches])
    return Segments(data, starts * (extractor.hop_length / extractor.sample_rate))
