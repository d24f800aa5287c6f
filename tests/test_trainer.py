"""Training: that it learns, resumes, and refuses data and recipes that do not fit."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file

from genreclf import GenreClassifier, Trainer
from genreclf.data import FeatureSet
from genreclf.errors import ConfigError, DatasetError, TrainingError
from genreclf.plugins import registry
from genreclf.training import Recipe

RECIPE = {
    "features": {"name": "logmel-13fps", "parameters": {"pool_bins": 4, "segment_frames": 24}},
    "architecture": {
        "name": "dong2018",
        "parameters": {"filters": [4, 4], "pools": [[2, 2], [2, 2]], "dense": 8},
    },
    "optimizer": {"learning_rate": 0.01, "ema_decay": 0.5},
    "training": {"epochs": 6, "batch_size": 8, "segments_per_track": 2},
}


def recipe(**tables):
    merged = {key: {**RECIPE.get(key, {}), **tables.get(key, {})} for key in {*RECIPE, *tables}}
    return Recipe.from_dict(merged)


def features(per_genre=8, seed=0, genres=("high", "low"), prefix=""):
    """Tracks whose energy lies high or low."""
    rng = np.random.default_rng(seed)
    frames, ids, labels = [], [], []
    for label, genre in enumerate(genres):
        for track in range(per_genre):
            slope = (np.linspace(-10, 10, 128) * (1 - 2 * label))[:, None]
            frames.append((rng.normal(-40, 5, (128, 60)) + slope).astype(np.float32))
            ids.append(f"{prefix}{genre}.{track}")
            labels.append(genre)
    return FeatureSet.from_frames("logmel-13fps", frames, ids, labels)


@pytest.fixture(scope="module")
def sets():
    return features(), features(4, seed=1, prefix="v")


def weights(classifier):
    return {k: v.clone() for k, v in classifier.network.module.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_it_learns(sets):
    classifier, history = Trainer(recipe(), device="cpu").fit(*sets)
    assert [record["epoch"] for record in history] == list(range(1, 7))
    assert history[-1]["loss"] < history[0]["loss"]
    assert history[-1]["valid_accuracy"] == 1.0
    assert classifier.labels == ("high", "low")


def test_what_it_writes_loads(sets, tmp_path):
    output = tmp_path / "run"
    classifier, history = Trainer(recipe(), device="cpu", output=output).fit(*sets)
    loaded = GenreClassifier.from_pretrained(output, runtime="torch")
    assert same(weights(loaded), weights(classifier))
    log = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    assert log == list(history)


@pytest.mark.parametrize(
    "tables",
    [
        {"optimizer": {"name": "adadelta", "learning_rate": 1.0, "learning_rate_decay": 1e-5,
                       "l2": {"conv1": 0.01, "hidden": 0.02}}},
        {"optimizer": {"schedule": "one-cycle", "weight_decay": 0.01, "max_grad_norm": 1.0}},
        {"optimizer": {"schedule": "cosine"}, "training": {"class_balance": 0.5}},
        {"training": {"label_smoothing": 0.1, "keep": "best"}},
        {"augmentation": {"gain_db": 6, "equalization_db": 3, "mask_bins": 4, "mask_frames": 4,
                          "time_stretch": 0.2, "pitch_shift_bins": 2, "dynamics": 0.2,
                          "mixup": 0.3}},
        {"augmentation": {"outlier_exposure": 0.25}},
    ],
)  # fmt: skip
def test_every_setting_trains(sets, tables):
    _, history = Trainer(recipe(**tables), device="cpu").fit(*sets)
    assert history[-1]["loss"] < history[0]["loss"]


def test_gradients_that_overflow_are_skipped(sets, monkeypatch):
    """As with fp16 on a GPU: the loss is scaled, at first by too much."""

    def scaling(trainer):
        accelerator = Accelerator(cpu=True)
        accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
        return accelerator

    monkeypatch.setattr(Trainer, "_accelerator", scaling)
    classifier, history = Trainer(recipe(), device="cpu").fit(*sets)
    assert history[-1]["loss"] < history[0]["loss"]
    assert all(torch.isfinite(tensor).all() for tensor in weights(classifier).values())


def test_class_balance_draws_rare_genres_as_often():
    """One track of "high" against 15 of "low": what is trained on shows in the prior."""
    tracks = features(16).subset([0, *range(16, 31)])
    equal_tracks = dataclasses.replace(tracks, data=np.zeros_like(tracks.data))

    def probability_of_rare(balance):
        settings = recipe(
            training={"class_balance": balance, "epochs": 30, "segments_per_track": 4}
        )
        classifier = Trainer(settings, device="cpu").fit(equal_tracks).classifier
        return classifier.predict_frames(equal_tracks.frames(0)).probabilities["high"]

    assert probability_of_rare(0.0) < 0.2
    assert probability_of_rare(1.0) == pytest.approx(0.5, abs=0.1)


def test_the_seed_decides(sets):
    runs = [Trainer(recipe(), device="cpu", seed=s).fit(*sets).classifier for s in (1, 1, 2)]
    assert same(weights(runs[0]), weights(runs[1]))
    assert not same(weights(runs[0]), weights(runs[2]))


class StoppedError(Exception):
    pass


def test_a_resumed_run_ends_with_the_same_weights(sets, tmp_path):
    settings = recipe(
        optimizer={"schedule": "one-cycle"},
        augmentation={"mixup": 0.3, "mask_bins": 4},
        training={"keep": "best"},
    )
    straight = Trainer(settings, device="cpu", output=tmp_path / "a").fit(*sets)

    def stop(record):
        if record["epoch"] == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        Trainer(settings, device="cpu", output=tmp_path / "b", progress=stop).fit(*sets)
    resumed = Trainer(settings, device="cpu", output=tmp_path / "b", resume=True).fit(*sets)
    assert same(weights(straight.classifier), weights(resumed.classifier))
    assert [r["epoch"] for r in resumed.history] == [r["epoch"] for r in straight.history]


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[2])
import torch
torch.set_num_threads(1)
from test_trainer import features, recipe
from genreclf import Trainer
settings = recipe(training={"epochs": 30})
Trainer(settings, device="cpu", output=sys.argv[1], resume=True).fit(
    features(), features(4, seed=1, prefix="v")
)
"""


