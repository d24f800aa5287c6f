"""A source of sound as a stream of mono blocks."""

from __future__ import annotations

import contextlib
import itertools
import operator
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genreclf.audio.decoder import FileSource
from genreclf.audio.sources import (
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
    ArraySource,
    AudioSource,
    Source,
    decode_error,
    split,
)
from genreclf.errors import AudioDecodeError, ConfigError

_MAX_BLOCK = 2**17  # samples
_MAX_AMPLITUDE = 1e6


def open_audio(source: AudioSource, sample_rate: int) -> AudioStream:
    """Open a source of sound as a stream of mono blocks.

    Channels are averaged with equal weights, whatever their layout. NaN and infinite samples
    (infinite as float32) become zero. Finite samples are clipped to +-1e6, so that their
    powers stay finite.

    Parameters
    ----------
    source : path, RemoteFile, bytes, binary file object, or (samples, sample_rate)
        A string is always the path of a local file; for URLs see :class:`RemoteFile`. If a
        file has several audio streams, the best one is used; pictures and video are ignored.
        A seekable file object (an :class:`io.IOBase`) is read in place from its start. Any
        other is first copied, into memory up to 32 MiB, else into a temporary file. Neither
        is closed. An array has shape (samples,) or (samples, channels), at most 32 channels,
        and a sample rate of 1,000 to 1,536,000 Hz. Floats have full scale 1; integers are
        divided by their full range, unsigned ones after centering. The array is not modified.
    sample_rate : int
        Sample rate of the blocks in Hz, 1,000 to 1,536,000.

    Returns
    -------
    AudioStream
        An iterator over the blocks, best used as a context manager.

    Raises
    ------
    AudioDecodeError
        If the source is missing, cannot be read, or holds no sound. The first iteration
        raises it if only decoding shows this.
    ConfigError
        If `sample_rate` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclf.audio import open_audio
    >>> stereo = np.zeros((300_000, 2))
    >>> with open_audio((stereo, 44100), sample_rate=44100) as stream:
    ...     for block in stream:
    ...         print(block.shape, block.dtype)
    (131072,) float32
    (131072,) float32
    (37856,) float32
    """
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise ConfigError(
            f"sample_rate must be from {MIN_SAMPLE_RATE:,} to {MAX_SAMPLE_RATE:,} Hz "
            f"(got {sample_rate!r})"
        )
    return AudioStream(_open_source(source), sample_rate)


def load_audio(source: AudioSource, sample_rate: int) -> NDArray[np.float32]:
    """Decode a whole source into memory, as mono sound.

    Parameters
    ----------
    source : path, RemoteFile, bytes, binary file object, or (samples, sample_rate)
        See :func:`open_audio`.
    sample_rate : int
        Sample rate of the result in Hz.

    Returns
    -------
    ndarray of float32, shape (samples,)

    Raises
    ------
    AudioDecodeError
        If the source holds no sound that can be decoded.
    ConfigError
        If `sample_rate` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclf.audio import load_audio
    >>> sine = np.sin(2 * np.pi * 440 * np.arange(2 * 44100) / 44100)
    >>> load_audio((sine, 44100), sample_rate=22050).shape
    (44100,)
    """
    with open_audio(source, sample_rate) as stream:
        return np.concatenate(list(stream))


def load_channels(source: AudioSource) -> tuple[NDArray[np.float32], int]:
    """Decode a whole source into memory with its own channels and sample rate.

    Parameters
    ----------
    source : path, RemoteFile, bytes, binary file object, or (samples, sample_rate)
        See :func:`open_audio`.

    Returns
    -------
    samples : ndarray of float32, shape (samples, channels)
        Full scale 1, with NaN and infinite samples treated as by :func:`open_audio`.
    sample_rate : int
        In Hz.

    Raises
    ------
    AudioDecodeError
        If the source holds no sound that can be decoded, or its sample rate or number of
        channels changes.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclf.audio import load_channels
    >>> samples, sample_rate = load_channels((np.array([[16384, -32768]], np.int16), 44100))
    >>> samples
    array([[ 0.5, -1. ]], dtype=float32)
    """
    with contextlib.closing(_open_source(source)) as opened:
        chunks = [
            (rate, np.stack([_to_mono([channel])[0] for channel in channels], axis=1))
            for rate, channels in opened.chunks()
        ]
    if not chunks:
        raise _no_sound(opened.name)
    if len({(rate, samples.shape[1]) for rate, samples in chunks}) > 1:
        raise decode_error(
            opened.name,
            "changes its sample rate or its number of channels; convert it to WAV or FLAC.",
        )
    return np.concatenate([samples for _, samples in chunks]), chunks[0][0]


def _open_source(source: AudioSource) -> Source:
    return ArraySource(source) if isinstance(source, tuple) else FileSource(source)


