"""Pretrained models: from a name to a model folder."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from genreclf.errors import ModelNotFoundError, PluginError
from genreclf.plugins import hookimpl, registry
from genreclf.pretrained.config import Component, ModelConfig
from genreclf.pretrained.folder import WEIGHTS, read_config, write_folder

__all__ = [
    "DEFAULT_MODEL",
    "WEIGHTS",
    "Component",
    "ModelConfig",
    "find_model",
    "read_config",
    "write_folder",
]

DEFAULT_MODEL = "dong2018"


@hookimpl
def genreclf_models() -> Mapping[str, Any]:
    """Register the weights in the wheel."""
    return {"dong2018": Path(__file__).parent / "weights" / "dong2018"}


def find_model(name: str | PathLike[str]) -> Path:
    """The folder of a model.

    Parameters
    ----------
    name : str or path
        A model folder, or else a registered name.

    Raises
    ------
    ModelNotFoundError
        If it is neither; near names are suggested.
    """
    folder = Path(name)
    if folder.is_dir():
        return folder
    if folder.name != str(name):
        raise ModelNotFoundError(f"no model at '{name}': there is no such folder")
    try:
        return Path(registry().load("models", str(name)))
    except PluginError as error:
        raise ModelNotFoundError(f"no folder and no model '{name}': {error}") from error
