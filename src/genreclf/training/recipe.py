"""Recipes: everything that decides what a training run does, as TOML."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, get_type_hints

from genreclf.errors import ConfigError, PluginError
from genreclf.plugins import registry

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class FeatureSettings:
    """``[features]``: what the network sees.

    Attributes
    ----------
    name : str
        Registered name of the extractor.
    parameters : mapping
        Where they differ from the preset's.
    segment_frames : int
        Frames of a segment; 0 takes the extractor's own.
    overlap : float
        Of the segments when a track is classified.
    """

    name: str = "logmel-13fps"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    segment_frames: int = 0
    overlap: float = 0.5


@dataclass(frozen=True)
class ArchitectureSettings:
    """``[architecture]``: the network, by registered name, and its parameters."""

    name: str = "dong2018"
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OptimiserSettings:
    """``[optimiser]``: how the weights move.

    Attributes
    ----------
    name : {"adamw", "adadelta"}
    learning_rate : float
        The highest.
    weight_decay : float
        Decoupled (AdamW's); of the weights of convolutions and dense layers alone.
    decay : float
        Keras's: the rate of step ``i`` is divided by ``1 + decay * i``.
    schedule : {"constant", "one-cycle", "cosine"}
    l2 : mapping of str to float
        Factor of the sum of squares of the named layers' weights in the loss.
    averaging : float
        Per-step decay of an exponential moving average of the weights, which is
        what is kept; 0 keeps the weights themselves.
    clip_norm : float
        Largest norm of the gradient; 0 does not limit it.
    """

    name: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    decay: float = 0.0
    schedule: str = "constant"
    l2: Mapping[str, float] = field(default_factory=dict)
    averaging: float = 0.0
    clip_norm: float = 0.0


@dataclass(frozen=True)
class TrainingSettings:
    """``[training]``: how long, and on what.

    Attributes
    ----------
    epochs : int
        The most.
    batch_size : int
    crops : int
        Random segments of each track per epoch.
    label_smoothing : float
        0 <= label_smoothing < 1.
    balance : float
        Draw tracks with a chance of their genre's number to the power of minus this: 0
        takes each once per epoch, 1 all genres equally often.
    class_weights : bool
        Weigh each genre in the loss by the inverse of its number of tracks.
    validate_every : int
        Epochs between two validations; the last epoch is always validated.
    keep : {"last", "best"}
        Which epoch's weights; "best" by validation accuracy, the earlier on a tie.
    patience : int
        Stop after this many validations without a better one; 0 never does.
    plateau_round : int
        Dong 2018's stopping rule: stop when, over a round of this many epochs, the
        mean validation accuracy of the last 10 is within 1 % of that of the first
        10; 0 never does.
    """

    epochs: int = 60
    batch_size: int = 64
    crops: int = 1
    label_smoothing: float = 0.0
    balance: float = 0.0
    class_weights: bool = False
    validate_every: int = 1
    keep: str = "last"
    patience: int = 0
    plateau_round: int = 0


@dataclass(frozen=True)
class AugmentationSettings:
    """``[augmentation]``: what is made different at random; 0 is off.

    Attributes
    ----------
    gain_db : float
        Level, uniform in +-`gain_db` dB.
    equalisation_db : float
        Standard deviation in dB of each cosine of a smooth random curve over the bins.
    equalisation_order : int
        Number of cosines (of 1/2, 1, 3/2, ... periods); fewer are smoother.
    bandwidth : float
        Chance, 0 to 1, that there is nothing above a random bin in the upper quarter, as
        after resampling or lossy coding.
    mask_bins, mask_frames : int
        Largest width of a masked band and of a masked stretch (SpecAugment).
    stretch : float
        Tempo, uniform in ``1 +- stretch``.
    shift_bins : float
        Pitch, uniform in +-`shift_bins` mel bins, to whole ones.
    dynamics : float
        Distance in dB from the loudest point, times ``exp(uniform(+-dynamics))``.
    mixup : float
        Parameter of the beta distribution of mixup's weights.
    non_music : float
        Made-up noise, applause, voices and hums, as a part of the number of tracks in
        a batch; the network shall think all genres of them equally probable (outlier
        exposure, Hendrycks et al. 2019, arXiv 1812.04606).
    """

    gain_db: float = 0.0
    equalisation_db: float = 0.0
    equalisation_order: int = 4
    bandwidth: float = 0.0
    mask_bins: int = 0
    mask_frames: int = 0
    stretch: float = 0.0
    shift_bins: float = 0.0
    dynamics: float = 0.0
    mixup: float = 0.0
    non_music: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """A complete description of a training run but its data and seed.

    Attributes
    ----------
    description : str
        What it is and where it comes from.
    """

    description: str = ""
    features: FeatureSettings = FeatureSettings()
    architecture: ArchitectureSettings = ArchitectureSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
    training: TrainingSettings = TrainingSettings()
    augmentation: AugmentationSettings = AugmentationSettings()

    def __post_init__(self) -> None:
        for requirement, met in _requirements(self):
            if not met:
                raise ConfigError(f"recipe: {requirement}")

    def to_dict(self) -> dict[str, Any]:
        """All settings, fit for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], where: str = "recipe") -> Recipe:
        """Check and complete the tables of a recipe.

        Raises
        ------
        ConfigError
            If a table or key is unknown, or a value of the wrong type or out of range.
        """
        built: Recipe = _build(cls, raw, where)
        return built

    @classmethod
    def load(cls, name: str | PathLike[str]) -> Recipe:
        """Read a recipe.

        Parameters
        ----------
        name : str or path
            A registered name (``genreclf plugins`` lists them), or a TOML file.

        Raises
        ------
        ConfigError
            If there is no such recipe, or it is not valid.
        """
        path = Path(name)
        if path.suffix != ".toml":
            try:
                path = Path(registry().load("recipes", str(name)))
            except PluginError as error:
                raise ConfigError(f"{error} Or give the path of a .toml file.") from error
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"recipe '{path}' cannot be read: {error}") from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"recipe '{name}' is not valid TOML: {error}") from error
        return cls.from_dict(raw, f"recipe '{name}'")


