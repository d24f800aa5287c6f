"""Plots of the results of an evaluation or a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from genreclf.errors import ConfigError
from genreclf.plots.figure import ACCENT, INK, QUIET, new_figure, open_frame, percent, plain, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from genreclf.scores import Scores

# A larger matrix has no room for numbers in its cells.
_MAX_ANNOTATED = 24
_MARKED_CONFIDENCES = (0.9, 0.7, 0.5)
# A line through few points needs markers to show them.
_FEW_POINTS = 12


def confusion(scores: Scores) -> Figure:
    """Plot the confusion matrix: a row for each true genre, a column for each predicted one.

    Each cell that is not empty has the number of tracks, and their percentage of the true
    genre, which is also the shade.

    Parameters
    ----------
    scores : genreclf.scores.Scores
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
    for row, column in np.argwhere(counts > 0) if size <= _MAX_ANNOTATED else ():
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
    title(
        axes,
        "Confusion matrix",
        f"{counts.sum():,} tracks: number, and percentage of the true genre",
    )
    bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02)
    percent(bar.ax.yaxis)
    bar.set_label("percentage of the true genre's tracks")
    return figure


def reliability(scores: Scores) -> Figure:
    """Plot a reliability diagram: accuracy against confidence.

    A bar shows the accuracy of each bin of confidence; on the diagonal, both are equal. Below
    is the number of tracks in each bin.

    Parameters
    ----------
    scores : genreclf.scores.Scores
    """
    bins = [part for part in scores.calibration if part.tracks]
    centers = [(part.lower + part.upper) / 2 for part in bins]
    width = 0.92 * (bins[0].upper - bins[0].lower)
    figure = new_figure(4.8, 4.8)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.bar(centers, [part.accuracy for part in bins], width, color=ACCENT, label="accuracy")
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
    upper.set_ylabel("accuracy")
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    lower.bar(centers, [part.tracks for part in bins], width, color=QUIET)
    lower.set_xlim(0, 1)
    lower.set_ylabel("tracks")
    lower.set_xlabel("confidence")
    percent(upper.yaxis)
    percent(lower.xaxis)
    for axes in (upper, lower):
        open_frame(axes)
    error = f"expected calibration error {scores.calibration_error:.1%}"
    title(upper, "Reliability diagram", error)
    return figure


def risk_coverage(scores: Scores) -> Figure:
    """Plot the accuracy of the accepted predictions against their fraction (coverage).

    The confidence thresholds 90 %, 70 % and 50 % are marked on the curve.

    Parameters
    ----------
    scores : genreclf.scores.Scores
    """
    points = scores.risk_coverage
    figure = new_figure(4.8, 4.8)
    axes = figure.add_subplot()
    coverages, accuracies = [p.coverage for p in points], [p.accuracy for p in points]
    axes.plot(coverages, accuracies, color=ACCENT, linewidth=2)
    bottom = max(0.0, min(accuracies) - 0.12)
    heights = [points[-1].accuracy]
    _mark(axes, 1.0, heights[0], f"all: {heights[0]:.1%}")
    for threshold in _MARKED_CONFIDENCES:
        accepted = [point for point in points if point.confidence >= threshold]
        # A label that would overlap another is left out.
        if accepted and all(abs(accepted[-1].accuracy - y) > 0.07 * (1 - bottom) for y in heights):
            heights.append(accepted[-1].accuracy)
            _mark(axes, accepted[-1].coverage, heights[-1], f"confidence {threshold:.0%} or more")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(bottom, 1.04)
    axes.set_xlabel("coverage (accepted predictions)")
    axes.set_ylabel("accuracy of these")
    percent(axes.xaxis)
    percent(axes.yaxis)
    open_frame(axes)
    title(axes, "Risk-coverage curve", "predictions of the highest confidence first")
    return figure


def _mark(axes: Axes, coverage: float, accuracy: float, text: str) -> None:
    # The curve mostly falls: there is room above it on the left, and below it on the right.
    on_left = coverage < 0.55
    axes.plot([coverage], [accuracy], "o", color=ACCENT, markeredgecolor="white", markersize=7)
    axes.annotate(
        text,
        (coverage, accuracy),
        xytext=(10, -2) if on_left else (-8, -15),
        textcoords="offset points",
        ha="left" if on_left else "right",
        fontsize=9,
        color=INK,
    )


def training_curves(history: Sequence[Mapping[str, Any]]) -> Figure:
    """Plot loss and validation accuracy over the epochs of a training.

    Parameters
    ----------
    history : sequence of mapping
        A record for each epoch with ``epoch`` and ``loss``, and after a validation
        ``valid_loss`` and ``valid_accuracy``: the history of :meth:`genreclf.Trainer.fit`.

    Raises
    ------
    ConfigError
        If the history is empty.
    """
    if not history:
        raise ConfigError("a training without epochs has no curve")
    validated = [record for record in history if "valid_accuracy" in record]
    figure = new_figure(10, 3.6)
    panels = figure.subplots(1, 2 if validated else 1, squeeze=False)[0]
    losses = panels[0]
    epochs = [record["epoch"] for record in history]
    losses.plot(epochs, [record["loss"] for record in history], color=ACCENT, label="training")
    if validated:
        tested = [record["epoch"] for record in validated]
        marker = "o" if len(tested) < _FEW_POINTS else ""
        losses.plot(
            tested,
            [record["valid_loss"] for record in validated],
            linestyle="--",
            marker=marker,
            color=QUIET,
            label="validation",
        )
        losses.legend(frameon=False)
        accuracies = [record["valid_accuracy"] for record in validated]
        panels[1].plot(tested, accuracies, color=ACCENT, marker=marker)
        panels[1].set_ylabel("validation accuracy")
        percent(panels[1].yaxis)
        title(panels[1], "Accuracy", f"maximum {max(accuracies):.1%}")
    losses.set_ylabel("loss")
    title(losses, "Loss", f"{len(history)} epochs")
    for axes in panels:
        axes.set_xlabel("epoch")
        open_frame(axes)
    return figure
