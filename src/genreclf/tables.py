"""Results as the rows of a flat table, and how its values are written."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from genreclf.prediction import Failure, Prediction, SegmentPrediction


def columns(labels: Sequence[str], timeline: bool) -> list[str]:
    """Names of the columns, in order; a column per genre."""
    times = ["start", "end"] if timeline else ["duration"]
    return ["path", *times, "genre", "confidence", *labels, "flags", "error"]


def rows(result: Prediction | Failure, top: int | None, timeline: bool) -> Iterator[dict[str, Any]]:
    """A row per track, or per segment; what does not apply is left out.

    Parameters
    ----------
    result : Prediction or Failure
    top : int or None
        Keep only the most probable genres.
    timeline : bool
        A row per segment.
    """
    if isinstance(result, Failure):
        yield {"path": result.source, "error": str(result.error)}
    elif timeline:
        for segment in result.timeline:
            yield _row(result, segment, {"start": segment.start, "end": segment.end}, top)
    else:
        yield _row(result, result, {"duration": result.duration}, top)


def _row(
    track: Prediction,
    part: Prediction | SegmentPrediction,
    times: dict[str, float],
    top: int | None,
) -> dict[str, Any]:
    best = sorted(part.probabilities.items(), key=lambda item: -item[1])[:top]
    return {
        "path": track.source,
        **times,
        "genre": part.genre,
        "confidence": part.confidence,
        **dict(best),
        "flags": " ".join(sorted(track.flags)),
    }


def as_text(row: Mapping[str, Any]) -> dict[str, str]:
    """A row as CSV files have it: milliseconds, and six digits of a probability."""
    return {column: _text(column, value) for column, value in row.items()}


def _text(column: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.3f}" if column in ("start", "end", "duration") else f"{value:.6f}"


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any: 3:07, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
