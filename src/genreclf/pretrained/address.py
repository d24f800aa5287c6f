"""Addresses of models elsewhere: on the Hugging Face Hub, or anywhere on the web."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from genreclf.errors import ConfigError

_HUB = re.compile(r"hf://([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w.][\w./-]*))?", re.ASCII)
_COMMIT = re.compile("[0-9a-f]{40}")
_SHA256 = re.compile("[0-9a-f]{64}")
_LONGEST_HUB = 300  # characters
ARCHIVES = (".zip", ".tar.gz", ".tgz")


@dataclass(frozen=True)
class HubAddress:
    """A repository on the Hugging Face Hub, ``hf://owner/repository@revision``.

    Attributes
    ----------
    repository : str
        ``"owner/repository"``.
    revision : str
        A branch, tag or commit.
    """

    repository: str
    revision: str = "main"

    @property
    def is_commit(self) -> bool:
        """Whether the revision is a full commit hash, which never means anything else."""
        return is_commit(self.revision)

    @property
    def key(self) -> str:
        """What the model is called in the cache, if the revision is a commit."""
        return f"hf--{self.repository.replace('/', '--')}--{self.revision}"

    def __str__(self) -> str:
        return f"hf://{self.repository}@{self.revision}"


@dataclass(frozen=True)
class WebAddress:
    """A file on the web, and what it must hold.

    Attributes
    ----------
    url : str
        Of an archive of a model folder, or of its ``config.json``.
    sha256 : str
        In hexadecimal.
    """

    url: str
    sha256: str

    @property
    def key(self) -> str:
        """What the model is called in the cache."""
        return f"sha256-{self.sha256}"

    @property
    def is_archive(self) -> bool:
        """Whether it is an archive, not a ``config.json``."""
        return urlsplit(self.url).path.endswith(ARCHIVES)

    def __str__(self) -> str:
        return f"{self.url}#sha256={self.sha256}"


def is_commit(text: str) -> bool:
    """Whether this is a full commit hash."""
    return bool(_COMMIT.fullmatch(text))


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine itself."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_hub(text: str) -> HubAddress:
    """Read ``hf://owner/repository[@revision]``.

    Raises
    ------
    ConfigError
        If it is not of this form.
    """
    match = _HUB.fullmatch(text)
    if not match or ".." in text or len(text) > _LONGEST_HUB:
        raise ConfigError(f"'{text}' is not of the form hf://owner/repository[@revision]")
    return HubAddress(match[1], match[2] or "main")


def parse_web(text: str, sha256: str | None = None) -> WebAddress:
    """Read ``https://.../model.zip[#sha256=...]``, or with ``.tar.gz`` or ``config.json``.

    Plain ``http://`` is taken only to this machine itself.

    Parameters
    ----------
    text : str
    sha256 : str, optional
        Of the file, in hexadecimal, if the address does not say it.

    Raises
    ------
    ConfigError
        If it is not of this form, or what it leads to could not be verified.
    """
    try:
        parts = urlsplit(text)
        url = urlunsplit(parts._replace(fragment=""))
        plain = parts.scheme == "http" and is_loopback(url)
    except ValueError as error:
        raise ConfigError(f"'{text}' is not an address: {error}") from error
    if not parts.hostname or not (parts.scheme == "https" or plain):
        raise ConfigError(f"'{text}': models are downloaded from hf:// and https:// addresses only")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"'{parts.hostname}': put user and password in ~/.netrc, not here")
    if not parts.path.endswith((*ARCHIVES, "/config.json")):
        raise ConfigError(f"'{url}' must end with {', '.join(ARCHIVES)} or /config.json")
    stated = [parts.fragment.removeprefix("sha256=")] if parts.fragment else []
    digests = {digest.lower() for digest in (*stated, *([sha256] if sha256 else []))}
    if not digests:
        raise ConfigError(
            f"'{url}' needs the SHA-256 of the file, from whoever published it: "
            f"{url}#sha256=<64 hexadecimal digits>, or sha256='...' beside the address"
        )
    digest = digests.pop()
    if digests or not _SHA256.fullmatch(digest):
        raise ConfigError(f"'{url}': not one SHA-256 of 64 hexadecimal digits")
    return WebAddress(url, digest)
