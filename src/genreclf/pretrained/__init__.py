"""Pretrained models: configuration, folders, cache and downloads."""

from genreclf.pretrained.config import Component, ModelConfig
from genreclf.pretrained.folder import WEIGHTS, read_config
from genreclf.pretrained.resolve import DEFAULT_MODEL, resolve_model

__all__ = ["DEFAULT_MODEL", "WEIGHTS", "Component", "ModelConfig", "read_config", "resolve_model"]
