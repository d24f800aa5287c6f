"""Sound from files, decoded by FFmpeg through PyAV.

For safety, files are opened here and given to FFmpeg as file objects, only formats that contain
their own sound are allowed, and FFmpeg must not open anything else. So ``http://...`` is the
name of a local file, and a playlist cannot be read.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from genreclf.audio.sources import (
    CHUNK_SAMPLES,
    Chunk,
    RemoteFile,
    Source,
    check_sample_rate,
    decode_error,
    source_name,
)
from genreclf.audio.truncation import TruncationCheck
from genreclf.errors import AudioDecodeError

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

_MAX_BYTES_IN_MEMORY = 2**25  # of a copied file; larger ones are copied to the disk
_BUFFER_BYTES = 2**17
_CONTAINER_OPTIONS = {
    # Playlists, image sequences and subtitles are not listed: they can name other files.
    "format_whitelist": "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,loas,matroska,"
    "mov,mp3,mpc,mpc8,mpeg,mpegts,nut,ogg,oma,rm,tak,tta,truehd,voc,w64,wav,wv,xwma",
    "protocol_whitelist": "none",
}
_DTYPES = {
    "u8": np.uint8,
    "s16": np.int16,
    "s32": np.int32,
    "s64": np.int64,
    "flt": np.float32,
    "dbl": np.float64,
}


class FileSource(Source):
    """The best audio stream of a file.

    Parameters
    ----------
    source : path, RemoteFile, bytes or binary file object
        See :func:`genreclf.audio.open_audio`.

    Raises
    ------
    AudioDecodeError
        If the file is missing, cannot be read, or has no sound.
    """

    def __init__(self, source: Any) -> None:
        self.name = source_name(source)
        with contextlib.ExitStack() as resources, _decode_errors(self.name):
            file = _open_file(source, resources)
            if not file.seek(0, os.SEEK_END):
                raise decode_error(self.name, "is empty (0 bytes); replace it by an audio file.")
            self._container = resources.enter_context(_open_container(file))
            self._stream = _best_stream(self._container, self.name)
            self._truncation = TruncationCheck(file, self._container.format.name, self._stream)
            self._resources = resources.pop_all()

    def close(self) -> None:
        """See :class:`Source`."""
        self._resources.close()

    def chunks(self) -> Iterator[Chunk]:
        """See :class:`Source`."""
        with _decode_errors(self.name):
            rate = 0
            for chunk in _join_frames(self._frames()):
                rate = chunk.sample_rate
                check_sample_rate(rate, self.name)
                yield chunk
            self.truncated = rate > 0 and self._truncation.is_truncated(rate)

    def _frames(self) -> Iterator[AudioFrame]:
        import av

        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                self._truncation.last_packet_corrupt = True
                continue
            yield from frames

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        import av

        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    self._truncation.add(packet)
                yield packet
        except av.error.FFmpegError:
            self._truncation.demux_failed = True


@contextlib.contextmanager
def _decode_errors(name: str) -> Iterator[None]:
    """Raise the errors of Python and FFmpeg about a file as `AudioDecodeError`."""
    import av

    try:
        yield
    except av.error.FFmpegError as error:
        raise decode_error(
            name,
            f"is not a readable audio file ({error.strerror}); "
            "check that it is complete, or convert it to WAV or FLAC.",
        ) from error
    except (OSError, ValueError, EOFError, TypeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise decode_error(
            name, f"cannot be read ({reason}); check the name and the permissions."
        ) from error


def _open_file(source: Any, resources: contextlib.ExitStack) -> BinaryIO:
    """Open a source as a seekable file; `resources` will close what was opened."""
    file = source
    if isinstance(source, str | os.PathLike):
        file = resources.enter_context(Path(source).open("rb"))  # noqa: SIM115
    elif isinstance(source, bytes | bytearray | memoryview):
        file = io.BytesIO(source)
    elif isinstance(source, RemoteFile):
        return _copy_file(source.copy_to, resources)
    elif isinstance(source, io.TextIOBase) or not hasattr(source, "read"):
        raise AudioDecodeError(
            f"A {type(source).__name__} object cannot be read as sound; pass a path, bytes, "
            "a file object opened in binary mode, or (samples, sample_rate)."
        )
    # PyAV does not check what a file object returns, so it gets only Python's own types.
    if isinstance(file, io.IOBase) and file.seekable():
        return cast("BinaryIO", file)
    return _copy_file(functools.partial(shutil.copyfileobj, file), resources)


def _copy_file(copy_to: Callable[[IO[bytes]], None], resources: contextlib.ExitStack) -> BinaryIO:
    file = resources.enter_context(tempfile.SpooledTemporaryFile(_MAX_BYTES_IN_MEMORY))  # noqa: SIM115
    copy_to(file)
    return cast("BinaryIO", file)


def _open_container(file: BinaryIO) -> InputContainer:
    import av

    file.seek(0)
    return av.open(
        file,
        mode="r",
        container_options=_CONTAINER_OPTIONS,
        # A tag that is not valid UTF-8 must not prevent decoding.
        metadata_errors="replace",
        buffer_size=_BUFFER_BYTES,
    )


def _best_stream(container: InputContainer, name: str) -> AudioStream:
    stream = container.streams.best("audio")
    if stream is None:
        raise decode_error(name, "has no sound, only pictures or data; choose a file with sound.")
    if stream.codec_context is None:
        raise decode_error(
            name, "uses a codec that this FFmpeg does not support; convert it to WAV or FLAC."
        )
    return cast("AudioStream", stream)


def _join_frames(frames: Iterable[AudioFrame]) -> Iterator[Chunk]:
    for (sample_rate, sample_format, n_channels), group in itertools.groupby(frames, _format):
        for batch in _batches(group):
            yield Chunk(sample_rate, _channels(batch, sample_format, n_channels))


def _format(frame: AudioFrame) -> tuple[int, str, int]:
    return frame.sample_rate, frame.format.name, frame.layout.nb_channels


def _batches(frames: Iterable[AudioFrame]) -> Iterator[list[AudioFrame]]:
    # MP3 frames are tiny: the steps that follow are far cheaper on many of them at once.
    batch: list[AudioFrame] = []
    n_samples = 0
    for frame in frames:
        batch.append(frame)
        n_samples += frame.samples
        if n_samples >= CHUNK_SAMPLES:
            yield batch
            batch, n_samples = [], 0
    if n_samples:
        yield batch


def _channels(frames: list[AudioFrame], sample_format: str, n_channels: int) -> list[NDArray[Any]]:
    dtype = np.dtype(_DTYPES[sample_format.removesuffix("p")])
    frame_planes = [frame.planes for frame in frames]  # PyAV builds a new list at each access

    def join(index: int, width: int) -> NDArray[Any]:
        size = width * dtype.itemsize
        parts = (
            memoryview(planes[index])[: frame.samples * size]
            for frame, planes in zip(frames, frame_planes, strict=True)
        )
        return np.frombuffer(b"".join(parts), dtype)

    if sample_format.endswith("p"):  # planar: a plane for each channel
        return [join(channel, 1) for channel in range(n_channels)]
    return list(join(0, n_channels).reshape(-1, n_channels).T)
