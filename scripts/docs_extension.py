"""A griffe extension for the documentation: docstrings in numpydoc, as Markdown renders them.

Docstrings name other objects by Sphinx's roles, which editors and IPython understand and
Markdown does not. They become links where the reference has the object, and code elsewhere.
Defaults that are constants are shown by their value.
"""

import re
from collections.abc import Iterator
from typing import Any

import griffe

_ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):`~?([^`]+)`")


class Numpydoc(griffe.Extension):
    """Rewrite roles and defaults once the whole package is loaded."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Visit every object of a package."""
        for member in _members(pkg):
            if member.docstring:
                scope = member
                member.docstring.value = _ROLE.sub(
                    lambda match, scope=scope: _link(scope, match[1]), member.docstring.value
                )
            if isinstance(member, griffe.Function):
                for parameter in member.parameters:
                    parameter.default = _value(member, parameter.default)


def _members(parent: Any) -> Iterator[Any]:
    yield parent
    for member in parent.members.values():
        if not member.is_alias:
            yield from _members(member)


def _link(scope: Any, name: str) -> str:
    try:
        target = name if name.startswith("genreclf.") else scope.resolve(name.partition(".")[0])
    except griffe.NameResolutionError:
        return f"`{name}`"
    if not name.startswith("genreclf.") and "." in name:
        target = f"{target}.{name.partition('.')[2]}"
    return f'<autoref optional identifier="{target}"><code>{name}</code></autoref>'


def _value(function: Any, default: Any) -> Any:
    if not isinstance(default, griffe.ExprName):
        return default
    try:
        constant = function.modules_collection[default.canonical_path]
    except (KeyError, griffe.GriffeError):
        return default
    literal = isinstance(getattr(constant, "value", None), str)
    return constant.value if literal else default
