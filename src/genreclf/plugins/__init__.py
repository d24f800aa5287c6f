"""Plugins: the hooks that a package may implement, and the registry of what they provide."""

from genreclf.plugins.hookspecs import KINDS, Command, Kind, hookimpl
from genreclf.plugins.registry import BrokenPlugin, Registration, Registry, registry

__all__ = [
    "KINDS",
    "BrokenPlugin",
    "Command",
    "Kind",
    "Registration",
    "Registry",
    "hookimpl",
    "registry",
]
