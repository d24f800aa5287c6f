"""Models on a Hugging Face Hub that runs on this machine."""

import os
import subprocess
import sys

import huggingface_hub.constants
import pytest
from huggingface_hub import HfApi

from conftest import noise
from genreclf import GenreClassifier
from genreclf.errors import (
    CacheError,
    ConfigError,
    DownloadError,
    IntegrityError,
    ModelNotFoundError,
)
from genreclf.pretrained import hub, resolve_model
from genreclf.pretrained.cache import Cache
from genreclf.pretrained.folder import MAX_BYTES, WEIGHTS


@pytest.fixture
def files(model_folder):
    return {path.name: path.read_bytes() for path in model_folder.iterdir()}


@pytest.fixture
def here(server, cache, files, monkeypatch):
    """A Hub with a model, me/small; its commit."""
    monkeypatch.setattr(hub, "_api", lambda: HfApi(endpoint=server.url, token=False))
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between the Hub's tries
    return server.commit("me/small", files)


def path_of(commit, name=WEIGHTS):
    return f"/me/small/resolve/{commit}/{name}"


def test_a_model_is_downloaded_once_and_kept_by_its_commit(server, here, classifier, files):
    loaded = GenreClassifier.from_pretrained("hf://me/small")
    sound = (noise(5), 22050)
    assert loaded.predict(sound) == classifier.predict(sound)
    folder = resolve_model(f"hf://me/small@{here}")
    assert resolve_model("hf://me/small@main") == folder
    assert server.served[path_of(here)] == 1
    assert folder.name.endswith(here)
    assert {path.name for path in folder.iterdir()} == {*files, "source.json"} - {"model.onnx"}


def test_a_new_version_is_seen_and_the_old_one_stays(server, here, files):
    first = resolve_model("hf://me/small")
    commit = server.commit("me/small", {"README.md": b"# new"})
    second = resolve_model("hf://me/small")
    assert second != first
    assert (second / "README.md").read_bytes() == b"# new"
    assert resolve_model(f"hf://me/small@{here}") == first
    assert {model.source for model in Cache().models()} == {
        f"hf://me/small@{commit}",
        f"hf://me/small@{here}",
    }


def test_branches_and_tags(server, here, files):
    server.commit("me/small", {**files, "README.md": b"# branch"}, revision="try/this")
    assert (resolve_model("hf://me/small@try/this") / "README.md").read_bytes() == b"# branch"
    assert resolve_model("hf://me/small@try/this", local_files_only=True)


def test_other_files_are_not_downloaded(server, here):
    commit = server.commit("me/small", {"pytorch_model.bin": b"pickle", "x/y.py": b"evil"})
    folder = resolve_model("hf://me/small")
    assert not list(folder.rglob("*.bin"))
    assert not server.served[path_of(commit, "pytorch_model.bin")]


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        ("hf://me/absent", ModelNotFoundError, "no such repository"),
        ("hf://me/small@absent", ModelNotFoundError, "no such repository or revision"),
        ("hf://me", ConfigError, "form"),
        ("hf://me/small/more", ConfigError, "form"),
        ("hf://me/../small", ConfigError, "form"),
        ("hf://me/small@../../x", ConfigError, "form"),
        ("hf://me/small@" + "a" * 400, ConfigError, "form"),
    ],
)
def test_what_is_not_there(here, address, error, message):
    with pytest.raises(error, match=message):
        resolve_model(address)


def test_a_digest_is_for_other_addresses(here):
    with pytest.raises(ConfigError, match="commit"):
        resolve_model("hf://me/small", sha256="0" * 64)


def test_a_repository_without_a_model(server, here):
    server.commit("me/empty", {"README.md": b""})
    with pytest.raises(ModelNotFoundError, match=r"config\.json"):
        resolve_model("hf://me/empty")


@pytest.mark.parametrize("name", [WEIGHTS, "config.json", "README.md"])
def test_a_damaged_file_is_not_used(server, here, name):
    server.plans[path_of(here, name)] = ["corrupt"]
    with pytest.raises(IntegrityError, match=name):
        resolve_model("hf://me/small")
    assert not Cache().models()
    assert resolve_model("hf://me/small").is_dir()


def test_a_break_is_resumed(server, here, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1024)
    server.plans[path_of(here)] = ["break"]
    assert resolve_model("hf://me/small").is_dir()
    assert len(server.ranges) == 1


def test_a_hub_that_fails(server, here):
    server.plans[path_of(here)] = ["500"] * 50
    with pytest.raises(DownloadError, match="Hub"):
        resolve_model("hf://me/small")
    assert not Cache().models()


