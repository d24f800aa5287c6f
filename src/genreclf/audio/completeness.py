"""How a file that was cut is recognised."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from genreclf.audio.containers import has_ogg_end, stated_bytes
from genreclf.audio.mp3 import is_partial_frame, stated_seconds

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.packet import Packet

_TOLERANCE_S = 0.1
_HEAD_BYTES = 2**16
# The headers of these state a duration; for the others FFmpeg guesses it from the size.
_STATES_DURATION = frozenset({"aiff", "au", "flac", "mov,mp4,m4a,3gp,3g2,mj2", "tta"})
_STATES_SIZE = frozenset({"asf", "avi", "matroska,webm", "wav"})


class Completeness:
    """Compares how far the packets of a file reach with what the file promises.

    Parameters
    ----------
    file : binary file object
        The file; seekable.
    container : str
        What FFmpeg calls the container.
    stream : av.AudioStream
        The stream that is decoded.

    Attributes
    ----------
    last_broken : bool
        Whether the last packet is damaged; to be set where decoding it fails.
    gave_up : bool
        Whether the packets ended with an error; to be set from outside.
    """

    def __init__(self, file: BinaryIO, container: str, stream: AudioStream) -> None:
        self.last_broken = False
        self.gave_up = False
        self._file = file
        self._container = container
        self._stream = stream
        self._last: Packet[AudioStream] | None = None
        self._start: int | None = None
        self._end = 0

    def note(self, packet: Packet[AudioStream]) -> None:
        """Take notice of the next packet that is not empty."""
        self._last, self.last_broken = packet, packet.is_corrupt
        if packet.pts is not None:
            self._start = packet.pts if self._start is None else self._start
            self._end = max(self._end, packet.pts + (packet.duration or 0))

    def is_cut(self, rate: int) -> bool:
        """Whether the file is shorter than it promises; see `AudioStream.truncated`.

        Parameters
        ----------
        rate : int
            Of the last frame, in Hz.
        """
        if self.gave_up:
            return True
        if self._container == "ogg":
            return not has_ogg_end(self._file)
        if self._container in _STATES_SIZE:
            self._file.seek(0)
            stated = stated_bytes(self._file.read(_HEAD_BYTES))
            return self._file.seek(0, os.SEEK_END) < stated
        promised = self._promised_seconds(rate)
        if promised:
            return self._reached_seconds() < promised - _TOLERANCE_S
        if self._container == "mp3":
            # What follows the last frame may be any tag, so a decoder's failure tells nothing.
            return self._last is not None and is_partial_frame(bytes(self._last), rate)
        return self.last_broken

    def _promised_seconds(self, rate: int) -> float:
        if self._container == "mp3":
            return stated_seconds(self._file, rate)
        stream = self._stream
        if self._container in _STATES_DURATION and stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        return 0.0

    def _reached_seconds(self) -> float:
        if self._start is None or self._stream.time_base is None:
            return 0.0
        return float((self._end - self._start) * self._stream.time_base)
