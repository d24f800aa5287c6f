"""How a check fails."""

from typing import Any

import numpy as np


def require(holds: bool, message: str) -> None:
    """Fail with a message unless something holds.

    Not an ``assert``, which ``python -O`` would leave out.

    Raises
    ------
    AssertionError
        With `message`.
    """
    if not holds:
        raise AssertionError(message)


def require_equal(found: Any, wanted: Any, what: str) -> None:
    """Fail unless two values are equal; both are named.

    Raises
    ------
    AssertionError
        If they differ.
    """
    require(bool(found == wanted), f"{what} is {found!r}, not {wanted!r}")


def require_close(found: np.ndarray, wanted: np.ndarray, what: str) -> None:
    """Fail unless two arrays agree to float32's rounding in sums.

    Parameters
    ----------
    found, wanted : ndarray
    what : str
        The sentence if they differ.

    Raises
    ------
    AssertionError
        If shapes differ, or values by more than 1e-4 of the largest.
    """
    require(found.shape == wanted.shape, f"{what}: shape {found.shape}, not {wanted.shape}")
    gap = float(np.max(np.abs(found - wanted), initial=0.0))
    allowed = 1e-4 * max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
    require(gap <= allowed, f"{what}: values differ by up to {gap:.3g}")
