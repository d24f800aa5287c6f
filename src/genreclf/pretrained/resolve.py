"""Find a model by name or address, and parse the addresses of models elsewhere."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from genreclf.errors import ConfigError, ModelNotFoundError, PluginError
from genreclf.plugins import registry
from genreclf.pretrained.cache import Cache, is_offline
from genreclf.pretrained.folder import CONFIG

DEFAULT_MODEL = "short-chunk"

ARCHIVE_SUFFIXES = (".zip", ".tar.gz", ".tgz")

_HUB = re.compile(r"hf://([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w.][\w./-]*))?", re.ASCII)
_MAX_HUB_LENGTH = 300  # characters
_COMMIT = re.compile("[0-9a-f]{40}")
_SHA256 = re.compile("[0-9a-f]{64}")


def resolve_model(
    name: str | PathLike[str] = DEFAULT_MODEL,
    *,
    sha256: str | None = None,
    local_files_only: bool = False,
) -> Path:
    """Return the folder of a model, downloaded if necessary.

    Parameters
    ----------
    name : str or path
        In this order: a model folder; a registered name, which ``genreclf models list``
        lists; ``hf://owner/repository[@revision]`` (a branch, tag or commit, by default the
        branch ``main``); the ``https://`` address of a ``.zip`` or ``.tar.gz`` of a model
        folder, or of its ``config.json``, with ``#sha256=...``.
    sha256 : str, optional
        Of the file at an ``https://`` address, in hexadecimal.
    local_files_only : bool
        Do not use the network. ``GENRECLF_OFFLINE=1`` does the same.

    Raises
    ------
    ModelNotFoundError, ConfigError, DownloadError, IntegrityError, CacheError
        If there is no such model (the message suggests similar names) or it must be downloaded
        and the network must not be used; an address is not valid; the download fails, has
        another digest or is not a model; or the cache cannot be written.
    """
    text = str(name)
    offline = local_files_only or is_offline()
    if sha256 is not None and ("://" not in text or text.startswith("hf://")):
        raise ConfigError(
            f"sha256 is for https:// addresses, and '{text}' is none; models on the Hub are "
            "pinned by their commit, hf://owner/repository@<commit>"
        )
    if text.startswith("hf://"):
        return _resolve_hub(parse_hub(text), offline)
    if "://" in text:
        return _get(parse_web(text, sha256), Cache(), offline)
    folder = Path(name)
    is_path = folder.name != text
    is_registered = text in registry().names("models")
    # A folder that is no model must not hide a registered model of the same name.
    if folder.is_dir() and (is_path or not is_registered or (folder / CONFIG).exists()):
        return folder
    if is_path:
        hint = f"; for the Hugging Face Hub write 'hf://{text}'" if text.count("/") == 1 else ""
        raise ModelNotFoundError(f"no model at '{text}': there is no such folder{hint}")
    return _resolve_registered(text, local_files_only)


def _resolve_registered(name: str, local_files_only: bool) -> Path:
    try:
        target = registry().load("models", name)
    except PluginError as error:
        raise ModelNotFoundError(
            f"no folder and no model '{name}': {error} `genreclf models list` lists them."
        ) from error
    if "://" in str(target):
        return resolve_model(str(target), local_files_only=local_files_only)
    return Path(target)


def _resolve_hub(address: HubAddress, offline: bool) -> Path:
    cache = Cache()
    commit: str | None = address.revision
    if not address.is_commit and offline:
        commit = cache.read_ref(address.repository, address.revision)
    elif not address.is_commit:
        from genreclf.pretrained import hub

        commit = hub.resolve_commit(address, cache)
    if commit is None:
        raise _not_cached(address, cache)
    return _get(HubAddress(address.repository, commit), cache, offline)


def _get(address: HubAddress | WebAddress, cache: Cache, offline: bool) -> Path:
    if found := cache.find(address.key):
        return found
    if offline:
        raise _not_cached(address, cache)
    return cache.add(address.key, str(address), partial(_download, address))


def _download(address: HubAddress | WebAddress, partial: Path, folder: Path) -> None:
    # Imported only where something is downloaded, since it takes a while.
    if isinstance(address, HubAddress):
        from genreclf.pretrained import hub

        hub.download_model(address, partial, folder)
    else:
        from genreclf.pretrained import web

        web.download_model(address, partial, folder)


def _not_cached(address: HubAddress | WebAddress, cache: Cache) -> ModelNotFoundError:
    return ModelNotFoundError(
        f"'{address}' is not in the cache '{cache.root}', and the network must not be used "
        "(local_files_only or GENRECLF_OFFLINE)"
    )


# Addresses


@dataclass(frozen=True)
class HubAddress:
    """A repository on the Hugging Face Hub, and a branch, tag or commit of it."""

    repository: str
    revision: str = "main"

    @property
    def is_commit(self) -> bool:
        """Whether the revision is a full commit hash, whose content never changes."""
        return is_commit(self.revision)

    @property
    def key(self) -> str:
        """The model's key in the cache, if the revision is a commit."""
        return f"hf--{self.repository.replace('/', '--')}--{self.revision}"

    def __str__(self) -> str:
        return f"hf://{self.repository}@{self.revision}"


