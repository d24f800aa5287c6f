"""Plot of the genres of a track over time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genreclf.plots.figure import QUIET, SILENCE, basename, new_figure, plain, time_axis, title
from genreclf.prediction import UNKNOWN, Prediction, SegmentPrediction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_GENRES = 12


def timeline(prediction: Prediction) -> Figure:
    """Plot the probability of each genre over time.

    The 12 most probable genres have a row each, in descending order, with the probability for
    the whole track at the right. Where segments overlap, the one with the nearest center is
    shown. Silence is hatched.

    Parameters
    ----------
    prediction : Prediction
        From :meth:`genreclf.GenreClassifier.predict`.
    """
    segments = prediction.timeline
    ranked = prediction.top(MAX_GENRES)
    borders = edges(segments)
    rows = np.array([[part.probabilities[genre] for part in segments] for genre, _ in ranked])
    silent = np.array([part.genre == UNKNOWN for part in segments])
    figure = new_figure(10, 1.9 + 0.3 * len(ranked))
    axes = figure.add_subplot()
    mesh = axes.pcolormesh(
        borders,
        np.arange(len(ranked) + 1),
        np.ma.masked_array(rows, np.broadcast_to(silent, rows.shape)),
        cmap="viridis",
        vmin=0.0,
        vmax=1.0,
    )
    axes.invert_yaxis()
    _hatch(axes, borders, silent, len(ranked))
    centers = np.arange(len(ranked)) + 0.5
    axes.set_yticks(centers, [plain(genre) for genre, _ in ranked])
    totals = axes.secondary_yaxis("right")
    totals.set_yticks(centers, [f"{probability:.0%}" for _, probability in ranked])
    totals.set_ylabel("whole track")
    for axis in (axes, totals):
        axis.tick_params(axis="y", length=0)
    time_axis(axes, prediction.duration)
    _add_title(axes, prediction, bool(silent.any()))
    bar = figure.colorbar(mesh, ax=axes, pad=0.02)
    bar.set_label("probability")
    return figure


def edges(segments: Sequence[SegmentPrediction]) -> NDArray[np.float64]:
    """Return the boundaries of segments, in seconds: half way between their centers."""
    centers = [(part.start + part.end) / 2 for part in segments]
    between = [(one + other) / 2 for one, other in pairwise(centers)]
    # matplotlib cannot draw a cell of no width.
    last = max(segments[-1].end, segments[-1].start + 1e-3)
    return np.array([segments[0].start, *between, last])


def _hatch(
    axes: Axes, borders: NDArray[np.float64], silent: NDArray[np.bool_], height: int
) -> None:
    from matplotlib.patches import Rectangle

    for left, right, is_silent in zip(borders[:-1], borders[1:], silent, strict=True):
        if is_silent:
            axes.add_patch(
                Rectangle(
                    (left, 0),
                    right - left,
                    height,
                    facecolor=SILENCE,
                    edgecolor=QUIET,
                    hatch="//",
                    linewidth=0.0,
                    gid="silence",
                )
            )


def _add_title(axes: Axes, prediction: Prediction, some_silence: bool) -> None:
    result = prediction.genre
    if result != UNKNOWN:
        result += f", {prediction.confidence:.0%} confidence"
    note = f"genre of each of {len(prediction.timeline)} segments"
    note += "; hatched: silence" if some_silence else ""
    title(axes, plain(f"{basename(prediction.source)}: {result}"), note)
