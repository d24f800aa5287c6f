"""The built-in plugin: everything that genreclf registers itself.

It goes through the same hooks as the plugins of other packages. All names are strings or paths,
so that loading this module imports nothing heavy.
"""

from collections.abc import Mapping
from pathlib import Path

from genreclf.plugins.hookspecs import Command, hookimpl

_PACKAGE = Path(__file__).parents[1]


@hookimpl
def genreclf_extractors() -> Mapping[str, str]:
    """Register the presets of :class:`genreclf.features.LogMel`."""
    return {
        "logmel-13fps": "genreclf.features.logmel:LOGMEL_13FPS",
        "logmel-dong2018": "genreclf.features.logmel:LOGMEL_DONG2018",
    }


@hookimpl
def genreclf_architectures() -> Mapping[str, str]:
    """Register the networks."""
    return {
        "dong2018": "genreclf.architectures.dong2018:Dong2018",
        "short-chunk": "genreclf.architectures.short_chunk:ShortChunk",
    }


@hookimpl
def genreclf_models() -> Mapping[str, Path]:
    """Register the model folders in the wheel."""
    configs = (_PACKAGE / "pretrained" / "weights").glob("*/config.json")
    return {config.parent.name: config.parent for config in configs}


@hookimpl
def genreclf_recipes() -> Mapping[str, Path]:
    """Register the TOML files in the wheel."""
    return {path.stem: path for path in (_PACKAGE / "recipes").glob("*.toml")}


@hookimpl
def genreclf_commands() -> Mapping[str, Command]:
    """Register the subcommands of ``genreclf``."""
    return {
        "app": Command("genreclf.cli.app:app", "Serve a page for the browser."),
        "evaluate": Command("genreclf.cli.evaluate:evaluate", "Measure the accuracy of a model."),
        "features": Command("genreclf.cli.features:features", "Extract features to train on."),
        "models": Command("genreclf.cli.models:models", "List, download and verify models."),
        "plot": Command("genreclf.cli.plot:plot", "Draw music, networks and results."),
        "plugins": Command("genreclf.cli:plugins", "List what plugins register."),
        "predict": Command("genreclf.cli.predict:predict", "Classify files and folders of music."),
        "tags": Command("genreclf.cli.tags:tags", "Restore the genres that predict replaced."),
        "train": Command("genreclf.cli.train:train", "Train a network on your own genres."),
        "tune": Command("genreclf.cli.tune:tune", "Search for a better recipe."),
    }
