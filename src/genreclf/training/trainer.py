"""Training a network on a feature set."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from accelerate import Accelerator

import genreclf
from genreclf.classifier import GenreClassifier
from genreclf.datasets.feature_set import FeatureSet, same_frames
from genreclf.errors import ConfigError, DatasetError, TrainingError
from genreclf.features import make_extractor
from genreclf.pretrained import Component, ModelConfig
from genreclf.recipes import DEFAULT_RECIPE
from genreclf.training.calibration import calibrate
from genreclf.training.checkpoint import Checkpoint
from genreclf.training.recipe import Recipe
from genreclf.training.run import Record, Run
from genreclf.training.tensorboard import TensorBoard

LOG = "log.jsonl"

Progress = Callable[[Record], None]


class TrainingResult(NamedTuple):
    """What a training run gives.

    Attributes
    ----------
    classifier : GenreClassifier
    history : tuple of dict
        A record for each epoch: ``epoch``, ``loss``, ``learning_rate``,
        ``seconds`` and, where validated, ``valid_loss`` and ``valid_accuracy``.
    """

    classifier: GenreClassifier
    history: tuple[Mapping[str, Any], ...]


class Trainer:
    """Trains a network as a recipe says.

    Parameters
    ----------
    recipe : str, path or Recipe
        A recipe's name, a TOML file, or the recipe itself.
    architecture, features : str, optional
        Registered names that take the place of the recipe's.
    output : path, optional
        A folder for the checkpoint of each epoch, the log (``log.jsonl``) and the
        trained model. Nothing is written if left out.
    resume : bool
        Go on with the run in `output`, if there is one.
    seed : int
        Decides all random numbers; at least 0.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to train; "auto" is what Accelerate finds.
    precision : {"no", "bf16", "fp16"}
        Mixed precision of the network.
    progress : callable, optional
        Called with the record of each epoch.
    tensorboard : bool
        Log to ``tensorboard/`` in `output` too (extra ``tensorboard``).
    metadata : mapping, optional
        For the model card; see :func:`genreclf.pretrained.card.model_card`.

    Raises
    ------
    ConfigError
        If the recipe is not valid, or the seed is negative.

    Examples
    --------
    >>> trainer = Trainer(seed=1)  # doctest: +SKIP
    >>> classifier, history = trainer.fit(train, valid)  # doctest: +SKIP
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
        progress: Progress | None = None,
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
        """Train on one set and watch another.

        Parameters
        ----------
        train : FeatureSet
        valid : FeatureSet, optional
            With the same labels; recipes that stop early or keep the best need it. The
            classifier's confidence is calibrated on it.

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
        run = Run(config, self.recipe, train, valid, self._accelerator(), self.seed)
        identity = self._identity(train, valid)
        self._restore(run, identity)
        with self._observers(run) as observers:
            while not run.finished:
                record = run.train_epoch()
                self._record(run, identity)
                for observe in observers:
                    observe(record)
        classifier = run.classifier(self._metadata(train, valid))
        if valid is not None:
            classifier = calibrate(classifier, valid)
        if self.output is not None and run.is_main:
            classifier.save_pretrained(self.output)
        return TrainingResult(classifier, tuple(run.history))

    @contextmanager
    def _observers(self, run: Run) -> Iterator[list[Progress]]:
        observers = [] if self.progress is None or not run.is_main else [self.progress]
        if not self.tensorboard or self.output is None or not run.is_main:
            yield observers
            return
        with closing(TensorBoard(self.output, len(run.history))) as board:
            yield [board.write, *observers]

    def _accelerator(self) -> Accelerator:
        try:
            accelerator = Accelerator(cpu=self.device == "cpu", mixed_precision=self.precision)
        except (ValueError, RuntimeError) as error:
            raise ConfigError(
                f"device '{self.device}' with precision '{self.precision}': {error}"
            ) from error
        if self.device not in ("auto", accelerator.device.type):
            raise ConfigError(
                f"device '{self.device}' is not here; training would run on '{accelerator.device}'"
            )
        return accelerator

    def _model_config(self, train: FeatureSet) -> ModelConfig:
        settings = self.recipe.features
        extractor = make_extractor(settings.name, **settings.parameters)
        return ModelConfig(
            architecture=Component(
                self.recipe.architecture.name, dict(self.recipe.architecture.parameters)
            ),
            features=Component(settings.name, dict(extractor.parameters)),
            labels=train.labels,
            segment_frames=settings.segment_frames or extractor.segment_frames,
            overlap=settings.overlap,
        )

    def _check(self, config: ModelConfig, train: FeatureSet, valid: FeatureSet | None) -> None:
        wanted = make_extractor(config.features.name, **config.features.parameters)
        sides = {"training": train, **({"validation": valid} if valid is not None else {})}
        for side, features in sides.items():
            counts = Counter(features.genres)
            absent = [label for label in train.labels if not counts[label]]
            if len(train.labels) < 2:
                raise DatasetError(f"only one genre, {list(train.labels)}: nothing to tell apart")
            if features.labels != train.labels:
                raise DatasetError(
                    f"the labels of the {side} side are {list(features.labels)}, "
                    f"not {list(train.labels)}"
                )
            if absent:
                raise DatasetError(f"no track of {', '.join(absent)} on the {side} side")
            if not same_frames(wanted, features.extractor()):
                raise DatasetError(
                    f"the {side} features were made by '{features.features}' "
                    f"{dict(features.parameters)}, the recipe wants '{config.features.name}' "
                    f"{dict(config.features.parameters)}; extract them again"
                )
        if valid is not None and (shared := set(train.ids) & set(valid.ids)):
            raise DatasetError(f"on both sides: {', '.join(sorted(shared)[:5])}")
        training = self.recipe.training
        if valid is None and (training.keep == "best" or training.patience):
            raise DatasetError("the recipe keeps the best epoch, so it needs a validation side")

    def _identity(self, train: FeatureSet, valid: FeatureSet | None) -> dict[str, Any]:
        sides = [train.ids, valid.ids if valid is not None else ()]
        return {
            "recipe": json.loads(json.dumps(self.recipe.to_dict())),
            "seed": self.seed,
            "precision": self.precision,
            "data": hashlib.sha256(json.dumps(sides).encode()).hexdigest(),
        }

    def _restore(self, run: Run, identity: Mapping[str, Any]) -> None:
        if self.output is None:
            return
        stored = Checkpoint.read(self.output)
        if stored is None:
            return
        if not self.resume:
            raise TrainingError(
                f"'{self.output}' holds a run already; resume it or choose another folder"
            )
        found = stored.facts["identity"]
        differing = [key for key in identity if found.get(key) != identity[key]]
        if differing:
            raise TrainingError(
                f"'{self.output}' holds a run with another {' and '.join(differing)}; "
                "choose another folder"
            )
        run.restore(stored)

    def _record(self, run: Run, identity: Mapping[str, Any]) -> None:
        if self.output is None or not run.is_main:
            return
        run.checkpoint(identity).write(self.output)
        # The log is written whole, so that a resumed run's has each epoch once.
        lines = (json.dumps(record) + "\n" for record in run.history)
        (self.output / LOG).write_text("".join(lines), encoding="utf-8")

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


def _override(recipe: Recipe, architecture: str | None, features: str | None) -> Recipe:
    if architecture is not None and architecture != recipe.architecture.name:
        settings = type(recipe.architecture)(name=architecture)
        recipe = dataclasses.replace(recipe, architecture=settings)
    if features is not None and features != recipe.features.name:
        recipe = dataclasses.replace(recipe, features=type(recipe.features)(name=features))
    return recipe
