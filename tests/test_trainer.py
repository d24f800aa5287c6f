"""Training: that it learns, goes on where it was stopped, and refuses what makes no sense."""

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
from genreclf.datasets import FeatureSet
from genreclf.errors import ConfigError, DatasetError, TrainingError
from genreclf.training import Recipe, recipe_names

RECIPE = {
    "features": {"name": "logmel-13fps", "parameters": {"merge": 4}, "segment_frames": 24},
    "architecture": {
        "name": "dong2018",
        "parameters": {"filters": [4, 4], "pools": [[2, 2], [2, 2]], "dense": 8},
    },
    "optimiser": {"learning_rate": 0.01, "averaging": 0.5},
    "training": {"epochs": 6, "batch_size": 8, "crops": 2},
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
def sides():
    return features(), features(4, seed=1, prefix="v")


def weights(classifier):
    return {k: v.clone() for k, v in classifier.network.module.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_it_learns(sides):
    classifier, history = Trainer(recipe(), device="cpu").fit(*sides)
    assert [record["epoch"] for record in history] == list(range(1, 7))
    assert history[-1]["loss"] < history[0]["loss"]
    assert history[-1]["valid_accuracy"] == 1.0
    assert classifier.labels == ("high", "low")


def test_what_it_writes_loads(sides, tmp_path):
    output = tmp_path / "run"
    classifier, history = Trainer(recipe(), device="cpu", output=output).fit(*sides)
    loaded = GenreClassifier.from_pretrained(output, runtime="torch")
    assert same(weights(loaded), weights(classifier))
    log = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    assert log == list(history)


@pytest.mark.parametrize(
    "tables",
    [
        {"optimiser": {"name": "adadelta", "learning_rate": 1.0, "decay": 1e-5,
                       "l2": {"conv1": 0.01, "hidden": 0.02}}},
        {"optimiser": {"schedule": "one-cycle", "weight_decay": 0.01, "clip_norm": 1.0}},
        {"optimiser": {"schedule": "cosine"}, "training": {"class_weights": True}},
        {"training": {"label_smoothing": 0.1, "keep": "best"}},
        {"augmentation": {"gain_db": 6, "equalisation_db": 3, "mask_bins": 4, "mask_frames": 4,
                          "stretch": 0.2, "shift_bins": 2, "dynamics": 0.2, "mixup": 0.3}},
        {"augmentation": {"non_music": 0.25}},
    ],
)  # fmt: skip
def test_every_setting_trains(sides, tables):
    _, history = Trainer(recipe(**tables), device="cpu").fit(*sides)
    assert history[-1]["loss"] < history[0]["loss"]


def test_gradients_that_overflow_are_skipped(sides, monkeypatch):
    """As fp16 has it on a GPU: the loss is scaled, at first by too much."""

    def scaling(trainer):
        accelerator = Accelerator(cpu=True)
        accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
        return accelerator

    monkeypatch.setattr(Trainer, "_accelerator", scaling)
    classifier, history = Trainer(recipe(), device="cpu").fit(*sides)
    assert history[-1]["loss"] < history[0]["loss"]
    assert all(torch.isfinite(tensor).all() for tensor in weights(classifier).values())


def test_balance_draws_rare_genres_as_often():
    """One track of "high" against 15 of "low": what is trained on shows in the prior."""
    tracks = features(16).subset([0, *range(16, 31)])
    shared = np.zeros_like(tracks.data)
    nothing_to_hear = dataclasses.replace(tracks, data=shared)

    def of_rare(balance):
        settings = recipe(training={"balance": balance, "epochs": 30, "crops": 4})
        classifier = Trainer(settings, device="cpu").fit(nothing_to_hear).classifier
        return classifier.predict_frames(nothing_to_hear.frames(0)).probabilities["high"]

    assert of_rare(0.0) < 0.2
    assert of_rare(1.0) == pytest.approx(0.5, abs=0.1)


def test_the_seed_decides(sides):
    runs = [Trainer(recipe(), device="cpu", seed=s).fit(*sides).classifier for s in (1, 1, 2)]
    assert same(weights(runs[0]), weights(runs[1]))
    assert not same(weights(runs[0]), weights(runs[2]))


class StoppedError(Exception):
    pass


def test_a_stopped_run_goes_on_to_the_same_weights(sides, tmp_path):
    settings = recipe(
        optimiser={"schedule": "one-cycle"},
        augmentation={"mixup": 0.3, "mask_bins": 4},
        training={"keep": "best"},
    )
    straight = Trainer(settings, device="cpu", output=tmp_path / "a").fit(*sides)

    def stop(record):
        if record["epoch"] == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        Trainer(settings, device="cpu", output=tmp_path / "b", progress=stop).fit(*sides)
    resumed = Trainer(settings, device="cpu", output=tmp_path / "b", resume=True).fit(*sides)
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


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path):
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


def test_another_run_is_not_overwritten(sides, tmp_path):
    Trainer(recipe(), device="cpu", output=tmp_path).fit(*sides)
    with pytest.raises(TrainingError, match="holds a run already"):
        Trainer(recipe(), device="cpu", output=tmp_path).fit(*sides)
    with pytest.raises(TrainingError, match="another seed"):
        Trainer(recipe(), device="cpu", output=tmp_path, seed=9, resume=True).fit(*sides)


def test_a_damaged_checkpoint_is_named(sides, tmp_path):
    Trainer(recipe(), device="cpu", output=tmp_path).fit(*sides)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(TrainingError, match="damaged"):
        Trainer(recipe(), device="cpu", output=tmp_path, resume=True).fit(*sides)


def test_a_diverged_run_stops_and_keeps_its_checkpoint(sides, tmp_path):
    wild = recipe(optimiser={"learning_rate": 1e30, "averaging": 0.0})
    with pytest.raises(TrainingError, match="diverged"):
        Trainer(wild, device="cpu", output=tmp_path).fit(*sides)


def test_a_full_disk_is_an_error_and_keeps_the_checkpoint(sides, tmp_path, monkeypatch):
    from genreclf.training import checkpoint

    write = checkpoint.save_file
    calls = []

    def full_at_the_third(tensors, path, metadata):
        calls.append(path)
        write(tensors, path, metadata)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full_at_the_third)
    with pytest.raises(TrainingError, match="No space left on device"):
        Trainer(recipe(), device="cpu", output=tmp_path).fit(*sides)
    monkeypatch.undo()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint.safetensors", "log.jsonl"]
    resumed = Trainer(recipe(), device="cpu", output=tmp_path, resume=True).fit(*sides)
    assert len(resumed.history) == 6


