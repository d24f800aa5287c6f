"""The exceptions that genreclf raises.

Each message names the file, model or option and what to do, so that a program can show
``str(error)`` to its user.
"""


class GenreclfError(Exception):
    """Base class of all errors that genreclf raises."""


class AudioDecodeError(GenreclfError):
    """The source is missing, empty, or not a readable audio file."""


class ConfigError(GenreclfError):
    """A parameter, recipe or model configuration is not valid."""


class DatasetError(GenreclfError):
    """The data set cannot be used: it is missing, has only one genre, or has wrong labels."""


class ModelNotFoundError(GenreclfError):
    """There is no model of this name, or the folder holds none."""


class IntegrityError(GenreclfError):
    """The weights do not fit the configuration, or a file is damaged."""


class DownloadError(GenreclfError):
    """The model cannot be downloaded: no network, a server error, or too large a file."""


class CacheError(GenreclfError):
    """The cache of downloaded models cannot be written."""


class PluginError(GenreclfError):
    """The name is not registered, two plugins register it, or its plugin is broken."""


class MissingExtraError(GenreclfError):
    """An optional dependency is needed and not installed.

    Parameters
    ----------
    purpose, extra : str
        What needs it, as a plural subject ("the report's plots"); the extra that installs it.
    """

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(purpose, extra)

    def __str__(self) -> str:
        purpose, extra = self.args
        command = f"pip install 'genreclf[{extra}]'"
        return f"{purpose} need an optional dependency; install it with: {command}"


class ClusterError(GenreclfError):
    """The Ray cluster cannot be reached, or lost its work."""


class ProcessError(GenreclfError):
    """The process that read a source died."""


class TrainingError(GenreclfError):
    """Training cannot continue: the loss diverged, or a checkpoint does not fit."""


class TagError(GenreclfError):
    """The tags of a file cannot be read or written; the file is unchanged."""
