"""Recipes: TOML files with every setting of a training run."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from genreclf.errors import ConfigError, PluginError
from genreclf.plugins import registry
from genreclf.validation import Rule, fraction, integer, number, one_of, positive, validate

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_RECIPE = "short-chunk"
"""The recipe of the default model."""


@dataclass(frozen=True)
class FeatureSettings:
    """``[features]``: the extractor, and its parameters that differ from the registered ones.

    Segments overlap by the fraction `overlap`, 0 <= overlap < 1, when a track is classified.
    """

    name: str = "logmel-13fps"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    overlap: float = 0.5


@dataclass(frozen=True)
class ArchitectureSettings:
    """``[architecture]``: the network, and its parameters that differ from the defaults."""

    name: str = "dong2018"
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OptimizerSettings:
    """``[optimizer]``: how the weights are updated.

    Attributes
    ----------
    name : {"adamw", "adadelta"}
    learning_rate : float
        The peak of the schedule.
    learning_rate_decay : float
        Divide the rate of step ``i`` by ``1 + learning_rate_decay * i``, as Keras does.
    schedule : {"constant", "one-cycle", "cosine"}
        "one-cycle" rises linearly over the first tenth of the steps and then falls to 0
        along half a cosine; "cosine" falls from the first step on.
    weight_decay : float
        Decoupled; biases and normalization layers have none.
    l2 : mapping of str to float
        For each named layer, the factor of the sum of its squared weights in the loss.
    ema_decay : float
        Decay per step, 0 <= ema_decay < 1, of an exponential moving average of the weights,
        which replaces the last weights in the model. 0 is off.
    max_grad_norm : float
        Clip the norm of the gradient to this; 0 is off.
    """

    name: str = "adamw"
    learning_rate: float = 1e-3
    learning_rate_decay: float = 0.0
    schedule: str = "constant"
    weight_decay: float = 0.0
    l2: Mapping[str, float] = field(default_factory=dict)
    ema_decay: float = 0.0
    max_grad_norm: float = 0.0


@dataclass(frozen=True)
class TrainingSettings:
    """``[training]``: batches, validation and when to stop.

    Attributes
    ----------
    epochs : int
        Maximum number of epochs.
    batch_size : int
        Segments per step.
    segments_per_track : int
        Random segments of each track per epoch.
    label_smoothing : float
        0 <= label_smoothing < 1.
    class_weights : bool
        Weight each genre in the loss by the inverse of its number of tracks, as
        scikit-learn's ``class_weight="balanced"`` does.
    class_balance : float
        Draw each track with a probability proportional to ``n ** -class_balance``, where
        ``n`` is the number of tracks of its genre. 0 takes all tracks equally often; 1
        draws all genres equally often.
    validate_every : int
        Epochs between two validations. The last epoch is always validated.
    keep : {"last", "best"}
        "best" restores the weights of the epoch with the best validation accuracy (the
        first of equals) at the end; "last" does not.
    patience : int
        Stop after this many validations without a better accuracy; 0 is off.
    plateau_epochs : int
        Stop by the rule of Dong 2018: if, over this many epochs (at least 20; 0 is off), the
        mean validation accuracies of the first 10 and the last 10 differ by less than 0.01.
    """

    epochs: int = 60
    batch_size: int = 64
    segments_per_track: int = 1
    label_smoothing: float = 0.0
    class_weights: bool = False
    class_balance: float = 0.0
    validate_every: int = 1
    keep: str = "last"
    patience: int = 0
    plateau_epochs: int = 0


@dataclass(frozen=True)
class AugmentationSettings:
    """``[augmentation]``: random changes to the training segments; 0 is off.

    Attributes
    ----------
    gain_db : float
        Add a gain, uniform in +-`gain_db` dB.
    equalization_db : float
        Add a smooth random curve over the bins: a sum of cosines, whose amplitudes have
        this standard deviation in dB.
    equalization_order : int
        Number of these cosines (1/2, 1, 3/2, ... periods); fewer make a smoother curve.
    bandwidth : float
        Probability of a low-pass filter: all bins above a random one in the upper quarter
        get the segment's minimum, as after resampling or lossy coding.
    mask_bins, mask_frames : int
        Maximum width of a mask over bins and of one over frames (SpecAugment).
    time_stretch : float
        Multiply the tempo by a factor, uniform in ``1 +- time_stretch``. Below 0.9.
    pitch_shift_bins : float
        Shift by a number of bins, uniform in +-`pitch_shift_bins` and rounded.
    dynamics : float
        Multiply the distance in dB from the segment's maximum by
        ``exp(uniform(-dynamics, dynamics))``.
    mixup : float
        Parameter ``alpha`` of mixup's beta distribution.
    outlier_exposure : float
        Add this fraction (at most 1) of synthetic noise, applause, speech and hum to each
        batch; their target is equal probabilities (Hendrycks et al. 2019, arXiv 1812.04606).
    """

    gain_db: float = 0.0
    equalization_db: float = 0.0
    equalization_order: int = 4
    bandwidth: float = 0.0
    mask_bins: int = 0
    mask_frames: int = 0
    time_stretch: float = 0.0
    pitch_shift_bins: float = 0.0
    dynamics: float = 0.0
    mixup: float = 0.0
    outlier_exposure: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """Every setting of a training run except its data and seed.

    The description is one or two sentences for the model card.

    Examples
    --------
    >>> from genreclf import Recipe
    >>> recipe = Recipe.load("dong2018")
    >>> recipe.optimizer.name, recipe.training.batch_size
    ('adadelta', 150)
    """

    description: str = ""
    features: FeatureSettings = FeatureSettings()
    architecture: ArchitectureSettings = ArchitectureSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    training: TrainingSettings = TrainingSettings()
    augmentation: AugmentationSettings = AugmentationSettings()

    def __post_init__(self) -> None:
        validate("recipe", vars(self), {"description": _TEXT})
        for table, rules in _RULES.items():
            validate(f"recipe: [{table}]", vars(getattr(self, table)), rules)

    def to_dict(self) -> dict[str, Any]:
        """Return all settings as nested dictionaries, which JSON and TOML can store."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Recipe:
        """Build a recipe from nested dictionaries; missing keys and tables get their defaults.

        Raises
        ------
        ConfigError
            If a table or key is unknown, or a value has the wrong type or is out of range.

        Examples
        --------
        >>> from genreclf import Recipe
        >>> Recipe.from_dict({"training": {"epochs": 40}}).training.epochs
        40
        """
        _check_keys("recipe", settings, cls)
        tables = {
            name: _build_table(f"recipe: [{name}]", settings[name], type(getattr(cls, name)))
            for name in _RULES
            if name in settings
        }
        return cls(**{**settings, **tables})

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
            return cls.from_dict(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"recipe '{path}' cannot be read: {error}") from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"recipe '{name}' is not valid TOML: {error}") from error
        except ConfigError as error:
            raise ConfigError(f"'{path}': {error}") from error


