"""Samples of any type, rate and number of channels, made mono float32 of one rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

BLOCK = 2**17
"""The most samples that a block of a stream may hold."""

_LOUDEST = 1e6


def split(pieces: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Cut each piece along its first axis into parts of at most `size`."""
    for piece in pieces:
        for start in range(0, len(piece), size):
            yield piece[start : start + size]


def resample(pieces: Iterable[np.ndarray], rate_in: int, rate_out: int) -> Iterator[np.ndarray]:
    """Resample a stream of float32 pieces; the whole equals resampling them at once.

    Parameters
    ----------
    pieces : iterable of numpy.ndarray
        Each of shape (samples,).
    rate_in, rate_out : int
        In Hz.
    """
    if rate_in == rate_out:
        yield from pieces
        return
    import soxr

    resampler = soxr.ResampleStream(rate_in, rate_out, 1, dtype="float32", quality="HQ")
    # Raising the rate must not blow a piece up far beyond the size of a block.
    for piece in split(pieces, max(1, BLOCK * rate_in // rate_out)):
        yield resampler.resample_chunk(piece)
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def downmix(channels: Sequence[np.ndarray]) -> tuple[np.ndarray, bool]:
    """Average channels into mono float32 of full scale 1.

    Parameters
    ----------
    channels : sequence of numpy.ndarray
        Each of shape (samples,), of one real dtype.

    Returns
    -------
    mono : numpy.ndarray
        Shape (samples,), float32.
    finite : bool
        False if a sample was NaN or infinite.
    """
    convert = _from_float if channels[0].dtype.kind == "f" else _from_integer
    mono, finite = convert(channels[0])
    for channel in channels[1:]:
        values, also_finite = convert(channel)
        mono += values
        finite &= also_finite
    if len(channels) > 1:
        mono /= np.float32(len(channels))
    return mono, finite


def _from_integer(samples: np.ndarray) -> tuple[np.ndarray, bool]:
    half = 2.0 ** (8 * samples.dtype.itemsize - 1)
    values = samples.astype(np.float32)
    if samples.dtype.kind == "u":
        values -= np.float32(half)
    values *= np.float32(1 / half)
    return values, True


def _from_float(samples: np.ndarray) -> tuple[np.ndarray, bool]:
    with np.errstate(over="ignore", invalid="ignore"):
        values = samples.astype(np.float32)
        # False for NaN as well, and far cheaper than looking at each sample for each fault.
        if values.max() <= _LOUDEST and values.min() >= -_LOUDEST:
            return values, True
        finite = np.isfinite(values)
        values[~finite] = 0
        return values.clip(-_LOUDEST, _LOUDEST), bool(finite.all())
