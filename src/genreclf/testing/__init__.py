"""Checks that a plugin does what the library relies on, for the plugin's own tests.

Each check raises :class:`AssertionError` with a message that describes the failure, so it
works under pytest or any other runner. The built-in plugins pass the same checks.

>>> from genreclf.testing import check_extractor
>>> check_extractor("logmel-13fps")
"""

from typing import TYPE_CHECKING, Any

from genreclf.testing.extractors import check_extractor

if TYPE_CHECKING:
    from genreclf.testing.architectures import check_architecture, check_recipe

__all__ = ["check_architecture", "check_extractor", "check_recipe"]


def __getattr__(name: str) -> Any:
    # Extractors can be checked without PyTorch.
    if name not in __all__:
        raise AttributeError(f"module 'genreclf.testing' has no attribute {name!r}")
    from genreclf.testing import architectures

    return getattr(architectures, name)
