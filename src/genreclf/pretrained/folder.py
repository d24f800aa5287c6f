"""Model folders: their files and size limits; read, load and write them."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from genreclf import __version__
from genreclf.architectures import make_architecture
from genreclf.errors import ConfigError, IntegrityError, ModelNotFoundError, PluginError
from genreclf.features import make_extractor
from genreclf.plugins import Kind, registry
from genreclf.pretrained.card import model_card
from genreclf.pretrained.config import ModelConfig
from genreclf.runtimes import Network

if TYPE_CHECKING:
    from genreclf.architectures.base import Architecture

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
ONNX = "model.onnx"
CARD = "README.md"

MAX_BYTES = {CONFIG: 1_000_000, WEIGHTS: 2 * 1024**3, CARD: 1_000_000}
"""Largest size of each file that is downloaded. Larger files are refused."""

MAX_ARCHIVE_BYTES = MAX_BYTES[WEIGHTS] + 16 * 1024**2

Runtime = Literal["auto", "onnx", "torch"]

_MAX_SEGMENT = 2**22  # values: 1 GiB for a batch of 64 segments


def read_config(folder: Path) -> ModelConfig:
    """Read the configuration of a model folder.

    Raises
    ------
    ModelNotFoundError, ConfigError
        If the folder has no ``config.json``, or it is not valid.
    """
    path = folder / CONFIG
    try:
        if path.stat().st_size > MAX_BYTES[CONFIG]:
            raise ConfigError(f"{path}: larger than {MAX_BYTES[CONFIG]:,} bytes")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text") from error
    except OSError as error:
        raise ModelNotFoundError(
            f"'{folder}' is not a model folder: {CONFIG} cannot be read ({error.strerror})"
        ) from error
    return ModelConfig.from_json(text, str(path))


def check_components(config: ModelConfig, where: str) -> None:
    """Raise ConfigError unless installed packages register a model's architecture and features.

    The message begins with `where`, and names the packages that the model requires.
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


def load_network(folder: Path, config: ModelConfig, runtime: Runtime, device: str) -> Network:
    """Load the network of a model folder.

    Parameters
    ----------
    folder : Path
    config : ModelConfig
        Of this folder.
    runtime : {"auto", "onnx", "torch"}
        "auto" uses ONNX Runtime on a CPU if the folder has an exported network, and PyTorch
        otherwise. "onnx" needs an exported network, and the device "cpu".
    device : str
        Where the network runs, in PyTorch's notation.

    Raises
    ------
    ConfigError, ModelNotFoundError, IntegrityError, MissingExtraError
        If the runtime is unknown or does not fit the device; "onnx" is given and the folder has
        no exported network; a file is damaged or does not fit the configuration; or PyTorch is
        needed and not installed.
    """
    if runtime not in get_args(Runtime):
        raise ConfigError(
            f"runtime must be one of {', '.join(get_args(Runtime))} (got {runtime!r})"
        )
    if runtime == "onnx" and device != "cpu":
        raise ConfigError(f"runtime 'onnx' runs on device 'cpu' only (got {device!r})")
    exported = folder / ONNX
    if runtime == "torch" or (runtime == "auto" and (device != "cpu" or not exported.is_file())):
        from genreclf.runtimes.torch import TorchNetwork, load_module

        return TorchNetwork(load_module(lambda: build_module(config), folder / WEIGHTS), device)
    if not exported.is_file():
        raise ModelNotFoundError(
            f"'{folder}' has no network for ONNX Runtime ({ONNX}). Use runtime 'torch'; or load "
            "it with that and save it again, after: pip install 'genreclf[export]'"
        )
    return _load_onnx(folder, config)


def build_module(config: ModelConfig) -> Architecture:
    """Build the untrained network of a configuration."""
    bins, frames = _segment_shape(config)
    return make_architecture(
        config.architecture.name,
        n_classes=len(config.labels),
        n_bins=bins,
        n_frames=frames,
        **config.architecture.parameters,
    )


def save_network(
    folder: Path, name: str, config: ModelConfig, network: Network, metadata: Mapping[str, Any]
) -> None:
    """Write a model folder with its card; a model in the folder is replaced.

    Each file is complete or not written at all. The card calls the model `name`. The metadata
    is added to the configuration's; see :func:`genreclf.pretrained.card.model_card`.
    """
    serialized = network.serialize()
    contents = {WEIGHTS: serialized.weights}
    if serialized.onnx is not None:
        contents[ONNX] = serialized.onnx
    config = dataclasses.replace(
        config,
        metadata={"genreclf": __version__, **config.metadata, **metadata},
        requires=tuple(sorted({*config.requires, *required_packages(config)})),
        files={file: _sha256(content) for file, content in contents.items()},
    )
    contents[CARD] = model_card(config, name, serialized.remark).encode()
    contents[CONFIG] = config.to_json().encode()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as scratch:
        for file, content in contents.items():
            Path(scratch, file).write_bytes(content)
        if serialized.onnx is None:
            (folder / ONNX).unlink(missing_ok=True)
        for file in contents:
            shutil.move(Path(scratch, file), folder / file)


def required_packages(config: ModelConfig) -> tuple[str, ...]:
    """Return the packages, other than genreclf, that register a model's components."""
    packages = set()
    for kind, name in _components(config):
        try:
            entry = registry().find(kind, name)
        except PluginError:  # the caller passed an object instead of a name
            continue
        # A plugin that the program registered itself belongs to no package.
        if not entry.is_builtin and re.match(r"\w", entry.package):
            packages.add(entry.distribution)
    return tuple(sorted(packages))


def _components(config: ModelConfig) -> tuple[tuple[Kind, str], ...]:
    return ("architectures", config.architecture.name), ("extractors", config.features.name)


def _load_onnx(folder: Path, config: ModelConfig) -> Network:
    from genreclf.runtimes.onnx import OnnxNetwork

    exported = _read_verified(folder, config, ONNX)
    _read_verified(folder, config, WEIGHTS)
    network = OnnxNetwork(exported, folder / WEIGHTS, str(folder / ONNX))
    expected = (*_segment_shape(config), len(config.labels))
    if network.shape != expected:
        raise IntegrityError(
            f"{folder / ONNX}: has {network.shape} bins, frames and labels where the "
            f"configuration has {expected}. Get the model again."
        )
    return network


def _read_verified(folder: Path, config: ModelConfig, name: str) -> bytes:
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise IntegrityError(f"{path}: cannot be read ({error.strerror})") from error
    if _sha256(content) != config.files.get(name):
        raise IntegrityError(
            f"{path}: is not the file that {CONFIG} was written with. Get the model again; or "
            f"load it with runtime 'torch', which needs {WEIGHTS} only, and save it."
        )
    return content


def _segment_shape(config: ModelConfig) -> tuple[int, int]:
    extractor = make_extractor(config.features.name, **config.features.parameters)
    if extractor.frame_bins * extractor.segment_frames > _MAX_SEGMENT:
        raise ConfigError(
            f"a segment of {extractor.frame_bins} bins x {extractor.segment_frames} frames has "
            f"over {_MAX_SEGMENT:,} values"
        )
    return extractor.bins, extractor.segment_frames


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
