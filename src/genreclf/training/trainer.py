"""Training of a network on a feature set."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from accelerate import Accelerator

import genreclf
from genreclf.classifier import GenreClassifier
from genreclf.data.feature_set import FeatureSet
from genreclf.errors import ConfigError, DatasetError, MissingExtraError, TrainingError
from genreclf.features import make_extractor
from genreclf.files import atomic_write
from genreclf.pretrained import Component, ModelConfig
from genreclf.recipe import DEFAULT_RECIPE, ArchitectureSettings, FeatureSettings, Recipe
from genreclf.training.calibration import calibrate
from genreclf.training.loop import Checkpoint, Record, TrainingLoop

LOG = "log.jsonl"

Callback = Callable[[Record], None]


class Trainer:
    """Train a network as a recipe describes it.

    Parameters
    ----------
    recipe : str, path or Recipe
        A registered recipe, a TOML file, or the recipe itself.
    architecture, features : str, optional
        Registered names that replace the recipe's.
    output : path, optional
        A folder for the checkpoint of each epoch, the log (``log.jsonl``) and the trained
        model. By default, nothing is written.
    resume : bool
        Continue the run in `output`, if there is one.
    seed : int
        Seed of all random numbers, at least 0.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to train; "auto" lets Accelerate choose.
    precision : {"no", "bf16", "fp16"}
        Mixed precision of the network.
    progress : callable, optional
        Called with the record of each epoch; see :class:`TrainingResult`.
    tensorboard : bool
        Also log to ``tensorboard/`` in `output` (extra ``tensorboard``).
    metadata : mapping, optional
        For the model card; see :func:`genreclf.pretrained.card.model_card`.

    Raises
    ------
    ConfigError
        If the recipe is not valid, or the seed is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclf import Recipe, Trainer
    >>> from genreclf.data import FeatureSet
    >>> frames = np.random.default_rng(0).normal(-40, 5, (4, 128, 60)).astype(np.float32)
    >>> genres = ["folk", "rock", "folk", "rock"]
    >>> train = FeatureSet.from_frames("logmel-13fps", frames, ["a", "b", "c", "d"], genres)
    >>> trainer = Trainer(Recipe.from_dict({"training": {"epochs": 1}}), device="cpu")
    >>> classifier, history = trainer.fit(train)
    >>> classifier.labels
    ('folk', 'rock')
    """

    def __init__(
        self,
        recipe: str | PathLike[str] | Recipe = DEFAULT_RECIPE,
        *,
        architecture: str | None = None,
        features: str | None = None,
        output: str | PathLike[str] | None = None,
        resume: bool = False,
        seed: int = 0,
        device: str = "auto",
        precision: str = "no",
        progress: Callback | None = None,
        tensorboard: bool = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if seed < 0:
            raise ConfigError(f"the seed must not be negative (got {seed})")
        loaded = recipe if isinstance(recipe, Recipe) else Recipe.load(recipe)
        self.recipe = _override(loaded, architecture, features)
        self.output = None if output is None else Path(output)
        self.resume = resume
        self.seed = seed
        self.device = device
        self.precision = precision
        self.progress = progress
        self.tensorboard = tensorboard
        self.metadata = dict(metadata or {})

    def fit(self, train: FeatureSet, valid: FeatureSet | None = None) -> TrainingResult:
        """Train on one feature set and validate on another.

        Parameters
        ----------
        train : FeatureSet
        valid : FeatureSet, optional
            With the same labels. The classifier's confidence is calibrated on it. Recipes
            with ``keep = "best"`` or `patience` need it.

        Returns
        -------
        TrainingResult
            ``(classifier, history)``.

        Raises
        ------
        DatasetError
            If the sets do not fit each other or the recipe.
        ConfigError
            If the recipe, device or precision cannot be used.
        TrainingError
            If the loss diverges, a checkpoint cannot be written, or `output` holds
            another run.
        """
        config = self._model_config(train)
        self._check(config, train, valid)
        loop = TrainingLoop(config, self.recipe, train, valid, self._accelerator(), self.seed)
        identity = self._identity(train, valid)
        self._restore(loop, identity)
        with self._callbacks(loop) as callbacks:
            while not loop.finished:
                record = loop.train_epoch()
                self._save(loop, identity)
                for callback in callbacks:
                    callback(record)
        classifier = loop.classifier(self._metadata(train, valid))
        if valid is not None:
            classifier = calibrate(classifier, valid)
        if self.output is not None and loop.is_main:
            classifier.save_pretrained(self.output)
        return TrainingResult(classifier, tuple(loop.history))

    @contextmanager
    def _callbacks(self, loop: TrainingLoop) -> Iterator[list[Callback]]:
        callbacks = [] if self.progress is None or not loop.is_main else [self.progress]
        if not self.tensorboard or self.output is None or not loop.is_main:
            yield callbacks
            return
        with closing(_TensorBoard(self.output, len(loop.history))) as board:
            yield [board.write, *callbacks]

    def _accelerator(self) -> Accelerator:
        try:
            accelerator = Accelerator(cpu=self.device == "cpu", mixed_precision=self.precision)
        except (ValueError, RuntimeError) as error:
            raise ConfigError(
                f"device '{self.device}' with precision '{self.precision}': {error}"
            ) from error
        if self.device not in ("auto", accelerator.device.type):
            raise ConfigError(
                f"device '{self.device}' is not available; only '{accelerator.device}' is"
            )
        return accelerator

    def _model_config(self, train: FeatureSet) -> ModelConfig:
        architecture, features = self.recipe.architecture, self.recipe.features
        extractor = make_extractor(features.name, **features.parameters)
        return ModelConfig(
            architecture=Component(architecture.name, dict(architecture.parameters)),
            features=Component(features.name, dict(extractor.parameters)),
            labels=train.labels,
            overlap=features.overlap,
        )

    def _check(self, config: ModelConfig, train: FeatureSet, valid: FeatureSet | None) -> None:
        wanted = config.features
        sets = {"training": train, **({} if valid is None else {"validation": valid})}
        for name, features in sets.items():
            missing = [label for label in train.labels if label not in features.genres]
            if len(train.labels) < 2:
                raise DatasetError(f"only one genre, {list(train.labels)}; training needs two")
            if features.labels != train.labels:
                raise DatasetError(
                    f"the labels of the {name} set are {list(features.labels)}, "
                    f"not {list(train.labels)}"
                )
            if missing:
                raise DatasetError(f"no track of {', '.join(missing)} in the {name} set")
            features.check_extractor(wanted.name, wanted.parameters, f"{name} with this recipe")
        if valid is not None and (shared := set(train.ids) & set(valid.ids)):
            raise DatasetError(
                f"in both the training and the validation set: {', '.join(sorted(shared)[:5])}"
            )
        training = self.recipe.training
        if valid is None and (training.keep == "best" or training.patience):
            raise DatasetError(
                "the recipe selects the best epoch or stops early, so it needs a validation set"
            )

    def _identity(self, train: FeatureSet, valid: FeatureSet | None) -> dict[str, Any]:
        ids = [train.ids, valid.ids if valid is not None else ()]
        return {
            "recipe": json.loads(json.dumps(self.recipe.to_dict())),
            "seed": self.seed,
            "precision": self.precision,
            "data": hashlib.sha256(json.dumps(ids).encode()).hexdigest(),
        }

    def _restore(self, loop: TrainingLoop, identity: Mapping[str, Any]) -> None:
        if self.output is None or (stored := Checkpoint.read(self.output)) is None:
            return
        if not self.resume:
            raise TrainingError(
                f"'{self.output}' already holds a run; resume it or choose another folder"
            )
        found = stored.metadata["identity"]
        if differing := [key for key in identity if found.get(key) != identity[key]]:
            raise TrainingError(
                f"'{self.output}' holds a run with another {' and '.join(differing)}; "
                "choose another folder"
            )
        loop.restore(stored)

    def _save(self, loop: TrainingLoop, identity: Mapping[str, Any]) -> None:
        if self.output is None or not loop.is_main:
            return
        try:
            loop.checkpoint(identity).write(self.output)
            # The whole log is written each time, so that a resumed run's has each epoch once.
            with atomic_write(self.output / LOG, "w", encoding="utf-8") as log:
                log.writelines(json.dumps(record) + "\n" for record in loop.history)
        except OSError as error:
            raise TrainingError(
                f"'{self.output}': epoch {len(loop.history)} cannot be saved: {error}. The "
                "previous checkpoint is intact; make room and resume."
            ) from error

    def _metadata(self, train: FeatureSet, valid: FeatureSet | None) -> dict[str, Any]:
        calibration = {} if valid is None else {"calibrated_on": f"{len(valid)} validation tracks"}
        return {
            "description": self.recipe.description,
            "tracks": len(train),
            **calibration,
            "seed": self.seed,
            "genreclf": genreclf.__version__,
            **self.metadata,
        }


class TrainingResult(NamedTuple):
    """The result of a training run.

    Attributes
    ----------
    classifier : GenreClassifier
    history : tuple of dict
        A record for each epoch: ``epoch`` (from 1), ``loss``, ``learning_rate``,
        ``seconds`` and, where validated, ``valid_loss`` and ``valid_accuracy``.
    """

    classifier: GenreClassifier
    history: tuple[Mapping[str, Any], ...]


class _TensorBoard:
    """Write the records of epochs to ``tensorboard/`` in a run's folder."""

    def __init__(self, folder: Path, epochs: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtraError("logs for TensorBoard", "tensorboard") from error
        # Hides epochs after the checkpoint that a run is resumed from.
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=epochs + 1)

    def write(self, record: Record) -> None:
        for name, value in record.items():
            if name != "epoch":
                self._writer.add_scalar(name, value, record["epoch"])
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


def _override(recipe: Recipe, architecture: str | None, features: str | None) -> Recipe:
    if architecture not in (None, recipe.architecture.name):
        recipe = dataclasses.replace(recipe, architecture=ArchitectureSettings(architecture))
    if features not in (None, recipe.features.name):
        recipe = dataclasses.replace(recipe, features=FeatureSettings(features))
    return recipe
