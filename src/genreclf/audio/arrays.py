"""Sound from an array."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from genreclf.audio.problems import decode_error
from genreclf.audio.samples import split
from genreclf.audio.sources import PIECE, Source, check_rate

_MAX_CHANNELS = 32


class ArraySource(Source):
    """An array with its rate.

    Parameters
    ----------
    source : (array, int)
        Shape (samples,) or (samples, channels), and Hz.

    Raises
    ------
    AudioDecodeError
        If it is no such pair.
    """

    name = "<array>"

    def __init__(self, source: tuple[Any, ...]) -> None:
        try:
            samples, rate = source
            self._samples, self._rate = np.asarray(samples), operator.index(rate)
        except (TypeError, ValueError) as error:
            raise decode_error(
                self.name, "must be a pair (samples, rate) of an array and a whole number of Hz."
            ) from error
        problem = _problem(self._samples)
        if problem:
            raise decode_error(self.name, problem)
        check_rate(self._rate, self.name)

    def pieces(self) -> Iterator[tuple[int, Sequence[np.ndarray]]]:
        """See `Source`."""
        columns = self._samples.reshape(len(self._samples), -1)
        for piece in split([columns], PIECE):
            yield self._rate, list(piece.T)

    def close(self) -> None:
        """Nothing is held."""


def _problem(samples: np.ndarray) -> str:
    if samples.dtype.kind not in "iuf":
        return f"has dtype {samples.dtype}; pass real floating-point or integer samples."
    if samples.ndim not in (1, 2):
        return f"has {samples.ndim} dimensions; pass shape (samples,) or (samples, channels)."
    if not samples.size:
        return "is empty; pass at least one sample."
    if samples.ndim == 2 and samples.shape[1] > _MAX_CHANNELS:
        return (
            f"has {samples.shape[1]} channels, more than {_MAX_CHANNELS}; "
            "pass shape (samples, channels), perhaps by transposing the array."
        )
    return ""
