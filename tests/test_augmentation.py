"""Random changes to training segments, and synthetic non-music."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import noise
from genreclf import Trainer
from genreclf.data import FeatureSet
from genreclf.features import make_extractor
from genreclf.recipe import AugmentationSettings
from genreclf.training.augmentation import augment, required_frames
from genreclf.training.loader import SegmentLoader
from genreclf.training.outlier_exposure import synthesize_non_music
from test_trainer import features, recipe


def one_batch(tracks, **augmentation):
    """Make one batch of two segments of each track, not normalized, always of the same frames."""
    trial = recipe(augmentation=augmentation, training={"batch_size": 1000})
    extractor = make_extractor("logmel-13fps", top_db=None, normalization="none", segment_frames=24)
    (batch,) = SegmentLoader(tracks, extractor, trial).epoch(np.random.default_rng(0))
    return batch


def test_an_epoch_has_some_segments_of_each_track():
    trial = recipe(training={"batch_size": 10, "segments_per_track": 3})
    loader = SegmentLoader(features(), make_extractor("logmel-13fps", segment_frames=24), trial)
    batches = list(loader.epoch(np.random.default_rng(0)))
    assert len(batches) == len(loader) == 5
    assert {len(batch.segments) for batch in batches} == {9, 10}
    assert {batch.segments.shape[1:] for batch in batches} == {(128, 24)}
    assert sum(batch.targets.sum(axis=0) for batch in batches).tolist() == [24, 24]


def test_gain_moves_a_segment_as_a_whole():
    plain, louder = one_batch(features()), one_batch(features(), gain_db=6)
    gains = louder.segments - plain.segments
    assert np.ptp(gains, axis=(1, 2)).max() < 1e-4
    assert -6 <= gains.min() < -3
    assert 3 < gains.max() <= 6


def test_equalization_adds_a_smooth_curve():
    """Its discrete cosine transform has the first coefficients alone."""
    from scipy.fft import dct

    plain, colored = one_batch(features(32)), one_batch(features(32), equalization_db=3)
    curves = colored.segments - plain.segments
    assert np.ptp(curves, axis=2).max() < 1e-4
    amplitudes = dct(curves[:, :, 0], axis=1) / 128
    assert amplitudes[:, 1:5].std() == pytest.approx(3, rel=0.15)
    assert np.abs(amplitudes[:, [0, *range(5, 128)]]).max() < 1e-4


@pytest.mark.parametrize(("setting", "axis"), [("mask_bins", 1), ("mask_frames", 2)])
def test_masks_hide_a_span_of_bins_or_frames(setting, axis):
    plain, masked = one_batch(features(32)), one_batch(features(32), **{setting: 8})
    hidden = (masked.segments == 0).all(axis=3 - axis)
    kept = np.broadcast_to(~np.expand_dims(hidden, 3 - axis), plain.segments.shape)
    np.testing.assert_array_equal(masked.segments[kept], plain.segments[kept])
    widths = hidden.sum(axis=1)
    assert set(widths) == set(range(9))
    for row, width in zip(hidden, widths, strict=True):
        first = row.argmax()
        assert row[first : first + width].all()


def test_mixup_blends_targets_as_it_blends_segments():
    """Segments of one genre are all 1, of the other all 0, and so is the first target."""
    frames = [np.full((128, 30), value, np.float32) for value in (1, 0) * 16]
    ids, genres = list(map(str, range(32))), ["a", "b"] * 16
    batch = one_batch(FeatureSet.from_frames("logmel-13fps", frames, ids, genres), mixup=0.5)
    np.testing.assert_allclose(batch.segments.mean(axis=(1, 2)), batch.targets[:, 0], atol=1e-6)
    np.testing.assert_allclose(batch.targets.sum(axis=1), 1, atol=1e-6)
    assert ((batch.targets > 0.1) & (batch.targets < 0.9)).any()


def test_outlier_exposure_adds_segments_that_are_of_no_genre():
    batch = one_batch(features(), outlier_exposure=0.25)
    assert len(batch.segments) == 32 + 8
    assert set(batch.targets[:32].ravel()) == {0, 1}
    assert set(batch.targets[32:].ravel()) == {0.5}


def augmented(segments, length=20, seed=0, **settings):
    augmentation = AugmentationSettings(**settings)
    assert segments.shape[2] >= required_frames(augmentation, length)
    return augment(segments, length, augmentation, np.random.default_rng(seed))


@pytest.fixture
def segments():
    return np.random.default_rng(1).normal(-40, 8, (6, 32, 24)).astype(np.float32)


@pytest.mark.parametrize("setting", [{"time_stretch": 0.2}, {"pitch_shift_bins": 3}])
def test_resampled_frames_are_no_smoother_than_real_ones(segments, setting):
    found = augmented(segments, **setting)
    assert found.shape == (6, 32, 20)
    assert not np.array_equal(found, segments[:, :, :20])
    for before, after in zip(segments, found, strict=True):
        assert set(np.unique(after)) <= set(np.unique(before))


def test_stretched_frames_come_at_an_even_pace():
    ramp = np.broadcast_to(np.arange(24, dtype=np.float32), (50, 4, 24))
    found = augmented(ramp, time_stretch=0.2)
    speeds = found[:, 0, -1] / 19
    assert speeds.min() < 0.9
    assert speeds.max() > 1.1
    assert np.abs(found - np.arange(20) * speeds[:, None, None]).max() < 1


def test_shifted_bins_move_together():
    ramp = np.broadcast_to(np.arange(32, dtype=np.float32)[:, None], (50, 32, 24))
    found = augmented(ramp, pitch_shift_bins=3)[:, 3:-3, 0]
    shifts = found - np.arange(3, 29)
    assert (shifts == shifts[:, :1]).all()
    assert set(shifts[:, 0]) == {-3, -2, -1, 0, 1, 2, 3}


def test_dynamics_scale_the_distance_from_the_loudest_point(segments):
    found = augmented(segments, dynamics=0.3)
    for before, after in zip(segments[:, :, :20], found, strict=True):
        depth = before.max() - before
        factors = (before.max() - after)[depth > 1] / depth[depth > 1]
        np.testing.assert_allclose(factors, factors[0], rtol=1e-3)
        assert np.exp(-0.3) <= factors[0] <= np.exp(0.3)


def test_bandwidth_removes_the_bins_above_a_cutoff(segments):
    segments = np.concatenate([segments] * 20)
    found = augmented(segments, bandwidth=0.5)
    quietest = segments[:, :, :20].min(axis=(1, 2))
    gone = (found == quietest[:, None, None]).all(axis=2)
    assert 0.3 < gone.any(axis=1).mean() < 0.7
    for before, after, missing in zip(segments, found, gone, strict=True):
        kept = len(missing) - missing.sum()
        assert kept >= 24
        assert missing[kept:].all()
        np.testing.assert_array_equal(after[:kept], before[:kept, :20])


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), seconds=st.floats(0.1, 3))
def test_synthetic_non_music_is_sound(seed, seconds):
    samples = synthesize_non_music(np.random.default_rng(seed), seconds, 8000)
    assert samples.shape == (round(seconds * 8000),)
    assert samples.dtype == np.float32
    assert np.abs(samples).max() == pytest.approx(0.5)
    again = synthesize_non_music(np.random.default_rng(seed), seconds, 8000)
    np.testing.assert_array_equal(samples, again)


def test_outlier_exposure_lowers_the_confidence_for_non_music():
    """Two "genres" of tones: without it, noise is one of them with high confidence."""
    extractor = make_extractor("logmel-13fps")
    time = np.arange(5 * 22050) / 22050
    frames, names = [], []
    for track in range(8):
        for genre, pitch in (("low", 200), ("high", 3000)):
            tone = np.sin(2 * np.pi * (pitch + 20 * track) * time) * (time * 3 % 1 < 0.5)
            frames.append(extractor.transform((tone + noise(5, seed=track)).astype(np.float32)))
            names.append(genre)
    tracks = FeatureSet.from_frames("logmel-13fps", frames, list(map(str, range(16))), names)
    test = [synthesize_non_music(np.random.default_rng([7, seed]), 5, 22050) for seed in range(12)]

    def mean_confidence(share):
        trial = recipe(
            augmentation={"outlier_exposure": share},
            training={"epochs": 20},
            optimizer={"ema_decay": 0.0},
        )
        classifier = Trainer(trial, device="cpu").fit(tracks).classifier
        assert all(
            classifier.predict_frames(f).genre == n for f, n in zip(frames, names, strict=True)
        )
        return np.mean([classifier.predict((sound, 22050)).confidence for sound in test])

    plain, exposed = mean_confidence(0), mean_confidence(0.5)
    assert exposed < 0.75 < plain
