"""The cache of downloaded models.

    models/KEY/        a complete model folder and the record of its download, source.json
    partial/KEY/       an interrupted download, which the next one continues
    refs/NAME          the last known commit of a branch on the Hub
    locks/KEY.lock     held while KEY is downloaded or removed

A key holds the SHA-256 or the commit of a model, so versions live side by side and a folder
never changes.
"""

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from genreclf.errors import CacheError
from genreclf.files import atomic_write, sha256_of
from genreclf.pretrained.config import parse_json

RECORD = "source.json"

Download = Callable[[Path, Path], None]


@dataclass(frozen=True)
class CachedModel:
    """A downloaded model: its key in the cache, its folder, and the record of its download.

    The record is the address and the SHA-256 of each file; both are empty if it is damaged.
    """

    key: str
    folder: Path
    source: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The address, or the key if the address is unknown."""
        return self.source or self.key


def cache_folder() -> Path:
    """Return the folder of the cache: ``GENRECLF_CACHE``, or in the user's cache folder."""
    chosen = os.environ.get("GENRECLF_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("genreclf", appauthor=False))


def is_offline() -> bool:
    """Return whether ``GENRECLF_OFFLINE`` is set (to anything but 0, no, false or off)."""
    return os.environ.get("GENRECLF_OFFLINE", "").lower() not in ("", "0", "no", "false", "off")


class Cache:
    """Downloaded models by key; safe to use from several processes.

    Methods raise CacheError if the cache cannot be written. `root` is by default
    :func:`cache_folder`; it is created when the first model is added.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or cache_folder()

    def find(self, key: str) -> Path | None:
        """Return the folder of a model, or None if it is not in the cache."""
        folder = self.root / "models" / key
        return folder if folder.is_dir() else None

    def add(self, key: str, source: str, download: Download) -> Path:
        """Return the folder of a model, and download it first if it is not in the cache.

        `source` is its address, for the record. `download` takes a folder for temporary files,
        which remains if it fails, and the empty model folder to fill. Only one process at a time
        calls it. Its errors pass through.
        """
        if found := self.find(key):
            return found
        with self._lock(key):
            return self.find(key) or self._create(key, source, download)

    def remove(self, key: str) -> None:
        """Delete a model and its interrupted download."""
        with self._lock(key):
            for folder in (self.root / "models" / key, self.root / "partial" / key):
                if folder.exists():
                    # Renamed first: a model folder is complete or does not exist.
                    trash = Path(tempfile.mkdtemp(dir=self.root, prefix=".removed-"))
                    folder.rename(trash / "model")
                    shutil.rmtree(trash)

    def models(self) -> list[CachedModel]:
        """Return all models in the cache, sorted by key."""
        folders = self.root / "models"
        if not folders.is_dir():
            return []
        return [_read_record(folder) for folder in sorted(folders.iterdir()) if folder.is_dir()]

    def read_ref(self, repository: str, revision: str) -> str | None:
        """Return the last known commit of a revision on the Hub, or None."""
        with contextlib.suppress(OSError, ValueError):
            text = self._ref(repository, revision).read_text(encoding="ascii")
            if re.fullmatch("[0-9a-f]{40}", text):
                return text
        return None

    def write_ref(self, repository: str, revision: str, commit: str) -> None:
        """Store the commit of a revision on the Hub, if the cache can be written."""
        ref = self._ref(repository, revision)
        # Refs serve only without a network, so a failure is not worth an error.
        with contextlib.suppress(OSError):
            ref.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(ref, "w", encoding="ascii") as file:
                file.write(commit)

    def _ref(self, repository: str, revision: str) -> Path:
        return self.root / "refs" / quote(f"{repository}@{revision}", safe="@")

    def _create(self, key: str, source: str, download: Download) -> Path:
        partial = self.root / "partial" / key
        model = partial / "model"
        shutil.rmtree(model, ignore_errors=True)
        model.mkdir(parents=True)
        download(partial, model)
        files = {path.name: sha256_of(path) for path in sorted(model.iterdir())}
        with atomic_write(model / RECORD, "w", encoding="utf-8") as file:
            file.write(json.dumps({"source": source, "files": files}, indent=2) + "\n")
        folder = self.root / "models" / key
        folder.parent.mkdir(exist_ok=True)
        model.rename(folder)
        shutil.rmtree(partial, ignore_errors=True)
        return folder

    @contextmanager
    def _lock(self, key: str) -> Iterator[None]:
        from filelock import FileLock

        locks = self.root / "locks"
        try:
            locks.mkdir(parents=True, exist_ok=True)
            with FileLock(locks / f"{key}.lock"):
                yield
        except OSError as error:
            raise CacheError(
                f"the model cache '{self.root}' cannot be written: {error.strerror or error}. "
                "Free some space there, or set GENRECLF_CACHE to a folder that can be written."
            ) from error


def _read_record(folder: Path) -> CachedModel:
    try:
        record: Any = parse_json((folder / RECORD).read_text(encoding="utf-8"))
        return CachedModel(folder.name, folder, str(record["source"]), dict(record["files"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return CachedModel(folder.name, folder)
