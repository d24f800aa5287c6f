"""What can go wrong, as exceptions that say what to do about it."""


class GenreclfError(Exception):
    """Base of every error that this library raises on purpose.

    The message names the file, model or option concerned and what to do, so a
    program can show ``str(error)`` to its user as it is.
    """


class AudioDecodeError(GenreclfError):
    """A source has no sound that can be decoded: missing, empty, or not audio."""


class ConfigError(GenreclfError):
    """A parameter, recipe or model configuration is not valid."""


class DatasetError(GenreclfError):
    """A data set cannot be used as it is: missing, one genre only, mislabelled."""


class ModelNotFoundError(GenreclfError):
    """No model goes by that name, or the folder holds none."""


class IntegrityError(GenreclfError):
    """Weights do not fit their configuration, or a file is damaged."""


class DownloadError(GenreclfError):
    """A model cannot be downloaded: no network, a server that fails, or too large."""


class CacheError(GenreclfError):
    """The folder of downloaded models cannot be written: read-only, full, not a folder."""


class PluginError(GenreclfError):
    """A name is not registered, registered twice, or its plugin is broken."""


class MissingExtraError(GenreclfError):
    """An optional dependency is asked for but not installed.

    Parameters
    ----------
    purpose : str
        What needs it, as the subject of the sentence ("the report's pictures").
    extra : str
        The extra of this package that installs it.
    """

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(purpose, extra)

    def __str__(self) -> str:
        purpose, extra = self.args
        return (
            f"{purpose} need an optional dependency; install it with: "
            f"pip install 'genreclf[{extra}]'"
        )


class ClusterError(GenreclfError):
    """A Ray cluster cannot be reached, or gives up what it was to do."""


class ProcessError(GenreclfError):
    """The processes that were to read a source died."""


class TrainingError(GenreclfError):
    """Training cannot go on: a diverged loss, or a checkpoint of another run."""


class TagError(GenreclfError):
    """A file's tags cannot be read or written; the file is as it was."""
