"""What MP3 files say about their length."""

from __future__ import annotations

import struct
from typing import BinaryIO

_KBITS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
}
_HEAD_BYTES = 256


def stated_seconds(file: BinaryIO, rate: int) -> float:
    """Duration that the Xing or VBRI header of a file states.

    Parameters
    ----------
    file : binary file object
        An MP3 file, with ID3 tags before the sound or without.
    rate : int
        In Hz.

    Returns
    -------
    float
        0 where there is no such header.
    """
    start = 0
    while True:
        file.seek(start)
        head = file.read(_HEAD_BYTES).ljust(_HEAD_BYTES, b"\0")
        if head[:3] != b"ID3":
            break
        high, mid, low, lowest = head[6:10]
        start += 10 + (high << 21 | mid << 14 | low << 7 | lowest) + (10 if head[5] & 16 else 0)
    return _stated_frames(head) * (1152 if rate >= 32_000 else 576) / rate


def _stated_frames(head: bytes) -> int:
    for mark in (b"Xing", b"Info"):
        at = head.find(mark, 0, 64)
        if at >= 0:
            flags, frames = struct.unpack_from(">II", head, at + 4)
            return int(frames) if flags & 1 else 0
    at = head.find(b"VBRI", 0, 64)
    return int(struct.unpack_from(">I", head, at + 14)[0]) if at >= 0 else 0


def is_partial_frame(data: bytes, rate: int) -> bool:
    """Whether data starts like a layer III frame at `rate` Hz but is shorter than one."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE6 != 0xE2:
        return False
    first_version = data[1] & 0x18 == 0x18
    kbits = _KBITS[first_version][data[2] >> 4]
    padding = data[2] >> 1 & 1
    return len(data) < (144_000 if first_version else 72_000) * kbits // rate + padding
