"""Feature extractors; the built-in ones register here like anybody's."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from genreclf.features.base import Extractor
from genreclf.features.extraction import (
    Segments,
    extract_segments,
    frame_blocks,
    make_extractor,
    segment_spans,
)
from genreclf.features.logmel import LogMel
from genreclf.plugins import hookimpl

__all__ = [
    "Extractor",
    "LogMel",
    "Segments",
    "extract_segments",
    "frame_blocks",
    "make_extractor",
    "segment_spans",
]

# Dong 2018 (arXiv 1802.09697): 23 ms windows, 64 bins to 10 kHz, log(1 + S), 2.97 s.
LOGMEL_DONG2018 = partial(
    LogMel, n_fft=512, hop_length=256, n_mels=64, fmax=10000.0, scale="log1p", segment_frames=256
)
# One frame every 77.5 ms, each with its 93 ms window; 40 frames are 3.1 s.
LOGMEL_13FPS = partial(LogMel, hop_length=1709, standardise="segment", segment_frames=40)


@hookimpl
def genreclf_extractors() -> Mapping[str, Any]:
    """Register the presets of :class:`LogMel`."""
    return {"logmel-dong2018": LOGMEL_DONG2018, "logmel-13fps": LOGMEL_13FPS}
