"""The genre of a piece over its time."""

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
    """The probability of each genre over the time of a piece.

    Parameters
    ----------
    prediction : Prediction
        Of :meth:`genreclf.GenreClassifier.predict`.

    Returns
    -------
    Figure
        A row for each genre (the 12 most probable ones), the most probable of the
        piece on top, with its share of the whole at the right. Where segments overlap,
        each moment shows the segment whose middle is nearest. Silence is hatched.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
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
    middles = np.arange(len(ranked)) + 0.5
    axes.set_yticks(middles, [plain(genre) for genre, _ in ranked])
    shares = axes.secondary_yaxis("right")
    shares.set_yticks(middles, [f"{share:.0%}" for _, share in ranked])
    shares.set_ylabel("whole piece")
    for axis in (axes, shares):
        axis.tick_params(axis="y", length=0)
    time_axis(axes, prediction.duration)
    _name(axes, prediction, bool(silent.any()))
    bar = figure.colorbar(mesh, ax=axes, pad=0.02)
    bar.set_label("probability")
    return figure


def edges(segments: Sequence[SegmentPrediction]) -> NDArray[np.float64]:
    """Where one segment's time ends and the next one's begins, though they overlap.

    Returns
    -------
    ndarray of float64, shape (segments + 1,)
        Seconds, from the start of the first segment to the end of the last.
    """
    middles = [(part.start + part.end) / 2 for part in segments]
    between = [(one + other) / 2 for one, other in pairwise(middles)]
    # A piece of no length still gets a cell of some width.
    last = max(segments[-1].end, segments[-1].start + 1e-3)
    return np.array([segments[0].start, *between, last])


def _hatch(
    axes: Axes, borders: NDArray[np.float64], silent: NDArray[np.bool_], height: int
) -> None:
    from matplotlib.patches import Rectangle

    for left, right, hushed in zip(borders[:-1], borders[1:], silent, strict=True):
        if hushed:
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


def _name(axes: Axes, prediction: Prediction, some_silence: bool) -> None:
    verdict = prediction.genre
    if verdict != UNKNOWN:
        verdict += f", {prediction.confidence:.0%} sure"
    note = f"genre of each of {len(prediction.timeline)} segments"
    note += "; hatched: silence" if some_silence else ""
    title(axes, plain(f"{basename(prediction.source)}: {verdict}"), note)