def recipe_names() -> list[str]:
    """The registered recipes, sorted; ``genreclf plugins`` says whose they are."""
    return registry().names("recipes")


def _build(cls: Any, raw: Mapping[str, Any], where: str) -> Any:
    hints = get_type_hints(cls)
    unknown = sorted(raw.keys() - hints.keys())
    if unknown:
        raise ConfigError(f"{where}: unknown {', '.join(unknown)}; known: {', '.join(hints)}")
    return cls(**{key: _value(hints[key], raw[key], f"{where}: {key}") for key in raw})


def _value(wanted: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(wanted):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where} must be a table")
        return _build(wanted, value, where)
    if wanted is float and type(value) is int:
        return float(value)
    plain = getattr(wanted, "__origin__", wanted)
    if not isinstance(value, plain) or (plain is int and isinstance(value, bool)):
        name = "table" if plain is Mapping else plain.__name__
        raise ConfigError(f"{where} must be of type {name}, not {value!r}")
    return value


def _requirements(recipe: Recipe) -> list[tuple[str, bool]]:
    optimiser, training, changes = recipe.optimiser, recipe.training, recipe.augmentation
    positive = {
        "optimiser.learning_rate": optimiser.learning_rate,
        "training.epochs": training.epochs,
        "training.batch_size": training.batch_size,
        "training.crops": training.crops,
        "training.validate_every": training.validate_every,
    }
    not_negative = {
        "features.segment_frames": recipe.features.segment_frames,
        "optimiser.weight_decay": optimiser.weight_decay,
        "optimiser.decay": optimiser.decay,
        "optimiser.clip_norm": optimiser.clip_norm,
        "training.balance": training.balance,
        "training.patience": training.patience,
        "training.plateau_round": training.plateau_round,
        **{f"augmentation.{k}": v for k, v in dataclasses.asdict(changes).items()},
    }
    choices = {
        "optimiser.name": (optimiser.name, ("adamw", "adadelta")),
        "optimiser.schedule": (optimiser.schedule, ("constant", "one-cycle", "cosine")),
        "training.keep": (training.keep, ("last", "best")),
    }
    return [
        *((f"{key} must be above 0 (got {value})", value > 0) for key, value in positive.items()),
        *(
            (f"{key} must not be negative (got {value})", value >= 0)
            for key, value in not_negative.items()
        ),
        *(
            (f"{key} must be one of {', '.join(known)} (got {value!r})", value in known)
            for key, (value, known) in choices.items()
        ),
        ("features.overlap must be at least 0 and below 1", 0 <= recipe.features.overlap < 1),
        ("optimiser.averaging must be at least 0 and below 1", 0 <= optimiser.averaging < 1),
        (
            "training.label_smoothing must be at least 0 and below 1",
            0 <= training.label_smoothing < 1,
        ),
        ("augmentation.stretch must be below 0.9", changes.stretch < 0.9),
        ("augmentation.non_music must be at most 1", changes.non_music <= 1),
        ("augmentation.bandwidth must be at most 1", changes.bandwidth <= 1),
        ("augmentation.equalisation_order must be at least 1", changes.equalisation_order >= 1),
        (
            "training.plateau_round must be 0 or at least 20",
            training.plateau_round == 0 or training.plateau_round >= 20,
        ),
    ]
