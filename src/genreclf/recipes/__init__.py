"""Recipes for training; the built-in ones register here like anybody's.

:class:`genreclf.training.Recipe` reads them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genreclf.plugins import hookimpl

DEFAULT_RECIPE = "short-chunk"
"""That of the default weights."""


@hookimpl
def genreclf_recipes() -> Mapping[str, Any]:
    """Register every TOML file beside this module, by its name."""
    return {path.stem: path for path in Path(__file__).parent.glob("*.toml")}
