"""Reading and writing a model folder."""

import dataclasses
import hashlib
import shutil
import tempfile
from pathlib import Path

from genreclf.errors import ConfigError, IntegrityError, ModelNotFoundError
from genreclf.pretrained.config import ModelConfig
from genreclf.pretrained.limits import LARGEST_CONFIG
from genreclf.runtimes import Saved

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
ONNX = "model.onnx"
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


def check_files(folder: Path, config: ModelConfig, *names: str) -> dict[str, bytes]:
    """Contents of files, if they are those that the configuration was written with.

    Raises
    ------
    IntegrityError
        If one cannot be read or is another.
    """
    contents = {}
    for name in names:
        try:
            contents[name] = (folder / name).read_bytes()
        except OSError as error:
            raise IntegrityError(f"{folder / name}: cannot be read ({error.strerror})") from error
        if _digest(contents[name]) != config.files.get(name):
            raise IntegrityError(
                f"{folder / name}: is not the file that {CONFIG} was written with. Get the model "
                f"again; or load it with runtime 'torch', which needs {WEIGHTS} only, and save it."
            )
    return contents


def write_folder(folder: Path, config: ModelConfig, saved: Saved, card: str) -> None:
    """Write a model folder, each file complete or not at all.

    Parameters
    ----------
    folder : Path
        Made if need be; a model in it is replaced.
    config : ModelConfig
        Written with the SHA-256 of the files beside it.
    saved : Saved
        The network.
    card : str
        The model card, Markdown.
    """
    contents = {WEIGHTS: saved.weights, **({} if saved.onnx is None else {ONNX: saved.onnx})}
    digests = {name: _digest(content) for name, content in contents.items()}
    contents[CARD] = card.encode()
    contents[CONFIG] = dataclasses.replace(config, files=digests).to_json().encode()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as scratch:
        for name, content in contents.items():
            Path(scratch, name).write_bytes(content)
        if saved.onnx is None:
            (folder / ONNX).unlink(missing_ok=True)
        for name in contents:
            shutil.move(Path(scratch, name), folder / name)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
