"""Checks of feature extractors."""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genreclf.features import Extractor, iter_frames, make_extractor


def check_extractor(name: str, **parameters: Any) -> None:
    """Check a registered extractor.

    It checks that the sizes are valid; that results have the stated shape and type, are
    finite and do not vary from call to call; that a stream gives the same frames however it
    is cut; that `normalize` looks at one segment at a time; and that its parameters, stored
    as JSON, build an equal extractor.

    Parameters
    ----------
    name : str
        Its registered name.
    **parameters
        Override the registered parameters.

    Raises
    ------
    AssertionError, PluginError, ConfigError
        If a check fails (the message names it), or the extractor cannot be built.

    Examples
    --------
    >>> from genreclf.testing import check_extractor
    >>> check_extractor("logmel-dong2018")
    """
    extractor = make_extractor(name, **parameters)
    require(isinstance(extractor, Extractor), f"'{name}' is not a genreclf.features.Extractor")
    check_sizes(extractor)
    check_transform(extractor)
    check_streaming(extractor)
    check_normalize(extractor)
    check_parameters(name, extractor)


def check_sizes(extractor: Extractor) -> None:
    """Check that sizes are positive integers, and the hop no longer than the window."""
    sizes = ("sample_rate", "window_length", "hop_length", "segment_frames", "frame_bins", "bins")
    for size in sizes:
        value = getattr(extractor, size)
        valid = isinstance(value, int) and value >= 1
        require(valid, f"{size} is {value!r}, not an integer above 0")
    require(
        extractor.hop_length <= extractor.window_length,
        f"hop_length {extractor.hop_length} exceeds window_length {extractor.window_length}: "
        "sound between two windows would be skipped",
    )


def check_transform(extractor: Extractor) -> None:
    """Check the shape, type and finiteness of `transform`, and that it is deterministic."""
    window, hop = extractor.window_length, extractor.hop_length
    for extra in (0, hop - 1, hop, 5 * hop + hop // 2):
        samples = _noise(window + extra)
        before = samples.copy()
        frames = extractor.transform(samples)
        wanted = (extractor.frame_bins, 1 + extra // hop)
        require_equal(frames.shape, wanted, f"the shape of transform of {window + extra} samples")
        require_equal(frames.dtype, np.dtype(np.float32), "the type that transform returns")
        require(np.array_equal(samples, before), "transform changed the samples it was given")
        again = extractor.transform(samples)
        require(np.array_equal(frames, again), "transform gives another result the second time")
    loud, silent = np.ones(window, np.float32), np.zeros(window, np.float32)
    for kind, samples in {"silence": silent, "a full-scale constant": loud}.items():
        finite = np.isfinite(extractor.transform(samples)).all()
        require(bool(finite), f"transform of {kind} has NaN or infinite values")


def check_streaming(extractor: Extractor) -> None:
    """Check that a stream gives the same frames however it is cut."""
    window, hop = extractor.window_length, extractor.hop_length
    samples = _noise(window + 7 * hop + 3)
    whole = _stream([samples], extractor)
    for size in (window + 1, hop, max(1, hop // 3)):
        blocks = [samples[start : start + size] for start in range(0, len(samples), size)]
        message = f"a frame depends on more than its window (blocks of {size} samples)"
        require_close(_stream(blocks, extractor), whole, message)


def check_normalize(extractor: Extractor) -> None:
    """Check the shape and type of `normalize`, and that it looks at one segment at a time."""
    length = extractor.segment_frames
    segments = np.stack([_frames(extractor, length, seed) for seed in range(3)])
    # Of different levels, so that a statistic over the batch would show.
    segments *= np.array([1.0, 0.5, 0.1], np.float32)[:, None, None]
    before = segments.copy()
    normalized = extractor.normalize(segments)
    require(np.array_equal(segments, before), "normalize changed the segments it was given")
    require_equal(normalized.shape, (3, extractor.bins, length), "the shape that normalize returns")
    require_equal(normalized.dtype, np.dtype(np.float32), "the type that normalize returns")
    for index in range(3):
        alone = extractor.normalize(segments[index : index + 1])[0]
        require_close(
            normalized[index], alone, "normalize of a segment depends on the others beside it"
        )
    flat = extractor.normalize(np.zeros((1, extractor.frame_bins, length), np.float32))
    require(bool(np.isfinite(flat).all()), "normalize of a constant segment is not finite")


def check_parameters(name: str, extractor: Extractor) -> None:
    """Check that the parameters, stored as JSON, build an equal extractor."""
    try:
        stored = json.loads(json.dumps(dict(extractor.parameters), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise AssertionError(f"the parameters cannot be stored as JSON: {error}") from error
    again = make_extractor(name, **stored)
    found = json.loads(json.dumps(dict(again.parameters)))
    require_equal(found, stored, "the parameters of the extractor made from the parameters")
    samples = _noise(extractor.window_length + 3 * extractor.hop_length)
    require_close(
        again.transform(samples),
        extractor.transform(samples),
        "the parameters leave something out: the extractor made from them gives other frames",
    )
    segments = _frames(extractor, extractor.segment_frames)[None]
    require_close(
        again.normalize(segments),
        extractor.normalize(segments),
        "the parameters leave something out: the extractor made from them normalizes differently",
    )


def _noise(samples: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(samples)).astype(np.float32)


def _frames(extractor: Extractor, frames: int, seed: int = 0) -> NDArray[np.float32]:
    samples = extractor.window_length + (frames - 1) * extractor.hop_length
    return extractor.transform(_noise(samples, seed))


def _stream(blocks: Iterable[NDArray[np.float32]], extractor: Extractor) -> NDArray[np.float32]:
    return np.concatenate([frames.features for frames in iter_frames(blocks, extractor)], axis=1)


def require(holds: bool, message: str) -> None:
    """Raise AssertionError with a message unless a condition holds."""
    if not holds:
        raise AssertionError(message)


def require_equal(found: Any, wanted: Any, what: str) -> None:
    """Fail unless two values are equal, and name both."""
    require(bool(found == wanted), f"{what} is {found!r}, not {wanted!r}")


def require_close(found: np.ndarray, wanted: np.ndarray, what: str) -> None:
    """Fail unless two arrays agree to 1e-4 of the largest value: sums in float32 are rounded."""
    require(found.shape == wanted.shape, f"{what}: shape {found.shape}, not {wanted.shape}")
    gap = float(np.max(np.abs(found - wanted), initial=0.0))
    allowed = 1e-4 * max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
    require(gap <= allowed, f"{what}: values differ by up to {gap:.3g}")
