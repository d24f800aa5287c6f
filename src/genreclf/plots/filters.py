"""Plot of the filters of a network's first layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genreclf.errors import ConfigError
from genreclf.plots.figure import QUIET, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from genreclf.classifier import GenreClassifier

KERNELS_PER_ROW = 16


def filters(classifier: GenreClassifier) -> Figure:
    """Plot the kernels of the network's first convolution over frequency and time.

    Each has a cell, low frequencies at the bottom. All share one symmetric scale, whose
    lightness rises with the weight, so that it is readable in gray.

    Parameters
    ----------
    classifier : GenreClassifier

    Raises
    ------
    ConfigError
        If the network has no such convolution, or does not run in PyTorch.
    """
    weights = first_kernels(classifier)
    count, height, width = weights.shape
    per_row = min(KERNELS_PER_ROW, count)
    rows = -(-count // per_row)
    figure = new_figure(0.55 * per_row + 1.6, (0.5 * height / width + 0.22) * rows + 1.0)
    grid = figure.subplots(rows, per_row, squeeze=False)
    limit = max(float(abs(weights).max()), 1e-12)
    for number, axes in enumerate(grid.flat):
        if number >= count:
            axes.set_axis_off()
            continue
        image = axes.imshow(
            weights[number], origin="lower", cmap="cividis", vmin=-limit, vmax=limit
        )
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(str(number + 1), fontsize=7, color=QUIET, pad=2)
    figure.suptitle(f"First layer: {count} kernels", fontweight="bold", fontsize=12)
    extractor = classifier.extractor
    milliseconds = 1000 * extractor.hop_length / extractor.sample_rate
    figure.supxlabel(f"time: {width} frames of {milliseconds:.1f} ms", fontsize=9)
    figure.supylabel(f"frequency: {height} of {extractor.bins} bins", fontsize=9)
    bar = figure.colorbar(image, ax=grid, pad=0.02, aspect=max(20, 8 * rows))
    bar.set_label("weight")
    return figure


def first_kernels(classifier: GenreClassifier) -> NDArray[np.float32]:
    """Return the weights of the first convolution, shape (kernels, bins, frames)."""
    module = getattr(classifier.network, "module", None)
    if module is None:
        raise ConfigError(
            "plotting the kernels needs the network in PyTorch: load it with runtime='torch'"
        )
    for layer in module.modules():
        weight = getattr(layer, "weight", None)
        if hasattr(layer, "kernel_size") and weight is not None and weight.ndim == 4:
            if weight.shape[1] != 1:
                break
            kernels: NDArray[np.float32] = weight.detach()[:, 0].float().cpu().numpy()
            return kernels
    raise ConfigError(
        f"architecture '{classifier.config.architecture.name}' has no first convolution over "
        "one map of frequency and time"
    )