@dataclass(frozen=True)
class WebAddress:
    """The URL of a model's archive or ``config.json``, and that file's SHA-256 in hexadecimal."""

    url: str
    sha256: str

    @property
    def key(self) -> str:
        """The model's key in the cache."""
        return f"sha256-{self.sha256}"

    @property
    def is_archive(self) -> bool:
        """Whether the file is an archive, not a ``config.json``."""
        return urlsplit(self.url).path.endswith(ARCHIVE_SUFFIXES)

    def __str__(self) -> str:
        return f"{self.url}#sha256={self.sha256}"


def is_commit(text: str) -> bool:
    """Return whether a text is a full commit hash."""
    return bool(_COMMIT.fullmatch(text))


def is_loopback(url: str) -> bool:
    """Return whether the host of a URL is this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_hub(text: str) -> HubAddress:
    """Parse ``hf://owner/repository[@revision]``; raise ConfigError for another form."""
    match = _HUB.fullmatch(text)
    if not match or ".." in text or len(text) > _MAX_HUB_LENGTH:
        raise ConfigError(f"'{text}' is not of the form hf://owner/repository[@revision]")
    return HubAddress(match[1], match[2] or "main")


def parse_web(text: str, sha256: str | None = None) -> WebAddress:
    """Parse ``https://.../model.zip[#sha256=...]``, or with ``.tar.gz`` or ``config.json``.

    ``http://`` is accepted for this machine only. `sha256` is needed if the address does not
    hold it. A ConfigError is raised for another form.
    """
    try:
        parts = urlsplit(text)
        url = urlunsplit(parts._replace(fragment=""))
        is_local = parts.scheme == "http" and is_loopback(url)
    except ValueError as error:
        raise ConfigError(f"'{text}' is not an address: {error}") from error
    if not parts.hostname or not (parts.scheme == "https" or is_local):
        raise ConfigError(f"'{text}': models are downloaded from hf:// and https:// addresses only")
    # The message must not repeat the password.
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"'{parts.hostname}': put user and password in ~/.netrc, not here")
    if not parts.path.endswith((*ARCHIVE_SUFFIXES, "/config.json")):
        raise ConfigError(f"'{url}' must end with {', '.join(ARCHIVE_SUFFIXES)} or /config.json")
    return WebAddress(url, _digest(url, parts.fragment.removeprefix("sha256="), sha256))


def _digest(url: str, stated: str, given: str | None) -> str:
    """Return the one digest that the address and the argument agree on."""
    digests = {digest.lower() for digest in (stated, given) if digest}
    if not digests:
        raise ConfigError(
            f"'{url}' needs the SHA-256 of the file, which its publisher states: "
            f"{url}#sha256=<64 hexadecimal digits>, or sha256='...' beside the address"
        )
    digest = digests.pop()
    if digests or not _SHA256.fullmatch(digest):
        raise ConfigError(f"'{url}': not one SHA-256 of 64 hexadecimal digits")
    return digest
