"""The packages that a model's architecture and features come from."""

import re

from genreclf.errors import ConfigError, PluginError
from genreclf.plugins import Kind, registry
from genreclf.pretrained.config import ModelConfig


def providers(config: ModelConfig) -> tuple[str, ...]:
    """The packages other than genreclf that register what a model is made of."""
    packages = set()
    for kind, name in _components(config):
        try:
            package = registry().find(kind, name).package.split()[0]
        except PluginError:  # an object that was given instead of a name
            continue
        # A plugin that a program registered itself belongs to no package.
        if package != "genreclf" and re.match(r"\w", package):
            packages.add(package)
    return tuple(sorted(packages))


def check_components(config: ModelConfig, where: str) -> None:
    """Refuse a model whose architecture or features nobody registers.

    Raises
    ------
    ConfigError
        If so; it names the packages that the model says it requires.
    """
    for kind, name in _components(config):
        if name in registry().names(kind):
            continue
        try:
            registry().find(kind, name)
        except PluginError as error:
            advice = ""
            if config.requires:
                packages = " ".join(config.requires)
                advice = (
                    " The model says that it requires other packages; if you trust them: "
                    f"pip install {packages}"
                )
            raise ConfigError(f"{where}: {error}{advice}") from error


def _components(config: ModelConfig) -> tuple[tuple[Kind, str], ...]:
    return ("architectures", config.architecture.name), ("extractors", config.features.name)
