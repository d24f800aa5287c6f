"""Figures without global state: their style, and writing them to files."""

from __future__ import annotations

import io
import warnings
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genreclf.errors import ConfigError, MissingExtraError
from genreclf.files import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
"""Formats that :func:`save` writes, by the suffix of the file."""

INK = "#22262b"
QUIET = "#6b7480"
ACCENT = "#1f5fa8"
SILENCE = "#eceef1"


def require_matplotlib() -> None:
    """Check that matplotlib is installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("pictures", "plots") from error


def new_figure(width: float, height: float) -> Figure:
    """Create an empty figure with automatic layout; sizes are in inches."""
    require_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def plain(text: str) -> str:
    """Escape text for matplotlib: no mathematics, no unpaired surrogates."""
    return printable(text).replace("$", r"\$")


def basename(source: str) -> str:
    """Return the last part of a path of any operating system."""
    return source.replace("\\", "/").rsplit("/", 1)[-1] or source


def title(axes: Axes, text: str, subtitle: str = "") -> None:
    """Add a title above the left edge, and a subtitle below it."""
    axes.set_title(text, loc="left", fontsize=12, fontweight="bold", color=INK, pad=24)
    axes.annotate(
        subtitle,
        (0, 1),
        xytext=(0, 8),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=9,
        color=QUIET,
    )


def open_frame(axes: Axes) -> None:
    """Show only the left and lower border, and a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#d9dde2", linewidth=0.6)
    axes.set_axisbelow(True)


def percent(axis: Axis) -> None:
    """Label an axis of fractions, 0 to 1, in percent."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=0))


def time_axis(axes: Axes, duration: float) -> None:
    """Label the x axis, in seconds, with seconds or minutes:seconds."""
    if duration < 100:
        axes.set_xlabel("time (s)")
        return
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_xlabel("time (min:s)")
    axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 1.5, 2, 3, 6, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda s, _: f"{int(s // 60)}:{int(s % 60):02}"))


def picture_format(path: str | PathLike[str]) -> str:
    """Return the picture format of a file's suffix; others than :data:`FORMATS` are errors."""
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise ConfigError(f"'{path}': the suffix of a picture must be one of {known}")
    return suffix


def encode(figure: Figure, format_: str = "png", dpi: int = 150) -> bytes:
    """Return the content of a picture file; raster parts have `dpi` dots per inch."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The font may lack letters of a name; matplotlib draws boxes then.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(buffer, format=format_, dpi=dpi, bbox_inches="tight", pad_inches=0.12)
    return buffer.getvalue()


def raster(values: NDArray[np.floating], low: float, high: float) -> bytes:
    """Encode values, shape (rows, columns), as the pixels of a PNG, the first row on top.

    The darkest color is `low`, the brightest `high`; masked values become gray.
    """
    require_matplotlib()
    import matplotlib as mpl
    from matplotlib.colors import Normalize
    from matplotlib.image import imsave

    colors = mpl.colormaps["viridis"].with_extremes(bad=SILENCE)
    buffer = io.BytesIO()
    imsave(buffer, colors(Normalize(low, high)(values), bytes=True), format="png")
    return buffer.getvalue()


def save(figure: Figure, path: str | PathLike[str], dpi: int = 150) -> Path:
    """Write a figure as PNG, SVG or PDF, and return the path of the file.

    Parameters
    ----------
    figure : Figure
    path : path
        Its suffix sets the format.
    dpi : int
        Dots per inch of raster parts.

    Raises
    ------
    ConfigError, OSError
        If the suffix is not one of :data:`FORMATS`, or the file cannot be written.
    """
    target = Path(path)
    target.write_bytes(encode(figure, picture_format(target), dpi))
    return target
