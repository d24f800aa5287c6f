"""What stands in a model folder's ``config.json``."""

import json
import math
import re
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
    track_temperature : float
        The same for the mean of a track's segments, whose logarithms are divided by it.
    metadata : mapping
        For people: what it was trained on, by which version, with which figures;
        see :func:`genreclf.pretrained.card.model_card`. Models that differ in
        nothing else are equal.
    requires : tuple of str
        Packages whose plugins register the architecture or the features.
    files : mapping of str to str
        SHA-256, in hexadecimal, of the files beside the one that this was read from,
        so that a config that was checked vouches for them too.
    """

    architecture: Component
    features: Component
    labels: tuple[str, ...]
    segment_frames: int
    overlap: float = 0.5
    temperature: float = 1.0
    track_temperature: float = 1.0
    metadata: Mapping[str, Any] = field(default_factory=dict, compare=False)
    requires: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict, compare=False)

    def to_json(self) -> str:
        """The text of ``config.json``.

        Raises
        ------
        ConfigError
            If a value is not fit for JSON, or :meth:`from_json` would refuse it.
        """
        where = "model configuration"
        try:
            text = json.dumps({"format": FORMAT_VERSION, **asdict(self)}, indent=2) + "\n"
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigError(f"{where}: not fit for JSON: {error}") from error
        self.from_json(text, where)
        return text

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
            raw = parse_json(text)
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
        # What was written before there were these has none.
        raw.setdefault("files", {})
        raw.setdefault("track_temperature", 1.0)
        _check(raw, where)
        return cls(
            architecture=Component(**raw["architecture"]),
            features=Component(**raw["features"]),
            labels=tuple(raw["labels"]),
            segment_frames=raw["segment_frames"],
            overlap=float(raw["overlap"]),
            temperature=float(raw["temperature"]),
            track_temperature=float(raw["track_temperature"]),
            metadata=raw["metadata"],
            requires=tuple(raw.get("requires", ())),
            files=raw["files"],
        )


def parse_json(text: str) -> Any:
    """JSON as its standard has it, which Python's own reader does not insist on.

    Raises
    ------
    ValueError
        If it is not JSON, or holds NaN or infinite numbers, an object with the same
        key twice, or text that is not Unicode.
    RecursionError
        If it is nested too deeply.
    """
    value = json.loads(
        text, parse_constant=_finite, parse_float=_finite, object_pairs_hook=_unique_keys
    )
    json.dumps(value, ensure_ascii=False).encode()
    return value


def _finite(literal: str) -> float:
    value = float(literal)
    if not math.isfinite(value):
        raise ValueError(f"{literal} is not a finite number")
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{twice!r:.80} stands twice in one object")
    return unique


def _check(raw: dict[str, Any], where: str) -> None:
    rules = {
        "architecture": ("an object with name and parameters", _is_component),
        "features": ("an object with name and parameters", _is_component),
        "labels": ("a list of 2 to 10,000 different names", _are_labels),
        "segment_frames": ("a whole number, 1 to 65,536", _is_frame_count),
        "overlap": ("a number, at least 0 and below 1", lambda v: _is_number(v) and 0 <= v < 1),
        "temperature": ("a number, 0.01 to 100", _is_temperature),
        "track_temperature": ("a number, 0.01 to 100", _is_temperature),
        "metadata": ("an object", lambda v: isinstance(v, dict)),
    }
    optional = {
        "requires": ("a list of package names", _are_packages),
        "files": ("an object of names and SHA-256 sums", _are_sums),
    }
    odd = sorted((raw.keys() - optional.keys()) ^ rules.keys())
    if odd:
        raise ConfigError(f"{where}: missing or unknown: {', '.join(map(repr, odd))}"[:500])
    for key, (wanted, holds) in (rules | optional).items():
        if key in raw and not holds(raw[key]):
            raise ConfigError(f"{where}: '{key}' must be {wanted}, not {raw[key]!r:.80}")


def _is_temperature(value: Any) -> bool:
    return _is_number(value) and 0.01 <= value <= 100


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
        and all(isinstance(label, str) and label and label.isprintable() for label in value)
        and len(set(value)) == len(value)
    )


def _are_packages(value: Any) -> bool:
    # Only names: they end up in a command that the reader is told to run.
    return isinstance(value, list | tuple) and all(
        isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name)
        for name in value
    )


def _are_sums(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest)
        for digest in value.values()
    )


def _is_frame_count(value: Any) -> bool:
    return type(value) is int and 1 <= value <= 65_536


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)
