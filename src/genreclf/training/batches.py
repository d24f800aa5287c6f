"""Random segments of a feature set, batch by batch."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genreclf.datasets.feature_set import FeatureSet
from genreclf.features import Extractor
from genreclf.training.augment import change_sound, crop_length, mask, mix
from genreclf.training.recipe import Recipe

FloatArray = NDArray[np.float32]


class Batch(NamedTuple):
    """Finished segments and what they should be called.

    Attributes
    ----------
    segments : ndarray of float32, shape (batch_size, bins, frames)
    targets : ndarray of float32, shape (batch_size, labels)
        Probabilities.
    """

    segments: FloatArray
    targets: FloatArray


class Batches:
    """Random crops of tracks, changed and finished as a recipe says.

    Parameters
    ----------
    features : FeatureSet
    extractor : Extractor
        Finishes the segments.
    length : int
        Frames of a segment.
    recipe : Recipe
    """

    def __init__(
        self, features: FeatureSet, extractor: Extractor, length: int, recipe: Recipe
    ) -> None:
        self._features = features
        self._extractor = extractor
        self._length = length
        self._recipe = recipe
        self._targets = np.eye(len(features.labels), dtype=np.float32)[features.targets]

    def __len__(self) -> int:
        """Batches in an epoch."""
        training = self._recipe.training
        return -(-len(self._features) * training.crops // training.batch_size)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """One epoch's batches: `crops` segments of each track, in random order.

        The batches are of nearly equal size.
        """
        tracks = np.tile(np.arange(len(self._features)), self._recipe.training.crops)
        for chosen in np.array_split(rng.permutation(tracks), len(self)):
            yield self._batch(chosen, rng)

    def _batch(self, tracks: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        changes = self._recipe.augmentation
        wanted = crop_length(changes, self._length)
        crops = np.stack([self._crop(int(track), wanted, rng) for track in tracks])
        crops = change_sound(crops, self._length, changes, rng)
        segments = mask(self._extractor.finish(crops), changes, rng)
        targets = self._targets[tracks]
        if changes.mixup:
            segments, targets = mix(segments, targets, changes.mixup, rng)
        return Batch(segments, targets)

    def _crop(self, track: int, wanted: int, rng: np.random.Generator) -> FloatArray:
        spare = self._features.n_frames(track) - wanted
        if spare >= 0:
            start = int(rng.integers(spare + 1))
            return self._features.frames(track, start, start + wanted)
        frames = self._features.frames(track)
        return np.tile(frames, -(-wanted // frames.shape[1]))[:, :wanted]