def test_patience_stops_early(sides):
    settings = recipe(training={"epochs": 50, "patience": 2, "keep": "best"})
    history = Trainer(settings, device="cpu").fit(*sides).history
    assert len(history) < 50
    best = int(np.argmax([record["valid_accuracy"] for record in history]))
    assert len(history) == best + 3


def test_the_papers_rule_stops_on_a_plateau(sides):
    settings = recipe(training={"epochs": 100, "plateau_round": 20})
    history = Trainer(settings, device="cpu").fit(*sides).history
    assert len(history) in (20, 40)


def test_sets_that_do_not_fit_are_refused(sides):
    train, valid = sides
    trainer = Trainer(recipe(), device="cpu")
    with pytest.raises(DatasetError, match="on both sides"):
        trainer.fit(train, train)
    with pytest.raises(DatasetError, match="no track of low on the validation side"):
        trainer.fit(train, valid.subset([0, 1]))
    with pytest.raises(DatasetError, match="only one genre"):
        trainer.fit(features(genres=("high",)))
    with pytest.raises(DatasetError, match="labels of the validation side"):
        trainer.fit(train, features(2, genres=("high", "low", "odd"), prefix="x"))
    with pytest.raises(DatasetError, match="needs a validation side"):
        Trainer(recipe(training={"keep": "best"}), device="cpu").fit(train)
    with pytest.raises(DatasetError, match="extract them again"):
        Trainer(recipe(features={"parameters": {"hop_length": 512}}), device="cpu").fit(train)


def test_absent_devices_and_layers_are_named(sides):
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="cuda"):
            Trainer(recipe(), device="cuda").fit(*sides)
    with pytest.raises(ConfigError, match="no layer 'conv9'"):
        Trainer(recipe(optimiser={"l2": {"conv9": 0.1}}), device="cpu").fit(*sides)


def test_packaged_recipes_are_valid():
    assert "short-chunk" in recipe_names()
    for name in recipe_names():
        assert Recipe.load(name).description


def test_a_recipe_survives_its_own_form():
    loaded = Recipe.load("dong2018-13fps")
    assert Recipe.from_dict(json.loads(json.dumps(loaded.to_dict()))) == loaded
    assert dataclasses.replace(loaded) == loaded


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[training]\nepochs = 0", "training.epochs must be above 0"),
        ("[training]\nepochs = 'many'", "epochs must be of type int"),
        ("[training]\nepoch = 3", "unknown epoch"),
        ("[trainings]", "unknown trainings"),
        ("training = 3", "training must be a table"),
        ("[optimiser]\nname = 'sgdd'", "adamw, adadelta"),
        ("[optimiser]\naveraging = 1.0", "averaging"),
        ("[augmentation]\nmixup = -1.0", "mixup must not be negative"),
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
