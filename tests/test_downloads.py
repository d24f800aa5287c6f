"""Models from the web: what servers do wrong, and what then lies in the cache."""

import errno
import hashlib
import io
import json
import socket
import subprocess
import sys
import tarfile
import zipfile

import pytest
from filelock import FileLock

from genreclf import GenreClassifier
from genreclf.errors import (
    CacheError,
    ConfigError,
    DownloadError,
    IntegrityError,
    ModelNotFoundError,
)
from genreclf.pretrained import resolve_model, web
from genreclf.pretrained.cache import Cache


def zipped(folder, prefix=""):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, prefix + path.name)
    return buffer.getvalue()


def tarred(folder, prefix=""):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(folder, prefix or ".")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def archive(model_folder):
    return zipped(model_folder, "small/")


@pytest.fixture
def address(server, cache, archive, monkeypatch):
    """The address of a good model, on a server that is good until told otherwise."""
    monkeypatch.setattr(web, "RETRY_DELAYS", (0, 0, 0))
    return server.put("/model.zip", archive)


def files_of(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def is_clean(cache):
    """Whether nothing of a model that was refused can be found."""
    return not Cache().models() and not any(
        path.suffix in (".safetensors", ".json") for path in files_of(cache)
    )


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("prefix", ["", "small/"])
def test_an_archive_is_downloaded_once(server, cache, model_folder, classifier, pack, prefix):
    name = {zipped: "/model.zip", tarred: "/model.tar.gz"}[pack]
    address = server.put(name, pack(model_folder, prefix))
    loaded = GenreClassifier.from_pretrained(address)
    assert loaded.config == classifier.config
    folder = resolve_model(address)
    assert server.served[name] == 1
    for name in ("config.json", "model.safetensors", "README.md"):
        assert (folder / name).read_bytes() == (model_folder / name).read_bytes()
    # What a stranger exported is not run; the weights are.
    assert not (folder / "model.onnx").exists()
    assert cache in folder.parents
    assert not list((cache / "partial").iterdir())


def test_the_digest_may_stand_beside_the_address(server, address):
    url, _, digest = address.partition("#sha256=")
    assert resolve_model(url, sha256=digest.upper()) == resolve_model(address)
    with pytest.raises(ConfigError, match="not one SHA-256"):
        resolve_model(address, sha256="0" * 64)


def test_a_config_vouches_for_its_weights(server, cache, model_folder):
    for name in ("config.json", "model.safetensors"):
        address = server.put(f"/small/{name}", (model_folder / name).read_bytes())
    address = server.put("/small/config.json", (model_folder / "config.json").read_bytes())
    assert GenreClassifier.from_pretrained(address).labels
    server.plans["/other/model.safetensors"] = ["corrupt"] * 5
    server.files["/other/model.safetensors"] = (model_folder / "model.safetensors").read_bytes()
    changed = (model_folder / "config.json").read_bytes() + b"\n"
    with pytest.raises(IntegrityError, match=r"other/model\.safetensors"):
        resolve_model(server.put("/other/config.json", changed))


def test_a_config_that_does_not_vouch_is_refused(server, cache, model_folder):
    config = json.loads((model_folder / "config.json").read_text())
    del config["files"]
    address = server.put("/config.json", json.dumps(config).encode())
    with pytest.raises(IntegrityError, match="SHA-256 of its weights"):
        resolve_model(address)
    assert not Cache().models()


def test_two_versions_live_side_by_side(server, address, model_folder):
    other = server.put("/model.zip", zipped(model_folder, "other/"))
    server.put("/model.zip", server.files["/model.zip"])
    first = resolve_model(other)
    server.put("/model.zip", zipped(model_folder, "small/"))
    second = resolve_model(address)
    assert first != second
    assert first.is_dir()


def test_a_break_is_resumed_at_once(server, address, archive):
    server.plans["/model.zip"] = ["break", "break"]
    assert resolve_model(address).is_dir()
    assert server.served["/model.zip"] == 3
    first, second = (int(asked[len("bytes=") : -1]) for asked in server.ranges)
    assert len(archive) // 2 - 4096 < first < second


def test_a_break_is_resumed_by_the_next_call(server, address, archive):
    server.plans["/model.zip"] = ["break", *["503"] * 3]
    with pytest.raises(DownloadError, match="503"):
        resolve_model(address)
    assert not Cache().models()
    assert resolve_model(address).is_dir()
    assert server.sent <= len(archive) + 4096


@pytest.mark.parametrize("answer", ["ignore-range", "wrong-range"])
def test_a_server_that_cannot_resume_is_asked_for_all(server, address, answer):
    server.plans["/model.zip"] = ["break", answer]
    assert resolve_model(address).is_dir()


def test_the_start_of_another_file_is_thrown_away(server, address, archive):
    server.plans["/model.zip"] = ["break", *["503"] * 3]
    with pytest.raises(DownloadError):
        resolve_model(address)
    (part,) = (Cache().root / "partial").rglob("*.part")
    part.write_bytes(b"x" * part.stat().st_size)
    assert resolve_model(address).is_dir()
    assert Cache().models()[0].files


def test_more_than_there_is_is_thrown_away(server, address, archive):
    server.plans["/model.zip"] = ["break", *["503"] * 3]
    with pytest.raises(DownloadError):
        resolve_model(address)
    (part,) = (Cache().root / "partial").rglob("*.part")
    part.write_bytes(b"x" * (len(archive) + 1))
    assert resolve_model(address).is_dir()


@pytest.mark.parametrize(
    ("plan", "error"),
    [
        (["corrupt"], IntegrityError),
        (["short"], IntegrityError),
        (["long"] * 4, DownloadError),
        (["404"], DownloadError),
        (["500"] * 4, DownloadError),
        (["unsized", "unsized"], None),
        (["500", "429", "break"], None),
        (["long"], None),
    ],
)
def test_what_servers_do_wrong(server, cache, address, plan, error):
    server.plans["/model.zip"] = list(plan)
    if error is None:
        assert resolve_model(address).is_dir()
        return
    with pytest.raises(error, match=r"model\.zip"):
        resolve_model(address)
    assert is_clean(cache)
    assert server.served["/model.zip"] == len(plan)
    assert resolve_model(address).is_dir()


def test_a_server_that_stalls_is_asked_again(server, address, monkeypatch):
    monkeypatch.setattr(web, "TIMEOUTS", (1.0, 0.3))
    server.plans["/model.zip"] = ["slow"]
    assert resolve_model(address).is_dir()
    assert server.served["/model.zip"] == 2


def test_a_server_that_is_gone(server, cache, address):
    server.close()
    with pytest.raises(DownloadError, match="cannot be downloaded"):
        resolve_model(address)
    assert is_clean(cache)


def test_redirects_are_followed_but_not_to_anywhere(server, cache, address):
    moved = address.replace("/model.zip", "/moved.zip")
    server.plans["/moved.zip"] = ["redirect /model.zip"]
    assert resolve_model(moved).is_dir()
    plain = server.put("/model.zip", b"other").replace("/model.zip", "/plain.zip")
    server.plans["/plain.zip"] = ["redirect http://example.org/model.zip"]
    with pytest.raises(DownloadError, match="not https://"):
        resolve_model(plain)
    server.plans["/plain.zip"] = ["redirect /plain.zip"] * 20
    with pytest.raises(DownloadError, match="redirect"):
        resolve_model(plain)


@pytest.mark.parametrize("plan", ["", "unsized"])
def test_too_much_is_refused_before_it_fills_the_disk(server, cache, address, monkeypatch, plan):
    monkeypatch.setattr(web, "MAX_ARCHIVE_BYTES", 1000)
    server.plans["/model.zip"] = [plan]
    with pytest.raises(DownloadError, match="1,000 bytes"):
        resolve_model(address)
    assert sum((cache / path).stat().st_size for path in files_of(cache)) <= 1000


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("https://example.org/model.zip", "needs the SHA-256"),
        ("https://example.org/model.zip#sha256=abc", "64 hexadecimal"),
        ("https://example.org/model.pt#sha256=" + "0" * 64, "must end with"),
        ("http://example.org/model.zip#sha256=" + "0" * 64, "hf:// and https://"),
        ("ftp://example.org/model.zip#sha256=" + "0" * 64, "hf:// and https://"),
        ("file:///model.zip#sha256=" + "0" * 64, "hf:// and https://"),
        ("https://me:secret@example.org/model.zip", "netrc"),
        ("https://[broken/model.zip", "not an address"),
    ],
)
def test_addresses_that_are_refused(cache, monkeypatch, address, message):
    monkeypatch.setattr(socket, "socket", pytest.fail)
    with pytest.raises(ConfigError, match=message) as caught:
        resolve_model(address)
    assert "secret" not in str(caught.value)
    assert not cache.exists()


