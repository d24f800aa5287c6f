"""Download from https:// addresses, through pooch."""

import time
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pooch
import requests
from requests.exceptions import ChunkedEncodingError, SSLError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from genreclf.errors import DownloadError, IntegrityError
from genreclf.pretrained.archives import unpack
from genreclf.pretrained.folder import CONFIG, MAX_ARCHIVE_BYTES, MAX_BYTES, WEIGHTS, read_config
from genreclf.pretrained.resolve import WebAddress, is_loopback

TIMEOUTS = (10.0, 30.0)  # seconds: to connect, and between two chunks
RETRY_DELAYS = (1.0, 2.0, 4.0, 8.0)  # seconds before each retry
_CHUNK = 1 << 12  # bytes; the last chunk is lost when a connection breaks
_MAX_REDIRECTS = 5


def download_model(address: WebAddress, partial: Path, folder: Path) -> None:
    """Download a model and verify it.

    The parameters are those of :func:`genreclf.pretrained.hub.download_model`; a later call
    with the same `partial` continues an interrupted download.
    """
    if address.is_archive:
        archive = download(address.url, address.sha256, MAX_ARCHIVE_BYTES, partial)
        unpack(archive, folder)
        return
    config = download(address.url, address.sha256, MAX_BYTES[CONFIG], partial)
    config.replace(folder / CONFIG)
    digest = read_config(folder).files.get(WEIGHTS)
    if digest is None:
        raise IntegrityError(
            f"'{address.url}' does not state the SHA-256 of its weights; publish the model as "
            "a .zip, or write it again with save_pretrained"
        )
    # The card is not downloaded, since no digest verifies it.
    weights = download(urljoin(address.url, WEIGHTS), digest, MAX_BYTES[WEIGHTS], partial)
    weights.replace(folder / WEIGHTS)


def download(url: str, sha256: str, limit: int, folder: Path) -> Path:
    """Download one file of at most `limit` bytes, or continue an interrupted download.

    The folder holds the file, and the part of it that was downloaded. A DownloadError is
    raised if the server cannot be reached, fails or sends too much; an IntegrityError if the
    file has another digest.
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
        except ValueError as error:  # pooch raises it for another digest
            if not downloader.resumed:
                raise IntegrityError(
                    f"'{url}' is not the file with SHA-256 {sha256}: it was damaged in transit, "
                    "changed, or the digest is wrong. It was not used."
                ) from error
        # The first part was damaged or of another file: download all of it again.
    raise AssertionError("the second download cannot have been resumed")


class _Downloader:
    """Downloads for pooch into a file that remains after a failure.

    `resumed` is whether the last file consists of more than one answer.
    """

    def __init__(self, part: Path, limit: int) -> None:
        self.part = part
        self.limit = limit
        self.resumed = False

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        console = Console(stderr=True)
        text = TextColumn("{task.description}")
        columns = (text, BarColumn(), DownloadColumn(), TransferSpeedColumn())
        bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        with _Session() as session, bar:
            task = bar.add_task(f"Downloading {urlsplit(url).hostname}", total=None)
            for delay in (*RETRY_DELAYS, None):
                try:
                    self._request(session, url, lambda **progress: bar.update(task, **progress))
                    break
                except requests.RequestException as error:
                    if delay is None or not _is_transient(error):
                        raise
                    time.sleep(delay)
        self.part.replace(output_file)

    def _request(self, session: requests.Session, url: str, advance: Any) -> None:
        present = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Accept-Encoding": "identity"}
        if present:
            headers["Range"] = f"bytes={present}-"
        with session.get(url, headers=headers, stream=True, timeout=TIMEOUTS) as response:
            resumed = self._is_resumed(response, present)
            self.resumed |= resumed
            self._receive(response, url, present if resumed else 0, advance)

    def _is_resumed(self, response: requests.Response, present: int) -> bool:
        """Return whether the answer continues the bytes that are present."""
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            self.part.unlink(missing_ok=True)
            raise _RetryError("the server's file is smaller than what was downloaded before")
        response.raise_for_status()
        content_range = response.headers.get("Content-Range", "")
        resumed = present > 0 and content_range.startswith(f"bytes {present}-")
        if response.status_code == requests.codes.partial_content and not resumed:
            self.part.unlink(missing_ok=True)
            raise _RetryError("the server sent another range than the requested one")
        return resumed

    def _receive(self, response: requests.Response, url: str, done: int, advance: Any) -> None:
        length = response.headers.get("Content-Length", "")
        total = done + int(length) if length.isdecimal() else None
        self._check_size(total or 0, url)
        with self.part.open("ab" if done else "wb") as file:
            for chunk in response.iter_content(_CHUNK):
                done += len(chunk)
                self._check_size(done, url)
                file.write(chunk)
                advance(completed=done, total=total)

    def _check_size(self, size: int, url: str) -> None:
        if size > self.limit:
            self.part.unlink(missing_ok=True)
            raise DownloadError(f"'{url}' is larger than {self.limit:,} bytes, the limit")


class _RetryError(requests.RequestException):
    """The answer is useless, but a retry may succeed."""


class _Session(requests.Session):
    """A session that follows few redirects, and none from https:// to http://."""

    def __init__(self) -> None:
        super().__init__()
        self.max_redirects = _MAX_REDIRECTS

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is not None:
            url = urljoin(str(resp.url), target)
            is_local = is_loopback(str(resp.url)) and is_loopback(url)
            if urlsplit(url).scheme != "https" and not is_local:
                raise DownloadError(f"'{resp.url}' redirects to '{url}', which is not https://")
        return target


def _is_transient(error: requests.RequestException) -> bool:
    """Return whether the same request may succeed later."""
    if isinstance(error, requests.HTTPError):
        status = error.response.status_code if error.response is not None else 0
        return status in (408, 425, 429) or status >= 500
    kinds = (_RetryError, requests.ConnectionError, requests.Timeout, ChunkedEncodingError)
    return isinstance(error, kinds) and not isinstance(error, SSLError)


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    return f"{type(error).__name__}: {error}"
