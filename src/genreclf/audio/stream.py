"""A source of sound as a stream of mono blocks."""

from __future__ import annotations

import contextlib
import itertools
import operator
from collections.abc import Generator, Iterator

import numpy as np

from genreclf.audio.arrays import ArraySource
from genreclf.audio.files import FileSource
from genreclf.audio.problems import decode_error
from genreclf.audio.samples import BLOCK, downmix, resample, split
from genreclf.audio.sources import MAX_RATE, MIN_RATE, AudioSource, Source
from genreclf.errors import AudioDecodeError, ConfigError


def open_audio(source: AudioSource, sample_rate: int) -> AudioStream:
    """Open a source of sound as a stream of mono blocks.

    Channels are averaged with equal weights, whatever their layout. NaN and infinite
    samples (infinite once they are float32) become zero; finite ones are clipped to
    +-1e6, so that their powers stay finite.

    Parameters
    ----------
    source : str, os.PathLike, RemoteFile, bytes, binary file object, or (array, int)
        A string is always the path of a local file; ``RemoteFile(address)`` is one of any
        file system that fsspec knows, and is copied first. Of a file with several streams the
        best sound is taken, and pictures and video are ignored. A seekable
        file object (an ``io.IOBase``) is read in place from its start; any other is first
        copied, in memory up to 32 MiB and in a temporary file beyond. Neither is closed.
        An array has shape (samples,) or (samples, channels), at most 32 channels, and comes
        with its rate in Hz, 1,000 to 1,536,000. Floats have full scale 1;
        integers are divided by their full range, unsigned ones after centring. The array
        is never modified.
    sample_rate : int
        Rate of the blocks in Hz, 1,000 to 1,536,000.

    Returns
    -------
    AudioStream
        To be iterated over once, best as a context manager.

    Raises
    ------
    AudioDecodeError
        If the source is missing, cannot be read, or holds no sound. Where this shows only
        while decoding, the first iteration raises it.
    ConfigError
        If `sample_rate` is out of range.
    """
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        raise ConfigError(
            f"sample_rate must be from {MIN_RATE:,} to {MAX_RATE:,} Hz, not {sample_rate!r}."
        )
    return AudioStream(_opened(source), sample_rate)


def _opened(source: AudioSource) -> Source:
    return ArraySource(source) if isinstance(source, tuple) else FileSource(source)


def load_audio(source: AudioSource, sample_rate: int) -> np.ndarray:
    """Decode a whole source into memory.

    Parameters
    ----------
    source : str, os.PathLike, bytes, binary file object, or (array, int)
        As for `open_audio`.
    sample_rate : int
        Rate of the result in Hz.

    Returns
    -------
    numpy.ndarray
        Mono sound, shape (samples,), float32.

    Raises
    ------
    AudioDecodeError
        If the source holds no sound that can be decoded.
    """
    with open_audio(source, sample_rate) as stream:
        return np.concatenate(list(stream))


def load_channels(source: AudioSource) -> tuple[np.ndarray, int]:
    """Decode a whole source into memory as it is, neither mixed nor resampled.

    Parameters
    ----------
    source : str, os.PathLike, bytes, binary file object, or (array, int)
        As for `open_audio`.

    Returns
    -------
    samples : numpy.ndarray
        Shape (samples, channels), float32 of full scale 1, with NaN and infinite samples
        as `open_audio` treats them.
    sample_rate : int
        In Hz.

    Raises
    ------
    AudioDecodeError
        If the source holds no sound that can be decoded, or its rate or number of
        channels changes on the way.
    """
    with contextlib.closing(_opened(source)) as opened:
        pieces = [
            (rate, np.stack([downmix([channel])[0] for channel in channels], axis=1))
            for rate, channels in opened.pieces()
        ]
    if not pieces:
        raise _soundless(opened.name)
    if len({(rate, samples.shape[1]) for rate, samples in pieces}) > 1:
        raise decode_error(
            opened.name,
            "changes its sample rate or its number of channels; convert it to WAV or FLAC.",
        )
    return np.concatenate([samples for _, samples in pieces]), pieces[0][0]


class AudioStream(Iterator[np.ndarray]):
    """Mono blocks of a source, each of shape (samples,), float32, never empty.

    Made by `open_audio`. Blocks hold at most 2**17 samples. The source is closed after the
    last block, on an error, by `close`, and when the stream is dropped. Separate
    streams may run in separate threads.

    Attributes
    ----------
    sample_rate : int
        Rate of the blocks in Hz.
    name : str
        What the source is called: its path as given, ``<bytes>``, ``<file object>`` or ``<array>``.
    """

    def __init__(self, source: Source, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.name = source.name
        self._source = source
        self._delivered = 0
        # A function and no method: in a reference cycle, a dropped stream would stay open.
        self._blocks = _mono_blocks(source, sample_rate)

    @property
    def duration(self) -> float:
        """Seconds delivered so far; the duration of the sound after the last block."""
        return self._delivered / self.sample_rate

    @property
    def non_finite(self) -> bool:
        """Whether NaN or infinite samples were met so far, and replaced by zeros."""
        return self._source.non_finite

    @property
    def truncated(self) -> bool:
        """Whether the source broke off before its end; valid after the last block.

        A file is compared with what it promises: the duration in the header of a FLAC, AIFF,
        AU, MP4/M4A or (Xing, VBRI) MP3 file, the size in that of a WAV, AVI, WMA or Matroska
        file, the end mark on the last page of an Ogg file. Less than 0.1 s is not missed.
        Files that promise nothing (raw AAC, MP3 without such a header, live recordings)
        count as cut if the last packet is incomplete; a cut between two packets cannot be
        known. Broken packets in between are skipped, and do not count as a cut unless so
        much of an MP3 file is lost that its promised frames are not reached. Sizes that
        programs write into a pipe, as placeholders, promise nothing.
        """
        return self._source.truncated

    def __next__(self) -> np.ndarray:
        try:
            block = next(self._blocks)
        except BaseException:
            self.close()
            raise
        self._delivered += len(block)
        return block

    def __enter__(self) -> AudioStream:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Release the source; no further block follows. Closing twice is harmless."""
        self._blocks.close()
        self._source.close()


def _mono_blocks(source: Source, sample_rate: int) -> Generator[np.ndarray, None, None]:
    """Blocks at `sample_rate`; a change of the source's rate restarts the resampler."""
    empty = True
    for rate, pieces in itertools.groupby(_mono(source), key=operator.itemgetter(0)):
        resampled = resample((mono for _, mono in pieces), rate, sample_rate)
        for block in split(resampled, BLOCK):
            empty = False
            yield block
    if empty:
        raise _soundless(source.name)


def _soundless(name: str) -> AudioDecodeError:
    return decode_error(
        name,
        "holds no sound: not one sample could be decoded; "
        "check that it is complete and plays elsewhere.",
    )


def _mono(source: Source) -> Iterator[tuple[int, np.ndarray]]:
    """Pieces of a source with their rate in Hz, downmixed: (samples,), float32."""
    for rate, channels in source.pieces():
        mono, finite = downmix(channels)
        source.non_finite |= not finite
        yield rate, mono
