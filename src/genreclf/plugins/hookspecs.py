"""The hooks that a plugin may implement.

A plugin is a module (or object) named by an entry point of the group
``genreclf``. Each hook returns a mapping from a name to what goes by it, either
the object itself or a string ``"package.module:attribute"`` that is imported
only when the name is used. Prefer the string wherever the module imports
something heavy: every plugin is loaded by every program that uses genreclf.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import pluggy

GROUP = "genreclf"

Kind = Literal["extractors", "architectures", "models", "recipes"]
KINDS: tuple[Kind, ...] = get_args(Kind)

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


class Hookspecs:
    """What genreclf asks of its plugins; implement any of these with ``hookimpl``."""

    @hookspec
    def genreclf_extractors(self) -> Mapping[str, Any]:
        """Give feature extractors.

        Returns
        -------
        mapping of str to callable or str
            Each callable takes parameters by keyword and returns a
            :class:`genreclf.features.Extractor`.
        """
        raise NotImplementedError

    @hookspec
    def genreclf_architectures(self) -> Mapping[str, Any]:
        """Give network architectures.

        Returns
        -------
        mapping of str to callable or str
            Each callable takes ``n_classes``, ``n_bins`` and ``n_frames`` and its
            own parameters, by keyword, and returns a
            :class:`genreclf.architectures.Architecture`.
        """
        raise NotImplementedError

    @hookspec
    def genreclf_models(self) -> Mapping[str, Any]:
        """Give pretrained models.

        Returns
        -------
        mapping of str to os.PathLike or str
            Each value is a model folder as written by
            :meth:`genreclf.GenreClassifier.save_pretrained`, given as a
            :class:`pathlib.Path`; an address, ``"hf://owner/repository@commit"`` or
            ``"https://.../model.zip#sha256=..."``; or a string
            ``"package.module:attribute"`` that leads to either.
        """
        raise NotImplementedError

    @hookspec
    def genreclf_recipes(self) -> Mapping[str, Any]:
        """Give recipes for training.

        Returns
        -------
        mapping of str to os.PathLike or str
            Each value is a TOML file as :class:`genreclf.training.Recipe` reads it,
            given as a :class:`pathlib.Path`, or a string
            ``"package.module:attribute"`` that leads to one.
        """
        raise NotImplementedError
