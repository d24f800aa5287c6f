"""From a model folder to its network, ready to run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from genreclf.architectures import make_architecture
from genreclf.errors import ConfigError, IntegrityError, ModelNotFoundError
from genreclf.features import make_extractor
from genreclf.pretrained.config import ModelConfig
from genreclf.pretrained.folder import ONNX, WEIGHTS, check_files
from genreclf.runtimes import Network

if TYPE_CHECKING:
    from genreclf.architectures.base import Architecture

Runtime = Literal["auto", "onnx", "torch"]

_LARGEST_SEGMENT = 2**22  # values: 1 GiB for the 64 segments that are worked on at a time


def load_network(folder: Path, config: ModelConfig, runtime: Runtime, device: str) -> Network:
    """The network of a model folder.

    Parameters
    ----------
    folder : Path
    config : ModelConfig
        The folder's.
    runtime : {"auto", "onnx", "torch"}
        "auto" is ONNX Runtime on a CPU where the folder has an exported network,
        and PyTorch elsewhere.
    device : str
        Where it runs, as PyTorch calls it.

    Raises
    ------
    ConfigError
        If the runtime or the device is unknown, or they do not go together.
    ModelNotFoundError
        If ONNX Runtime is asked for and there is no exported network.
    IntegrityError
        If files are damaged or do not belong together.
    """
    if runtime not in get_args(Runtime):
        raise ConfigError(
            f"runtime must be one of {', '.join(get_args(Runtime))} (got {runtime!r})"
        )
    if runtime == "onnx" and device != "cpu":
        raise ConfigError(f"runtime 'onnx' runs on device 'cpu' only (got {device!r})")
    exported = folder / ONNX
    if runtime == "torch" or (runtime == "auto" and (device != "cpu" or not exported.is_file())):
        return _load_torch(folder, config, device)
    if not exported.is_file():
        raise ModelNotFoundError(
            f"'{folder}' has no network for ONNX Runtime ({ONNX}). Use runtime 'torch'; or load "
            "it so and save it again, with the extra: pip install 'genreclf[export]'"
        )
    return _load_onnx(folder, config)


def build_module(config: ModelConfig) -> Architecture:
    """The untrained network that a configuration describes; see :func:`make_architecture`."""
    bins, frames = _segment(config)
    return make_architecture(
        config.architecture.name,
        n_classes=len(config.labels),
        n_bins=bins,
        n_frames=frames,
        **config.architecture.parameters,
    )


def _load_torch(folder: Path, config: ModelConfig, device: str) -> Network:
    from genreclf.runtimes.torch import TorchNetwork, load_module

    module = load_module(lambda: build_module(config), folder / WEIGHTS)
    return TorchNetwork(module, device)


def _load_onnx(folder: Path, config: ModelConfig) -> Network:
    from genreclf.runtimes.onnx import OnnxNetwork

    contents = check_files(folder, config, ONNX, WEIGHTS)
    network = OnnxNetwork(contents[ONNX], folder / WEIGHTS, str(folder / ONNX))
    expected = (*_segment(config), len(config.labels))
    if network.shape != expected:
        raise IntegrityError(
            f"{folder / ONNX}: has {network.shape} bins, frames and labels where the "
            f"configuration beside it has {expected}. Get the model again."
        )
    return network


def _segment(config: ModelConfig) -> tuple[int, int]:
    extractor = make_extractor(config.features.name, **config.features.parameters)
    if extractor.frame_bins * config.segment_frames > _LARGEST_SEGMENT:
        raise ConfigError(
            f"a segment of {extractor.frame_bins} bins x {config.segment_frames} frames has "
            f"over {_LARGEST_SEGMENT:,} values"
        )
    return extractor.bins, config.segment_frames
