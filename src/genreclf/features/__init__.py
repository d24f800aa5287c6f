"""Feature extractors: from samples to frames, and from frames to segments."""

from genreclf.features.base import Extractor
from genreclf.features.logmel import LogMel
from genreclf.features.segments import (
    Frames,
    SegmentBatch,
    Segments,
    extract_segments,
    iter_frames,
    iter_segments,
    make_extractor,
    segment_hop,
)

__all__ = [
    "Extractor",
    "Frames",
    "LogMel",
    "SegmentBatch",
    "Segments",
    "extract_segments",
    "iter_frames",
    "iter_segments",
    "make_extractor",
    "segment_hop",
]
