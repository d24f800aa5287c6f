"""What came out of an evaluation: confusion, calibration, coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from genreclf.plots.figure import ACCENT, INK, QUIET, new_figure, open_frame, percent, plain, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from genreclf.plots.shown import Scores

# More cells than this squared leave no room for numbers in them.
_MAX_WRITTEN = 24
_MARKED_CONFIDENCES = (0.9, 0.7, 0.5)


def confusion(scores: Scores) -> Figure:
    """The confusion matrix: a row for each true genre, a column for each predicted one.

    Parameters
    ----------
    scores : genreclf.evaluation.metrics.Scores

    Returns
    -------
    Figure
        In each cell that has any, the tracks, and under them their share of the true
        genre in percent; the shade is that share (white to dark, so that it prints).

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    counts = np.array(scores.confusion)
    rates = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = len(scores.labels)
    side = 2.2 + 0.52 * min(size, 40)
    figure = new_figure(side + 1.2, side)
    axes = figure.add_subplot()
    image = axes.imshow(rates, cmap="Blues", vmin=0.0, vmax=1.0)
    labels = [plain(label) for label in scores.labels]
    axes.set_xticks(range(size), labels, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(size), labels)
    axes.set_xlabel("predicted genre")
    axes.set_ylabel("true genre")
    axes.set_xticks(np.arange(size + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(size + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    for row, column in np.argwhere(counts > 0) if size <= _MAX_WRITTEN else ():
        rate = rates[row, column]
        axes.text(
            column,
            row,
            f"{counts[row, column]}\n{rate:.0%}",
            ha="center",
            va="center",
            fontsize=8.5,
            color="white" if rate > 0.5 else INK,
        )
    title(axes, "Confusion matrix", f"{counts.sum():,} tracks: number, and share of the true genre")
    bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02)
    percent(bar.ax.yaxis)
    bar.set_label("share of the true genre's tracks")
    return figure


def reliability(scores: Scores) -> Figure:
    """How often predictions of a confidence are right.

    Parameters
    ----------
    scores : genreclf.evaluation.metrics.Scores

    Returns
    -------
    Figure
        A bar for each bin of confidence: its accuracy. On the diagonal, confidence is
        accuracy. Below, the number of tracks in each bin.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    bins = [part for part in scores.calibration if part.tracks]
    middles = [(part.lower + part.upper) / 2 for part in bins]
    width = 0.92 * (bins[0].upper - bins[0].lower)
    figure = new_figure(4.8, 4.8)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.bar(middles, [part.accuracy for part in bins], width, color=ACCENT, label="accuracy")
    upper.plot(
        [part.confidence for part in bins],
        [part.confidence for part in bins],
        "D",
        color="#f0b429",
        markeredgecolor=INK,
        markersize=5,
        label="mean confidence",
    )
    upper.plot([0, 1], [0, 1], "--", color=QUIET, linewidth=1, zorder=1, label="calibrated")
    upper.set_ylim(0, 1.02)
    upper.set_ylabel("tracks that are right")
    upper.legend(loc="upper left", frameon=False, fontsize=9)
    lower.bar(middles, [part.tracks for part in bins], width, color=QUIET)
    lower.set_xlim(0, 1)
    lower.set_ylabel("tracks")
    lower.set_xlabel("confidence")
    percent(upper.yaxis)
    percent(lower.xaxis)
    for axes in (upper, lower):
        open_frame(axes)
    error = f"expected calibration error {scores.calibration_error:.1%}"
    title(upper, "Is it as right as it is sure?", error)
    return figure


def coverage(scores: Scores) -> Figure:
    """Accuracy if only the surer predictions are believed, against how many those are.

    Parameters
    ----------
    scores : genreclf.evaluation.metrics.Scores

    Returns
    -------
    Figure
        The curve, with the confidences 90 %, 70 % and 50 % marked where there are any.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    points = scores.coverage
    figure = new_figure(4.8, 4.8)
    axes = figure.add_subplot()
    shares, accuracies = [p.coverage for p in points], [p.accuracy for p in points]
    axes.plot(shares, accuracies, color=ACCENT, linewidth=2)
    bottom = max(0.0, min(accuracies) - 0.12)
    heights = [points[-1].accuracy]
    _mark(axes, 1.0, heights[0], f"all: {heights[0]:.1%}")
    for wanted in _MARKED_CONFIDENCES:
        sure = [point for point in points if point.confidence >= wanted]
        # A name that would lie on another is left out.
        if sure and all(abs(sure[-1].accuracy - y) > 0.07 * (1 - bottom) for y in heights):
            heights.append(sure[-1].accuracy)
            _mark(axes, sure[-1].coverage, heights[-1], f"sure by {wanted:.0%} or more")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(bottom, 1.04)
    axes.set_xlabel("tracks whose prediction is believed")
    axes.set_ylabel("of those, right")
    percent(axes.xaxis)
    percent(axes.yaxis)
    open_frame(axes)
    title(axes, "Accuracy if it may abstain", "the surest predictions first")
    return figure


def _mark(axes: Axes, share: float, accuracy: float, text: str) -> None:
    # The curve falls, more or less: there is room above it on the left, below on the right.
    on_left = share < 0.55
    axes.plot([share], [accuracy], "o", color=ACCENT, markeredgecolor="white", markersize=7)
    axes.annotate(
        text,
        (share, accuracy),
        xytext=(10, -2) if on_left else (-8, -15),
        textcoords="offset points",
        ha="left" if on_left else "right",
        fontsize=9,
        color=INK,
    )
