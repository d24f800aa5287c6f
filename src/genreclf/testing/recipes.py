"""What the library relies on in a recipe."""

from genreclf.architectures import make_architecture
from genreclf.features import make_extractor
from genreclf.testing.require import require
from genreclf.training import Recipe


def check_recipe(name: str) -> None:
    """Check a registered recipe: that it describes itself, and its parts fit each other.

    Parameters
    ----------
    name : str
        As registered, or the path of a TOML file.

    Raises
    ------
    AssertionError
        If it has no description.
    ConfigError, PluginError
        If it is not valid, or its features or architecture are not registered, or
        do not fit each other.
    """
    recipe = Recipe.load(name)
    require(bool(recipe.description), f"recipe '{name}' has no description")
    settings = recipe.features
    extractor = make_extractor(settings.name, **settings.parameters)
    make_architecture(
        recipe.architecture.name,
        n_classes=2,
        n_bins=extractor.bins,
        n_frames=settings.segment_frames or extractor.segment_frames,
        **recipe.architecture.parameters,
    )
