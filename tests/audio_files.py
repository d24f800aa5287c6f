"""Audio files for tests, encoded with PyAV."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np


@dataclass(frozen=True)
class Format:
    """A codec and a container, with their options."""

    codec: str
    container: str
    suffix: str
    lossless: bool = False
    sample_format: str = ""
    options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)


FORMATS = {
    "wav": Format("pcm_s16le", "wav", ".wav", lossless=True),
    "wav24": Format("pcm_s24le", "wav", ".wav", lossless=True),
    "wav-float": Format("pcm_f32le", "wav", ".wav", lossless=True),
    "wav8": Format("pcm_u8", "wav", ".wav"),
    "flac": Format("flac", "flac", ".flac", lossless=True, sample_format="s16"),
    "aiff": Format("pcm_s16be", "aiff", ".aiff", lossless=True),
    "au": Format("pcm_s16be", "au", ".au", lossless=True),
    "mp3": Format("libmp3lame", "mp3", ".mp3"),
    "mp3-vbr": Format("libmp3lame", "mp3", ".mp3", options={"q": "4"}),
    "mp3-bare": Format(
        "libmp3lame", "mp3", ".mp3", container_options={"write_xing": "0", "id3v2_version": "0"}
    ),
    "m4a": Format("aac", "ipod", ".m4a"),
    "m4a-front": Format("aac", "ipod", ".m4a", container_options={"movflags": "faststart"}),
    "aac": Format("aac", "adts", ".aac"),
    "vorbis": Format("vorbis", "ogg", ".ogg", options={"strict": "experimental"}),
    "opus": Format("libopus", "ogg", ".opus", sample_format="flt"),
    "wma": Format("wmav2", "asf", ".wma"),
    "mka": Format("aac", "matroska", ".mka"),
}


def encode(
    target: str | Path | BinaryIO,
    samples: np.ndarray,
    rate: int,
    format_: Format | str,
    *,
    picture: bool = False,
) -> None:
    """Encode an array into a file.

    Parameters
    ----------
    target : str, Path or binary file object
        "m4a-front" needs a path.
    samples : numpy.ndarray
        Shape (samples,) or (samples, channels), mono or stereo, full scale 1.
    rate : int
        Sample rate in Hz; the codec must support it.
    format_ : Format or str
        A string is a key of `FORMATS`.
    picture : bool
        Whether to add a short video.
    """
    kind = FORMATS[format_] if isinstance(format_, str) else format_
    file = str(target) if isinstance(target, Path) else target
    with av.open(file, "w", format=kind.container, options=kind.container_options) as container:
        video = _add_video(container) if picture else None
        stream = container.add_stream(kind.codec, rate=rate, options=kind.options)
        frame = _frame(samples, rate)
        stream.layout = frame.layout
        formats = stream.codec_context.codec.audio_formats
        stream.format = kind.sample_format or formats[0].name
        stream.time_base = Fraction(1, rate)
        if "pcm" not in kind.codec and "q" not in kind.options:
            stream.bit_rate = 128_000
        stream.codec_context.open()
        if video is not None:
            _write_video(container, video)
        fit = av.AudioResampler(
            format=stream.format, layout=stream.layout, frame_size=stream.frame_size or None
        )
        for chunk in [*fit.resample(frame), *fit.resample(None), None]:
            container.mux(stream.encode(chunk))


def video_only(target: str | Path | BinaryIO, container: str = "mp4") -> None:
    """Write a short video without sound."""
    with av.open(str(target) if isinstance(target, Path) else target, "w", format=container) as c:
        _write_video(c, _add_video(c))


def _frame(samples: np.ndarray, rate: int) -> av.AudioFrame:
    planar = np.ascontiguousarray(np.atleast_2d(samples.T), dtype=np.float32)
    layout = "mono" if len(planar) == 1 else "stereo"
    frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    return frame


def _add_video(container):
    stream = container.add_stream("mpeg4", rate=25)
    stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
    return stream


def _write_video(container, stream) -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    for _ in range(5):
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    container.mux(stream.encode(None))