def test_a_killed_and_resumed_run_ends_with_the_same_weights(tmp_path):
    """With a real SIGKILL, twice, wherever it hits."""
    here = str(Path(__file__).parent)

    def command(output):
        return [sys.executable, "-c", SCRIPT, str(output), here]

    subprocess.run(command(tmp_path / "straight"), check=True)
    killed = tmp_path / "killed"
    for epochs in (3, 9):
        process = subprocess.Popen(command(killed))
        log = killed / "log.jsonl"
        while process.poll() is None:
            if log.exists() and len(log.read_text().splitlines()) >= epochs:
                os.kill(process.pid, signal.SIGKILL)
                break
            time.sleep(0.002)
        assert process.wait() == -signal.SIGKILL
        assert not (killed / "model.safetensors").exists()
    subprocess.run(command(killed), check=True)
    found, expected = (
        load_file(folder / "model.safetensors") for folder in (killed, tmp_path / "straight")
    )
    assert same(found, expected)


def test_another_run_is_not_overwritten(sets, tmp_path):
    Trainer(recipe(), device="cpu", output=tmp_path).fit(*sets)
    with pytest.raises(TrainingError, match="already holds a run"):
        Trainer(recipe(), device="cpu", output=tmp_path).fit(*sets)
    with pytest.raises(TrainingError, match="another seed"):
        Trainer(recipe(), device="cpu", output=tmp_path, seed=9, resume=True).fit(*sets)


