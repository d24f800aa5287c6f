"""What Ogg, WAV, AVI, Matroska and WMA files say about their end."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import BinaryIO

_TAIL_BYTES = 2**17


def has_ogg_end(file: BinaryIO) -> bool:
    """Whether the last page of an Ogg file is whole and marked as the end of a stream."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27:
        return False
    content = 27 + page[26]
    return bool(page[5] & 4) and len(page) >= content + sum(page[27:content])


def stated_bytes(head: bytes) -> int:
    """Size in bytes that the outermost chunk of a file states.

    Parameters
    ----------
    head : bytes
        The start of a WAV, AVI, Matroska or ASF file, up to its properties.

    Returns
    -------
    int
        0 where it states none.
    """
    readers: dict[bytes, Callable[[bytes], int]] = {
        b"RIFF": _riff_bytes,
        b"RF64": _rf64_bytes,
        b"\x1a\x45\xdf\xa3": _matroska_bytes,
        b"\x30\x26\xb2\x75": _asf_bytes,
    }
    try:
        return readers[head[:4]](head)
    except (LookupError, ValueError, struct.error):
        return 0


def _riff_bytes(head: bytes) -> int:
    # Without the 8 bytes of the chunk's own header: some programs count them, some do not.
    size: int = struct.unpack_from("<I", head, 4)[0]
    # Who writes to a pipe cannot know the size, and puts about 2 or 4 GiB.
    return 0 if size >= 0x7FFF_0000 else size


def _rf64_bytes(head: bytes) -> int:
    size: int = struct.unpack_from("<Q", head, 20)[0]
    return size


def _matroska_bytes(head: bytes) -> int:
    size, start = _ebml_size(head, 4)
    segment = start + size
    if head[segment : segment + 4] != b"\x18\x53\x80\x67":
        return 0
    size, start = _ebml_size(head, segment + 4)
    return start + size if size else 0


def _ebml_size(data: bytes, at: int) -> tuple[int, int]:
    """An EBML element's size in bytes, 0 if unknown, and where its content starts."""
    width = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + width], "big") - (1 << 7 * width)
    return (0 if value == (1 << 7 * width) - 1 else value), at + width


def _asf_bytes(head: bytes) -> int:
    properties = head.index(b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65")
    live = head[properties + 88] & 1
    return 0 if live else int(struct.unpack_from("<Q", head, properties + 40)[0])
