"""Taking a model folder out of an archive that nobody vouches for."""

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
from genreclf.pretrained.folder import CARD, CONFIG, WEIGHTS
from genreclf.pretrained.limits import (
    LARGEST_CARD,
    LARGEST_CONFIG,
    LARGEST_WEIGHTS,
    MOST_MEMBERS,
)

_LIMITS = {CONFIG: LARGEST_CONFIG, WEIGHTS: LARGEST_WEIGHTS, CARD: LARGEST_CARD}
_CHUNK = 1 << 20
_DAMAGED = (
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
    """Take the three files of a model folder out of a ``.zip`` or ``.tar.gz``.

    They may lie at its top or in one folder in it. Nothing else is written, and
    nothing under a name that the archive chose.

    Parameters
    ----------
    archive : Path
    folder : Path
        Where the files go; empty.

    Raises
    ------
    IntegrityError
        If the archive is damaged, holds no model folder or two, a name that leads
        out of it, a link or device, over 1,000 members, or a file over its limit:
        2 GiB of weights, 1 MB of config or card.
    """
    with _damage(archive):
        if zipfile.is_zipfile(archive):
            _take(_zip_members, archive, folder)
        else:
            _take(_tar_members, archive, folder)
    absent = [name for name in (CONFIG, WEIGHTS) if not (folder / name).exists()]
    if absent:
        raise IntegrityError(f"{archive}: holds no model folder: no {' and no '.join(absent)}")


def _take(
    members_of: Callable[[Path, ExitStack], Iterator[_Member]], archive: Path, folder: Path
) -> None:
    homes = set()
    total = 0
    with ExitStack() as stack:
        for count, member in enumerate(members_of(archive, stack), start=1):
            total += member.size
            if count > MOST_MEMBERS or not 0 <= member.size <= total <= 2 * LARGEST_WEIGHTS:
                raise IntegrityError(f"{archive}: over {MOST_MEMBERS} members, or too large")
            *home, name = _parts(member.name, archive)
            if not (member.is_file or member.is_folder):
                raise IntegrityError(f"{archive}: {member.name!r:.100} is no plain file or folder")
            if member.is_folder or name not in _LIMITS or len(home) > 1:
                continue
            homes.add(tuple(home))
            if len(homes) > 1 or (folder / name).exists():
                raise IntegrityError(f"{archive}: holds more than one {name}, or model folder")
            _copy(member, folder / name, _LIMITS[name], archive)


def _parts(name: str, archive: Path) -> list[str]:
    """The parts of a member's name, if it stays where it is unpacked."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or any(c in name for c in "\\:\0"):
        raise IntegrityError(f"{archive}: {name!r:.100} leads out of the archive")
    return parts or ["."]


def _copy(member: _Member, target: Path, limit: int, archive: Path) -> None:
    if member.size > limit:
        raise IntegrityError(f"{archive}: {member.name!r:.100} is larger than {limit:,} bytes")
    left = member.size
    with target.open("xb") as new, member.open() as source:
        while left and (chunk := source.read(min(left, _CHUNK))):
            new.write(chunk)
            left -= len(chunk)
    if left:
        raise IntegrityError(f"{archive}: {member.name!r:.100} is cut off")


def _zip_members(archive: Path, stack: ExitStack) -> Iterator[_Member]:
    frugal: Any = _Frugal(stack.enter_context(archive.open("rb")))
    opened = stack.enter_context(zipfile.ZipFile(frugal))
    for info in opened.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        plain = kind in (0, stat.S_IFREG) and not info.flag_bits & 0x1
        # bzip2 and LZMA cannot be unpacked in bounded steps by the standard library.
        packed_well = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        folder = info.is_dir() and kind in (0, stat.S_IFDIR)
        # The name before zipfile cuts it at a NUL or turns backslashes round.
        yield _Member(
            info.orig_filename,
            info.file_size,
            plain and packed_well and not folder,
            folder,
            partial(opened.open, info),
        )


def _tar_members(archive: Path, stack: ExitStack) -> Iterator[_Member]:
    frugal: Any = _Frugal(stack.enter_context(GzipFile(archive)))
    opened = stack.enter_context(tarfile.TarFile(fileobj=frugal))
    while (info := opened.next()) is not None:
        yield _Member(
            info.name,
            info.size,
            info.isreg() and not info.issparse(),
            info.isdir(),
            partial(opened.extractfile, info),
        )


class _Frugal:
    """A file of which nobody takes over a MiB into memory at a time."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._file.read(_CHUNK + 1 if size < 0 else min(size, _CHUNK + 1))
        if len(data) > _CHUNK:
            raise IntegrityError("a part of the archive other than its files is over 1 MiB")
        return data

    def seek(self, position: int, whence: int = 0) -> int:
        if whence == 0 and position < 0:  # an OSError otherwise, as if the disk were to blame
            raise ValueError("it points before its own start")
        return int(self._file.seek(position, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def seekable(self) -> bool:
        return True


@contextmanager
def _damage(archive: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise IntegrityError(f"{archive}: damaged: {type(error).__name__}: {error}") from error
    except OSError as error:
        if error.errno is not None:  # the disk's, not the archive's
            raise
        raise IntegrityError(f"{archive}: damaged: {error}") from error
