"""The configuration of a model: ``config.json``."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from genreclf.errors import ConfigError
from genreclf.validation import Rule, fraction, number, validate

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Component:
    """The registered name of an architecture or extractor, and the parameters to build it."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelConfig:
    """Everything but the weights that a model needs to run.

    Attributes
    ----------
    architecture, features : Component
        With all parameters.
    labels : tuple of str
        Genres, in the order of the logits.
    overlap : float
        Fraction of a segment that the next one repeats, ``0 <= overlap < 1``.
    temperature : float
        Divides the logits of a segment before the softmax.
    track_temperature : float
        Scales the mean of a track's segments; see
        :func:`genreclf.inference.scale_temperature`.
    metadata : mapping
        Facts for people, such as training data and accuracy; see
        :func:`genreclf.pretrained.card.model_card`. Not compared by ``==``.
    requires : tuple of str
        Packages whose plugins register the architecture or the features.
    files : mapping of str to str
        SHA-256, in hexadecimal, of the files in the same folder. If the config is
        verified, these verify the other files too. Not compared by ``==``.
    """

    architecture: Component
    features: Component
    labels: tuple[str, ...]
    overlap: float = 0.5
    temperature: float = 1.0
    track_temperature: float = 1.0
    metadata: Mapping[str, Any] = field(default_factory=dict, compare=False)
    requires: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict, compare=False)

    def to_json(self) -> str:
        """Return the text of ``config.json``.

        Raises
        ------
        ConfigError
            If JSON cannot store a value, or :meth:`from_json` would refuse it.
        """
        where = "model configuration"
        try:
            text = json.dumps({"format": FORMAT_VERSION, **asdict(self)}, indent=2) + "\n"
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigError(f"{where}: JSON cannot store it: {error}") from error
        self.from_json(text, where)
        return text

    @classmethod
    def from_json(cls, text: str, where: str) -> "ModelConfig":
        """Parse and validate the text of a ``config.json``.

        Parameters
        ----------
        text : str
        where : str
            Name of the file, for messages.

        Raises
        ------
        ConfigError
            If it is not JSON, has another format version, or a value is missing, unknown,
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
                f"{where}: format is {version!r:.80}, this version of genreclf reads "
                f"{FORMAT_VERSION}; update genreclf"
            )
        values = {**_OPTIONAL, **raw}
        if unexpected := sorted(values.keys() ^ _RULES.keys()):
            names = ", ".join(map(repr, unexpected))
            raise ConfigError(f"{where}: missing or unknown: {names:.400}")
        validate(where, values, _RULES)
        return cls(
            architecture=Component(**values["architecture"]),
            features=Component(**values["features"]),
            labels=tuple(values["labels"]),
            overlap=float(values["overlap"]),
            temperature=float(values["temperature"]),
            track_temperature=float(values["track_temperature"]),
            metadata=values["metadata"],
            requires=tuple(values["requires"]),
            files=values["files"],
        )


def parse_json(text: str) -> Any:
    """Parse JSON strictly by its standard, which :mod:`json` does not.

    A ValueError is raised also for NaN and infinite numbers, an object with one key twice, and
    text that is not Unicode; a RecursionError for what is nested too deeply.
    """
    value = json.loads(
        text, parse_constant=_finite, parse_float=_finite, object_pairs_hook=_unique_keys
    )
    json.dumps(value, ensure_ascii=False).encode()  # raises for unpaired surrogates
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
        duplicate = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"an object has the key {duplicate!r:.80} twice")
    return unique


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
    # Names only, no options: error messages put them into a pip command.
    return isinstance(value, list | tuple) and all(
        isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name)
        for name in value
    )


def _are_digests(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest)
        for digest in value.values()
    )


_COMPONENT = Rule("an object with name and parameters", _is_component)
_TEMPERATURE = number(0.01, 100)
_RULES = {
    "architecture": _COMPONENT,
    "features": _COMPONENT,
    "labels": Rule("a list of 2 to 10,000 different names", _are_labels),
    "overlap": fraction(),
    "temperature": _TEMPERATURE,
    "track_temperature": _TEMPERATURE,
    "metadata": Rule("an object", lambda value: isinstance(value, dict)),
    "requires": Rule("a list of package names", _are_packages),
    "files": Rule("an object of file names and SHA-256 digests", _are_digests),
}
_OPTIONAL: Mapping[str, Any] = {"track_temperature": 1.0, "requires": (), "files": {}}