def _build_table(owner: str, settings: Any, table: type[Any]) -> Any:
    if not isinstance(settings, Mapping):
        raise ConfigError(f"{owner} must be a table (got {settings!r:.80})")
    _check_keys(owner, settings, table)
    return table(**settings)


def _check_keys(owner: str, settings: Mapping[str, Any], table: type[Any]) -> None:
    known = [each.name for each in dataclasses.fields(table)]
    if unknown := sorted(settings.keys() - set(known)):
        raise ConfigError(f"{owner}: unknown {', '.join(unknown)}; known: {', '.join(known)}")


_TEXT = Rule("a text", lambda v: isinstance(v, str))
_TABLE = Rule("a table", lambda v: isinstance(v, Mapping))
_FACTORS = Rule(
    "a table of numbers, each at least 0",
    lambda v: isinstance(v, Mapping) and all(map(number(0).accepts, v.values())),
)
_BOOLEAN = Rule("true or false", lambda v: isinstance(v, bool))
_PLATEAU = Rule(
    "0 or a whole number, at least 20", lambda v: type(v) is int and (v == 0 or v >= 20)
)
_STRETCH = Rule("a number, at least 0 and below 0.9", lambda v: fraction().accepts(v) and v < 0.9)

_RULES: Mapping[str, Mapping[str, Rule]] = {
    "features": {"name": _TEXT, "parameters": _TABLE, "overlap": fraction()},
    "architecture": {"name": _TEXT, "parameters": _TABLE},
    "optimizer": {
        "name": one_of("adamw", "adadelta"),
        "learning_rate": positive(),
        "learning_rate_decay": number(0),
        "schedule": one_of("constant", "one-cycle", "cosine"),
        "weight_decay": number(0),
        "l2": _FACTORS,
        "ema_decay": fraction(),
        "max_grad_norm": number(0),
    },
    "training": {
        "epochs": integer(1),
        "batch_size": integer(1),
        "segments_per_track": integer(1),
        "label_smoothing": fraction(),
        "class_weights": _BOOLEAN,
        "class_balance": number(0),
        "validate_every": integer(1),
        "keep": one_of("last", "best"),
        "patience": integer(0),
        "plateau_epochs": _PLATEAU,
    },
    "augmentation": {
        "gain_db": number(0),
        "equalization_db": number(0),
        "equalization_order": integer(1),
        "bandwidth": number(0, 1),
        "mask_bins": integer(0),
        "mask_frames": integer(0),
        "time_stretch": _STRETCH,
        "pitch_shift_bins": number(0),
        "dynamics": number(0),
        "mixup": number(0),
        "outlier_exposure": number(0, 1),
    },
}
