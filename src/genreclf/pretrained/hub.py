"""Models on the Hugging Face Hub, through huggingface_hub."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi, RepoFile
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from genreclf.errors import (
    ConfigError,
    DownloadError,
    GenreclfError,
    IntegrityError,
    ModelNotFoundError,
)
from genreclf.pretrained.address import HubAddress, is_commit, parse_hub
from genreclf.pretrained.cache import Cache
from genreclf.pretrained.digest import git_blob_of, sha256_of
from genreclf.pretrained.folder import CARD, CONFIG, WEIGHTS
from genreclf.pretrained.limits import LARGEST_CARD, LARGEST_CONFIG, LARGEST_WEIGHTS
from genreclf.pretrained.offline import is_offline

_LIMITS = {CONFIG: LARGEST_CONFIG, WEIGHTS: LARGEST_WEIGHTS, CARD: LARGEST_CARD}

_log = logging.getLogger(__name__)


def resolve(address: HubAddress, cache: Cache) -> str:
    """The commit that an address stands for now, or stood for when the Hub was last reached.

    Raises
    ------
    ModelNotFoundError
        If the Hub has no such repository or revision, or does not show it.
    DownloadError
        If the Hub cannot be reached, and never was for this address.
    """
    try:
        with _hub_errors(address):
            info = _api().model_info(address.repository, revision=address.revision)
            commit = str(info.sha)
    except DownloadError as error:
        known = cache.commit(address.repository, address.revision)
        if known is None:
            raise
        _log.warning("%s Using the version that was downloaded before.", error)
        return known
    if not is_commit(commit):
        raise DownloadError(f"'{address}': the Hub names no commit, but {commit!r:.80}")
    cache.note_commit(address.repository, address.revision, commit)
    return commit


def download_model(address: HubAddress, partial: Path, folder: Path) -> None:
    """Download a model and check it.

    Parameters
    ----------
    address : HubAddress
        With a commit.
    partial : Path
        A folder for what has come so far; files that are whole are not fetched again.
    folder : Path
        The model folder to fill; empty.

    Raises
    ------
    ModelNotFoundError
        If there is no such repository, or no model in it.
    DownloadError
        If the Hub cannot be reached, or a file is too large.
    IntegrityError
        If a file is not what the Hub says it has.
    """
    with _hub_errors(address):
        api = _api()
        found = api.get_paths_info(address.repository, list(_LIMITS), revision=address.revision)
        files = {file.path: file for file in found if isinstance(file, RepoFile)}
    for name in (CONFIG, WEIGHTS):
        if name not in files:
            raise ModelNotFoundError(f"'{address}' is no model of genreclf: it has no {name}")
    wanted = [name for name in _LIMITS if name in files]
    for name in wanted:
        if files[name].size > _LIMITS[name]:
            raise DownloadError(f"'{address}': {name} is larger than {_LIMITS[name]:,} bytes")
    for name in wanted:
        with _hub_errors(address):
            path = Path(
                api.hf_hub_download(
                    address.repository,
                    name,
                    revision=address.revision,
                    local_dir=partial / "download",
                )
            )
        if not _is_intact(path, files[name]):
            path.unlink()
            raise IntegrityError(
                f"'{address}': {name} is not the file that the Hub lists; it was damaged on "
                "its way and was not used. Try again."
            )
    for name in wanted:
        (partial / "download" / name).replace(folder / name)


def upload(
    folder: Path, repository: str, revision: str | None, private: bool, message: str | None
) -> str:
    """Upload a model folder; see :meth:`genreclf.GenreClassifier.push_to_hub`."""
    address = parse_hub(f"hf://{repository}")
    if is_offline():
        raise ConfigError("cannot upload: GENRECLF_OFFLINE is set")
    with _hub_errors(address):
        api = _api()
        api.create_repo(address.repository, private=private, exist_ok=True)
        if revision is not None:
            api.create_branch(address.repository, branch=revision, exist_ok=True)
        commit = api.upload_folder(
            repo_id=address.repository,
            folder_path=folder,
            revision=revision,
            commit_message=message or "Upload a genreclf model",
            allow_patterns=[CONFIG, WEIGHTS, CARD],  # what a download takes
        )
    return f"hf://{address.repository}@{commit.oid}"


def _api() -> HfApi:
    return HfApi(library_name="genreclf")


def _is_intact(path: Path, listed: RepoFile) -> bool:
    if listed.lfs is not None:
        return sha256_of(path) == listed.lfs.sha256
    return git_blob_of(path) == listed.blob_id


@contextmanager
def _hub_errors(address: HubAddress) -> Iterator[None]:
    try:
        yield
    except GenreclfError:
        raise
    except GatedRepoError as error:
        raise ModelNotFoundError(
            f"'{address}' is gated: ask for access on its page, then `hf auth login`"
        ) from error
    except HFValidationError as error:
        raise ConfigError(f"'{address}': {error}") from error
    except (RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError) as error:
        if isinstance(error, LocalEntryNotFoundError):  # its word for a broken connection
            raise DownloadError(f"'{address}' cannot be downloaded: {error}") from error
        raise ModelNotFoundError(
            f"'{address}': the Hub has no such repository or revision, or it is private "
            "(then `hf auth login`)"
        ) from error
    except Exception as error:  # of whichever HTTP library it uses, and of malformed answers
        if isinstance(error, OSError) and not isinstance(error, HfHubHTTPError) and error.errno:
            raise  # the disk's
        reason = str(error).strip() or type(error).__name__
        raise DownloadError(f"'{address}': the Hub cannot be used: {reason}") from error
