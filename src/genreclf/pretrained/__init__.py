"""Pretrained models: from a name to a model folder."""

from collections.abc import Mapping
from typing import Any

from genreclf.plugins import hookimpl
from genreclf.pretrained.config import Component, ModelConfig
from genreclf.pretrained.find import BUNDLED, DEFAULT_MODEL, find_model
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


@hookimpl
def genreclf_models() -> Mapping[str, Any]:
    """Register the weights in the wheel."""
    return BUNDLED
