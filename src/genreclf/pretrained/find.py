"""From a name to a model folder."""

from functools import partial
from os import PathLike
from pathlib import Path

from genreclf.errors import ConfigError, ModelNotFoundError, PluginError
from genreclf.plugins import registry
from genreclf.pretrained.address import HubAddress, WebAddress, parse_hub, parse_web
from genreclf.pretrained.cache import Cache
from genreclf.pretrained.folder import CONFIG
from genreclf.pretrained.offline import is_offline

DEFAULT_MODEL = "short-chunk"
BUNDLED = {name: Path(__file__).parent / "weights" / name for name in (DEFAULT_MODEL, "dong2018")}


def find_model(
    name: str | PathLike[str] = DEFAULT_MODEL,
    *,
    sha256: str | None = None,
    local_files_only: bool = False,
) -> Path:
    """The folder of a model, downloaded if need be.

    Parameters
    ----------
    name : str or path
        In this order: a model folder; a name of the weights in this package; a name
        that a plugin registers; ``hf://owner/repository[@revision]`` (a branch, tag
        or commit; the branch ``main`` if left out); the ``https://`` address of a
        ``.zip`` or ``.tar.gz`` of a model folder, or of its ``config.json``, with
        ``#sha256=...``.
    sha256 : str, optional
        Of the file at an ``https://`` address, in hexadecimal.
    local_files_only : bool
        Never use the network. So does ``GENRECLF_OFFLINE=1``.

    Raises
    ------
    ModelNotFoundError
        If there is none of that name (near names are suggested), or it is not in the
        cache and the network must not be used.
    ConfigError
        If an address is not of one of these forms or lacks its SHA-256.
    DownloadError
        If it cannot be downloaded.
    IntegrityError
        If the download is not what was asked for.
    CacheError
        If the cache cannot be written.
    """
    text = str(name)
    offline = local_files_only or is_offline()
    if sha256 is not None and ("://" not in text or text.startswith("hf://")):
        raise ConfigError(
            f"sha256 is for https:// addresses, and '{text}' is none; models on the Hub are "
            "pinned by their commit, hf://owner/repository@<commit>"
        )
    if text.startswith("hf://"):
        return _from_hub(parse_hub(text), offline)
    if "://" in text:
        return _kept(parse_web(text, sha256), Cache(), offline)
    folder = Path(name)
    is_path = folder.name != text
    # A folder that happens to have a model's name does not stand in its way.
    if folder.is_dir() and (is_path or (folder / CONFIG).exists() or not _is_known(text)):
        return folder
    if is_path:
        hint = f"; for the Hugging Face Hub write 'hf://{text}'" if text.count("/") == 1 else ""
        raise ModelNotFoundError(f"no model at '{text}': there is no such folder{hint}")
    return BUNDLED.get(text) or _registered(text, local_files_only)


def _is_known(name: str) -> bool:
    return name in registry().names("models")


def _registered(name: str, local_files_only: bool) -> Path:
    try:
        target = registry().load("models", name)
    except PluginError as error:
        raise ModelNotFoundError(
            f"no folder and no model '{name}': {error} `genreclf models list` lists them."
        ) from error
    if "://" in str(target):
        return find_model(str(target), local_files_only=local_files_only)
    return Path(target)


def _from_hub(address: HubAddress, offline: bool) -> Path:
    cache = Cache()
    commit: str | None = address.revision
    if not address.is_commit and offline:
        commit = cache.commit(address.repository, address.revision)
    elif not address.is_commit:
        from genreclf.pretrained import hub

        commit = hub.resolve(address, cache)
    if commit is None:
        raise _absent(address, cache)
    return _kept(HubAddress(address.repository, commit), cache, offline)


def _kept(address: HubAddress | WebAddress, cache: Cache, offline: bool) -> Path:
    """The model in the cache, downloaded if it is not there."""
    if found := cache.find(address.key):
        return found
    if offline:
        raise _absent(address, cache)
    return cache.add(address.key, str(address), partial(_download, address))


def _download(address: HubAddress | WebAddress, part: Path, folder: Path) -> None:
    # Imported by the one process that downloads: it takes a while.
    if isinstance(address, HubAddress):
        from genreclf.pretrained import hub

        hub.download_model(address, part, folder)
    else:
        from genreclf.pretrained import web

        web.download_model(address, part, folder)


def _absent(address: HubAddress | WebAddress, cache: Cache) -> ModelNotFoundError:
    return ModelNotFoundError(
        f"'{address}' is not in the cache '{cache.root}', and the network must not be used "
        "(local_files_only or GENRECLF_OFFLINE)"
    )
