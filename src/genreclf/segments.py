"""Windows of equal length over a stream of frames."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genreclf.errors import ConfigError

FloatArray = NDArray[np.float32]


def hop_of(length: int, overlap: float) -> int:
    """Frames from one window to the next.

    Parameters
    ----------
    length : int
        Frames of a window.
    overlap : float
        Part of a window that the next one repeats, 0 (included) to 1 (excluded).

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ConfigError
        If `overlap` is out of its range.
    """
    if not 0.0 <= overlap < 1.0:
        raise ConfigError(f"overlap must be at least 0 and below 1 (got {overlap})")
    return max(1, round(length * (1.0 - overlap)))


def window_starts(n_frames: int, length: int, hop: int) -> NDArray[np.int64]:
    """First frames of the windows that cover `n_frames` frames.

    Windows start every `hop` frames as long as they are full. If frames are left
    after the last of them, one more window ends with the last frame (and overlaps
    more), so that nothing is dropped and nothing is padded. Fewer frames than one
    window make one window; see :func:`spans` for how it is filled.

    Parameters
    ----------
    n_frames, length, hop : int
        In frames, each at least 1, ``hop <= length``.

    Returns
    -------
    ndarray of int64, shape (windows,)
        Ascending; at least one.

    Examples
    --------
    >>> window_starts(11, length=4, hop=2)
    array([0, 2, 4, 6, 7])
    """
    last = max(n_frames - length, 0)
    starts = np.arange(0, last + 1, hop, dtype=np.int64)
    return starts if starts[-1] == last else np.append(starts, last)


@dataclass(frozen=True)
class Span:
    """Consecutive frames and the windows on them.

    Attributes
    ----------
    first : int
        Position in the stream of the span's first frame.
    frames : ndarray of float32, shape (rows, frames)
    offsets : ndarray of int64, shape (windows,)
        First frame of each window, counted from the span's first frame.
    length : int
        Frames of a window.
    tiled : bool
        The stream was shorter than one window, and its frames were repeated.
    """

    first: int
    frames: FloatArray
    offsets: NDArray[np.int64]
    length: int
    tiled: bool = False

    @property
    def starts(self) -> NDArray[np.int64]:
        """First frame of each window, counted from the start of the stream."""
        return self.first + self.offsets

    def windows(self) -> FloatArray:
        """The windows themselves, shape (windows, rows, length), as a new array."""
        views = np.lib.stride_tricks.sliding_window_view(self.frames, self.length, axis=1)
        return np.ascontiguousarray(views[:, self.offsets].transpose(1, 0, 2))


def spans(
    blocks: Iterable[FloatArray], length: int, hop: int, max_windows: int = 64
) -> Iterator[Span]:
    """Cut a stream of frames into spans of at most `max_windows` windows, plus one at the end.

    Windows lie as :func:`window_starts` says for the whole stream, wherever the
    blocks are cut. A stream shorter than one window is repeated until it fills it.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (rows, frames)
        Any number of frames each.
    length, hop : int
        Window and step in frames, ``hop <= length``.
    max_windows : int
        Bounds the memory that a span takes.

    Yields
    ------
    Span
        In order. An empty stream yields none.
    """
    first = 0
    waiting: list[FloatArray] = []
    n_waiting = 0
    step = max_windows * hop
    # A full window always stays behind, so that the window that ends with the
    # stream can reach back as far as it needs.
    enough = step + length
    for block in blocks:
        waiting.append(block)
        n_waiting += block.shape[1]
        if n_waiting < enough:
            continue
        frames = np.concatenate(waiting, axis=1)
        while frames.shape[1] >= enough:
            offsets = np.arange(max_windows, dtype=np.int64) * hop
            yield Span(first, frames[:, : step - hop + length], offsets, length)
            frames, first = frames[:, step:], first + step
        waiting, n_waiting = [frames], frames.shape[1]
    if n_waiting:
        yield _last_span(first, np.concatenate(waiting, axis=1), length, hop)


def _last_span(first: int, frames: FloatArray, length: int, hop: int) -> Span:
    n_frames = frames.shape[1]
    offsets = window_starts(n_frames, length, hop)
    if n_frames >= length:
        return Span(first, frames, offsets, length)
    repeats = -(-length // n_frames)
    return Span(first, np.tile(frames, repeats)[:, :length], offsets, length, tiled=True)