def test_a_damaged_checkpoint_is_named(sets, tmp_path):
    Trainer(recipe(), device="cpu", output=tmp_path).fit(*sets)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(TrainingError, match="damaged"):
        Trainer(recipe(), device="cpu", output=tmp_path, resume=True).fit(*sets)


def test_a_diverged_run_stops_and_keeps_its_checkpoint(sets, tmp_path):
    wild = recipe(optimizer={"learning_rate": 1e30, "ema_decay": 0.0})
    with pytest.raises(TrainingError, match="diverged"):
        Trainer(wild, device="cpu", output=tmp_path).fit(*sets)


def test_a_full_disk_is_an_error_and_keeps_the_checkpoint(sets, tmp_path, monkeypatch):
    def full_in_the_third_epoch(descriptor):
        written.append(descriptor)
        if len(written) == 5:  # a checkpoint and a log for each epoch
            raise OSError(28, "No space left on device")

    written = []
    monkeypatch.setattr("genreclf.files.os.fsync", full_in_the_third_epoch)
    with pytest.raises(TrainingError, match="No space left on device"):
        Trainer(recipe(), device="cpu", output=tmp_path).fit(*sets)
    monkeypatch.undo()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint.safetensors", "log.jsonl"]
    resumed = Trainer(recipe(), device="cpu", output=tmp_path, resume=True).fit(*sets)
    assert len(resumed.history) == 6


def test_sets_that_do_not_fit_are_refused(sets):
    train, valid = sets
    trainer = Trainer(recipe(), device="cpu")
    with pytest.raises(DatasetError, match="both the training and the validation set"):
        trainer.fit(train, train)
    with pytest.raises(DatasetError, match="no track of low in the validation set"):
        trainer.fit(train, valid.subset([0, 1]))
    with pytest.raises(DatasetError, match="only one genre"):
        trainer.fit(features(genres=("high",)))
    with pytest.raises(DatasetError, match="labels of the validation set"):
        trainer.fit(train, features(2, genres=("high", "low", "odd"), prefix="x"))
    with pytest.raises(DatasetError, match="needs a validation set"):
        Trainer(recipe(training={"keep": "best"}), device="cpu").fit(train)
    with pytest.raises(DatasetError, match="extract them again"):
        Trainer(recipe(features={"parameters": {"hop_length": 512}}), device="cpu").fit(train)


def test_absent_devices_and_layers_are_named(sets):
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="cuda"):
            Trainer(recipe(), device="cuda").fit(*sets)
    with pytest.raises(ConfigError, match="no layer 'conv9'"):
        Trainer(recipe(optimizer={"l2": {"conv9": 0.1}}), device="cpu").fit(*sets)


def test_packaged_recipes_are_valid():
    for name in registry().names("recipes"):
        assert Recipe.load(name).description


def test_a_recipe_survives_json():
    loaded = Recipe.load("dong2018-13fps")
    assert Recipe.from_dict(json.loads(json.dumps(loaded.to_dict()))) == loaded
    assert dataclasses.replace(loaded) == loaded


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[training]\nepochs = 0", "epochs must be a whole number, at least 1"),
        ("[training]\nepochs = 'many'", r"\[training\]: epochs must be a whole number"),
        ("[training]\nepoch = 3", "unknown epoch"),
        ("[trainings]", "unknown trainings"),
        ("training = 3", r"\[training\] must be a table"),
        ("[optimizer]\nname = 'sgdd'", "'adamw', 'adadelta'"),
        ("[optimizer]\naveraging = 1.0", "ema_decay"),
        ("[augmentation]\nmixup = -1.0", "mixup must be a number, at least 0"),
        ("[", "not valid TOML"),
    ],
)
def test_wrong_recipes_are_explained(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        Recipe.load(path)


def test_absent_recipes_are_named(tmp_path):
    with pytest.raises(ConfigError, match="short-chunk"):
        Recipe.load("no-such-recipe")
    with pytest.raises(ConfigError, match="cannot be read"):
        Recipe.load(tmp_path / "absent.toml")
