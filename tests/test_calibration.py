"""Confidence that is worth what it says."""

import dataclasses

import numpy as np
import pytest

from conftest import noise
from genreclf import GenreClassifier, Trainer
from genreclf.evaluation import evaluate
from genreclf.prediction import RULES, at_temperature, softmax
from genreclf.training.calibration import fit_temperature
from test_trainer import features, recipe


@pytest.mark.parametrize("too_sure_by", [0.4, 1.0, 3.0])
def test_the_temperature_undoes_how_much_too_sure_a_network_is(too_sure_by):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 10))
    targets = np.array([rng.choice(10, p=row) for row in softmax(logits)])
    said = softmax(logits * too_sure_by)
    temperature = fit_temperature(said, targets)
    assert temperature == pytest.approx(too_sure_by, rel=0.05)
    np.testing.assert_allclose(at_temperature(said, too_sure_by), softmax(logits), atol=1e-9)


def test_a_temperature_keeps_what_is_certain():
    certain = np.array([[1.0, 0.0], [0.5, 0.5]])
    for temperature in (0.01, 1.0, 100.0):
        np.testing.assert_array_equal(at_temperature(certain, temperature), certain)


def test_certain_and_wrong_is_finite():
    assert 0.05 <= fit_temperature(np.array([[1.0, 0.0]]), np.array([1])) <= 20


def test_training_calibrates_on_the_validation_side(tmp_path):
    """Half of the validation side has the other genre's sound: nobody can be sure."""
    sides = features(), features(6, seed=1, prefix="v")
    genres = list(sides[1].genres)
    confusing = dataclasses.replace(sides[1], genres=tuple(genres[::2] + genres[1::2][::-1]))
    trainer = Trainer(recipe(), device="cpu", output=tmp_path / "model")
    classifier = trainer.fit(sides[0], confusing).classifier
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


def test_without_a_validation_side_confidence_is_the_networks_own():
    config = Trainer(recipe(), device="cpu").fit(features()).classifier.config
    assert config.temperature == 1.0
    assert "calibrated_on" not in config.metadata


def test_the_mean_of_a_tracks_segments_has_a_temperature_of_its_own(classifier):
    song = (noise(30), 22050)
    config = dataclasses.replace(classifier.config, track_temperature=0.5)
    plain = classifier.predict(song)
    for rule in ("mean", "vote", "product"):
        sharper = GenreClassifier(config, classifier.network, rule).predict(song)
        assert sharper.timeline == plain.timeline
        segments = np.array([list(s.probabilities.values()) for s in plain.timeline])
        expected = RULES[rule](segments)
        if rule == "mean":
            expected = expected**2 / (expected**2).sum()
        np.testing.assert_allclose(list(sharper.probabilities.values()), expected)
