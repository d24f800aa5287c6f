"""Checks that a plugin does what the library relies on, for the plugin's own tests.

Each raises :class:`AssertionError` with a sentence that says what is wrong, so that it
works under pytest or anything else. The built-in plugins pass the same checks.

>>> from genreclf.testing import check_extractor
>>> check_extractor("logmel-13fps")
"""

from genreclf.testing.architectures import check_architecture
from genreclf.testing.extractors import check_extractor
from genreclf.testing.recipes import check_recipe

__all__ = ["check_architecture", "check_extractor", "check_recipe"]
