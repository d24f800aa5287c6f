"""What is wrong with a source of sound."""

from __future__ import annotations

from genreclf.errors import AudioDecodeError


def decode_error(name: str, problem: str) -> AudioDecodeError:
    """The error of a source, printable even where its name is not valid text.

    Parameters
    ----------
    name : str
        As `source_name` gives it.
    problem : str
        The rest of the sentence, and what to do.
    """
    message = f"{name or repr(name)} {problem}"
    return AudioDecodeError(message.encode(errors="replace").decode())
