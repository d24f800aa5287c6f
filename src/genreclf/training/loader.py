"""Batches of random segments of a feature set."""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genreclf.data.feature_set import FeatureSet
from genreclf.features import Extractor
from genreclf.recipe import Recipe
from genreclf.training.augmentation import augment, mixup, required_frames, spec_augment
from genreclf.training.outlier_exposure import synthesize_non_music

_N_OUTLIERS = 80  # different outliers per run


class Batch(NamedTuple):
    """Segments and their targets.

    Attributes
    ----------
    segments : ndarray of float32, shape (batch_size, bins, frames)
        The network's input.
    targets : ndarray of float32, shape (batch_size, labels)
        Probabilities.
    """

    segments: NDArray[np.float32]
    targets: NDArray[np.float32]


class SegmentLoader:
    """Draw random segments of tracks, augment them and make batches.

    Parameters
    ----------
    features : FeatureSet
    extractor : Extractor
        Normalizes the segments.
    recipe : Recipe
    """

    def __init__(self, features: FeatureSet, extractor: Extractor, recipe: Recipe) -> None:
        self._features = features
        self._extractor = extractor
        self._training = recipe.training
        self._augmentation = recipe.augmentation
        self._n_frames = required_frames(recipe.augmentation, extractor.segment_frames)
        self._targets = np.eye(len(features.labels), dtype=np.float32)[features.targets]
        per_genre = np.bincount(features.targets, minlength=len(features.labels))
        weights = per_genre[features.targets] ** -float(recipe.training.class_balance)
        self._track_probabilities = weights / weights.sum()

    def __len__(self) -> int:
        """Return the number of batches per epoch."""
        n_segments = len(self._features) * self._training.segments_per_track
        return -(-n_segments // self._training.batch_size)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Generate the batches of one epoch.

        Parameters
        ----------
        rng : Generator

        Yields
        ------
        Batch
            Of nearly equal sizes. Together they hold `segments_per_track` segments of each
            track in random order or, with `class_balance`, as many of tracks drawn with
            replacement.
        """
        n_tracks = len(self._features)
        tracks = np.tile(np.arange(n_tracks), self._training.segments_per_track)
        if self._training.class_balance:
            order = rng.choice(n_tracks, len(tracks), p=self._track_probabilities)
        else:
            order = rng.permutation(tracks)
        for batch_tracks in np.array_split(order, len(self)):
            yield self._batch(batch_tracks, rng)

    def _batch(self, tracks: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        settings = self._augmentation
        segments = np.stack([self._random_segment(int(track), rng) for track in tracks])
        targets = self._targets[tracks]
        if n_outliers := round(settings.outlier_exposure * len(tracks)):
            segments = np.concatenate([segments, self._random_outliers(n_outliers, rng)])
            n_labels = targets.shape[1]
            uniform = np.full((n_outliers, n_labels), 1 / n_labels, np.float32)
            targets = np.concatenate([targets, uniform])
        segments = augment(segments, self._extractor.segment_frames, settings, rng)
        segments = spec_augment(self._extractor.normalize(segments), settings, rng)
        if settings.mixup:
            segments, targets = mixup(segments, targets, settings.mixup, rng)
        return Batch(segments, targets)

    def _random_segment(self, track: int, rng: np.random.Generator) -> NDArray[np.float32]:
        spare = self._features.n_frames(track) - self._n_frames
        if spare >= 0:
            start = int(rng.integers(spare + 1))
            return self._features.frames(track, start, start + self._n_frames)
        frames = self._features.frames(track)
        return np.tile(frames, -(-self._n_frames // frames.shape[1]))[:, : self._n_frames]

    def _random_outliers(self, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
        chosen = rng.integers(_N_OUTLIERS, size=count)
        starts = rng.integers(self._n_frames + 1, size=count)
        return np.stack(
            [
                self._outliers[outlier][:, start : start + self._n_frames]
                for outlier, start in zip(chosen, starts, strict=True)
            ]
        )

    @functools.cached_property
    def _outliers(self) -> list[NDArray[np.float32]]:
        """Features of non-music, each twice as long as a segment."""
        extractor = self._extractor
        length = extractor.window_length + (2 * self._n_frames - 1) * extractor.hop_length
        seconds = length / extractor.sample_rate
        return [
            extractor.transform(
                synthesize_non_music(np.random.default_rng(seed), seconds, extractor.sample_rate)
            )
            for seed in range(_N_OUTLIERS)
        ]
