"""The folder of downloaded models.

    models/KEY/        a model folder and its record, source.json; complete, or not there
    partial/KEY/       a download that goes on when it is next asked for
    refs/NAME          the commit that a branch on the Hub last stood for
    locks/KEY.lock     held while KEY is downloaded or removed

A key holds the SHA-256 or the commit of what it names, so that versions live side
by side and a folder never changes.
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
from genreclf.pretrained.config import parse_json
from genreclf.pretrained.digest import sha256_of

RECORD = "source.json"

Fill = Callable[[Path, Path], None]


@dataclass(frozen=True)
class Entry:
    """A downloaded model.

    Attributes
    ----------
    key : str
        What it is called in the cache.
    folder : Path
    source : str
        The address it came from.
    files : mapping of str to str
        SHA-256 by file name, as downloaded.
    """

    key: str
    folder: Path
    source: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


def cache_folder() -> Path:
    """The folder of downloaded models: ``GENRECLF_CACHE``, or else the user's cache."""
    chosen = os.environ.get("GENRECLF_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("genreclf", appauthor=False))


class Cache:
    """Downloaded models by key; safe to use from many processes.

    Parameters
    ----------
    root : Path, optional
        :func:`cache_folder` if left out. Made when something is put in it.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or cache_folder()

    def find(self, key: str) -> Path | None:
        """The folder of a model, if it is here."""
        folder = self.root / "models" / key
        return folder if folder.is_dir() else None

    def add(self, key: str, source: str, fill: Fill) -> Path:
        """The folder of a model, made first if it is not here.

        Parameters
        ----------
        key : str
        source : str
            The address it comes from.
        fill : callable
            Called with a folder that stays if it fails, for what the next try can
            use, and the empty folder of the model; by one process at a time.

        Raises
        ------
        CacheError
            If the cache cannot be written. What `fill` raises passes through.
        """
        if found := self.find(key):
            return found
        with self._locked(key):
            return self.find(key) or self._make(key, source, fill)

    def remove(self, key: str) -> None:
        """Delete a model and what there is of its download.

        Raises
        ------
        CacheError
            If the cache cannot be written.
        """
        with self._locked(key):
            for folder in (self.root / "models" / key, self.root / "partial" / key):
                if folder.exists():
                    # A folder is here whole or not at all, so it goes away by a rename.
                    grave = Path(tempfile.mkdtemp(dir=self.root, prefix=".removed-"))
                    folder.rename(grave / "model")
                    shutil.rmtree(grave)

    def entries(self) -> list[Entry]:
        """All models that are here, by key."""
        folders = self.root / "models"
        if not folders.is_dir():
            return []
        return [_entry(folder) for folder in sorted(folders.iterdir()) if folder.is_dir()]

    def commit(self, repository: str, revision: str) -> str | None:
        """The commit that a revision on the Hub last stood for, if known."""
        with contextlib.suppress(OSError, ValueError):
            text = self._ref(repository, revision).read_text(encoding="ascii")
            if re.fullmatch("[0-9a-f]{40}", text):
                return text
        return None

    def note_commit(self, repository: str, revision: str, commit: str) -> None:
        """Remember the commit that a revision stands for, where the cache can be written."""
        ref = self._ref(repository, revision)
        # Only a note for the day without a network: not worth an error.
        with contextlib.suppress(OSError):
            ref.parent.mkdir(parents=True, exist_ok=True)
            new = ref.with_name(f"{ref.name}.{os.getpid()}.new")
            new.write_text(commit, encoding="ascii")
            new.replace(ref)

    def _ref(self, repository: str, revision: str) -> Path:
        return self.root / "refs" / quote(f"{repository}@{revision}", safe="@")

    def _make(self, key: str, source: str, fill: Fill) -> Path:
        partial = self.root / "partial" / key
        model = partial / "model"
        shutil.rmtree(model, ignore_errors=True)
        model.mkdir(parents=True)
        fill(partial, model)
        files = {path.name: sha256_of(path) for path in sorted(model.iterdir())}
        record = json.dumps({"source": source, "files": files}, indent=2)
        (model / RECORD).write_text(record + "\n", encoding="utf-8")
        folder = self.root / "models" / key
        folder.parent.mkdir(exist_ok=True)
        model.rename(folder)
        shutil.rmtree(partial, ignore_errors=True)
        return folder

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        from filelock import FileLock

        with self._writing():
            locks = self.root / "locks"
            locks.mkdir(parents=True, exist_ok=True)
            with FileLock(locks / f"{key}.lock"):
                yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CacheError(
                f"the cache of models '{self.root}' cannot be written: "
                f"{error.strerror or error}. Make room there, or set GENRECLF_CACHE to a "
                "folder that can be written."
            ) from error


def _entry(folder: Path) -> Entry:
    try:
        record: Any = parse_json((folder / RECORD).read_text(encoding="utf-8"))
        return Entry(folder.name, folder, str(record["source"]), dict(record["files"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Entry(folder.name, folder)
