"""Archives from anywhere: only the files of a model are extracted, or an IntegrityError."""

import contextlib
import gzip
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genreclf.errors import IntegrityError
from genreclf.pretrained.archives import unpack
from genreclf.pretrained.folder import MAX_BYTES
from test_untrusted_models import CUT, DAMAGE, FUZZ, damaged


def zip_of(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def tar_of(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def symlink_in_zip(name, target):
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info, target


GOOD = [("config.json", b"{}"), ("model.safetensors", b"weights")]


@pytest.fixture
def unpacked(tmp_path):
    """Unpack an archive of these bytes; gives the folder."""

    def do(content):
        (tmp_path / "archive").write_bytes(content)
        target = tmp_path / "deep" / "target"
        target.mkdir(parents=True)
        unpack(tmp_path / "archive", target)
        return target

    return do


@pytest.mark.parametrize("pack", [zip_of, tar_of])
def test_only_the_files_of_a_model_are_unpacked(unpacked, pack):
    more = [("a/b/c/config.json", b"deep"), ("evil.py", b""), ("README.md", b"# card")]
    target = unpacked(pack([*GOOD, *more]))
    names = {path.name for path in target.rglob("*")}
    assert names == {"config.json", "model.safetensors", "README.md"}
    assert (target / "config.json").read_bytes() == b"{}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zip_of([*GOOD, ("../evil.txt", b"x")]), "leads out"),
        (tar_of([*GOOD, ("../evil.txt", b"x")]), "leads out"),
        (zip_of([("../../config.json", b"{}"), GOOD[1]]), "leads out"),
        (zip_of([*GOOD, ("/tmp/evil.txt", b"x")]), "leads out"),
        (tar_of([*GOOD, ("/tmp/evil.txt", b"x")]), "leads out"),
        (zip_of([*GOOD, ("a\\..\\evil.txt", b"x")]), "leads out"),
        (zip_of([*GOOD, ("C:evil.txt", b"x")]), "leads out"),
        (tar_of([*GOOD, (link("model", "/etc"), b"")]), "not a regular file"),
        (tar_of([(link("config.json", "/etc/passwd"), b""), GOOD[1]]), "not a regular file"),
        (
            tar_of([(link("config.json", "/x", tarfile.LNKTYPE), b""), GOOD[1]]),
            "not a regular file",
        ),
        (tar_of([*GOOD, (link("null", "", tarfile.CHRTYPE), b"")]), "not a regular file"),
        (tar_of([*GOOD, (link("fifo", "", tarfile.FIFOTYPE), b"")]), "not a regular file"),
        (zip_of([symlink_in_zip("config.json", "/etc/passwd"), GOOD[1]]), "not a regular file"),
        (zip_of([("one/config.json", b"{}"), ("two/model.safetensors", b"x")]), "more than one"),
        (tar_of([*GOOD, *GOOD]), "more than one"),
        (zip_of([("config.json", b"{}")]), r"no model\.safetensors"),
        (zip_of([]), "no model folder"),
        (zip_of([(f"{i}.txt", b"") for i in range(1001)]), "over 1000 members"),
        (zip_of([("config.json", b" " * 1_000_001), GOOD[1]]), "larger than 1,000,000"),
        (tar_of([("config.json", b" " * 1_000_001), GOOD[1]]), "larger than 1,000,000"),
        (tar_of([("x" * 2**21, b"")]), "over 1 MiB"),
        (b"", "damaged"),
        (b"neither", "damaged"),
        (zip_of(GOOD)[:-8], "damaged"),
        (damaged(zip_of(GOOD), [(0.984375, b"\x01")], 1.0), "before the start"),
        (tar_of(GOOD)[:90], "damaged"),
    ],
)
def test_archives_that_are_refused(unpacked, tmp_path, content, message):
    before = set(tmp_path.iterdir()) | {tmp_path / "archive", tmp_path / "deep"}
    with pytest.raises(IntegrityError, match=message):
        unpacked(content)
    assert set(tmp_path.iterdir()) == before
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))
    assert not Path("/tmp/evil.txt").exists()


def bomb(size):
    """A zip that says its weights are small and unpacks to `size` bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.safetensors", bytes(size))
    return buffer.getvalue().replace(struct.pack("<I", size), struct.pack("<I", 1000))


def test_bombs_do_not_fill_the_disk(unpacked, tmp_path, monkeypatch):
    monkeypatch.setitem(MAX_BYTES, "model.safetensors", 10_000)
    for content in (
        bomb(20_000_000),
        zip_of([GOOD[0], ("model.safetensors", bytes(20_000))]),
        tar_of([GOOD[0], ("model.safetensors", bytes(20_000))]),
    ):
        with pytest.raises(IntegrityError):
            unpacked(content)
        written = sum(f.stat().st_size for f in (tmp_path / "deep").rglob("*") if f.is_file())
        assert written <= 10_000
        for file in (tmp_path / "deep" / "target").iterdir():
            file.unlink()
        (tmp_path / "deep" / "target").rmdir()


def test_an_archive_that_leads_in_circles(unpacked):
    """A tar whose member says that it has fewer than no bytes."""
    raw = bytearray(tarfile.TarInfo("config.json").tobuf())
    raw[124:136] = (2**96 - 1024).to_bytes(12, "big")
    raw[124] = 0xFF
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    with pytest.raises(IntegrityError):
        unpacked(gzip.compress(bytes(raw) + bytes(2048)))


@FUZZ
@given(damage=DAMAGE, cut=CUT, pack=st.sampled_from([zip_of, tar_of]))
def test_any_bytes_in_an_archive(tmp_path_factory, damage, cut, pack):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "archive").write_bytes(damaged(pack(GOOD), damage, cut))
    (folder / "target").mkdir()
    with contextlib.suppress(IntegrityError):
        unpack(folder / "archive", folder / "target")
    assert {path.name for path in folder.iterdir()} == {"archive", "target"}


@FUZZ
@given(damage=DAMAGE)
def test_any_bytes_in_an_unpacked_tar(tmp_path_factory, damage):
    folder = tmp_path_factory.mktemp("fuzz")
    plain = damaged(gzip.decompress(tar_of(GOOD)), [(p * 0.2, new) for p, new in damage], 1.0)
    (folder / "archive").write_bytes(gzip.compress(plain, 1))
    (folder / "target").mkdir()
    with contextlib.suppress(IntegrityError):
        unpack(folder / "archive", folder / "target")
