"""Confidence that is worth what it says."""

import dataclasses

import numpy as np
import pytest

from genreclf import GenreClassifier, Trainer
from genreclf.evaluation import evaluate
from genreclf.prediction import softmax
from genreclf.training.calibration import fit_temperature
from test_trainer import features, recipe


@pytest.mark.parametrize("too_sure_by", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("segments", [1, 5])
def test_the_temperature_undoes_how_much_too_sure_a_network_is(too_sure_by, segments):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 1, 10)).repeat(segments, axis=1)
    true = softmax(logits[:, 0])
    targets = np.array([rng.choice(10, p=row) for row in true])
    said = list(softmax(logits * too_sure_by))
    assert fit_temperature(said, targets) == pytest.approx(too_sure_by, rel=0.05)


def test_certain_and_wrong_is_finite():
    assert 0.05 <= fit_temperature([np.array([[1.0, 0.0]])], np.array([1])) <= 20


def test_training_calibrates_on_the_validation_side(tmp_path):
    """Half of the validation side has the other genre's sound: nobody can be sure."""
    sides = features(), features(6, seed=1, prefix="v")
    genres = list(sides[1].genres)
    confusing = dataclasses.replace(sides[1], genres=tuple(genres[::2] + genres[1::2][::-1]))
    trainer = Trainer(recipe(), device="cpu", output=tmp_path / "model")
    classifier = trainer.fit(sides[0], confusing).classifier
    plain = GenreClassifier(
        dataclasses.replace(classifier.config, temperature=1.0), classifier.network
    )
    before, after = (evaluate(c, confusing).scores for c in (plain, classifier))
    assert classifier.config.temperature > 1
    assert after.log_loss < before.log_loss
    assert after.accuracy == before.accuracy
    stored = GenreClassifier.from_pretrained(tmp_path / "model").config
    assert stored.temperature == classifier.config.temperature
    assert stored.metadata["calibrated_on"] == "12 validation tracks"


def test_without_a_validation_side_confidence_is_the_networks_own():
    config = Trainer(recipe(), device="cpu").fit(features()).classifier.config
    assert config.temperature == 1.0
    assert "calibrated_on" not in config.metadata
