"""From sound to segments: decoding, framing and windowing as one stream."""

import dataclasses
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from genreclf.audio import AudioSource, open_audio
from genreclf.features.base import Extractor, FloatArray
from genreclf.plugins import registry
from genreclf.segments import Span, hop_of, spans


class Segments(NamedTuple):
    """Segments of one piece of sound.

    Attributes
    ----------
    data : ndarray of float32, shape (segments, bins, frames)
    starts : ndarray of float64, shape (segments,)
        Where each segment starts, in seconds.
    """

    data: FloatArray
    starts: np.ndarray


def make_extractor(features: str | Extractor, **parameters: Any) -> Extractor:
    """An extractor by its registered name.

    Parameters
    ----------
    features : str or Extractor
        An extractor is returned as it is.
    **parameters
        Override the preset's.

    Raises
    ------
    PluginError
        If the name is not registered.
    ConfigError
        If a parameter is unknown or out of range.
    """
    if isinstance(features, Extractor):
        return features
    extractor: Extractor = registry().build("extractors", features, **parameters)
    return extractor


def segment_spans(
    blocks: Iterable[FloatArray], extractor: Extractor, length: int, overlap: float
) -> Iterator[tuple[Span, np.ndarray]]:
    """Cut a stream of sound into spans of segments, in bounded memory.

    Frame ``i`` is centred on sample ``i * hop_length``; zeros stand before the
    first sample and after the last. The result does not depend on how the stream
    is cut into blocks.

    Parameters
    ----------
    blocks : iterable of ndarray of float32, shape (n,)
        Mono sound at the extractor's sample rate.
    extractor : Extractor
    length : int
        Frames of a segment.
    overlap : float
        Part of a segment that the next one repeats, 0 <= overlap < 1.

    Yields
    ------
    span : Span
        Frames of features, not finished, and where the segments lie on them.
    level : ndarray of float64, shape (segments,)
        RMS level of each segment in dB re full scale.
    """
    # The mean square travels as one more row beneath the features.
    for span in spans(frame_blocks(blocks, extractor), length, hop_of(length, overlap)):
        power = Span(span.first, span.frames[-1:], span.offsets, length).windows().mean(axis=(1, 2))
        level = 10.0 * np.log10(np.maximum(power, 1e-30))
        yield dataclasses.replace(span, frames=span.frames[:-1]), level


def frame_blocks(blocks: Iterable[FloatArray], extractor: Extractor) -> Iterator[FloatArray]:
    """Frames of a stream of sound as it comes, in bounded memory.

    Parameters
    ----------
    blocks : iterable of ndarray of float32, shape (n,)
        Mono sound at the extractor's sample rate.
    extractor : Extractor

    Yields
    ------
    ndarray of float32, shape (frame_bins + 1, frames)
        Features, and in the last row the mean square of each frame's first
        `hop_length` samples. Together at least one frame, wherever blocks are cut.
    """
    window, hop = extractor.window_length, extractor.hop_length
    margin = np.zeros(window // 2, np.float32)
    rest = margin
    for block in chain(blocks, [margin]):
        rest = np.concatenate([rest, block])
        if len(rest) >= window:
            yield _frames(rest, extractor)
            rest = rest[(1 + (len(rest) - window) // hop) * hop :]


def _frames(samples: FloatArray, extractor: Extractor) -> FloatArray:
    features = extractor.transform(samples)
    n_frames, hop = features.shape[1], extractor.hop_length
    steps = samples[: n_frames * hop].reshape(n_frames, hop)
    return np.vstack([features, np.einsum("ij,ij->i", steps, steps) / hop])


def extract_segments(
    audio: AudioSource, features: str | Extractor = "logmel-13fps", overlap: float = 0.5
) -> Segments:
    """Cut a piece of music into segments of features.

    Parameters
    ----------
    audio : path, bytes, binary file object, or (samples, sample_rate)
        See :func:`genreclf.audio.open_audio`.
    features : str or Extractor
        A registered extractor's name; ``genreclf plugins`` lists them.
    overlap : float
        Part of a segment that the next one repeats, 0 <= overlap < 1.

    Returns
    -------
    Segments
        ``data``, float32 of shape (segments, bins, frames), and ``starts`` in
        seconds. The last segment ends with the last frame, so it may overlap
        more; sound shorter than one segment is repeated until it fills one.

    Raises
    ------
    AudioDecodeError
        If the source has no sound that can be decoded.
    PluginError
        If no extractor has that name.
    ConfigError
        If `overlap` is out of its range.

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
    data, starts = [], []
    with open_audio(audio, extractor.sample_rate) as stream:
        for span, _ in segment_spans(stream, extractor, length, overlap):
            data.append(extractor.finish(span.windows()))
            starts.append(span.starts * (extractor.hop_length / extractor.sample_rate))
    return Segments(np.concatenate(data), np.concatenate(starts))
