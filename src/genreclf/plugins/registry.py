"""The registry: what is registered by which package, and which plugins are broken."""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import pluggy

from genreclf.errors import ConfigError, GenreclfError, MissingExtraError, PluginError
from genreclf.plugins.hookspecs import GROUP, KINDS, Command, Hookspecs, Kind


@dataclass(frozen=True)
class Registration:
    """A name, what it stands for, and the plugin that registered it.

    Attributes
    ----------
    kind : {"extractors", "architectures", "models", "recipes", "commands"}
    name : str
    target : object
        The object itself, ``"package.module:attribute"``, or a :class:`Command`.
    plugin : str
        Name of the entry point (or the name given to :meth:`Registry.register`).
    package : str
        Name and version of the plugin's distribution.
    """

    kind: Kind
    name: str
    target: Any
    plugin: str
    package: str

    @property
    def distribution(self) -> str:
        """Name of the plugin's distribution, without its version."""
        return self.package.partition(" ")[0]

    @property
    def is_builtin(self) -> bool:
        """Whether genreclf itself registered the name."""
        return self.distribution == "genreclf"

    def load(self) -> Any:
        """Return the target, imported if it is given as a string.

        Raises
        ------
        PluginError
            If the import fails.
        """
        target = self.target.target if isinstance(self.target, Command) else self.target
        if not isinstance(target, str) or "://" in target:
            return target
        module, _, attribute = target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except GenreclfError:
            raise
        except Exception as error:
            # Every network imports PyTorch, which is an extra.
            if isinstance(error, ImportError) and error.name == "torch":
                raise MissingExtraError("networks in PyTorch", "train") from error
            raise PluginError(
                f"'{self.name}' of plugin '{self.plugin}' ({self.package}) cannot be loaded: "
                f"{type(error).__name__}: {error}. Update or uninstall that package."
            ) from error


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that could not be loaded, and why."""

    plugin: str
    package: str
    error: str

    def __str__(self) -> str:
        return f"plugin '{self.plugin}' ({self.package}) is broken: {self.error}"


class Registry:
    """Extractors, architectures, models, recipes and commands by name.

    A broken plugin raises no error: it is recorded in the list `broken`. If two plugins
    register one name, only looking up that name raises one. A name that genreclf itself
    registers always means genreclf's own.

    Examples
    --------
    >>> from genreclf.plugins import Registry, hookimpl
    >>> class Plugin:
    ...     @hookimpl
    ...     def genreclf_extractors(self):
    ...         return {"mine": "genreclf.features:LogMel"}
    >>> registry = Registry()
    >>> registry.register(Plugin(), "my-plugin")
    >>> registry.names("extractors")
    ['mine']
    >>> registry.build("extractors", "mine", n_mels=64).bins
    64
    """

    def __init__(self) -> None:
        self.broken: list[BrokenPlugin] = []
        self._registrations: list[Registration] = []
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(Hookspecs)

    @contextmanager
    def active(self) -> Iterator[Registry]:
        """Make :func:`registry` return this registry inside a ``with`` block.

        It affects all threads, so it is for tests and for programs that choose their
        plugins once, at the start.
        """
        _active.append(self)
        try:
            yield self
        finally:
            _active.remove(self)

    def load_entry_points(self, entry_points: Iterable[metadata.EntryPoint]) -> None:
        """Load and register plugins, and record those that fail in `broken`."""
        for entry_point in entry_points:
            dist = entry_point.dist
            package = f"{dist.name} {dist.version}" if dist else "(unknown package)"
            try:
                self.register(entry_point.load(), entry_point.name, package)
            except Exception as error:  # another package's code may raise anything
                broken = BrokenPlugin(entry_point.name, package, f"{type(error).__name__}: {error}")
                self.broken.append(broken)
                warnings.warn(str(broken), RuntimeWarning, stacklevel=2)

    def register(self, plugin: object, name: str, package: str = "(this program)") -> None:
        """Register a plugin.

        Parameters
        ----------
        plugin : object
            A module or object with functions marked by :data:`genreclf.hookimpl`.
        name : str
            Name of the plugin, for messages.
        package : str
            Name and version of its distribution.

        Raises
        ------
        PluginError
            If it implements no hook of genreclf.
        """
        self._manager.register(plugin, name)
        try:
            if not self._manager.get_hookcallers(plugin):
                raise PluginError(f"plugin '{name}' ({package}) implements no hook of genreclf")
            found = [
                Registration(kind, str(key), target, name, package)
                for kind in KINDS
                for impl in getattr(self._manager.hook, f"genreclf_{kind}").get_hookimpls()
                if impl.plugin is plugin
                for key, target in impl.function().items()
            ]
        except Exception:
            self._manager.unregister(plugin)
            raise
        self._registrations += found

    def registrations(self, kind: Kind | None = None) -> list[Registration]:
        """Return all registrations (of one kind), sorted by kind and name."""
        chosen = (r for r in self._registrations if kind in (None, r.kind))
        return sorted(chosen, key=lambda r: (KINDS.index(r.kind), r.name, r.package))

    def names(self, kind: Kind) -> list[str]:
        """Return the names of one kind, sorted."""
        return sorted({r.name for r in self.registrations(kind)})

    def find(self, kind: Kind, name: str) -> Registration:
        """Return the registration of a name.

        Raises
        ------
        PluginError
            If no plugin registers the name (the message suggests similar ones), or two
            plugins do (the message names both).
        """
        found = [r for r in self.registrations(kind) if r.name == name]
        # No plugin can replace what models, recipes and users mean by a built-in name.
        found = [r for r in found if r.is_builtin] or found
        if len(found) == 1:
            return found[0]
        if found:
            both = " and ".join(f"'{r.plugin}' of {r.package}" for r in found)
            raise PluginError(f"two plugins register '{name}' in {kind}: {both}. Uninstall one.")
        raise PluginError(self._unknown(kind, name))

    def _unknown(self, kind: Kind, name: str) -> str:
        message = f"no {kind[:-1]} is registered as '{name}'"
        similar = difflib.get_close_matches(name, self.names(kind), n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(map(repr, similar))}?" if similar else "."
        known = f" Known: {', '.join(self.names(kind)) or 'none'}."
        broken = f" Not loaded: {'; '.join(map(str, self.broken))}." if self.broken else ""
        return message + hint + known + broken

    def load(self, kind: Kind, name: str) -> Any:
        """Return what a name stands for, imported if necessary.

        Raises PluginError as :meth:`find` and :meth:`Registration.load` do.
        """
        return self.find(kind, name).load()

    def build(self, kind: Kind, name: str, **parameters: Any) -> Any:
        """Call what a name stands for with parameters, and return the result.

        Raises
        ------
        PluginError, ConfigError
            If it is not registered or cannot be imported; or if it does not take these parameters
            (the message lists those it takes), or fails with them.
        """
        factory = self.load(kind, name)
        try:
            inspect.signature(factory).bind(**parameters)
        except TypeError as error:
            raise ConfigError(
                f"{kind[:-1]} '{name}': {error}; it takes {inspect.signature(factory)}"
            ) from error
        try:
            return factory(**parameters)
        except GenreclfError:
            raise
        except Exception as error:  # a plugin may raise anything for a value of a wrong type
            raise ConfigError(
                f"{kind[:-1]} '{name}' cannot be built with these parameters: "
                f"{type(error).__name__}: {error}"
            ) from error


_active: list[Registry] = []


def registry() -> Registry:
    """Return the innermost active registry, or else the one that has all installed plugins."""
    return _active[-1] if _active else _installed()


@functools.cache
def _installed() -> Registry:
    loaded = Registry()
    loaded.load_entry_points(metadata.entry_points(group=GROUP))
    return loaded
