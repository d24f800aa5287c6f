"""Checkpoints: the state of an unfinished training run, in one safetensors file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.optim import Optimizer

from genreclf.errors import TrainingError
from genreclf.files import atomic_write

NAME = "checkpoint.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training run after an epoch.

    Attributes
    ----------
    tensors : dict of str to Tensor
        Weights, their average, the best weights and the optimizer's state.
    metadata : dict
        Everything else; JSON must be able to store it.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Replace the folder's checkpoint; create the folder if it is missing.

        Raises
        ------
        OSError
            If it cannot be written, such as on a full disk; the previous checkpoint stays.
        """
        content = save(
            {name: tensor.contiguous() for name, tensor in self.tensors.items()},
            metadata={"run": json.dumps(self.metadata)},
        )
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / NAME) as file:
            file.write(content)

    @classmethod
    def read(cls, folder: Path) -> Checkpoint | None:
        """Read the folder's checkpoint, or return None if there is none.

        Raises
        ------
        TrainingError
            If it is damaged.
        """
        path = folder / NAME
        if not path.exists():
            return None
        try:
            with safe_open(path, framework="pt") as stored:
                metadata = json.loads(stored.metadata()["run"])
                return cls({key: stored.get_tensor(key) for key in stored.keys()}, metadata)  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise TrainingError(
                f"'{path}' is damaged ({error}); delete it to restart the training"
            ) from error


def optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """Return an optimizer's state by name: ``"<parameter's index>.<quantity>"``."""
    state = optimizer.state_dict()["state"]
    return {f"{i}.{key}": value for i, entry in state.items() for key, value in entry.items()}


def restore_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Set an optimizer's state to the tensors of :func:`optimizer_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
