"""Model folders and archives from anywhere: whatever they hold, an own error or a model."""

import contextlib
import gzip
import io
import json
import os
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from genreclf import GenreClassifier, GenreclfError
from genreclf.errors import ConfigError, IntegrityError
from genreclf.pretrained import ModelConfig, archives
from genreclf.pretrained.archives import unpack
from genreclf.pretrained.config import parse_json

FUZZ = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def folder(model_folder, tmp_path):
    """A copy of a good model, to damage: as a download has it, without an exported network."""
    copy = tmp_path / "model"
    copy.mkdir()
    for path in model_folder.iterdir():
        if path.name != "model.onnx":
            (copy / path.name).write_bytes(path.read_bytes())
    return copy


def edit(folder, **changes):
    """Change the config, its architecture's parameters by `architecture__NAME`."""
    config = json.loads((folder / "config.json").read_text())
    for key, value in changes.items():
        part, _, parameter = key.partition("__")
        if parameter:
            config[part]["parameters"][parameter] = value
        else:
            config[part] = value
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"architecture__filters": [10**9, 4]}, ConfigError, "filters"),
        ({"architecture__dense": 10**12}, IntegrityError, r"hidden\.weight"),
        ({"architecture__dense": 10**40}, GenreclfError, "dong2018"),
        ({"architecture__filters": [4, 10**4]}, IntegrityError, r"conv2\.weight"),
        ({"architecture__filters": [4, 10**9]}, ConfigError, "filters"),
        ({"architecture__filters": [4]}, ConfigError, "filters must be two"),
        ({"architecture__filters": [4.0, 4]}, ConfigError, "filters must be two"),
        ({"architecture__filters": [-4, 4]}, ConfigError, "filters must be two"),
        ({"architecture__kernels": "x"}, ConfigError, "kernels must be two pairs"),
        ({"architecture__kernels": [[3, 3], [0, 5]]}, ConfigError, "kernels must be two pairs"),
        ({"architecture__kernels": [[3, 3]] * 3}, ConfigError, "kernels must be two pairs"),
        ({"architecture__pools": [[2, 2], [2, 0]]}, ConfigError, "pools must be two pairs"),
        ({"architecture__pools": {"a": 1}}, ConfigError, "pools must be two pairs"),
        ({"architecture__dense": True}, ConfigError, "dense must be"),
        ({"architecture__dropout": ["a", 0]}, ConfigError, "dropout must be"),
        ({"architecture__dropout": [0.1, 7]}, ConfigError, "dropout must be"),
        ({"architecture__surprise": 1}, ConfigError, "surprise"),
        ({"segment_frames": 65536, "features__n_mels": 1024}, ConfigError, "a segment of 1024"),
        (
            {
                "segment_frames": 256,
                "architecture__filters": [1, 10**6],
                "architecture__kernels": [[1, 1], [1, 1]],
                "architecture__pools": [[1, 1], [60, 250]],
            },
            ConfigError,
            "values for one segment",
        ),
        ({"features__n_fft": "2048"}, ConfigError, "logmel-13fps"),
        ({"features__n_fft": 2048.0}, ConfigError, "whole numbers"),
        ({"features__merge": 2.0}, ConfigError, "whole numbers"),
        ({"features__hop_length": 1}, ConfigError, "hop_length"),
        ({"features__fmin": "low"}, ConfigError, "logmel-13fps"),
        ({"features__scale": ["db"]}, ConfigError, "scale"),
        ({"features": {"name": "absent", "parameters": {}}}, ConfigError, "'absent'"),
        ({"architecture": {"name": "dong2081", "parameters": {}}}, ConfigError, "'dong2018'"),
        ({"labels": ["blues", "a\x1b[31m", "jazz"]}, ConfigError, "labels"),
        ({"requires": ["--index-url=x"]}, ConfigError, "requires"),
        ({"requires": "package"}, ConfigError, "requires"),
        ({"files": {"model.safetensors": "abc"}}, ConfigError, "files"),
        ({"temperature": True}, ConfigError, "temperature"),
        ({"overlap": "half"}, ConfigError, "overlap"),
    ],
)
def test_absurd_configs_are_named(folder, changes, error, message):
    edit(folder, **changes)
    with pytest.raises(error, match=message):
        GenreClassifier.from_pretrained(folder)


def test_an_absurd_network_takes_no_memory(folder):
    """In a process that may take no more than 256 MiB on top of what PyTorch took."""
    edit(folder, architecture__dense=10**10)
    code = (
        "import resource, sys, torch, genreclf.runtimes.torch\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, used + 2**28))\n"
        "from genreclf import GenreClassifier\n"
        "GenreClassifier.from_pretrained(sys.argv[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=False
    )
    assert done.stderr.strip().splitlines()[-1].startswith("genreclf.errors.IntegrityError")


def test_the_package_to_install_is_named(folder):
    edit(
        folder,
        architecture={"name": "elsewhere", "parameters": {}},
        requires=["genreclf-elsewhere"],
    )
    with pytest.raises(ConfigError, match=r"'elsewhere'.*pip install genreclf-elsewhere"):
        GenreClassifier.from_pretrained(folder)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": NaN}', '{"a": -Infinity}', '{"a": 1e999}', '{"a": 1, "a": 2}', '{"a": "\\ud800"}',
        "[" * 100_000, "1" * 10_000, "", "\0",
    ],
)  # fmt: skip
def test_json_is_read_strictly(text):
    with pytest.raises((ValueError, RecursionError)):
        parse_json(text)
    with pytest.raises(ConfigError):
        ModelConfig.from_json(text, "here")


