"""Random segments of a feature set, batch by batch."""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genreclf.datasets.feature_set import FeatureSet
from genreclf.features import Extractor
from genreclf.training.augment import change_sound, crop_length, mask, mix
from genreclf.training.non_music import non_music
from genreclf.training.recipe import Recipe

FloatArray = NDArray[np.float32]

_SOUNDS = 80  # that are no music, made once for a run


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
        per_genre = np.bincount(features.targets, minlength=len(features.labels))
        weights = per_genre[features.targets] ** -float(recipe.training.balance)
        self._chances = weights / weights.sum()

    def __len__(self) -> int:
        """Batches in an epoch."""
        training = self._recipe.training
        return -(-len(self._features) * training.crops // training.batch_size)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """One epoch's batches: `crops` segments of each track, in random order.

        With `balance`, tracks are drawn instead, as many as there are. The batches are
        of nearly equal size.
        """
        training = self._recipe.training
        tracks = np.tile(np.arange(len(self._features)), training.crops)
        if training.balance:
            order = rng.choice(len(self._features), len(tracks), p=self._chances)
        else:
            order = rng.permutation(tracks)
        for chosen in np.array_split(order, len(self)):
            yield self._batch(chosen, rng)

    def _batch(self, tracks: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        changes = self._recipe.augmentation
        wanted = crop_length(changes, self._length)
        crops = np.stack([self._crop(int(track), wanted, rng) for track in tracks])
        targets = self._targets[tracks]
        if sounds := round(changes.non_music * len(tracks)):
            crops = np.concatenate([crops, self._non_music(sounds, wanted, rng)])
            nothing = np.full((sounds, targets.shape[1]), 1 / targets.shape[1], np.float32)
            targets = np.concatenate([targets, nothing])
        crops = change_sound(crops, self._length, changes, rng)
        segments = mask(self._extractor.finish(crops), changes, rng)
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

    def _non_music(self, count: int, wanted: int, rng: np.random.Generator) -> FloatArray:
        chosen = rng.integers(_SOUNDS, size=count)
        starts = rng.integers(wanted + 1, size=count)
        sounds = self._sounds
        return np.stack([sounds[i][:, s : s + wanted] for i, s in zip(chosen, starts, strict=True)])

    @functools.cached_property
    def _sounds(self) -> list[FloatArray]:
        """Frames of sounds that are no music, each twice as long as a crop."""
        extractor = self._extractor
        frames = 2 * crop_length(self._recipe.augmentation, self._length)
        length = extractor.window_length + (frames - 1) * extractor.hop_length
        seconds = length / extractor.sample_rate
        return [
            extractor.transform(
                non_music(np.random.default_rng(sound), seconds, extractor.sample_rate)
            )
            for sound in range(_SOUNDS)
        ]
