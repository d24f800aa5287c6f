"""Running a network with PyTorch."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from genreclf.architectures.base import Architecture
from genreclf.errors import ConfigError, IntegrityError
from genreclf.runtimes import FloatArray, Outputs
from genreclf.segments import Span


class TorchNetwork:
    """A network in PyTorch, in evaluation mode.

    Parameters
    ----------
    module : Architecture
    device : str
        "cpu", "cuda", "cuda:1", "mps".

    Raises
    ------
    ConfigError
        If PyTorch does not know or does not have the device.
    """

    def __init__(self, module: Architecture, device: str = "cpu") -> None:
        try:
            self.module = module.to(device).eval()
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"device '{device}' cannot be used: {reason}") from error
        self.device = device

    def run(self, segments: FloatArray) -> Outputs:
        """Outputs for finished segments, shape (segments, bins, frames)."""
        with torch.inference_mode():
            return self._outputs(self.module.embed(self._tensor(segments)))

    def run_span(self, span: Span) -> Outputs:
        """Outputs for the windows of a span; overlapping ones may share work."""
        offsets = torch.from_numpy(span.offsets).to(self.device)
        with torch.inference_mode():
            return self._outputs(self.module.embed_windows(self._tensor(span.frames), offsets))

    def _tensor(self, array: FloatArray) -> Tensor:
        return torch.tensor(array, device=self.device)

    def _outputs(self, embeddings: Tensor) -> Outputs:
        logits = self.module.classify(embeddings)
        return Outputs(embeddings.float().cpu().numpy(), logits.float().cpu().numpy())


def load_weights(module: Architecture, path: Path) -> None:
    """Put the weights of a safetensors file into a network.

    Raises
    ------
    IntegrityError
        If the file is missing or damaged, or its tensors are not the network's in
        name, shape or type, or hold NaN or infinite values.
    """
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise IntegrityError(f"{path}: the weights cannot be read: {error}") from error
    expected = module.state_dict()
    problems = [f"'{name}' is missing" for name in expected if name not in tensors]
    problems += [f"'{name}' is not the network's" for name in tensors if name not in expected]
    for name in expected.keys() & tensors.keys():
        wanted, found = expected[name], tensors[name]
        if (found.shape, found.dtype) != (wanted.shape, wanted.dtype):
            problems.append(
                f"'{name}' is {found.dtype} {tuple(found.shape)} "
                f"where the network has {wanted.dtype} {tuple(wanted.shape)}"
            )
        elif not bool(torch.isfinite(found).all()):
            problems.append(f"'{name}' has NaN or infinite values")
    if problems:
        raise IntegrityError(
            f"{path}: the weights do not fit the configuration beside them: "
            f"{'; '.join(sorted(problems)[:5])}. Get the model again."
        )
    module.load_state_dict(tensors)
