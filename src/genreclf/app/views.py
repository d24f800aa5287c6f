"""The results as HTML, rendered by the Jinja templates in ``templates``."""

from __future__ import annotations

import os
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import quote

import jinja2
import numpy as np
from numpy.typing import NDArray

from genreclf.files import printable
from genreclf.plots.figure import basename, raster
from genreclf.plots.spectrogram import RANGE_DB, MelLevels
from genreclf.plots.timeline import MAX_GENRES, edges
from genreclf.prediction import (
    FLAGS,
    UNKNOWN,
    Failure,
    Prediction,
    format_counts,
    format_others,
    format_time,
)

_MAP_COLUMNS = 1200
_MAX_TICKS = 6
_TICK_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("genreclf.app"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {"percent": "{:.0%}".format, "time": format_time}


def render_prediction(prediction: Prediction, levels: MelLevels) -> str:
    """Render all details of one song, with a player.

    The prediction's source is the path of the file to play, and `levels` its mel spectrogram.
    """
    duration = max(levels.duration, 1e-3)
    # The last column of the spectrogram may reach past the end of the song; crop it.
    columns = max(1, round(levels.levels.shape[1] * min(1.0, duration / levels.seconds)))
    return _render(
        "prediction",
        prediction=prediction,
        name=basename(prediction.source),
        confidence=_confidence(prediction),
        # The confidence line explains the other two flags.
        notes=[_sentence(flag) for flag in sorted(prediction.flags - {"silent", "unsure"})],
        probabilities=prediction.top(len(prediction.probabilities)),
        genres=[genre for genre, _ in prediction.top(MAX_GENRES)],
        duration=duration,
        ticks=_ticks(duration),
        address=quote(os.fsencode(prediction.source)),
        spectrogram=_data_url(raster(levels.levels[::-1, :columns], -RANGE_DB, 0.0)),
        probability_map=_data_url(raster(_probability_map(prediction, duration), 0.0, 1.0)),
        intervals=merge_segments(prediction),
        unknown=UNKNOWN,
    )


def render_table(results: Sequence[Prediction | Failure]) -> str:
    """Render the number of songs of each genre, and a table with one row per song."""
    genres = Counter(result.genre for result in results if isinstance(result, Prediction))
    return _render(
        "table",
        rows=[_row(result) for result in results],
        failed=len(results) - genres.total(),
        counts=format_counts(genres),
    )


def render_error(message: str) -> str:
    """Render an error message."""
    return _render("error", message=message)


class Interval(NamedTuple):
    """A part of a track in which the genre stays the same.

    `start` and `end` are in seconds; `confidence` is the mean over its segments, 0 to 1.
    """

    start: float
    end: float
    genre: str
    confidence: float


def merge_segments(prediction: Prediction) -> list[Interval]:
    """Merge consecutive segments of one genre into intervals, which do not overlap."""
    borders = edges(prediction.timeline).tolist()
    intervals, first = [], 0
    for genre, group in groupby(prediction.timeline, key=lambda segment: segment.genre):
        confidences = [segment.confidence for segment in group]
        stop = first + len(confidences)
        mean = sum(confidences) / len(confidences)
        intervals.append(Interval(borders[first], borders[stop], genre, mean))
        first = stop
    return intervals


def _render(template: str, **values: Any) -> str:
    html = _ENVIRONMENT.get_template(f"{template}.html.jinja").render(values)
    # File names may hold bytes that are not valid text.
    return printable(html)


def _confidence(prediction: Prediction) -> str:
    if prediction.genre != UNKNOWN:
        return f"{prediction.confidence:.0%} confidence"
    if "silent" in prediction.flags:
        return "The whole song is silent."
    genre, probability = prediction.top(1)[0]
    return f"The most probable genre, {genre}, has only {probability:.0%}."


def _sentence(flag: str) -> str:
    meaning = FLAGS[flag]
    return f"{meaning[0].upper()}{meaning[1:]}."


def _row(result: Prediction | Failure) -> dict[str, Any]:
    name = basename(result.source)
    if isinstance(result, Failure):
        return {"name": name, "error": str(result.error)}
    return {
        "name": name,
        "error": None,
        "genre": result.genre,
        "confidence": result.confidence,
        "next": format_others(result),
        "notes": "; ".join(FLAGS[flag] for flag in sorted(result.flags)),
        "duration": result.duration,
    }


def _probability_map(prediction: Prediction, duration: float) -> NDArray[np.float64]:
    """Return probabilities by genre and time, evenly spaced; silence is masked."""
    segments = prediction.timeline
    genres = [genre for genre, _ in prediction.top(MAX_GENRES)]
    times = (np.arange(_MAP_COLUMNS) + 0.5) * duration / _MAP_COLUMNS
    index = np.searchsorted(edges(segments), times, side="right") - 1
    index = index.clip(0, len(segments) - 1)
    rows = [[segment.probabilities[genre] for genre in genres] for segment in segments]
    silent = np.array([segment.genre == UNKNOWN for segment in segments])
    masked: NDArray[np.float64] = np.ma.masked_array(
        np.array(rows).T[:, index], np.broadcast_to(silent[index], (len(genres), len(index)))
    )
    return masked


def _ticks(duration: float) -> list[int]:
    step = next((s for s in _TICK_STEPS if duration / s <= _MAX_TICKS), _TICK_STEPS[-1])
    # A label at the very end would reach past the edge.
    return [tick for tick in range(0, int(duration) + 1, step) if tick <= 0.97 * duration]


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"
