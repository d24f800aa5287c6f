"""Checks of architectures and recipes."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from genreclf.architectures import make_architecture
from genreclf.architectures.base import Architecture
from genreclf.classifier import GenreClassifier
from genreclf.data.feature_set import FeatureSet
from genreclf.errors import MissingExtraError
from genreclf.features import make_extractor
from genreclf.testing.extractors import require, require_close, require_equal
from genreclf.training import Recipe, Trainer

try:
    import torch
    from safetensors.torch import load, save
except ImportError as error:
    raise MissingExtraError("networks in PyTorch", "train") from error

_CLASSES = 3


def check_architecture(
    name: str,
    features: str = "logmel-13fps",
    *,
    features_parameters: Mapping[str, Any] | None = None,
    **parameters: Any,
) -> None:
    """Check a registered architecture.

    It checks that outputs have the stated shapes; that `forward` is `classify` of `embed`;
    that in evaluation mode a segment's result varies neither from call to call nor with the
    rest of the batch; that every weight gets a gradient; that a safetensors file holds all of
    its state; and that a :class:`genreclf.Trainer` trains it and the saved model gives the
    same predictions.

    Parameters
    ----------
    name : str
        Its registered name.
    features : str
        Registered name of the extractor, which sets the size of a segment.
    features_parameters : mapping, optional
        Override the extractor's registered parameters.
    **parameters
        Parameters of the architecture. Small ones make the check quick.

    Raises
    ------
    AssertionError, PluginError, ConfigError
        If a check fails (the message names it), or the network cannot be built.

    Examples
    --------
    >>> from genreclf.testing import check_architecture
    >>> check_architecture("dong2018", "logmel-dong2018", filters=[2, 2], dense=4)
    """
    extractor = make_extractor(features, **(features_parameters or {}))
    size = {"n_classes": _CLASSES, "n_bins": extractor.bins, "n_frames": extractor.segment_frames}
    torch.manual_seed(0)
    network = make_architecture(name, **size, **parameters)
    require(isinstance(network, Architecture), f"'{name}' is not a genreclf.Architecture")
    check_shapes(network)
    check_evaluation(network)
    check_gradient(network)
    check_weights(network, make_architecture(name, **size, **parameters))
    check_training(name, features, features_parameters or {}, parameters)


def check_recipe(name: str) -> None:
    """Check a registered recipe: it has a description, and its parts fit each other.

    Parameters
    ----------
    name : str
        Its registered name, or the path of a TOML file.

    Raises
    ------
    AssertionError, ConfigError, PluginError
        If the recipe has no description or is not valid, or its features and architecture are
        not registered or do not fit each other.

    Examples
    --------
    >>> from genreclf.testing import check_recipe
    >>> check_recipe("short-chunk")
    """
    recipe = Recipe.load(name)
    require(bool(recipe.description), f"recipe '{name}' has no description")
    settings = recipe.features
    extractor = make_extractor(settings.name, **settings.parameters)
    make_architecture(
        recipe.architecture.name,
        n_classes=2,
        n_bins=extractor.bins,
        n_frames=extractor.segment_frames,
        **recipe.architecture.parameters,
    )


def check_shapes(network: Architecture) -> None:
    """Check the shapes of the outputs, and `forward` against its two parts."""
    network.eval()
    dimensions = network.embed(_segments(network, 1)).shape[-1]
    for count in (1, 5):
        segments = _segments(network, count)
        embeddings = network.embed(segments)
        logits = network.classify(embeddings)
        require_equal(tuple(embeddings.shape), (count, dimensions), "the shape that embed returns")
        require_equal(
            tuple(logits.shape), (count, network.n_classes), "the shape that classify returns"
        )
        forward = _array(network(segments))
        require_close(forward, _array(logits), "forward is not classify of embed")


def check_evaluation(network: Architecture) -> None:
    """Check that a segment's result is deterministic and independent of the batch."""
    network.eval()
    segments = _segments(network, 4)
    together = _array(network(segments))
    require(bool(np.isfinite(together).all()), "logits of noise are not finite")
    require_close(_array(network(segments)), together, "evaluation is not deterministic")
    alone = np.concatenate([_array(network(segment[None])) for segment in segments])
    require_close(alone, together, "a segment's logits depend on the others beside it")


def check_gradient(network: Architecture) -> None:
    """Check that every weight gets a gradient."""
    network.train()
    network.zero_grad()
    targets = torch.arange(32) % network.n_classes
    loss = torch.nn.functional.cross_entropy(network(_segments(network, 32)), targets)
    torch.autograd.backward(loss)
    for weight, parameter in network.named_parameters():
        reached = parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
        require(
            reached or not parameter.requires_grad,
            f"no gradient reaches '{weight}': it would never be trained",
        )
    network.zero_grad()


def check_weights(network: Architecture, fresh: Architecture) -> None:
    """Check that a safetensors file holds all of the network's state."""
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    try:
        fresh.load_state_dict(load(save(tensors)))
    except RuntimeError as error:
        raise AssertionError(f"the weights do not survive a safetensors file: {error}") from error
    segments = _segments(network, 3)
    require_close(
        _array(fresh.eval()(segments)),
        _array(network.eval()(segments)),
        "something that the logits depend on is not in the state_dict",
    )


def check_training(
    name: str, features: str, features_parameters: Mapping[str, Any], parameters: Mapping[str, Any]
) -> None:
    """Train for one step, save the model, load it, and compare the predictions."""
    extractor = make_extractor(features, **features_parameters)
    rng = np.random.default_rng(0)
    samples = extractor.window_length + (extractor.segment_frames + 4) * extractor.hop_length
    tracks = [
        extractor.transform((0.1 * rng.standard_normal(samples)).astype(np.float32))
        for _ in range(2 * _CLASSES)
    ]
    genres = [f"genre {index % _CLASSES}" for index in range(len(tracks))]
    ids = [f"track {index}" for index in range(len(tracks))]
    stored = json.loads(json.dumps(dict(parameters)))
    recipe = Recipe.from_dict(
        {
            "features": {"name": features, "parameters": dict(features_parameters)},
            "architecture": {"name": name, "parameters": stored},
            "training": {"epochs": 1, "batch_size": len(tracks)},
        }
    )
    train = FeatureSet.from_frames(features, tracks, ids, genres, parameters=features_parameters)
    trained = Trainer(recipe, device="cpu").fit(train).classifier
    with tempfile.TemporaryDirectory() as folder:
        loaded = GenreClassifier.from_pretrained(trained.save_pretrained(Path(folder) / "model"))
    before, after = (c.predict_frames(tracks[0]).probabilities for c in (trained, loaded))
    require_close(
        np.array(list(after.values())),
        np.array(list(before.values())),
        "a model that was saved and loaded gives other predictions",
    )


def _segments(network: Architecture, count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.randn(count, network.n_bins, network.n_frames, generator=generator)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().float().numpy()