def test_a_large_or_unreadable_config(folder):
    config = folder / "config.json"
    config.write_bytes(b" " * 1_000_001)
    with pytest.raises(ConfigError, match="larger"):
        GenreClassifier.from_pretrained(folder)
    config.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        GenreClassifier.from_pretrained(folder)


@pytest.mark.parametrize("case", ["missing", "additional", "shape", "type", "absent", "text"])
def test_wrong_weights_are_named(folder, case):
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    bias = tensors["output.bias"]
    if case == "missing":
        del tensors["output.bias"]
    if case == "additional":
        tensors["surprise.bias"] = bias.clone()
    if case == "shape":
        tensors["output.bias"] = bias[:1].clone()
    if case == "type":
        tensors["output.bias"] = bias.double()
    save_file(tensors, weights)
    if case == "absent":
        weights.unlink()
    if case == "text":
        weights.write_text("no tensors")
    message = {"absent": "cannot be read", "text": "cannot be read", "additional": "surprise"}
    with pytest.raises(IntegrityError, match=message.get(case, r"'output\.bias'")):
        GenreClassifier.from_pretrained(folder)


def load_or_refuse(folder):
    with contextlib.suppress(GenreclfError):
        GenreClassifier.from_pretrained(folder)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from([10**9, 10**30, -1, 0, 1e308]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner,
                                                                max_size=3),
    max_leaves=6,
)  # fmt: skip


@FUZZ
@given(
    path=st.sampled_from(
        [(key,) for key in ("format", "architecture", "features", "labels", "segment_frames",
                            "overlap", "temperature", "track_temperature", "metadata", "requires",
                            "files")]
        + [("architecture", "parameters", key)
           for key in ("filters", "kernels", "pools", "dense", "dropout")]
        + [("features", "parameters", key)
           for key in ("sample_rate", "n_fft", "hop_length", "n_mels", "fmin", "fmax", "scale",
                       "top_db", "merge", "standardise", "segment_frames")]
    ),
    value=JSON,
)  # fmt: skip
def test_any_value_in_a_config(folder, model_folder, path, value):
    config = json.loads((model_folder / "config.json").read_text())
    inner = config
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    (folder / "config.json").write_text(json.dumps(config))
    load_or_refuse(folder)


DAMAGE = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4)), min_size=1, max_size=4)


def damaged(content, damage, cut):
    """Bytes overwritten at some places, and cut."""
    content = bytearray(content)
    for place, new in damage:
        start = int(place * len(content))
        content[start : start + len(new)] = new
    return bytes(content[: int(cut * len(content))])


CUT = st.just(1.0) | st.floats(0, 1.2)


@FUZZ
@given(damage=DAMAGE, cut=CUT)
def test_any_bytes_in_a_config(folder, model_folder, damage, cut):
    original = (model_folder / "config.json").read_bytes()
    (folder / "config.json").write_bytes(damaged(original, damage, cut))
    load_or_refuse(folder)


@FUZZ
@given(
    damage=st.lists(st.tuples(st.floats(0, 0.06), st.binary(max_size=4)), min_size=1, max_size=4)
    | DAMAGE,
    cut=CUT,
)
def test_any_bytes_in_the_weights(folder, model_folder, damage, cut):
    original = (model_folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(damaged(original, damage, cut))
    load_or_refuse(folder)


@FUZZ
@given(content=st.binary(max_size=60))
@example(content=struct.pack("<Q", 2**63))
@example(content=struct.pack("<Q", 2) + b"{}")
def test_weights_that_are_anything(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(IntegrityError):
        GenreClassifier.from_pretrained(folder)


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
        (tar_of([*GOOD, (link("model", "/etc"), b"")]), "no plain file"),
        (tar_of([(link("config.json", "/etc/passwd"), b""), GOOD[1]]), "no plain file"),
        (tar_of([(link("config.json", "/x", tarfile.LNKTYPE), b""), GOOD[1]]), "no plain file"),
        (tar_of([*GOOD, (link("null", "", tarfile.CHRTYPE), b"")]), "no plain file"),
        (tar_of([*GOOD, (link("fifo", "", tarfile.FIFOTYPE), b"")]), "no plain file"),
        (zip_of([symlink_in_zip("config.json", "/etc/passwd"), GOOD[1]]), "no plain file"),
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
        (damaged(zip_of(GOOD), [(0.984375, b"\x01")], 1.0), "before its own start"),
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
    monkeypatch.setitem(archives._LIMITS, "model.safetensors", 10_000)
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


def test_the_default_weights_need_no_network_no_home_and_no_cache(tmp_path):
    code = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('the network was used')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from genreclf import GenreClassifier\n"
        "import numpy; print(GenreClassifier.from_pretrained().predict((numpy.ones(9), 9999)))\n"
    )
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    environment = {key: value for key, value in os.environ.items() if key != "GENRECLF_CACHE"}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not list(home.iterdir())
