"""Checks that a plugin does what the library relies on, for the plugin's own tests.

Each check raises :class:`AssertionError` with a sentence that says what is wrong, so it works
under pytest or any other runner. The built-in plugins pass the same checks.

>>> from genreclf.testing import check_extractor
>>> check_extractor("logmel-13fps")
"""

from genreclf.testing.architectures import check_architecture, check_recipe
from genreclf.testing.extractors import check_extractor

__all__ = ["check_architecture", "check_extractor", "check_recipe"]
