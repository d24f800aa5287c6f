"""Downloading models from https:// addresses, through pooch."""

import time
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pooch
import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from genreclf.errors import DownloadError, IntegrityError
from genreclf.pretrained.address import WebAddress, is_loopback
from genreclf.pretrained.archives import unpack
from genreclf.pretrained.folder import CONFIG, WEIGHTS, read_config
from genreclf.pretrained.limits import LARGEST_ARCHIVE, LARGEST_CONFIG, LARGEST_WEIGHTS

TIMEOUTS = (10.0, 30.0)  # seconds to connect, and between two pieces
PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before each further try
_CHUNK = 1 << 12  # bytes; the last one is lost when a connection breaks
_REDIRECTS = 5


def download_model(address: WebAddress, partial: Path, folder: Path) -> None:
    """Download a model and check it.

    Parameters
    ----------
    address : WebAddress
    partial : Path
        A folder for what has come so far; a later call goes on from there.
    folder : Path
        The model folder to fill; empty.

    Raises
    ------
    DownloadError
        If the server cannot be reached, fails, or sends too much.
    IntegrityError
        If what it sends is not what the address says, or no model folder.
    """
    if address.is_archive:
        archive = download(address.url, address.sha256, LARGEST_ARCHIVE, partial)
        unpack(archive, folder)
        return
    download(address.url, address.sha256, LARGEST_CONFIG, partial).replace(folder / CONFIG)
    digest = read_config(folder).files.get(WEIGHTS)
    if digest is None:
        raise IntegrityError(
            f"'{address.url}' does not state the SHA-256 of its weights; publish the model as "
            "a .zip, or write it again with save_pretrained"
        )
    # Not the card: nothing vouches for it.
    weights = download(urljoin(address.url, WEIGHTS), digest, LARGEST_WEIGHTS, partial)
    weights.replace(folder / WEIGHTS)


def download(url: str, sha256: str, limit: int, folder: Path) -> Path:
    """Download one file, going on where the last call broke off.

    Parameters
    ----------
    url : str
    sha256 : str
        In hexadecimal.
    limit : int
        Bytes that it may have.
    folder : Path
        Where it is put, and kept until it is whole.

    Raises
    ------
    DownloadError
        If the server cannot be reached, fails, or sends too much.
    IntegrityError
        If the file is another.
    """
    downloader = _Downloader(folder / f"{sha256}.part", limit)
    for _ in range(2):
        downloader.resumed = False
        try:
            return Path(
                pooch.retrieve(
                    url, f"sha256:{sha256}", fname=sha256, path=folder, downloader=downloader
                )
            )
        except requests.RequestException as error:
            raise DownloadError(f"'{url}' cannot be downloaded: {_reason(error)}") from error
        except ValueError as error:  # pooch's word for another digest
            if not downloader.resumed:
                raise IntegrityError(
                    f"'{url}' is not the file with SHA-256 {sha256}: it was damaged on its way, "
                    "changed, or the digest is wrong. It was not used."
                ) from error
        # The start was another file's, or damaged: once more, and all of it.
    raise AssertionError("the second download cannot have been resumed")


class _Downloader:
    """Downloads for pooch into a file that outlives a failure.

    Parameters
    ----------
    part : Path
    limit : int
        Bytes that the file may have.

    Attributes
    ----------
    resumed : bool
        Whether the last file was put together from more than one answer.
    """

    def __init__(self, part: Path, limit: int) -> None:
        self.part = part
        self.limit = limit
        self.resumed = False

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with (
            _Session() as session,
            Progress(
                *columns,
                TransferSpeedColumn(),
                console=console,
                transient=True,
                disable=not console.is_terminal,
            ) as bar,
        ):
            task = bar.add_task(f"Downloading {urlsplit(url).hostname}", total=None)
            for pause in (*PAUSES, None):
                try:
                    self._stream(session, url, lambda **changes: bar.update(task, **changes))
                    break
                except (requests.RequestException, _AgainError) as error:
                    if pause is None or not _is_passing(error):
                        raise
                    time.sleep(pause)
        self.part.replace(output_file)

    def _stream(self, session: requests.Session, url: str, advance: Any) -> None:
        have = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        with session.get(url, headers=headers, stream=True, timeout=TIMEOUTS) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                self.part.unlink(missing_ok=True)
                raise _AgainError("the server has less than was downloaded before")
            response.raise_for_status()
            content_range = response.headers.get("Content-Range", "")
            goes_on = have > 0 and content_range.startswith(f"bytes {have}-")
            if response.status_code == requests.codes.partial_content and not goes_on:
                self.part.unlink(missing_ok=True)
                raise _AgainError("the server sent another part than it was asked for")
            self.resumed |= goes_on
            done = have if goes_on else 0
            length = response.headers.get("Content-Length", "")
            total = done + int(length) if length.isdecimal() else None
            self._check_size(total or 0, url)
            with self.part.open("ab" if goes_on else "wb") as file:
                for chunk in response.iter_content(_CHUNK):
                    done += len(chunk)
                    self._check_size(done, url)
                    file.write(chunk)
                    advance(completed=done, total=total)

    def _check_size(self, size: int, url: str) -> None:
        if size > self.limit:
            self.part.unlink(missing_ok=True)
            raise DownloadError(f"'{url}' is larger than the {self.limit:,} bytes it may have")


class _AgainError(requests.RequestException):
    """The answer is of no use, but another may be."""


class _Session(requests.Session):
    """Follows few redirects, and none from https:// to plain http://."""

    def __init__(self) -> None:
        super().__init__()
        self.max_redirects = _REDIRECTS

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is not None:
            url = urljoin(str(resp.url), target)
            local = is_loopback(str(resp.url)) and is_loopback(url)
            if urlsplit(url).scheme != "https" and not local:
                raise DownloadError(f"'{resp.url}' redirects to '{url}', which is not https://")
        return target


def _is_passing(error: requests.RequestException) -> bool:
    """Whether the same request may well succeed a little later."""
    if isinstance(error, requests.HTTPError):
        status = error.response.status_code if error.response is not None else 0
        return status in (408, 425, 429) or status >= 500
    kinds = (
        _AgainError,
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
    )
    return isinstance(error, kinds) and not isinstance(error, requests.exceptions.SSLError)


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server says {error.response.status_code} {error.response.reason}"
    return f"{type(error).__name__}: {error}"
