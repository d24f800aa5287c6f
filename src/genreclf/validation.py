"""Checks of values that a config, a recipe or a caller gives.

A :class:`Rule` defines which values are valid, and :func:`validate` applies rules by name.
Extractors, architectures, recipes and model configs use them, and so can plugins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from genreclf.errors import ConfigError


class Rule(NamedTuple):
    """A condition on a value.

    Attributes
    ----------
    description : str
        Completes the sentence "it must be ...".
    accepts : callable
        Returns whether a value is valid. It must not raise, whatever the value.
    """

    description: str
    accepts: Callable[[Any], bool]


def validate(owner: str, values: Mapping[str, Any], rules: Mapping[str, Rule]) -> None:
    """Check values against rules.

    Parameters
    ----------
    owner : str
        What the values belong to; the message starts with it.
    values : mapping of str to object
    rules : mapping of str to Rule
        By the names of the values.

    Raises
    ------
    ConfigError
        For the first value that breaks its rule, with its name and the value.

    Examples
    --------
    >>> from genreclf.validation import integer, validate
    >>> validate("mfcc", {"n_mels": 0}, {"n_mels": integer(1, 1024)})
    Traceback (most recent call last):
        ...
    genreclf.errors.ConfigError: mfcc: n_mels must be a whole number, 1 to 1,024 (got 0)
    """
    for name, rule in rules.items():
        if not rule.accepts(values[name]):
            raise ConfigError(
                f"{owner}: {name} must be {rule.description} (got {values[name]!r:.80})"
            )


def integer(low: int, high: int | None = None) -> Rule:
    """Accept whole numbers from `low` to `high`, both included."""
    allowed = f"{low:,} to {high:,}" if high is not None else f"at least {low:,}"
    top = math.inf if high is None else high
    # Not isinstance: bool is a subclass of int, but `true` in a config is not a number.
    return Rule(f"a whole number, {allowed}", lambda v: type(v) is int and low <= v <= top)


def number(low: float, high: float | None = None) -> Rule:
    """Accept finite numbers from `low` to `high`, both included."""
    allowed = f"{low:g} to {high:g}" if high is not None else f"at least {low:g}"
    top = math.inf if high is None else high
    return Rule(f"a number, {allowed}", lambda v: _is_number(v) and low <= v <= top)


def positive() -> Rule:
    """Accept finite numbers above 0."""
    return Rule("a number above 0", lambda v: _is_number(v) and v > 0)


def fraction() -> Rule:
    """Accept numbers from 0 (included) to 1 (excluded)."""
    return Rule("a number, at least 0 and below 1", lambda v: _is_number(v) and 0 <= v < 1)


def one_of(*choices: str) -> Rule:
    """Accept one of some texts."""
    named = ", ".join(map(repr, choices))
    return Rule(f"one of {named}", lambda v: isinstance(v, str) and v in choices)


def sequence_of(rule: Rule, length: int | None = None) -> Rule:
    """Accept a list or tuple, of one length if it is given, whose items are all valid."""
    size = "a list" if length is None else f"a list of {length}"

    def accepts(value: Any) -> bool:
        fits = isinstance(value, list | tuple) and length in (None, len(value))
        return fits and all(map(rule.accepts, value))

    return Rule(f"{size}, each {rule.description}", accepts)


def _is_number(value: Any) -> bool:
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False
