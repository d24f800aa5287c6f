"""How extractors, architectures, models and recipes are found: pluggy hooks and a registry."""

from genreclf.plugins.hookspecs import KINDS, Kind, hookimpl
from genreclf.plugins.registry import BrokenPlugin, Registration, Registry, registry

__all__ = [
    "KINDS",
    "BrokenPlugin",
    "Kind",
    "Registration",
    "Registry",
    "hookimpl",
    "registry",
]
