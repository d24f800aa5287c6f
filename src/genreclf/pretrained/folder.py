"""Reading and writing a model folder."""

import dataclasses
import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from genreclf.errors import ConfigError, ModelNotFoundError
from genreclf.pretrained.config import ModelConfig
from genreclf.pretrained.limits import LARGEST_CONFIG

if TYPE_CHECKING:
    from torch import Tensor

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
CARD = "README.md"


def read_config(folder: Path) -> ModelConfig:
    """The configuration in a model folder.

    Raises
    ------
    ModelNotFoundError
        If the folder has no ``config.json``.
    ConfigError
        If it is not valid.
    """
    path = folder / CONFIG
    try:
        if path.stat().st_size > LARGEST_CONFIG:
            raise ConfigError(f"{path}: larger than {LARGEST_CONFIG:,} bytes")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text") from error
    except OSError as error:
        raise ModelNotFoundError(
            f"'{folder}' is not a model folder: {CONFIG} cannot be read ({error.strerror})"
        ) from error
    return ModelConfig.from_json(text, str(path))


def write_folder(
    folder: Path, config: ModelConfig, tensors: Mapping[str, "Tensor"], card: str
) -> None:
    """Write a model folder, each file complete or not at all.

    Parameters
    ----------
    folder : Path
        Made if need be; a model in it is replaced.
    config : ModelConfig
        Written with the SHA-256 of the weights.
    tensors : mapping of str to Tensor
        The weights by name.
    card : str
        The model card, Markdown.
    """
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as scratch:
        new = Path(scratch)
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        weights = save(plain)
        config = dataclasses.replace(config, weights_sha256=hashlib.sha256(weights).hexdigest())
        (new / WEIGHTS).write_bytes(weights)
        (new / CARD).write_text(card, encoding="utf-8")
        (new / CONFIG).write_text(config.to_json(), encoding="utf-8")
        for name in (WEIGHTS, CARD, CONFIG):
            shutil.move(new / name, folder / name)
