"""What each training option does to the gradient, the weights or the epochs."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from genreclf import Trainer
from genreclf.data import FeatureSet
from test_trainer import RECIPE, features, recipe, same, weights

TRAIN, VALID = features(), features(4, seed=1, prefix="v")


class Step(NamedTuple):
    """A step of the optimizer, with the weights before and after it."""

    rate: float
    gradient_norm: float
    before: list[torch.Tensor]
    after: list[torch.Tensor]


@pytest.fixture
def steps():
    """Record every step while a test runs."""
    recorded, started = [], []

    def parameters(optimizer):
        return [p for group in optimizer.param_groups for p in group["params"]]

    def copies(optimizer):
        return [p.detach().clone() for p in parameters(optimizer)]

    def before(optimizer, args, kwargs):
        norm = torch.cat([p.grad.flatten() for p in parameters(optimizer)]).norm()
        started.append((optimizer.param_groups[0]["lr"], float(norm), copies(optimizer)))

    def after(optimizer, args, kwargs):
        recorded.append(Step(*started.pop(), copies(optimizer)))

    hooks = register_optimizer_step_pre_hook(before), register_optimizer_step_post_hook(after)
    yield recorded
    for hook in hooks:
        hook.remove()


def train(*sets, **tables):
    """Train on the CPU; the moving average of the shared recipe is off unless asked for."""
    tables["optimizer"] = {"ema_decay": 0.0, **tables.get("optimizer", {})}
    return Trainer(recipe(**tables), device="cpu").fit(*sets)


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        ({}, lambda i: 0.01),
        ({"learning_rate_decay": 0.5}, lambda i: 0.01 / (1 + 0.5 * i)),
        ({"schedule": "cosine"}, lambda i: 0.005 * (1 + np.cos(np.pi * i / 24))),
        (
            {"schedule": "one-cycle"},
            lambda i: (
                [0.01 / 24, 0.01 / 2.4, 0.02 / 2.4][i]
                if i < 3
                else 0.005 * (1 + np.cos(np.pi * (i - 2.4) / 21.6))
            ),
        ),
    ],
)
def test_the_schedule_gives_each_steps_learning_rate(steps, optimizer, expected):
    train(TRAIN, optimizer=optimizer)
    rates = [step.rate for step in steps]
    np.testing.assert_allclose(rates, [expected(i) for i in range(24)])


def test_the_gradient_is_clipped_to_its_maximum_norm(steps):
    train(TRAIN)
    free = [step.gradient_norm for step in steps]
    steps.clear()
    train(TRAIN, optimizer={"max_grad_norm": 0.05})
    clipped = [step.gradient_norm for step in steps]
    assert max(free) > 0.1
    assert max(clipped) == pytest.approx(0.05, rel=1e-3)


def test_the_model_gets_the_moving_average_of_the_weights(steps):
    """The decay starts at 0.1, so that 24 steps forget the random initial weights."""
    classifier = train(TRAIN, optimizer={"ema_decay": 0.9}).classifier
    average = steps[0].before
    for index, step in enumerate(steps):
        decay = min(0.9, (1 + index) / (10 + index))
        average = [
            decay * mean + (1 - decay) * weight
            for mean, weight in zip(average, step.after, strict=True)
        ]
    parameters = list(classifier.network.module.parameters())
    # The optimizer has the weights first, then biases and normalization layers.
    parameters.sort(key=lambda p: p.ndim <= 1)
    for parameter, mean, last in zip(parameters, average, steps[-1].after, strict=True):
        torch.testing.assert_close(parameter.detach(), mean)
        assert not torch.equal(mean, last)


def test_label_smoothing_bounds_the_loss_and_the_confidence():
    """With 0.4 on two genres the best probability is 0.8, whose entropy is 0.5 nats."""
    plain, smooth = (
        train(TRAIN, training={"label_smoothing": amount, "epochs": 12}) for amount in (0.0, 0.4)
    )
    assert plain.history[-1]["loss"] < 0.1
    assert min(record["loss"] for record in smooth.history) >= 0.5004

    def confidence(result):
        return np.mean(
            [result.classifier.predict_frames(TRAIN.frames(i)).confidence for i in range(16)]
        )

    assert confidence(plain) > 0.95
    assert confidence(smooth) == pytest.approx(0.8, abs=0.07)


def test_l2_adds_squared_weights_to_the_loss(steps):
    tables = {"training": {"epochs": 1, "batch_size": 32}}
    plain = train(TRAIN, **tables).history[0]["loss"]
    penalized = train(TRAIN, optimizer={"l2": {"conv1": 0.5, "hidden": 0.25}}, **tables)
    module = penalized.classifier.network.module
    shapes = {getattr(module, name).weight.shape: name for name in ("conv1", "hidden")}
    squares = {shapes.get(w.shape): float(w.square().sum()) for w in steps[0].before}
    expected = 0.5 * squares["conv1"] + 0.25 * squares["hidden"]
    assert penalized.history[0]["loss"] - plain == pytest.approx(expected, rel=1e-4)


def test_weight_decay_shrinks_weights_but_not_biases(steps):
    """Decoupled: each step multiplies by ``1 - rate * decay``, whatever the gradient."""
    tables = {"training": {"epochs": 1, "batch_size": 32}}
    for decay in (0.0, 0.5):
        train(TRAIN, optimizer={"weight_decay": decay}, **tables)
    free, decayed = steps
    for before, without, shrunk in zip(free.before, free.after, decayed.after, strict=True):
        factor = 0.01 * 0.5 if before.ndim > 1 else 0.0
        torch.testing.assert_close(shrunk, without - factor * before)


def test_keep_best_restores_the_weights_of_the_best_epoch():
    best, last = (train(TRAIN, VALID, training={"keep": keep}) for keep in ("best", "last"))
    accuracies = [record["valid_accuracy"] for record in best.history]
    epoch = int(np.argmax(accuracies)) + 1
    assert epoch < 6
    until_then = train(TRAIN, VALID, training={"epochs": epoch})
    assert same(weights(best.classifier), weights(until_then.classifier))
    assert not same(weights(best.classifier), weights(last.classifier))


def test_validation_is_done_every_few_epochs_and_at_the_end():
    history = train(TRAIN, VALID, training={"validate_every": 4}).history
    validated = [record["epoch"] for record in history if "valid_accuracy" in record]
    assert validated == [4, 6]


def test_patience_stops_early():
    settings = {"epochs": 50, "patience": 2, "keep": "best"}
    history = train(TRAIN, VALID, training=settings).history
    assert len(history) < 50
    best = int(np.argmax([record["valid_accuracy"] for record in history]))
    assert len(history) == best + 3


def test_the_papers_rule_stops_on_a_plateau():
    history = train(TRAIN, VALID, training={"epochs": 100, "plateau_epochs": 20}).history
    assert len(history) in (20, 40)


def test_class_weights_balance_the_genres_in_the_loss():
    """With weights, 9 and 3 equal tracks have the loss of 6 and 6 without."""
    high, low = (features(1).frames(i) for i in range(2))

    def loss(n_high, weighted):
        n_low = 12 - n_high
        frames, genres = [high] * n_high + [low] * n_low, ["high"] * n_high + ["low"] * n_low
        tracks = FeatureSet.from_frames("logmel-13fps", frames, list(map(str, range(12))), genres)
        # One step with each whole track once, so that only the initial weights are random.
        step = {"epochs": 1, "batch_size": 12, "segments_per_track": 1, "class_weights": weighted}
        whole = {"parameters": {"pool_bins": 4, "segment_frames": high.shape[1]}}
        network = {"parameters": {**RECIPE["architecture"]["parameters"], "dropout": [0, 0]}}
        result = train(tracks, training=step, features=whole, architecture=network)
        return result.history[0]["loss"]

    balanced = loss(6, False)
    assert loss(9, True) == pytest.approx(balanced, rel=1e-5)
    assert loss(9, False) != pytest.approx(balanced, rel=1e-3)
