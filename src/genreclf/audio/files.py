"""Sound from files, decoded by FFmpeg through PyAV.

Files are opened here and handed to FFmpeg as file objects, only formats that carry
their own sound are allowed, and FFmpeg may open nothing else. A name such as
``http://...`` is therefore a local file, and a playlist is no sound.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from genreclf.audio.completeness import Completeness
from genreclf.audio.frames import join_frames
from genreclf.audio.problems import decode_error
from genreclf.audio.remote import RemoteFile
from genreclf.audio.sources import Source, check_rate, source_name
from genreclf.errors import AudioDecodeError

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

_SPOOL_BYTES = 2**25
_READ_BYTES = 2**17
_OPTIONS = {
    # Playlists, image sequences and subtitles can name other files: none is on the list.
    "format_whitelist": "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,loas,matroska,"
    "mov,mp3,mpc,mpc8,mpeg,mpegts,nut,ogg,oma,rm,tak,tta,truehd,voc,w64,wav,wv,xwma",
    "protocol_whitelist": "none",
}


class FileSource(Source):
    """The best sound stream of a file.

    Parameters
    ----------
    source : str, os.PathLike, bytes, RemoteFile or binary file object
        See `open_audio`.

    Raises
    ------
    AudioDecodeError
        If it is missing, cannot be read, or has no sound.
    """

    def __init__(self, source: Any) -> None:
        self.name = source_name(source)
        with contextlib.ExitStack() as resources, _explained(self.name):
            file = _open_file(source, resources)
            if not file.seek(0, os.SEEK_END):
                raise decode_error(self.name, "is empty (0 bytes); replace it by a sound file.")
            self._container = resources.enter_context(_open_container(file))
            self._stream = _best_sound(self._container, self.name)
            self._completeness = Completeness(file, self._container.format.name, self._stream)
            self._resources = resources.pop_all()

    def close(self) -> None:
        """See `Source`."""
        self._resources.close()

    def pieces(self) -> Iterator[tuple[int, Sequence[np.ndarray]]]:
        """See `Source`."""
        with _explained(self.name):
            rate = 0
            for rate, channels in join_frames(self._frames()):
                check_rate(rate, self.name)
                yield rate, channels
            self.truncated = rate > 0 and self._completeness.is_cut(rate)

    def _frames(self) -> Iterator[AudioFrame]:
        import av

        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                self._completeness.last_broken = True
                continue
            yield from frames

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        import av

        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    self._completeness.note(packet)
                yield packet
        except av.error.FFmpegError:
            self._completeness.gave_up = True


def _open_file(source: Any, resources: contextlib.ExitStack) -> BinaryIO:
    """Open a source as a seekable file; what is to be closed later goes to `resources`."""
    file = source
    if isinstance(source, str | os.PathLike):
        file = resources.enter_context(Path(source).open("rb"))  # noqa: SIM115
    elif isinstance(source, bytes | bytearray | memoryview):
        file = io.BytesIO(source)
    elif isinstance(source, RemoteFile):
        return _copied(source.copy_to, resources)
    elif isinstance(source, io.TextIOBase) or not hasattr(source, "read"):
        raise AudioDecodeError(
            f"A {type(source).__name__} object cannot be read as sound; pass a path, bytes, "
            "a file object opened in binary mode, or (samples, rate)."
        )
    # PyAV trusts a file object's answers blindly, so only Python's own kinds go to it.
    if isinstance(file, io.IOBase) and file.seekable():
        return cast("BinaryIO", file)
    return _copied(functools.partial(shutil.copyfileobj, file), resources)


def _copied(copy_to: Callable[[IO[bytes]], None], resources: contextlib.ExitStack) -> BinaryIO:
    copy = resources.enter_context(tempfile.SpooledTemporaryFile(_SPOOL_BYTES))  # noqa: SIM115
    copy_to(copy)
    return cast("BinaryIO", copy)


def _open_container(file: BinaryIO) -> InputContainer:
    import av

    file.seek(0)
    return av.open(
        file,
        mode="r",
        container_options=_OPTIONS,
        # Text that is not UTF-8 in a tag must not keep the sound from being read.
        metadata_errors="replace",
        buffer_size=_READ_BYTES,
    )


def _best_sound(container: InputContainer, name: str) -> AudioStream:
    stream = container.streams.best("audio")
    if stream is None:
        raise decode_error(name, "has no sound, only pictures or data; choose a file with sound.")
    if stream.codec_context is None:
        raise decode_error(
            name, "is coded in a way that FFmpeg does not know here; convert it to WAV or FLAC."
        )
    return cast("AudioStream", stream)


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn what Python and FFmpeg raise about a file into an `AudioDecodeError`."""
    import av

    try:
        yield
    except av.error.FFmpegError as error:
        raise decode_error(
            name,
            f"is damaged or no sound file ({error.strerror}); "
            "check that it is complete, or convert it to WAV or FLAC.",
        ) from error
    except (OSError, ValueError, EOFError, TypeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise decode_error(
            name, f"cannot be read ({reason}); check the name and the permissions."
        ) from error
