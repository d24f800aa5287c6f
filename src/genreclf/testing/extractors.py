"""What the library relies on in an extractor."""

import json
from typing import Any

import numpy as np

from genreclf.features import Extractor, frame_blocks, make_extractor
from genreclf.features.base import FloatArray
from genreclf.testing.require import require, require_close, require_equal


def check_extractor(name: str, **parameters: Any) -> None:
    """Check a registered extractor.

    That sizes are sound, results have the stated shape and type, are finite and the
    same each time; that a stream gives the same frames wherever it is cut; that
    `finish` looks at one segment at a time; and that its parameters, through JSON,
    make an equal extractor.

    Parameters
    ----------
    name : str
        As registered.
    **parameters
        Where they differ from the registered ones.

    Raises
    ------
    AssertionError
        With what is wrong.
    PluginError, ConfigError
        If it cannot be made at all.
    """
    extractor = make_extractor(name, **parameters)
    require(isinstance(extractor, Extractor), f"'{name}' is no genreclf.features.Extractor")
    check_sizes(extractor)
    check_transform(extractor)
    check_streaming(extractor)
    check_finish(extractor)
    check_parameters(name, extractor)


def check_sizes(extractor: Extractor) -> None:
    """Whole positive sizes, and a hop no longer than the window; see :func:`check_extractor`."""
    sizes = ("sample_rate", "window_length", "hop_length", "segment_frames", "frame_bins", "bins")
    for size in sizes:
        value = getattr(extractor, size)
        whole = isinstance(value, int) and value >= 1
        require(whole, f"{size} is {value!r}, not a whole number above 0")
    require(
        extractor.hop_length <= extractor.window_length,
        f"hop_length {extractor.hop_length} exceeds window_length {extractor.window_length}: "
        "sound between two windows would go unheard",
    )


def check_transform(extractor: Extractor) -> None:
    """Shape, type, determinism and finite values; see :func:`check_extractor`."""
    window, hop = extractor.window_length, extractor.hop_length
    for extra in (0, hop - 1, hop, 5 * hop + hop // 2):
        samples = _noise(window + extra)
        kept = samples.copy()
        frames = extractor.transform(samples)
        wanted = (extractor.frame_bins, 1 + extra // hop)
        require_equal(frames.shape, wanted, f"the shape of transform of {window + extra} samples")
        require_equal(frames.dtype, np.dtype(np.float32), "the type that transform returns")
        require(np.array_equal(samples, kept), "transform changed the samples it was given")
        again = extractor.transform(samples)
        require(np.array_equal(frames, again), "transform gives another result the second time")
    loud, silent = np.ones(window, np.float32), np.zeros(window, np.float32)
    for kind, samples in {"silence": silent, "a full-scale constant": loud}.items():
        finite = np.isfinite(extractor.transform(samples)).all()
        require(bool(finite), f"transform of {kind} has NaN or infinite values")


def check_streaming(extractor: Extractor) -> None:
    """The same frames wherever the stream is cut; see :func:`check_extractor`."""
    window, hop = extractor.window_length, extractor.hop_length
    samples = _noise(window + 7 * hop + 3)
    whole = np.concatenate(list(frame_blocks([samples], extractor)), axis=1)
    for size in (window + 1, hop, max(1, hop // 3)):
        blocks = [samples[start : start + size] for start in range(0, len(samples), size)]
        cut = np.concatenate(list(frame_blocks(blocks, extractor)), axis=1)
        require_close(
            cut, whole, f"a frame depends on more than its window (blocks of {size} samples)"
        )


def check_finish(extractor: Extractor) -> None:
    """Shape, type, and each segment by itself; see :func:`check_extractor`."""
    length = extractor.segment_frames
    segments = np.stack([_frames(extractor, length, seed) for seed in range(3)])
    # Of different levels, so that a statistic over the batch would show.
    segments *= np.array([1.0, 0.5, 0.1], np.float32)[:, None, None]
    kept = segments.copy()
    finished = extractor.finish(segments)
    require(np.array_equal(segments, kept), "finish changed the segments it was given")
    require_equal(finished.shape, (3, extractor.bins, length), "the shape of finish of 3 segments")
    require_equal(finished.dtype, np.dtype(np.float32), "the type that finish returns")
    for index in range(3):
        alone = extractor.finish(segments[index : index + 1])[0]
        require_close(finished[index], alone, "finish of a segment depends on the others beside it")
    flat = extractor.finish(np.zeros((1, extractor.frame_bins, length), np.float32))
    require(bool(np.isfinite(flat).all()), "finish of a constant segment is not finite")
    if not extractor.finishes:
        require(
            np.array_equal(finished, segments), "finish changes segments, but finishes is False"
        )


def check_parameters(name: str, extractor: Extractor) -> None:
    """Parameters, through JSON, make an equal extractor; see :func:`check_extractor`."""
    try:
        stored = json.loads(json.dumps(dict(extractor.parameters), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise AssertionError(f"the parameters are not fit for JSON: {error}") from error
    again = make_extractor(name, **stored)
    found = json.loads(json.dumps(dict(again.parameters)))
    require_equal(found, stored, "the parameters of the extractor made from the parameters")
    samples = _noise(extractor.window_length + 3 * extractor.hop_length)
    require_close(
        again.transform(samples),
        extractor.transform(samples),
        "the parameters leave something out: the extractor made from them transforms otherwise",
    )
    segments = _frames(extractor, extractor.segment_frames)[None]
    require_close(
        again.finish(segments),
        extractor.finish(segments),
        "the parameters leave something out: the extractor made from them finishes otherwise",
    )


def _noise(samples: int, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(samples)).astype(np.float32)


def _frames(extractor: Extractor, frames: int, seed: int = 0) -> FloatArray:
    samples = extractor.window_length + (frames - 1) * extractor.hop_length
    return extractor.transform(_noise(samples, seed))
