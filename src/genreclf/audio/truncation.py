"""Detection of files that were cut off before their end."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.packet import Packet

_TOLERANCE_S = 0.1
_HEADER_BYTES = 2**16
_MP3_HEADER_BYTES = 256
_OGG_TAIL_BYTES = 2**17  # more than the largest page
# The headers of these declare a duration; for other formats FFmpeg guesses it from the size.
_DECLARE_DURATION = frozenset({"aiff", "au", "flac", "mov,mp4,m4a,3gp,3g2,mj2", "tta"})
_DECLARE_SIZE = frozenset({"asf", "avi", "matroska,webm", "wav"})
# Bit rates of MP3 frames by their index: of MPEG-1, and of MPEG-2 and 2.5.
_KBITS_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_KBITS_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)


class TruncationCheck:
    """Compare the packets of a file with the length that its header declares.

    Parameters
    ----------
    file : binary file object
        Seekable.
    container : str
        FFmpeg's name of the container format.
    stream : av.AudioStream
        The stream that is decoded.

    Attributes
    ----------
    last_packet_corrupt : bool
        Whether the last packet is damaged; the decoder sets it when decoding fails.
    demux_failed : bool
        Whether reading packets ended with an error; the decoder sets it.
    """

    def __init__(self, file: BinaryIO, container: str, stream: AudioStream) -> None:
        self.last_packet_corrupt = False
        self.demux_failed = False
        self._file = file
        self._container = container
        self._stream = stream
        self._last: Packet[AudioStream] | None = None
        self._start: int | None = None
        self._end = 0

    def add(self, packet: Packet[AudioStream]) -> None:
        """Record the next packet that is not empty."""
        self._last, self.last_packet_corrupt = packet, packet.is_corrupt
        if packet.pts is not None:
            self._start = packet.pts if self._start is None else self._start
            self._end = max(self._end, packet.pts + (packet.duration or 0))

    def is_truncated(self, sample_rate: int) -> bool:
        """Return whether the file is shorter than declared; see `AudioStream.truncated`."""
        if self.demux_failed:
            return True
        if self._container == "ogg":
            return not _has_ogg_end(self._file)
        if self._container in _DECLARE_SIZE:
            self._file.seek(0)
            declared_bytes = _declared_bytes(self._file.read(_HEADER_BYTES))
            return self._file.seek(0, os.SEEK_END) < declared_bytes
        declared = self._declared_seconds(sample_rate)
        if declared:
            return self._decoded_seconds() < declared - _TOLERANCE_S
        if self._container == "mp3":
            # Any tag may follow the last frame, so a packet that fails to decode proves nothing.
            return self._last is not None and _is_partial_frame(bytes(self._last), sample_rate)
        return self.last_packet_corrupt

    def _declared_seconds(self, sample_rate: int) -> float:
        if self._container == "mp3":
            return _mp3_seconds(self._file, sample_rate)
        stream = self._stream
        if self._container in _DECLARE_DURATION and stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        return 0.0

    def _decoded_seconds(self) -> float:
        if self._start is None or self._stream.time_base is None:
            return 0.0
        return float((self._end - self._start) * self._stream.time_base)


def _has_ogg_end(file: BinaryIO) -> bool:
    """Return whether the last Ogg page is complete and marked as the end of a stream."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - _OGG_TAIL_BYTES))
    tail = file.read(_OGG_TAIL_BYTES)
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27:
        return False
    header_size = 27 + page[26]
    return bool(page[5] & 4) and len(page) >= header_size + sum(page[27:header_size])


def _declared_bytes(header: bytes) -> int:
    """Return the size that a WAV, AVI, Matroska or ASF file declares; 0 if it declares none."""
    readers: dict[bytes, Callable[[bytes], int]] = {
        b"RIFF": _riff_bytes,
        b"RF64": _rf64_bytes,
        b"\x1a\x45\xdf\xa3": _matroska_bytes,
        b"\x30\x26\xb2\x75": _asf_bytes,
    }
    try:
        return readers[header[:4]](header)
    except (LookupError, ValueError, struct.error):
        return 0


def _riff_bytes(header: bytes) -> int:
    # Without the 8 bytes of the outermost chunk's header: only some programs count them.
    size: int = struct.unpack_from("<I", header, 4)[0]
    # A program that writes to a pipe cannot know the size; it writes about 2 or 4 GiB.
    return 0 if size >= 0x7FFF_0000 else size


def _rf64_bytes(header: bytes) -> int:
    size: int = struct.unpack_from("<Q", header, 20)[0]
    return size


def _matroska_bytes(header: bytes) -> int:
    size, start = _ebml_size(header, 4)
    segment = start + size
    if header[segment : segment + 4] != b"\x18\x53\x80\x67":
        return 0
    size, start = _ebml_size(header, segment + 4)
    return start + size if size else 0


def _ebml_size(data: bytes, offset: int) -> tuple[int, int]:
    """Return the size of an EBML element (0 if unknown) and the offset of its content."""
    width = 9 - data[offset].bit_length()
    value = int.from_bytes(data[offset : offset + width], "big") - (1 << 7 * width)
    return (0 if value == (1 << 7 * width) - 1 else value), offset + width


def _asf_bytes(header: bytes) -> int:
    guid = b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65"
    properties = header.index(guid)
    is_live = header[properties + 88] & 1
    return 0 if is_live else int(struct.unpack_from("<Q", header, properties + 40)[0])


def _mp3_seconds(file: BinaryIO, sample_rate: int) -> float:
    """Return the duration that a Xing or VBRI header declares; 0 if there is none."""
    start = 0
    while True:
        file.seek(start)
        header = file.read(_MP3_HEADER_BYTES).ljust(_MP3_HEADER_BYTES, b"\0")
        if header[:3] != b"ID3":
            break
        # An ID3 tag's size has seven bits a byte; a flag announces a footer.
        high, mid, low, lowest = header[6:10]
        size = high << 21 | mid << 14 | low << 7 | lowest
        start += 10 + size + (10 if header[5] & 16 else 0)
    return _mp3_frames(header) * (1152 if sample_rate >= 32_000 else 576) / sample_rate


def _mp3_frames(header: bytes) -> int:
    for mark in (b"Xing", b"Info"):
        offset = header.find(mark, 0, 64)
        if offset >= 0:
            flags, frames = struct.unpack_from(">II", header, offset + 4)
            return int(frames) if flags & 1 else 0
    offset = header.find(b"VBRI", 0, 64)
    return int(struct.unpack_from(">I", header, offset + 14)[0]) if offset >= 0 else 0


def _is_partial_frame(data: bytes, sample_rate: int) -> bool:
    """Return whether data starts like an MP3 frame at `sample_rate` Hz but is shorter."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE6 != 0xE2:
        return False
    is_mpeg1 = data[1] & 0x18 == 0x18
    kbits = (_KBITS_MPEG1 if is_mpeg1 else _KBITS_MPEG2)[data[2] >> 4]
    padding = data[2] >> 1 & 1
    return len(data) < (144_000 if is_mpeg1 else 72_000) * kbits // sample_rate + padding
