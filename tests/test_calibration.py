"""Calibration: a confidence of 0.8 means that 80 % are correct."""

import dataclasses

import numpy as np
import pytest

from conftest import noise
from genreclf import GenreClassifier, Trainer
from genreclf.data import FeatureSet
from genreclf.evaluation import evaluate
from genreclf.inference import AGGREGATIONS, scale_temperature, softmax
from genreclf.training.calibration import fit_temperature
from test_trainer import features, recipe


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_the_temperature_undoes_a_factor_of_the_logits(factor):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 10))
    targets = np.array([rng.choice(10, p=row) for row in softmax(logits)])
    probabilities = softmax(logits * factor)
    temperature = fit_temperature(probabilities, targets)
    assert temperature == pytest.approx(factor, rel=0.05)
    np.testing.assert_allclose(scale_temperature(probabilities, factor), softmax(logits), atol=1e-9)


def test_a_temperature_keeps_certain_and_equal_probabilities():
    certain = np.array([[1.0, 0.0], [0.5, 0.5]])
    for temperature in (0.01, 1.0, 100.0):
        np.testing.assert_array_equal(scale_temperature(certain, temperature), certain)


def test_a_certain_and_wrong_prediction_gives_a_finite_temperature():
    assert 0.05 <= fit_temperature(np.array([[1.0, 0.0]]), np.array([1])) <= 20


def test_training_calibrates_on_the_validation_set(tmp_path):
    """Half of the validation tracks sound like the other genre, so confidence must fall."""
    valid = features(6, seed=1, prefix="v")
    genres = valid.genres[::2] + valid.genres[1::2][::-1]
    confusing = FeatureSet.from_frames(
        valid.features, [valid.frames(i) for i in range(12)], valid.ids, genres
    )
    trainer = Trainer(recipe(), device="cpu", output=tmp_path / "model")
    classifier = trainer.fit(features(), confusing).classifier
    plain = GenreClassifier(
        dataclasses.replace(classifier.config, temperature=1.0, track_temperature=1.0),
        classifier.network,
    )
    before, after = (evaluate(c, confusing).scores for c in (plain, classifier))
    assert classifier.config.temperature > 1
    assert after.log_loss < before.log_loss
    assert after.accuracy == before.accuracy
    stored = GenreClassifier.from_pretrained(tmp_path / "model").config
    assert stored.temperature == classifier.config.temperature
    assert stored.track_temperature == classifier.config.track_temperature
    assert stored.metadata["calibrated_on"] == "12 validation tracks"


def test_without_a_validation_set_the_temperature_is_1():
    config = Trainer(recipe(), device="cpu").fit(features()).classifier.config
    assert config.temperature == 1.0
    assert "calibrated_on" not in config.metadata


def test_the_track_temperature_applies_to_soft_voting_only(classifier):
    song = (noise(30), 22050)
    config = dataclasses.replace(classifier.config, track_temperature=0.5)
    plain = classifier.predict(song)
    for name in ("soft", "hard", "geometric"):
        sharper = GenreClassifier(config, classifier.network, name).predict(song)
        assert sharper.timeline == plain.timeline
        segments = np.array([list(s.probabilities.values()) for s in plain.timeline])
        expected = AGGREGATIONS[name](segments)
        if name == "soft":
            expected = expected**2 / (expected**2).sum()
        np.testing.assert_allclose(list(sharper.probabilities.values()), expected)
