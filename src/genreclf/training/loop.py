"""The training loop: steps, epochs and validations, and the checkpoints of its state."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Optimizer

from genreclf.architectures.base import Architecture
from genreclf.classifier import GenreClassifier
from genreclf.data.feature_set import FeatureSet
from genreclf.errors import TrainingError
from genreclf.features import make_extractor
from genreclf.files import atomic_write
from genreclf.pretrained import ModelConfig
from genreclf.pretrained.folder import build_module
from genreclf.recipe import Recipe
from genreclf.runtimes.torch import TorchNetwork
from genreclf.training.loader import Batch, SegmentLoader
from genreclf.training.optimizer import (
    ExponentialMovingAverage,
    l2_penalty,
    learning_rate,
    make_optimizer,
)

CHECKPOINT = "checkpoint.safetensors"

Record = dict[str, Any]

# Dong 2018's stopping rule compares the first and last epochs of a window.
_PLATEAU_EPOCHS = 10
_PLATEAU_CHANGE = 0.01


class TrainingLoop:
    """Train a network epoch by epoch.

    Random numbers depend only on the seed and the epoch, so that a resumed run gives the
    same weights as an uninterrupted one.

    Parameters
    ----------
    config : ModelConfig
        Of the model to train.
    recipe : Recipe
    train : FeatureSet
    valid : FeatureSet or None
    accelerator : Accelerator
    seed : int

    Attributes
    ----------
    history : list of dict
        The record of each epoch; see :meth:`train_epoch`.
    """

    def __init__(
        self,
        config: ModelConfig,
        recipe: Recipe,
        train: FeatureSet,
        valid: FeatureSet | None,
        accelerator: Accelerator,
        seed: int,
    ) -> None:
        set_seed(_derive_seed(seed))
        self.config = config
        self.recipe = recipe
        self.valid = valid
        self.seed = seed
        self.history: list[Record] = []
        extractor = make_extractor(config.features.name, **config.features.parameters)
        self._loader = SegmentLoader(train, extractor, recipe)
        self._accelerator = accelerator
        self._module: Architecture = build_module(config).to(accelerator.device)
        self._optimizer = accelerator.prepare_optimizer(
            make_optimizer(self._module, recipe.optimizer)
        )
        self._average = ExponentialMovingAverage(self._module, recipe.optimizer.ema_decay)
        self._best: dict[str, Tensor] = {}
        self._class_weights: Tensor | None = None
        if recipe.training.class_weights:
            counts = np.bincount(train.targets, minlength=len(train.labels))
            weights = len(train) / (len(counts) * np.maximum(counts, 1))
            tensor = torch.from_numpy(weights.astype(np.float32))
            self._class_weights = tensor.to(accelerator.device)
        # What Accelerate returns computes in mixed precision and averages the gradients of
        # all processes; it shares its weights with `_module`.
        self._network = accelerator.prepare_model(self._module)

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files, of those that train together."""
        return bool(self._accelerator.is_main_process)

    @property
    def finished(self) -> bool:
        """Whether the last epoch was reached, or the training stops early."""
        return len(self.history) >= self.recipe.training.epochs or self._stops_early()

    def train_epoch(self) -> Record:
        """Train for one epoch, validate if it is due, and append to the history.

        Returns
        -------
        dict
            ``epoch`` (from 1), ``loss``, ``learning_rate``, ``seconds`` and, if validated,
            ``valid_loss`` and ``valid_accuracy``.

        Raises
        ------
        TrainingError
            If the loss is not finite.
        """
        start_time = time.perf_counter()
        epoch = len(self.history)
        set_seed(_derive_seed(self.seed, epoch), device_specific=True)
        rng = np.random.default_rng([self.seed, epoch])
        total_steps = len(self._loader) * self.recipe.training.epochs
        losses, rate = [], 0.0
        self._network.train()
        for index, batch in enumerate(self._loader.epoch(rng)):
            step = epoch * len(self._loader) + index
            rate = learning_rate(self.recipe.optimizer, step, total_steps)
            losses.append(self._step(batch, rate))
            self._average.update(self._module, step)
        loss = float(np.mean(losses))
        if not math.isfinite(loss):
            raise TrainingError(
                f"the training diverged: the loss is {loss} in epoch {epoch + 1}. "
                "Lower the learning rate; the checkpoint of the previous epoch is unchanged."
            )
        record: Record = {"epoch": epoch + 1, "loss": loss, "learning_rate": rate}
        if self.valid is not None and self._validation_is_due(epoch + 1):
            record |= self._validate(self.valid)
        record["seconds"] = round(time.perf_counter() - start_time, 3)
        self.history.append(record)
        return record

    def classifier(self, metadata: Mapping[str, Any]) -> GenreClassifier:
        """Return a classifier with the weights that the recipe keeps, and this metadata."""
        module = copy.deepcopy(self._module).cpu()
        module.load_state_dict(self._best or self._average.tensors)
        config = dataclasses.replace(self.config, metadata=dict(metadata))
        return GenreClassifier(config, TorchNetwork(module))

    def checkpoint(self, identity: Mapping[str, Any]) -> Checkpoint:
        """Return the state after the last epoch; `identity` is stored with it."""
        parts = {
            "weights": self._module.state_dict(),
            "average": self._average.tensors,
            "best": self._best,
            "optimizer": optimizer_tensors(self._optimizer),
        }
        tensors = {
            f"{part}/{key}": tensor
            for part, state in parts.items()
            for key, tensor in state.items()
        }
        return Checkpoint(tensors, {"identity": dict(identity), "history": self.history})

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint."""
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in checkpoint.tensors.items():
            part, _, key = name.partition("/")
            parts.setdefault(part, {})[key] = tensor.to(self._accelerator.device)
        self._module.load_state_dict(parts["weights"])
        self._average.tensors = parts["average"]
        self._best = parts.get("best", {})
        restore_optimizer(self._optimizer, parts.get("optimizer", {}))
        self.history = checkpoint.metadata["history"]

    def _step(self, batch: Batch, rate: float) -> float:
        # All processes draw the same batch, and each trains on its part of it.
        part = slice(self._accelerator.process_index, None, self._accelerator.num_processes)
        segments = torch.from_numpy(batch.segments[part]).to(self._accelerator.device)
        targets = torch.from_numpy(batch.targets[part]).to(self._accelerator.device)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        loss = F.cross_entropy(
            self._network(segments),
            targets,
            weight=self._class_weights,
            label_smoothing=self.recipe.training.label_smoothing,
        ) + l2_penalty(self._module, self.recipe.optimizer)
        self._optimizer.zero_grad()
        self._accelerator.backward(loss)
        if max_norm := self.recipe.optimizer.max_grad_norm:
            self._accelerator.clip_grad_norm_(self._module.parameters(), max_norm)
        self._optimizer.step()
        return float(loss.detach())

    def _validation_is_due(self, epoch: int) -> bool:
        training = self.recipe.training
        return epoch % training.validate_every == 0 or epoch == training.epochs

    def _validate(self, valid: FeatureSet) -> Record:
        module = copy.deepcopy(self._module)
        module.load_state_dict(self._average.tensors)
        classifier = GenreClassifier(
            self.config, TorchNetwork(module, str(self._accelerator.device))
        )
        predictions = [classifier.predict_frames(valid.frames(i)) for i in range(len(valid))]
        probabilities = np.array([list(each.probabilities.values()) for each in predictions])
        accuracy = float(np.mean(probabilities.argmax(axis=1) == valid.targets))
        true = probabilities[np.arange(len(valid)), valid.targets]
        if self.recipe.training.keep == "best" and accuracy > max(self._accuracies(), default=-1):
            self._best = {k: v.clone() for k, v in self._average.tensors.items()}
        return {
            "valid_loss": float(-np.log(np.maximum(true, 1e-12)).mean()),
            "valid_accuracy": accuracy,
        }

    def _accuracies(self) -> list[float]:
        return [record["valid_accuracy"] for record in self.history if "valid_accuracy" in record]

    def _stops_early(self) -> bool:
        training, accuracies = self.recipe.training, self._accuracies()
        if training.patience and accuracies:
            since_best = len(accuracies) - 1 - int(np.argmax(accuracies))
            if since_best >= training.patience:
                return True
        size = training.plateau_epochs
        if not size or not accuracies or len(accuracies) % size:
            return False
        window = accuracies[-size:]
        change = np.mean(window[-_PLATEAU_EPOCHS:]) - np.mean(window[:_PLATEAU_EPOCHS])
        return bool(abs(change) < _PLATEAU_CHANGE)


def _derive_seed(*numbers: int) -> int:
    # Libraries take seeds of 32 bits, and similar seeds must not give correlated streams.
    return int(np.random.SeedSequence(numbers).generate_state(1)[0]) // 2


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training run after an epoch.

    Attributes
    ----------
    tensors : dict of str to Tensor
        Weights, their average, the best weights and the optimizer's state.
    metadata : dict
        Everything else; JSON must be able to store it.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Replace the folder's checkpoint; create the folder if it is missing.

        Raises
        ------
        OSError
            If it cannot be written, such as on a full disk; the previous checkpoint stays.
        """
        content = save(
            {name: tensor.contiguous() for name, tensor in self.tensors.items()},
            metadata={"run": json.dumps(self.metadata)},
        )
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / CHECKPOINT) as file:
            file.write(content)

    @classmethod
    def read(cls, folder: Path) -> Checkpoint | None:
        """Read the folder's checkpoint, or return None if there is none.

        Raises
        ------
        TrainingError
            If it is damaged.
        """
        path = folder / CHECKPOINT
        if not path.exists():
            return None
        try:
            with safe_open(path, framework="pt") as stored:
                metadata = json.loads(stored.metadata()["run"])
                return cls({key: stored.get_tensor(key) for key in stored.keys()}, metadata)  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise TrainingError(
                f"'{path}' is damaged ({error}); delete it to restart the training"
            ) from error


def optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """Return an optimizer's state by name: ``"<parameter's index>.<quantity>"``."""
    state = optimizer.state_dict()["state"]
    return {f"{i}.{key}": value for i, entry in state.items() for key, value in entry.items()}


def restore_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Set an optimizer's state to the tensors of :func:`optimizer_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
