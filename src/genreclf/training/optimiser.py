"""The optimiser, its schedule and the averaged weights, from a recipe."""

import math

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from genreclf.architectures.base import Architecture
from genreclf.errors import ConfigError
from genreclf.training.recipe import OptimiserSettings

_WARM_UP = 0.1  # part of a one-cycle run in which the rate rises


def make_optimiser(network: nn.Module, settings: OptimiserSettings) -> Optimizer:
    """The optimiser of a recipe; biases and norms are not decayed."""
    weights = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if settings.name == "adadelta":
        # Keras's rho and epsilon, which Dong 2018 left as they were.
        return torch.optim.Adadelta(groups, lr=settings.learning_rate, rho=0.95, eps=1e-7)
    return torch.optim.AdamW(groups, lr=settings.learning_rate)


def learning_rate(settings: OptimiserSettings, step: int, steps: int) -> float:
    """The rate of a step.

    Parameters
    ----------
    settings : OptimiserSettings
    step, steps : int
        From 0, and of the whole run.
    """
    rate = settings.learning_rate / (1.0 + settings.decay * step)
    done = step / steps
    if settings.schedule == "cosine":
        return rate * 0.5 * (1.0 + math.cos(math.pi * done))
    if settings.schedule == "one-cycle":
        if done < _WARM_UP:
            return rate * max(done / _WARM_UP, 1.0 / steps)
        return rate * 0.5 * (1.0 + math.cos(math.pi * (done - _WARM_UP) / (1.0 - _WARM_UP)))
    return rate


def penalty(network: Architecture, settings: OptimiserSettings) -> Tensor | float:
    """The L2 terms of a recipe: factor times the sum of squares of each named layer's weights.

    Raises
    ------
    ConfigError
        If the network has no such layer.
    """
    total: Tensor | float = 0.0
    for layer, factor in settings.l2.items():
        try:
            weight = network.get_parameter(f"{layer}.weight")
        except AttributeError as error:
            layers = ", ".join(n for n, m in network.named_modules() if hasattr(m, "weight"))
            raise ConfigError(f"recipe: optimiser.l2: no layer '{layer}', only {layers}") from error
        total = total + factor * weight.square().sum()
    return total


class AveragedWeights:
    """Exponential moving average of a network's weights.

    Parameters
    ----------
    network : Module
    decay : float
        Per step; lower in the first steps, so that the start is forgotten. 0
        follows the weights themselves.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = {k: v.detach().clone() for k, v in network.state_dict().items()}

    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after a step, counted from 0."""
        keep = min(self.decay, (1 + step) / (10 + step)) if self.decay else 0.0
        with torch.no_grad():
            for name, value in network.state_dict().items():
                if value.is_floating_point():
                    self.tensors[name].lerp_(value, 1.0 - keep)
                else:
                    self.tensors[name].copy_(value)
