"""Random changes to segments, and sounds that are no music."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import noise
from genreclf import Trainer
from genreclf.datasets import FeatureSet
from genreclf.features import make_extractor
from genreclf.training.augment import change_sound, crop_length
from genreclf.training.non_music import non_music
from genreclf.training.recipe import AugmentationSettings
from test_trainer import recipe


def changed(crops, length=20, seed=0, **settings):
    changes = AugmentationSettings(**settings)
    assert crops.shape[2] >= crop_length(changes, length)
    return change_sound(crops, length, changes, np.random.default_rng(seed))


@pytest.fixture
def crops():
    return np.random.default_rng(1).normal(-40, 8, (6, 32, 24)).astype(np.float32)


@pytest.mark.parametrize("setting", [{"stretch": 0.2}, {"shift_bins": 3}])
def test_resampled_frames_are_no_smoother_than_real_ones(crops, setting):
    found = changed(crops, **setting)
    assert found.shape == (6, 32, 20)
    assert not np.array_equal(found, crops[:, :, :20])
    for before, after in zip(crops, found, strict=True):
        assert set(np.unique(after)) <= set(np.unique(before))


def test_stretched_frames_come_at_an_even_pace():
    ramp = np.broadcast_to(np.arange(24, dtype=np.float32), (50, 4, 24))
    found = changed(ramp, stretch=0.2)
    speeds = found[:, 0, -1] / 19
    assert speeds.min() < 0.9
    assert speeds.max() > 1.1
    assert np.abs(found - np.arange(20) * speeds[:, None, None]).max() < 1


def test_shifted_bins_move_together():
    ramp = np.broadcast_to(np.arange(32, dtype=np.float32)[:, None], (50, 32, 24))
    found = changed(ramp, shift_bins=3)[:, 3:-3, 0]
    shifts = found - np.arange(3, 29)
    assert (shifts == shifts[:, :1]).all()
    assert set(shifts[:, 0]) == {-3, -2, -1, 0, 1, 2, 3}


def test_dynamics_scale_the_distance_from_the_loudest_point(crops):
    found = changed(crops, dynamics=0.3)
    for before, after in zip(crops[:, :, :20], found, strict=True):
        depth = before.max() - before
        factors = (before.max() - after)[depth > 1] / depth[depth > 1]
        np.testing.assert_allclose(factors, factors[0], rtol=1e-3)
        assert np.exp(-0.3) <= factors[0] <= np.exp(0.3)


def test_a_narrow_band_is_the_lower_part_and_the_rest_is_still(crops):
    crops = np.concatenate([crops] * 20)
    found = changed(crops, bandwidth=0.5)
    quietest = crops[:, :, :20].min(axis=(1, 2))
    gone = (found == quietest[:, None, None]).all(axis=2)
    assert 0.3 < gone.any(axis=1).mean() < 0.7
    for before, after, missing in zip(crops, found, gone, strict=True):
        kept = len(missing) - missing.sum()
        assert kept >= 24
        assert missing[kept:].all()
        np.testing.assert_array_equal(after[:kept], before[:kept, :20])


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), seconds=st.floats(0.1, 3))
def test_what_is_no_music_is_sound(seed, seconds):
    samples = non_music(np.random.default_rng(seed), seconds, 8000)
    assert samples.shape == (round(seconds * 8000),)
    assert samples.dtype == np.float32
    assert np.abs(samples).max() == pytest.approx(0.5)
    again = non_music(np.random.default_rng(seed), seconds, 8000)
    np.testing.assert_array_equal(samples, again)


def test_a_network_learns_to_be_unsure_of_what_is_no_music():
    """Two "genres" of tones: what is no music gets one of them, or half of each."""
    extractor = make_extractor("logmel-13fps")
    time = np.arange(5 * 22050) / 22050
    frames, names = [], []
    for track in range(8):
        for genre, pitch in (("low", 200), ("high", 3000)):
            tone = np.sin(2 * np.pi * (pitch + 20 * track) * time) * (time * 3 % 1 < 0.5)
            frames.append(extractor.transform((tone + noise(5, seed=track)).astype(np.float32)))
            names.append(genre)
    tracks = FeatureSet.from_frames("logmel-13fps", frames, list(map(str, range(16))), names)
    test = [non_music(np.random.default_rng([7, seed]), 5, 22050) for seed in range(12)]

    def sureness(share):
        trial = recipe(
            augmentation={"non_music": share}, training={"epochs": 20}, optimiser={"averaging": 0.0}
        )
        classifier = Trainer(trial, device="cpu").fit(tracks).classifier
        assert all(
            classifier.predict_frames(f).genre == n for f, n in zip(frames, names, strict=True)
        )
        return np.mean([classifier.predict((sound, 22050)).confidence for sound in test])

    plain, taught = sureness(0), sureness(0.5)
    assert taught < 0.75 < plain
