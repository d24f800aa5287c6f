"""The training log as TensorBoard shows it."""

from pathlib import Path

from genreclf.errors import MissingExtraError
from genreclf.training.run import Record


class TensorBoard:
    """Writes the records of a run's epochs to ``tensorboard/`` in its folder.

    Parameters
    ----------
    folder : Path
        The run's.
    epochs : int
        Epochs that the run has behind it; later ones in the folder are hidden.

    Raises
    ------
    MissingExtraError
        If TensorBoard is not installed.
    """

    def __init__(self, folder: Path, epochs: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtraError("logs for TensorBoard", "tensorboard") from error
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=epochs + 1)

    def write(self, record: Record) -> None:
        """Add an epoch."""
        for name, value in record.items():
            if name != "epoch":
                self._writer.add_scalar(name, value, record["epoch"])
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
