"""How a training went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genreclf.errors import ConfigError
from genreclf.plots.figure import ACCENT, QUIET, new_figure, open_frame, percent, title

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# So few points get markers: a line through one of them is not to be seen.
_FEW = 12


def learning(history: Sequence[Mapping[str, Any]]) -> Figure:
    """Loss and validation accuracy over the epochs of a training.

    Parameters
    ----------
    history : sequence of mapping
        A record for each epoch with ``epoch`` and ``loss``, and where validated
        ``valid_loss`` and ``valid_accuracy``; as :meth:`genreclf.Trainer.fit` gives it.

    Returns
    -------
    Figure

    Raises
    ------
    ConfigError
        If the history is empty.
    MissingExtraError
        If matplotlib is not installed.
    """
    if not history:
        raise ConfigError("a training without epochs has no curve to show")
    validated = [record for record in history if "valid_accuracy" in record]
    figure = new_figure(10, 3.6)
    panels = figure.subplots(1, 2 if validated else 1, squeeze=False)[0]
    losses = panels[0]
    epochs = [record["epoch"] for record in history]
    losses.plot(epochs, [record["loss"] for record in history], color=ACCENT, label="training")
    if validated:
        tested = [record["epoch"] for record in validated]
        marker = "o" if len(tested) < _FEW else ""
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
        title(panels[1], "Accuracy", f"at its best {max(accuracies):.1%}")
    losses.set_ylabel("loss")
    title(losses, "Loss", f"{len(history)} epochs")
    for axes in panels:
        axes.set_xlabel("epoch")
        open_frame(axes)
    return figure