def test_files_that_came_are_not_fetched_again(server, here):
    server.plans[path_of(here)] = ["500"] * 50
    with pytest.raises(DownloadError):
        resolve_model("hf://me/small")
    server.plans.clear()
    resolve_model("hf://me/small")
    assert server.served[path_of(here)] > 1
    assert server.served[path_of(here, "config.json")] == 1


def test_too_large_files_are_not_downloaded(server, here, monkeypatch):
    monkeypatch.setitem(MAX_BYTES, WEIGHTS, 1000)
    with pytest.raises(DownloadError, match="1,000 bytes"):
        resolve_model("hf://me/small")
    assert not server.served[path_of(here)]


@pytest.mark.parametrize("commit", ["../../../../etc", "", None, 7])
def test_a_hub_that_names_no_commit(server, here, monkeypatch, commit):
    server.repositories["me/small"]["main"] = commit
    server.commits[commit] = {}
    with pytest.raises(DownloadError, match="names no commit"):
        resolve_model("hf://me/small")


def test_a_hub_that_is_gone_leaves_what_was_downloaded(server, here, caplog):
    folder = resolve_model("hf://me/small")
    server.close()
    assert resolve_model("hf://me/small") == folder
    assert "downloaded before" in caplog.text
    assert resolve_model(f"hf://me/small@{here}") == folder
    with pytest.raises(DownloadError):
        resolve_model("hf://me/other")


def test_offline_asks_nobody(server, here, monkeypatch):
    monkeypatch.setenv("GENRECLF_OFFLINE", "1")
    for address in ("hf://me/small", f"hf://me/small@{here}"):
        with pytest.raises(ModelNotFoundError, match="not in the cache"):
            resolve_model(address)
    monkeypatch.delenv("GENRECLF_OFFLINE")
    folder = resolve_model("hf://me/small")
    monkeypatch.setenv("GENRECLF_OFFLINE", "yes")
    asked = sum(server.served.values())
    assert resolve_model("hf://me/small") == folder
    assert resolve_model(f"hf://me/small@{here}", local_files_only=True) == folder
    assert sum(server.served.values()) == asked


def test_a_cache_that_cannot_be_written(here, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("GENRECLF_CACHE", str(tmp_path / "file"))
    with pytest.raises(CacheError, match="GENRECLF_CACHE"):
        resolve_model("hf://me/small")


def environment(server, tmp_path, **more):
    return {
        **os.environ,
        "HF_ENDPOINT": server.url,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        **more,
    }


def test_processes_share_one_download_from_the_endpoint_of_the_environment(
    server, cache, files, tmp_path
):
    commit = server.commit("me/small", files)
    server.plans[path_of(commit)] = ["slow"]
    code = "from genreclf.pretrained import resolve_model; print(resolve_model('hf://me/small'))"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment(server, tmp_path),
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    folders = {process.communicate()[0] for process in processes}
    assert len(folders) == 1
    assert server.served[path_of(commit)] == 1


def test_push_and_load_again(server, here, classifier):
    address = classifier.push_to_hub(
        "me/pushed", license="MIT", data="Noise", citation="Nobody, 2026.", figures={"right": 0.3}
    )
    commit = server.repositories["me/pushed"]["main"]
    assert address == f"hf://me/pushed@{commit}"
    assert server.commits[commit].keys() == {"README.md", "config.json", WEIGHTS}
    loaded = GenreClassifier.from_pretrained(address)
    assert loaded.config == classifier.config
    assert loaded.config.metadata["data"] == "Noise"
    card = server.commits[commit]["README.md"].decode()
    for line in ("library_name: genreclf", "license: mit", "inference: false",
                 'from_pretrained("hf://me/pushed")', "Nobody, 2026."):  # fmt: skip
        assert line.strip('"') in card.replace('"genreclf"', "genreclf").replace('"mit"', "mit")


def test_push_to_a_branch(server, here, classifier):
    address = classifier.push_to_hub("me/pushed", revision="next", message="Try it")
    assert address.endswith(server.repositories["me/pushed"]["next"])
    assert "main" not in server.repositories["me/pushed"]


def test_push_refused(server, here, classifier, monkeypatch):
    with pytest.raises(ConfigError, match="form"):
        classifier.push_to_hub("nobody")
    monkeypatch.setenv("GENRECLF_OFFLINE", "1")
    with pytest.raises(ConfigError, match="GENRECLF_OFFLINE"):
        classifier.push_to_hub("me/pushed")
    monkeypatch.delenv("GENRECLF_OFFLINE")
    server.close()
    with pytest.raises(DownloadError, match="Hub"):
        classifier.push_to_hub("me/pushed")
