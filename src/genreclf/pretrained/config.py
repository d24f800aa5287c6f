"""What stands in a model folder's ``config.json``."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from genreclf.errors import ConfigError

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Component:
    """A registered name and the parameters to build what goes by it."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelConfig:
    """Everything but the weights that a model needs to run.

    Attributes
    ----------
    architecture, features : Component
        By registered name, with all parameters.
    labels : tuple of str
        Genres, in the order of the logits.
    segment_frames : int
        Frames of a segment.
    overlap : float
        Part of a segment that the next one repeats.
    temperature : float
        Logits are divided by it before the softmax.
    metadata : mapping
        For people: what it was trained on, by which version, with which figures.
    """

    architecture: Component
    features: Component
    labels: tuple[str, ...]
    segment_frames: int
    overlap: float = 0.5
    temperature: float = 1.0
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text of ``config.json``."""
        return json.dumps({"format": FORMAT_VERSION, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str) -> "ModelConfig":
        """Read and check the text of a ``config.json``.

        Parameters
        ----------
        text : str
        where : str
            How messages call it.

        Raises
        ------
        ConfigError
            If it is not JSON, of another format, or a value is missing, unknown,
            of the wrong type or out of range.
        """
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{where}: not valid JSON: {error}") from error
        if not isinstance(raw, dict):
            raise ConfigError(f"{where}: must be a JSON object")
        version = raw.pop("format", None)
        if version != FORMAT_VERSION:
            raise ConfigError(
                f"{where}: format is {version!r}, this version of genreclf reads "
                f"{FORMAT_VERSION}; update genreclf"
            )
        _check(raw, where)
        return cls(
            architecture=Component(**raw["architecture"]),
            features=Component(**raw["features"]),
            labels=tuple(raw["labels"]),
            segment_frames=raw["segment_frames"],
            overlap=float(raw["overlap"]),
            temperature=float(raw["temperature"]),
            metadata=raw["metadata"],
        )


def _check(raw: dict[str, Any], where: str) -> None:
    rules = {
        "architecture": ("an object with name and parameters", _is_component),
        "features": ("an object with name and parameters", _is_component),
        "labels": ("a list of 2 to 10,000 different names", _are_labels),
        "segment_frames": ("a whole number, 1 to 65,536", _is_frame_count),
        "overlap": ("a number, at least 0 and below 1", lambda v: _is_number(v) and 0 <= v < 1),
        "temperature": ("a number, 0.01 to 100", lambda v: _is_number(v) and 0.01 <= v <= 100),
        "metadata": ("an object", lambda v: isinstance(v, dict)),
    }
    odd = sorted(raw.keys() ^ rules.keys())
    if odd:
        raise ConfigError(f"{where}: missing or unknown: {', '.join(map(repr, odd))}")
    for key, (wanted, holds) in rules.items():
        if not holds(raw[key]):
            raise ConfigError(f"{where}: '{key}' must be {wanted}, not {raw[key]!r:.80}")


def _is_component(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"name", "parameters"}
        and isinstance(value["name"], str)
        and isinstance(value["parameters"], dict)
    )


def _are_labels(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 2 <= len(value) <= 10_000
        and all(isinstance(label, str) and label for label in value)
        and len(set(value)) == len(value)
    )


def _is_frame_count(value: Any) -> bool:
    return type(value) is int and 1 <= value <= 65_536


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)
