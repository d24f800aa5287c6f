"""The optimizer of a recipe, its schedule, L2 terms and moving average."""

import math

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from genreclf.architectures.base import Architecture
from genreclf.errors import ConfigError
from genreclf.recipe import OptimizerSettings

_WARM_UP = 0.1  # of a one-cycle schedule


def make_optimizer(network: nn.Module, settings: OptimizerSettings) -> Optimizer:
    """Build the optimizer; biases and normalization layers get no weight decay."""
    weights = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if settings.name == "adadelta":
        # Keras's rho and epsilon, which Dong 2018 used.
        return torch.optim.Adadelta(groups, lr=settings.learning_rate, rho=0.95, eps=1e-7)
    return torch.optim.AdamW(groups, lr=settings.learning_rate)


def learning_rate(settings: OptimizerSettings, step: int, total_steps: int) -> float:
    """Compute the learning rate of a step, counted from 0, of a run of `total_steps`."""
    rate = settings.learning_rate / (1.0 + settings.learning_rate_decay * step)
    progress = step / total_steps
    if settings.schedule == "cosine":
        return rate * 0.5 * (1.0 + math.cos(math.pi * progress))
    if settings.schedule == "one-cycle":
        if progress < _WARM_UP:
            return rate * max(progress / _WARM_UP, 1.0 / total_steps)
        return rate * 0.5 * (1.0 + math.cos(math.pi * (progress - _WARM_UP) / (1.0 - _WARM_UP)))
    return rate


def l2_penalty(network: Architecture, settings: OptimizerSettings) -> Tensor | float:
    """Compute the L2 terms of the loss: for each layer, its factor times the squared weights.

    Raises
    ------
    ConfigError
        If the network does not have one of the layers.
    """
    total: Tensor | float = 0.0
    for layer, factor in settings.l2.items():
        try:
            weight = network.get_parameter(f"{layer}.weight")
        except AttributeError as error:
            layers = ", ".join(n for n, m in network.named_modules() if hasattr(m, "weight"))
            raise ConfigError(
                f"recipe: [optimizer]: l2: no layer '{layer}'; the network has {layers}"
            ) from error
        total = total + factor * weight.square().sum()
    return total


class ExponentialMovingAverage:
    """Exponential moving average of a network's weights.

    Parameters
    ----------
    network : Module
    decay : float
        Per step. With 0 the average equals the current weights.

    Attributes
    ----------
    tensors : dict of str to Tensor
        The average, as a state dict of the network.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = {k: v.detach().clone() for k, v in network.state_dict().items()}

    def update(self, network: nn.Module, step: int) -> None:
        """Include the weights after a step, counted from 0."""
        # The decay rises from 0.1, so that the random initial weights lose their influence.
        decay = min(self.decay, (1 + step) / (10 + step)) if self.decay else 0.0
        with torch.no_grad():
            for name, value in network.state_dict().items():
                if value.is_floating_point():
                    self.tensors[name].lerp_(value, 1.0 - decay)
                else:
                    self.tensors[name].copy_(value)
