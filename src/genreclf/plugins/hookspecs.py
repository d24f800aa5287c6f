"""The hooks that a plugin may implement.

A plugin is a module (or object) that an entry point of the group ``genreclf`` names. Each hook
returns a mapping from a name to an object, or to a string ``"package.module:attribute"`` that
is imported only when the name is used. Prefer the string if the module imports something heavy:
every program that uses genreclf loads every plugin.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

import pluggy

GROUP = "genreclf"

Kind = Literal["extractors", "architectures", "models", "recipes", "commands"]
KINDS: tuple[Kind, ...] = get_args(Kind)

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


class Command(NamedTuple):
    """A subcommand that is imported when it is called.

    `target` is ``"package.module:attribute"`` of a :class:`click.Command`; `help` is the line
    that ``genreclf --help`` shows without importing it.
    """

    target: str
    help: str


class Hookspecs:
    """The hooks of genreclf; a plugin implements any of them with ``hookimpl``."""

    @hookspec
    def genreclf_extractors(self) -> Mapping[str, Any]:
        """Return feature extractors by name.

        Each value is a callable (or its ``"package.module:attribute"``) that takes parameters by
        keyword and returns a :class:`genreclf.features.Extractor`.
        """
        raise NotImplementedError

    @hookspec
    def genreclf_architectures(self) -> Mapping[str, Any]:
        """Return network architectures by name.

        Each value is a callable (or its ``"package.module:attribute"``) that takes ``n_classes``,
        ``n_bins``, ``n_frames`` and its own parameters by keyword, and returns a
        :class:`genreclf.architectures.base.Architecture`.
        """
        raise NotImplementedError

    @hookspec
    def genreclf_models(self) -> Mapping[str, Any]:
        """Return pretrained models by name.

        Each value is the :class:`pathlib.Path` of a model folder that
        :meth:`genreclf.GenreClassifier.save_pretrained` wrote; an address,
        ``"hf://owner/repository@commit"`` or ``"https://.../model.zip#sha256=..."``; or
        ``"package.module:attribute"`` of either.
        """
        raise NotImplementedError

    @hookspec
    def genreclf_recipes(self) -> Mapping[str, Any]:
        """Return recipes for training by name.

        Each value is the :class:`pathlib.Path` of a TOML file that :meth:`genreclf.Recipe.load`
        reads, or ``"package.module:attribute"`` of one.
        """
        raise NotImplementedError

    @hookspec
    def genreclf_commands(self) -> Mapping[str, Any]:
        """Return subcommands of ``genreclf`` by the name that the user types.

        Each value is a :class:`click.Command`; or a :class:`Command` or
        ``"package.module:attribute"``, which is imported when it is called. Only a
        :class:`Command` has a line in ``genreclf --help`` before that.
        """
        raise NotImplementedError