@pytest.mark.parametrize("how", ["parameter", "GENRECLF_OFFLINE"])
def test_without_the_network_only_the_cache_is_used(server, address, monkeypatch, how):
    local_only = how == "parameter"

    def refuse(*arguments, **keywords):
        raise AssertionError("the network was used")

    def find():
        with monkeypatch.context() as blocked:
            blocked.setattr(socket.socket, "connect", refuse)
            blocked.setattr(socket, "getaddrinfo", refuse)
            if not local_only:
                blocked.setenv("GENRECLF_OFFLINE", "1")
            return resolve_model(address, local_files_only=local_only)

    with pytest.raises(ModelNotFoundError, match="not in the cache"):
        find()
    assert not Cache().root.exists()
    assert resolve_model(address) == find()


def test_a_cache_that_cannot_be_written_says_so(address, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("GENRECLF_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(CacheError, match="GENRECLF_CACHE"):
        resolve_model(address)


def test_a_full_disk_says_so(address, cache):
    """For a process that may not write over 2,000 bytes into a file."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "from genreclf.pretrained import resolve_model\n"
        "resolve_model(sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, address], capture_output=True, text=True, check=False
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("genreclf.errors.CacheError"), done.stderr
    assert "File too large" in last
    assert is_clean(cache)


def test_a_full_disk_while_unpacking_leaves_no_model(address, cache, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("genreclf.pretrained.archives._copy", full)
    with pytest.raises(CacheError, match="No space left"):
        resolve_model(address)
    assert not Cache().models()


def test_a_cache_is_read_without_writing_to_it(address, cache, monkeypatch):
    folder = resolve_model(address)
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    monkeypatch.setattr(FileLock, "acquire", pytest.fail)
    assert resolve_model(address) == folder
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before


def test_twenty_processes_download_once(server, address, cache):
    server.plans["/model.zip"] = ["slow"]
    code = (
        "import sys; from genreclf.pretrained import resolve_model; sys.stdin.read(1);"
        "print((resolve_model(sys.argv[1]) / 'model.safetensors').stat().st_size)"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(20)
    ]
    for process in processes:
        process.stdin.write("x")
        process.stdin.flush()
    sizes = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 20
    assert server.served["/model.zip"] == 1
    assert len(sizes) == 1


def test_a_record_says_where_a_model_came_from(address):
    resolve_model(address)
    (model,) = Cache().models()
    assert model.source == address
    weights = (model.folder / "model.safetensors").read_bytes()
    assert model.files["model.safetensors"] == hashlib.sha256(weights).hexdigest()
