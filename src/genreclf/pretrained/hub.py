"""Download from and upload to the Hugging Face Hub, through huggingface_hub."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi, RepoFile, errors

from genreclf.errors import (
    ConfigError,
    DownloadError,
    GenreclfError,
    IntegrityError,
    ModelNotFoundError,
)
from genreclf.files import git_blob_of, sha256_of
from genreclf.pretrained.cache import Cache, is_offline
from genreclf.pretrained.folder import CARD, CONFIG, MAX_BYTES, WEIGHTS
from genreclf.pretrained.resolve import HubAddress, is_commit, parse_hub

_log = logging.getLogger(__name__)


def resolve_commit(address: HubAddress, cache: Cache) -> str:
    """Return the commit of a revision, and store it in the cache.

    If the Hub cannot be reached, return the commit that was stored before.
    """
    try:
        with _hub_errors(address):
            info = _api().model_info(address.repository, revision=address.revision)
            commit = str(info.sha)
    except DownloadError as error:
        cached = cache.read_ref(address.repository, address.revision)
        if cached is None:
            raise
        _log.warning("%s Using the version that was downloaded before.", error)
        return cached
    if not is_commit(commit):
        raise DownloadError(f"'{address}': the Hub names no commit, but {commit!r:.80}")
    cache.write_ref(address.repository, address.revision, commit)
    return commit


def download_model(address: HubAddress, partial: Path, folder: Path) -> None:
    """Download a model and verify it against the digests that the Hub lists.

    Parameters
    ----------
    address : HubAddress
        With a commit.
    partial : Path
        Folder for the download in progress. Complete files in it are not downloaded again.
    folder : Path
        The model folder to fill; empty.
    """
    files = _list_files(address)
    downloads = partial / "download"
    for name, listed in files.items():
        with _hub_errors(address):
            path = _api().hf_hub_download(
                address.repository, name, revision=address.revision, local_dir=downloads
            )
        if not _is_intact(Path(path), listed):
            Path(path).unlink()
            raise IntegrityError(
                f"'{address}': {name} is not the file that the Hub lists; it was damaged in "
                "transit and was not used. Try again."
            )
    for name in files:
        (downloads / name).replace(folder / name)


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
            allow_patterns=[CONFIG, WEIGHTS, CARD],  # the files that a download fetches
        )
    return f"hf://{address.repository}@{commit.oid}"


def _list_files(address: HubAddress) -> dict[str, RepoFile]:
    with _hub_errors(address):
        found = _api().get_paths_info(
            address.repository, list(MAX_BYTES), revision=address.revision
        )
        listed = {file.path: file for file in found if isinstance(file, RepoFile)}
    for name in (CONFIG, WEIGHTS):
        if name not in listed:
            raise ModelNotFoundError(f"'{address}' is not a genreclf model: it has no {name}")
    files = {name: listed[name] for name in MAX_BYTES if name in listed}
    for name, file in files.items():
        if file.size > MAX_BYTES[name]:
            raise DownloadError(f"'{address}': {name} is larger than {MAX_BYTES[name]:,} bytes")
    return files


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
    except errors.GatedRepoError as error:
        raise ModelNotFoundError(
            f"'{address}' is gated: ask for access on its page, then `hf auth login`"
        ) from error
    except errors.HFValidationError as error:
        raise ConfigError(f"'{address}': {error}") from error
    except (
        errors.RepositoryNotFoundError,
        errors.RevisionNotFoundError,
        errors.EntryNotFoundError,
    ) as error:
        # huggingface_hub also raises this one for a broken connection.
        if isinstance(error, errors.LocalEntryNotFoundError):
            raise DownloadError(f"'{address}' cannot be downloaded: {error}") from error
        raise ModelNotFoundError(
            f"'{address}': the Hub has no such repository or revision, or it is private "
            "(then `hf auth login`)"
        ) from error
    except Exception as error:  # from any HTTP library, and for malformed answers
        is_answer = isinstance(error, errors.HfHubHTTPError)  # an OSError too
        if isinstance(error, OSError) and error.errno and not is_answer:
            raise  # from the disk
        reason = str(error).strip() or type(error).__name__
        raise DownloadError(f"'{address}': the Hub cannot be used: {reason}") from error
