"""What is registered, by which package, and what of it is broken."""

import difflib
import functools
import importlib
import inspect
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import pluggy

from genreclf.errors import ConfigError, GenreclfError, PluginError
from genreclf.plugins.hookspecs import GROUP, KINDS, Hookspecs, Kind


@dataclass(frozen=True)
class Registration:
    """One name and who registered it.

    Attributes
    ----------
    kind : {"extractors", "architectures", "models", "recipes"}
    name : str
    target : object
        The thing itself, or ``"package.module:attribute"`` that leads to it.
    plugin : str
        The entry point (or the name given to :meth:`Registry.register`).
    package : str
        The distribution that the plugin belongs to, with its version.
    """

    kind: Kind
    name: str
    target: Any
    plugin: str
    package: str

    def load(self) -> Any:
        """Import the target if it is given as a string.

        Raises
        ------
        PluginError
            If the import fails, with the plugin's name and the reason.
        """
        if not isinstance(self.target, str) or "://" in self.target:
            return self.target
        module, _, attribute = self.target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except Exception as error:
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
    """Extractors, architectures, models and recipes by name.

    Loading never raises: a plugin that fails is kept in :attr:`broken`, and two
    plugins that claim one name are an error only for whoever asks for that name.
    """

    def __init__(self) -> None:
        self.broken: list[BrokenPlugin] = []
        self._registrations: list[Registration] = []
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(Hookspecs)

    def load_entry_points(self, entry_points: Iterable[metadata.EntryPoint]) -> None:
        """Load and register every entry point; keep those that fail in :attr:`broken`."""
        for entry_point in entry_points:
            package = _package_of(entry_point)
            try:
                self.register(entry_point.load(), entry_point.name, package)
            except Exception as error:  # somebody else's code: it must not take us down
                broken = BrokenPlugin(entry_point.name, package, f"{type(error).__name__}: {error}")
                self.broken.append(broken)
                warnings.warn(str(broken), RuntimeWarning, stacklevel=2)

    def register(self, plugin: object, name: str, package: str = "(this program)") -> None:
        """Register a module or object with hook implementations.

        Parameters
        ----------
        plugin : object
            Holds functions marked with ``genreclf.plugins.hookimpl``.
        name : str
            What messages call it.
        package : str
            The distribution it belongs to.

        Raises
        ------
        PluginError
            If it implements no hook of genreclf.
        """
        self._manager.register(plugin, name)
        try:
            callers = self._manager.get_hookcallers(plugin) or []
            if not callers:
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
        """All registrations (of one kind), sorted by kind and name."""
        chosen = (r for r in self._registrations if kind in (None, r.kind))
        return sorted(chosen, key=lambda r: (KINDS.index(r.kind), r.name, r.package))

    def names(self, kind: Kind) -> list[str]:
        """The names of one kind, sorted."""
        return sorted({r.name for r in self.registrations(kind)})

    def find(self, kind: Kind, name: str) -> Registration:
        """The one registration of this name.

        Raises
        ------
        PluginError
            If nobody registered the name (near names are suggested), or two
            plugins did (both are named).
        """
        found = [r for r in self.registrations(kind) if r.name == name]
        if len(found) == 1:
            return found[0]
        if found:
            claimants = " and ".join(f"'{r.plugin}' of {r.package}" for r in found)
            raise PluginError(
                f"two plugins register '{name}' in {kind}: {claimants}. Uninstall one of them."
            )
        near = difflib.get_close_matches(name, self.names(kind), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else ""
        known = f"Known: {', '.join(self.names(kind)) or 'none'}."
        broken = f"Not loaded: {'; '.join(map(str, self.broken))}." if self.broken else ""
        message = f"no {kind[:-1]} is registered as '{name}'"
        raise PluginError(
            " ".join(filter(None, [f"{message};" if hint else f"{message}.", hint, known, broken]))
        )

    def load(self, kind: Kind, name: str) -> Any:
        """What goes by this name, imported if need be; see :meth:`find`."""
        return self.find(kind, name).load()

    def build(self, kind: Kind, name: str, **parameters: Any) -> Any:
        """Call what goes by this name with parameters.

        Raises
        ------
        PluginError
            As :meth:`find` does.
        ConfigError
            If it does not take these parameters (its own are listed) or fails with them.
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
        except Exception as error:  # values of a wrong type or size, which anybody's code meets
            raise ConfigError(
                f"{kind[:-1]} '{name}' cannot be built with these parameters: "
                f"{type(error).__name__}: {error}"
            ) from error


def _package_of(entry_point: metadata.EntryPoint) -> str:
    dist = entry_point.dist
    return f"{dist.name} {dist.version}" if dist else "(unknown package)"


@functools.cache
def registry() -> Registry:
    """The process's registry, with every installed plugin; built on first use."""
    loaded = Registry()
    loaded.load_entry_points(metadata.entry_points(group=GROUP))
    return loaded
