"""Hyperparameter search for a better recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from genreclf.data import FeatureSet
from genreclf.errors import ConfigError, MissingExtraError, TrainingError
from genreclf.features import make_extractor
from genreclf.files import atomic_write
from genreclf.recipe import Recipe
from genreclf.training.trainer import Trainer

try:
    import optuna
    import tomli_w
except ImportError as error:
    raise MissingExtraError("searches for recipes", "tune") from error

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import BaseTrial, FrozenTrial, Trial

JOURNAL = "study.log"
BEST = "best.toml"

_FILTERS = (16, 32, 48, 64, 96)


class TrialResult(NamedTuple):
    """The result of one trial.

    Attributes
    ----------
    number : int
        From 0.
    state : str
        "complete", "pruned" (stopped early as unpromising) or "fail".
    valid_loss : float or None
        Of the last validation, in nats.
    parameters : dict
        The values that were tried.
    """

    number: int
    state: str
    valid_loss: float | None
    parameters: dict[str, Any]


class TuningResult(NamedTuple):
    """The result of a search.

    Attributes
    ----------
    recipe : Recipe
        The best.
    trials : tuple of TrialResult
        All trials of the study, including those of earlier calls.
    """

    recipe: Recipe
    trials: tuple[TrialResult, ...]


def tune(
    train: FeatureSet,
    valid: FeatureSet,
    recipe: Recipe,
    output: str | PathLike[str],
    *,
    trials: int = 20,
    seed: int = 0,
    progress: Callable[[TrialResult], None] | None = None,
) -> TuningResult:
    """Search for the learning rate, weight decay, segment length and filters of a recipe.

    Each trial trains the recipe with other values. The best has the lowest loss on the
    validation set; a test set is not needed.

    Parameters
    ----------
    train, valid : FeatureSet
    recipe : Recipe
        The search changes only the values named above.
    output : path
        A folder for the study (``study.log``), which a later call continues, and the best
        recipe (``best.toml``).
    trials : int
        Number of trials to add.
    seed : int
        Of the search and of each training.
    progress : callable, optional
        Called with each finished trial.

    Raises
    ------
    MissingExtraError
        If Optuna is not installed.
    TrainingError
        If every trial failed, or the study is of another recipe.
    """
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    study = _open_study(folder, recipe, seed)

    def objective(trial: Trial) -> float:
        def report(record: dict[str, Any]) -> None:
            if "valid_loss" in record:
                trial.report(record["valid_loss"], record["epoch"])
                if trial.should_prune():
                    raise optuna.TrialPruned

        trainer = Trainer(_suggest(trial, recipe), device="auto", seed=seed, progress=report)
        return float(trainer.fit(train, valid).history[-1]["valid_loss"])

    study.optimize(
        objective,
        n_trials=trials,
        # Some combinations make a network that is too small for its segments, or diverge.
        catch=(ConfigError, TrainingError),
        callbacks=[lambda _, trial: progress and progress(_result(trial))],
    )
    results = tuple(_result(trial) for trial in study.trials)
    if all(result.state != "complete" for result in results):
        raise TrainingError(f"every trial failed; see '{folder / JOURNAL}'")
    best = _suggest(optuna.trial.FixedTrial(study.best_params), recipe)
    best = dataclasses.replace(best, description=f"{recipe.description} Tuned.".strip())
    with atomic_write(folder / BEST, "w", encoding="utf-8") as file:
        file.write(tomli_w.dumps(best.to_dict()))
    return TuningResult(best, results)


def _open_study(folder: Path, recipe: Recipe, seed: int) -> Study:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(folder / JOURNAL))),
        study_name="genreclf",
        load_if_exists=True,
        direction="minimize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
    )
    if study.user_attrs.get("recipe") not in (None, recipe.to_dict()):
        raise TrainingError(f"'{folder}' holds the study of another recipe; choose another folder")
    study.set_user_attr("recipe", recipe.to_dict())
    return study


def _suggest(trial: BaseTrial, recipe: Recipe) -> Recipe:
    optimizer = dataclasses.replace(
        recipe.optimizer,
        learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
        weight_decay=trial.suggest_float("weight_decay", 1e-4, 1.0, log=True),
    )
    settings = recipe.features
    usual = make_extractor(settings.name, **settings.parameters).segment_frames
    length = trial.suggest_categorical("segment_length", [1.0, 1.5, 2.0])
    features = dataclasses.replace(
        settings, parameters={**settings.parameters, "segment_frames": round(usual * length)}
    )
    architecture = recipe.architecture
    if "filters" in architecture.parameters:
        filters = [trial.suggest_categorical(f"filters_{i}", _FILTERS) for i in (1, 2)]
        architecture = dataclasses.replace(
            architecture, parameters={**architecture.parameters, "filters": filters}
        )
    return dataclasses.replace(
        recipe, optimizer=optimizer, features=features, architecture=architecture
    )


def _result(trial: FrozenTrial) -> TrialResult:
    values = trial.intermediate_values
    last = trial.value if trial.value is not None else values.get(max(values, default=-1))
    return TrialResult(trial.number, trial.state.name.lower(), last, dict(trial.params))
