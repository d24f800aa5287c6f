"""One training run: its state, and a step, an epoch and a validation of it."""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor
from torch.nn import functional as F

from genreclf.architectures.base import Architecture
from genreclf.classifier import GenreClassifier
from genreclf.datasets.feature_set import FeatureSet
from genreclf.errors import TrainingError
from genreclf.features import make_extractor
from genreclf.pretrained import ModelConfig
from genreclf.pretrained.network import build_module
from genreclf.runtimes.torch import TorchNetwork
from genreclf.training.batches import Batch, Batches
from genreclf.training.checkpoint import Checkpoint, optimiser_tensors, restore_optimiser
from genreclf.training.optimiser import AveragedWeights, learning_rate, make_optimiser, penalty
from genreclf.training.recipe import Recipe

Record = dict[str, Any]

_PLATEAU_EPOCHS = 10  # at either end of a round, and ...
_PLATEAU_CHANGE = 0.01  # ... the change of their mean accuracy that is none (Dong 2018)


class Run:
    """A network on its way.

    Random numbers depend on the seed and the epoch alone, so that a run that was
    stopped goes on as if it had not been.

    Parameters
    ----------
    config : ModelConfig
        Of the model to be.
    recipe : Recipe
    train : FeatureSet
    valid : FeatureSet or None
    accelerator : Accelerator
    seed : int
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
        set_seed(_derived(seed))
        self.config = config
        self.recipe = recipe
        self.valid = valid
        self.seed = seed
        self.history: list[Record] = []
        extractor = make_extractor(config.features.name, **config.features.parameters)
        self._batches = Batches(train, extractor, config.segment_frames, recipe)
        self._accelerator = accelerator
        self._plain: Architecture = build_module(config).to(accelerator.device)
        self._optimiser = accelerator.prepare_optimizer(
            make_optimiser(self._plain, recipe.optimiser)
        )
        self._averaged = AveragedWeights(self._plain, recipe.optimiser.averaging)
        self._best: dict[str, Tensor] = {}
        self._network = accelerator.prepare_model(self._plain)
        self._class_weights = _class_weights(train) if recipe.training.class_weights else None

    @property
    def is_main(self) -> bool:
        """Whether this is the process, of those that train together, that writes."""
        return bool(self._accelerator.is_main_process)

    @property
    def finished(self) -> bool:
        """Whether no further epoch is due."""
        return len(self.history) >= self.recipe.training.epochs or self._stops_early()

    def train_epoch(self) -> Record:
        """Train for an epoch, validate if it is due, and add to the history.

        Returns
        -------
        dict
            ``epoch`` (from 1), ``loss``, ``learning_rate``, ``seconds`` and, if
            validated, ``valid_loss`` and ``valid_accuracy``.

        Raises
        ------
        TrainingError
            If the loss is no longer finite.
        """
        began = time.perf_counter()
        epoch = len(self.history)
        set_seed(_derived(self.seed, epoch), device_specific=True)
        rng = np.random.default_rng([self.seed, epoch])
        steps = len(self._batches) * self.recipe.training.epochs
        losses, rate = [], 0.0
        self._network.train()
        for index, batch in enumerate(self._batches.epoch(rng)):
            step = epoch * len(self._batches) + index
            rate = learning_rate(self.recipe.optimiser, step, steps)
            losses.append(self._step(batch, rate))
            self._averaged.update(self._plain, step)
        loss = float(np.mean(losses))
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss became {loss} in epoch {epoch + 1}: the run has diverged. "
                "Lower the learning rate; the checkpoint of the epoch before is kept."
            )
        record: Record = {"epoch": epoch + 1, "loss": loss, "learning_rate": rate}
        if self.valid is not None and self._validation_is_due(epoch + 1):
            record |= self._validate(self.valid)
        record["seconds"] = round(time.perf_counter() - began, 3)
        self.history.append(record)
        return record

    def classifier(self, metadata: Mapping[str, Any]) -> GenreClassifier:
        """The classifier as the recipe says to keep it."""
        module = copy.deepcopy(self._plain).cpu()
        module.load_state_dict(self._best or self._averaged.tensors)
        config = dataclasses.replace(self.config, metadata=dict(metadata))
        return GenreClassifier(config, TorchNetwork(module))

    def checkpoint(self, identity: Mapping[str, Any]) -> Checkpoint:
        """The state after the last epoch."""
        parts = {
            "weights": self._plain.state_dict(),
            "averaged": self._averaged.tensors,
            "best": self._best,
            "optimiser": optimiser_tensors(self._optimiser),
        }
        tensors = {f"{part}/{k}": v for part, found in parts.items() for k, v in found.items()}
        return Checkpoint(tensors, {"identity": dict(identity), "history": self.history})

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint."""
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in checkpoint.tensors.items():
            part, _, key = name.partition("/")
            parts.setdefault(part, {})[key] = tensor.to(self._accelerator.device)
        self._plain.load_state_dict(parts["weights"])
        self._averaged.tensors = parts["averaged"]
        self._best = parts.get("best", {})
        restore_optimiser(self._optimiser, parts.get("optimiser", {}))
        self.history = checkpoint.facts["history"]

    def _step(self, batch: Batch, rate: float) -> float:
        # Every process draws the same batch and takes its share of it.
        share = slice(self._accelerator.process_index, None, self._accelerator.num_processes)
        segments = torch.from_numpy(batch.segments[share]).to(self._accelerator.device)
        targets = torch.from_numpy(batch.targets[share]).to(self._accelerator.device)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        loss = F.cross_entropy(
            self._network(segments),
            targets,
            weight=None if self._class_weights is None else self._class_weights.to(targets.device),
            label_smoothing=self.recipe.training.label_smoothing,
        ) + penalty(self._plain, self.recipe.optimiser)
        self._optimiser.zero_grad()
        self._accelerator.backward(loss)
        if self.recipe.optimiser.clip_norm:
            self._accelerator.clip_grad_norm_(
                self._plain.parameters(), self.recipe.optimiser.clip_norm
            )
        self._optimiser.step()
        return float(loss.detach())

    def _validation_is_due(self, epoch: int) -> bool:
        training = self.recipe.training
        return epoch % training.validate_every == 0 or epoch == training.epochs

    def _validate(self, valid: FeatureSet) -> Record:
        module = copy.deepcopy(self._plain)
        module.load_state_dict(self._averaged.tensors)
        network = TorchNetwork(module, str(self._accelerator.device))
        classifier = GenreClassifier(self.config, network)
        probabilities = np.stack(
            [
                list(classifier.predict_frames(valid.frames(i)).probabilities.values())
                for i in range(len(valid))
            ]
        )
        targets = valid.targets
        accuracy = float(np.mean(probabilities.argmax(axis=1) == targets))
        likelihood = probabilities[np.arange(len(targets)), targets]
        if self.recipe.training.keep == "best" and accuracy > self._best_accuracy():
            self._best = {k: v.clone() for k, v in self._averaged.tensors.items()}
        return {
            "valid_loss": float(-np.log(np.maximum(likelihood, 1e-12)).mean()),
            "valid_accuracy": accuracy,
        }

    def _accuracies(self) -> list[float]:
        return [record["valid_accuracy"] for record in self.history if "valid_accuracy" in record]

    def _best_accuracy(self) -> float:
        return max(self._accuracies(), default=-1.0)

    def _stops_early(self) -> bool:
        training, accuracies = self.recipe.training, self._accuracies()
        if training.patience and len(accuracies) > training.patience:
            since_best = len(accuracies) - 1 - int(np.argmax(accuracies))
            if since_best >= training.patience:
                return True
        size = training.plateau_round
        if not size or not accuracies or len(accuracies) % size:
            return False
        last_round = accuracies[-size:]
        first, last = last_round[:_PLATEAU_EPOCHS], last_round[-_PLATEAU_EPOCHS:]
        return abs(float(np.mean(last)) - float(np.mean(first))) < _PLATEAU_CHANGE


def _derived(*numbers: int) -> int:
    # Seeds of libraries have 32 bits, and neighbouring ones must not give related streams.
    return int(np.random.SeedSequence(numbers).generate_state(1)[0]) // 2


def _class_weights(features: FeatureSet) -> Tensor:
    counts = np.bincount(features.targets, minlength=len(features.labels))
    return torch.tensor(len(features) / (len(counts) * np.maximum(counts, 1)), dtype=torch.float32)
