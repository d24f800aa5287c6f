"""Safe extraction of a model folder from an untrusted archive."""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from gzip import GzipFile
from pathlib import Path
from typing import Any, NamedTuple

from genreclf.errors import IntegrityError
from genreclf.pretrained.folder import CONFIG, MAX_BYTES, WEIGHTS

_MAX_MEMBERS = 1_000
_MAX_TOTAL_BYTES = 4 * 1024**3
_CHUNK = 1 << 20  # bytes
_FORMAT_ERRORS = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, ValueError, RuntimeError,
    NotImplementedError, LookupError, OverflowError,
)  # fmt: skip


class _Member(NamedTuple):
    name: str
    size: int
    is_file: bool
    is_folder: bool
    open: Callable[[], Any]


def unpack(archive: Path, folder: Path) -> None:
    """Extract the files of a model folder from a ``.zip`` or ``.tar.gz`` into an empty folder.

    They may be at the top of the archive or in one folder. Only these files are extracted,
    and under fixed names. An archive is refused (IntegrityError) if it is damaged, holds no
    model folder or two, has over 1,000 members, a path that leads out of it, a link or a
    device, or a file over :data:`~genreclf.pretrained.folder.MAX_BYTES`.
    """
    with _integrity_errors(archive):
        members_of = _zip_members if zipfile.is_zipfile(archive) else _tar_members
        with ExitStack() as stack:
            _extract(members_of(archive, stack), archive, folder)
    missing = [name for name in (CONFIG, WEIGHTS) if not (folder / name).exists()]
    if missing:
        raise IntegrityError(f"{archive}: holds no model folder: no {' and no '.join(missing)}")


def _extract(members: Iterator[_Member], archive: Path, folder: Path) -> None:
    parents = set()
    total = 0
    for count, member in enumerate(members, start=1):
        total += member.size
        if count > _MAX_MEMBERS or not 0 <= member.size <= total <= _MAX_TOTAL_BYTES:
            raise IntegrityError(f"{archive}: over {_MAX_MEMBERS} members, or too large")
        *parent, name = _split_path(member.name, archive)
        if not (member.is_file or member.is_folder):
            raise IntegrityError(f"{archive}: {member.name!r:.100} is not a regular file or folder")
        if member.is_folder or name not in MAX_BYTES or len(parent) > 1:
            continue
        parents.add(tuple(parent))
        if len(parents) > 1 or (folder / name).exists():
            raise IntegrityError(f"{archive}: holds more than one {name}, or model folder")
        _copy(member, folder / name, archive)


def _split_path(path: str, archive: Path) -> list[str]:
    """Split a member's path, and refuse it if it leads out of the archive."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts or any(c in path for c in "\\:\0"):
        raise IntegrityError(f"{archive}: {path!r:.100} leads out of the archive")
    return parts or ["."]


def _copy(member: _Member, target: Path, archive: Path) -> None:
    limit = MAX_BYTES[target.name]
    if member.size > limit:
        raise IntegrityError(f"{archive}: {member.name!r:.100} is larger than {limit:,} bytes")
    remaining = member.size
    with target.open("xb") as new, member.open() as source:
        while remaining and (chunk := source.read(min(remaining, _CHUNK))):
            new.write(chunk)
            remaining -= len(chunk)
    if remaining:
        raise IntegrityError(f"{archive}: {member.name!r:.100} is cut off")


def _zip_members(archive: Path, stack: ExitStack) -> Iterator[_Member]:
    file: Any = _BoundedReader(stack.enter_context(archive.open("rb")))
    opened = stack.enter_context(zipfile.ZipFile(file))
    for info in opened.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        is_regular = kind in (0, stat.S_IFREG) and not info.flag_bits & 0x1  # not encrypted
        # The standard library cannot unpack bzip2 and LZMA in steps of bounded size.
        is_bounded = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        is_folder = info.is_dir() and kind in (0, stat.S_IFDIR)
        is_file = is_regular and is_bounded and not is_folder
        content = partial(opened.open, info)
        # In `filename`, zipfile has cut the name at a NUL and, on Windows, replaced backslashes.
        yield _Member(info.orig_filename, info.file_size, is_file, is_folder, content)


def _tar_members(archive: Path, stack: ExitStack) -> Iterator[_Member]:
    file: Any = _BoundedReader(stack.enter_context(GzipFile(archive)))
    opened = stack.enter_context(tarfile.TarFile(fileobj=file))
    while (info := opened.next()) is not None:
        is_file = info.isreg() and not info.issparse()
        content = partial(opened.extractfile, info)
        yield _Member(info.name, info.size, is_file, info.isdir(), content)


class _BoundedReader:
    """A file that returns at most 1 MiB at a time, whatever a header claims."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._file.read(_CHUNK + 1 if size < 0 else min(size, _CHUNK + 1))
        if len(data) > _CHUNK:
            raise IntegrityError("a part of the archive other than its files is over 1 MiB")
        return data

    def seek(self, position: int, whence: int = 0) -> int:
        # The file would raise an OSError, which means a problem of the disk here.
        if whence == 0 and position < 0:
            raise ValueError("an offset is before the start of the file")
        return int(self._file.seek(position, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def seekable(self) -> bool:
        return True


@contextmanager
def _integrity_errors(archive: Path) -> Iterator[None]:
    try:
        yield
    except _FORMAT_ERRORS as error:
        raise IntegrityError(f"{archive}: damaged: {type(error).__name__}: {error}") from error
    except OSError as error:
        if error.errno is not None:  # from the disk, not about the archive
            raise
        raise IntegrityError(f"{archive}: damaged: {error}") from error