class AudioStream(Iterator[NDArray[np.float32]]):
    """Mono blocks of a source: float32 arrays of shape (samples,), never empty.

    :func:`open_audio` builds one. A block holds at most 2**17 samples. The source is closed
    after the last block, on an error, by :meth:`close`, and when the stream is deleted.
    Different streams may be used in different threads.

    Attributes
    ----------
    sample_rate : int
        Sample rate of the blocks in Hz.
    name : str
        Name of the source, as :func:`source_name` returns it.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclf.audio import open_audio
    >>> samples = np.array([0.5, np.nan])
    >>> with open_audio((samples, 22050), sample_rate=22050) as stream:
    ...     print(next(stream), stream.non_finite, stream.name)
    [0.5 0. ] True <array>
    """

    def __init__(self, source: Source, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.name = source.name
        self._source = source
        self._n_samples = 0
        # A function, not a method: a reference cycle would keep a deleted stream open.
        self._blocks = _mono_blocks(source, sample_rate)

    @property
    def duration(self) -> float:
        """Duration of the blocks so far, in seconds; after the last block, that of the sound."""
        return self._n_samples / self.sample_rate

    @property
    def non_finite(self) -> bool:
        """Whether NaN or infinite samples were found so far, and replaced by zeros."""
        return self._source.non_finite

    @property
    def truncated(self) -> bool:
        """Whether the file was cut off before its end; valid after the last block.

        The sound is compared with what the file declares: the duration in the header of a
        FLAC, AIFF, AU, MP4/M4A or (Xing, VBRI) MP3 file, the size in the header of a WAV,
        AVI, WMA or Matroska file, the end mark on the last page of an Ogg file. Missing less
        than 0.1 s does not count. Sizes that programs write as placeholders into a pipe are
        ignored.

        Files that declare nothing (raw AAC, MP3 without such a header, live recordings) are
        truncated if the last packet is incomplete; a cut between two packets cannot be
        detected. Damaged packets in between are skipped and do not count, unless so many are
        lost that an MP3 file does not reach its declared number of frames.
        """
        return self._source.truncated

    def __next__(self) -> NDArray[np.float32]:
        try:
            block = next(self._blocks)
        except BaseException:
            self.close()
            raise
        self._n_samples += len(block)
        return block

    def __enter__(self) -> AudioStream:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the source and end the stream; closing twice is harmless."""
        self._blocks.close()
        self._source.close()


def _mono_blocks(source: Source, sample_rate: int) -> Generator[NDArray[np.float32], None, None]:
    empty = True
    # If the sample rate of the source changes, the resampler starts again.
    for source_rate, group in itertools.groupby(_mono(source), key=operator.itemgetter(0)):
        resampled = _resample((samples for _, samples in group), source_rate, sample_rate)
        for block in split(resampled, _MAX_BLOCK):
            empty = False
            yield block
    if empty:
        raise _no_sound(source.name)


def _mono(source: Source) -> Iterator[tuple[int, NDArray[np.float32]]]:
    for sample_rate, channels in source.chunks():
        samples, finite = _to_mono(channels)
        source.non_finite |= not finite
        yield sample_rate, samples


def _no_sound(name: str) -> AudioDecodeError:
    return decode_error(
        name,
        "holds no sound: not one sample could be decoded; "
        "check that it is complete and plays in other programs.",
    )


def _resample(
    chunks: Iterable[NDArray[np.float32]], orig_rate: int, target_rate: int
) -> Iterator[NDArray[np.float32]]:
    """Resample mono chunks; the result does not depend on how the sound is cut."""
    if orig_rate == target_rate:
        yield from chunks
        return
    import soxr

    resampler = soxr.ResampleStream(orig_rate, target_rate, 1, dtype="float32", quality="HQ")
    # A higher rate must not make a chunk much larger than a block.
    for chunk in split(chunks, max(1, _MAX_BLOCK * orig_rate // target_rate)):
        yield resampler.resample_chunk(chunk)
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _to_mono(channels: Sequence[NDArray[Any]]) -> tuple[NDArray[np.float32], bool]:
    """Average channels of one dtype to full scale 1; also return whether all are finite."""
    convert = _from_float if channels[0].dtype.kind == "f" else _from_integer
    mono, finite = convert(channels[0])
    for channel in channels[1:]:
        samples, channel_finite = convert(channel)
        mono += samples
        finite &= channel_finite
    if len(channels) > 1:
        mono /= np.float32(len(channels))
    return mono, finite


def _from_integer(samples: NDArray[Any]) -> tuple[NDArray[np.float32], bool]:
    half_range = 2.0 ** (8 * samples.dtype.itemsize - 1)
    values = samples.astype(np.float32)
    if samples.dtype.kind == "u":
        values -= np.float32(half_range)
    values *= np.float32(1 / half_range)
    return values, True


def _from_float(samples: NDArray[Any]) -> tuple[NDArray[np.float32], bool]:
    with np.errstate(over="ignore", invalid="ignore"):
        values = samples.astype(np.float32)
        # False for NaN too, and far cheaper than checking each sample.
        if values.max() <= _MAX_AMPLITUDE and values.min() >= -_MAX_AMPLITUDE:
            return values, True
        finite = np.isfinite(values)
        values[~finite] = 0
        return values.clip(-_MAX_AMPLITUDE, _MAX_AMPLITUDE), bool(finite.all())
