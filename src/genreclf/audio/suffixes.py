"""Which paths look like sound."""

from __future__ import annotations

import os
from pathlib import Path

AUDIO_SUFFIXES = frozenset(
    {".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".au", ".avi", ".caf", ".flac"}
    | {".flv", ".m4a", ".m4b", ".m4v", ".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpc"}
    | {".mpeg", ".mpg", ".oga", ".ogg", ".ogv", ".opus", ".snd", ".spx", ".tta", ".wav"}
    | {".wave", ".weba", ".webm", ".wma", ".wmv", ".wv"}
)
"""Lower-case suffixes, with the dot, that a scan of a folder takes for sound."""


def is_audio_path(path: str | os.PathLike[str]) -> bool:
    """Whether a path's suffix is that of a sound or video file.

    Parameters
    ----------
    path : str or os.PathLike
        Need not exist.

    Returns
    -------
    bool
        True where the suffix, in any case, is one of `AUDIO_SUFFIXES`.
    """
    return Path(path).suffix.lower() in AUDIO_SUFFIXES
