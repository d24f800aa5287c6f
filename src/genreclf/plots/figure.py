"""Figures without global state, and how they become files."""

from __future__ import annotations

import io
import warnings
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genreclf.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
"""What :func:`save` writes, by the suffix of the file."""

INK = "#22262b"
QUIET = "#6b7480"
ACCENT = "#1f5fa8"
SILENCE = "#eceef1"


def require_matplotlib() -> None:
    """Make sure that pictures can be made.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("pictures", "plots") from error


def new_figure(width: float, height: float) -> Figure:
    """An empty figure that arranges its parts by itself.

    Parameters
    ----------
    width, height : float
        In inches.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def plain(text: str) -> str:
    """Text that matplotlib shows as it is: no mathematics, no unpaired surrogates."""
    return text.encode("utf-8", "replace").decode().replace("$", r"\$")


def basename(source: str) -> str:
    """The last part of a source's name, whichever system's path it is."""
    return source.replace("\\", "/").rsplit("/", 1)[-1] or source


def title(axes: Axes, text: str, subtitle: str = "") -> None:
    """A title over the left edge, and a quieter line under it."""
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
    """Leave only the left and lower border, and a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#d9dde2", linewidth=0.6)
    axes.set_axisbelow(True)


def percent(axis: Axis) -> None:
    """Label an axis of shares, 0 to 1, in percent."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=0))


def time_axis(axes: Axes, duration: float) -> None:
    """Label the x axis, in seconds, as people read it: seconds, or minutes:seconds."""
    if duration < 100:
        axes.set_xlabel("time (s)")
        return
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_xlabel("time (min:s)")
    axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 1.5, 2, 3, 6, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda s, _: f"{int(s // 60)}:{int(s % 60):02}"))


def picture_format(path: str | PathLike[str]) -> str:
    """The format that a file's suffix stands for.

    Raises
    ------
    ConfigError
        If it is none of :data:`FORMATS`.
    """
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise ConfigError(f"'{path}': pictures are written as {known}; use one of these suffixes")
    return suffix


def encode(figure: Figure, format_: str = "png", dpi: int = 150) -> bytes:
    """A figure as the contents of a file.

    Parameters
    ----------
    figure : Figure
    format_ : {"png", "svg", "pdf"}
    dpi : int
        Dots per inch of what is made of dots.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # A name may hold letters that the font lacks; a box in their place will do.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(buffer, format=format_, dpi=dpi, bbox_inches="tight", pad_inches=0.12)
    return buffer.getvalue()


def raster(values: NDArray[np.floating], low: float, high: float) -> bytes:
    """Values as the dots of a PNG, the first row on top.

    Parameters
    ----------
    values : ndarray, shape (rows, columns)
        Masked ones become grey.
    low, high : float
        What the darkest and the brightest colour stand for.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    require_matplotlib()
    import matplotlib as mpl
    from matplotlib.colors import Normalize
    from matplotlib.image import imsave

    colours = mpl.colormaps["viridis"].with_extremes(bad=SILENCE)
    buffer = io.BytesIO()
    imsave(buffer, colours(Normalize(low, high)(values), bytes=True), format="png")
    return buffer.getvalue()


def save(figure: Figure, path: str | PathLike[str], dpi: int = 150) -> Path:
    """Write a figure as PNG, SVG or PDF.

    Parameters
    ----------
    figure : Figure
    path : path
        Its suffix decides the format.
    dpi : int
        Dots per inch of what is made of dots.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ConfigError
        If the suffix is of another kind.
    OSError
        If the file cannot be written.
    """
    target = Path(path)
    target.write_bytes(encode(figure, picture_format(target), dpi))
    return target
