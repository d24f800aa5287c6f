"""Everything a run needs to go on where it was stopped, in one safe file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.optim import Optimizer

from genreclf.errors import TrainingError

NAME = "checkpoint.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after an epoch.

    Attributes
    ----------
    tensors : dict of str to Tensor
        Weights, averages, optimiser and random state.
    facts : dict
        Everything else, fit for JSON.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Replace the folder's checkpoint, all or nothing.

        Raises
        ------
        TrainingError
            If it cannot be written (a full disk, say); the old one is as it was.
        """
        scratch = folder / f"{NAME}.part"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            save_file(
                {name: tensor.contiguous() for name, tensor in self.tensors.items()},
                scratch,
                metadata={"facts": json.dumps(self.facts)},
            )
            with scratch.open("rb") as written:
                os.fsync(written.fileno())
            scratch.replace(folder / NAME)
        except (OSError, SafetensorError) as error:
            scratch.unlink(missing_ok=True)
            raise TrainingError(
                f"'{folder}': the checkpoint cannot be written: {error}. The one of an earlier "
                "epoch is intact; make room and resume."
            ) from error

    @classmethod
    def read(cls, folder: Path) -> Checkpoint | None:
        """The folder's checkpoint, if there is one.

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
                facts = json.loads(stored.metadata()["facts"])
                return cls({name: stored.get_tensor(name) for name in stored.keys()}, facts)  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise TrainingError(
                f"'{path}' is damaged ({error}); delete it to start the run anew"
            ) from error


def optimiser_tensors(optimiser: Optimizer) -> dict[str, Tensor]:
    """An optimiser's state as tensors by name: ``"parameter.quantity"``."""
    state = optimiser.state_dict()["state"]
    return {f"{i}.{key}": value for i, entry in state.items() for key, value in entry.items()}


def restore_optimiser(optimiser: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put tensors of :func:`optimiser_tensors` back."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
