"""Audio files at URLs, opened by fsspec."""

import io

import fsspec
import pytest
from click.testing import CliRunner

from audio_files import encode
from conftest import noise
from genreclf import Failure
from genreclf.audio import RemoteFile, find_files, is_url, load_audio
from genreclf.cli import main
from genreclf.errors import AudioDecodeError


@pytest.fixture
def remote_content(tmp_path):
    """Write a folder in another file system; return the bytes of each of its files."""
    encode(tmp_path / "a.wav", noise(4), 22050, "wav")
    content = (tmp_path / "a.wav").read_bytes()
    system = fsspec.filesystem("memory")
    for name in ("b/2.wav", "b/.hidden/3.wav", "a.wav", "cover.jpg"):
        system.pipe(f"/shelf/{name}", content)
    yield content
    system.rm("/shelf", recursive=True)


def test_urls_and_paths_are_distinguished():
    assert is_url("s3://bucket/song.mp3")
    assert is_url("zip://song.mp3::https://host/songs.zip")
    assert not any(map(is_url, ["song.mp3", "/a/b://c", "C:\\song.mp3", "s3:/song.mp3"]))


def test_a_remote_file_is_decoded_like_a_local_one(remote_content):
    sound = load_audio(RemoteFile("memory://shelf/a.wav"), 22050)
    assert (sound == load_audio(remote_content, 22050)).all()


def test_the_source_of_a_prediction_is_the_url(remote_content, classifier):
    (result,) = classifier.predict_many([RemoteFile("memory://shelf/a.wav")])
    assert result.source == "memory://shelf/a.wav"
    assert result.probabilities == classifier.predict(remote_content).probabilities


@pytest.mark.parametrize("url", ["memory://shelf/none.wav", "nowhere://x.wav"])
def test_a_file_that_cannot_be_read_is_a_failure_that_names_it(remote_content, classifier, url):
    (result,) = classifier.predict_many([RemoteFile(url)])
    assert isinstance(result, Failure)
    assert isinstance(result.error, AudioDecodeError)
    assert str(result.error).startswith(f"{url} cannot be read (")


def test_a_lost_connection_is_a_failure(remote_content, classifier, monkeypatch):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise RuntimeError("the other side hung up")

    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "open", lambda *_, **__: Broken())
    (result,) = classifier.predict_many([RemoteFile("memory://shelf/a.wav")])
    assert "the other side hung up" in str(result.error)


def test_remote_folders_are_searched_like_local_ones(remote_content):
    found = [file.url for file in find_files("memory://shelf")]
    assert found == ["memory:///shelf/a.wav", "memory:///shelf/b/2.wav"]


def test_the_command_takes_urls(remote_content, model_folder, tmp_path):
    output = tmp_path / "out.csv"
    arguments = ["--model", str(model_folder), "--format", "csv", "--output", str(output)]
    result = CliRunner().invoke(main, ["predict", "memory://shelf", *arguments])
    assert result.exit_code == 0
    assert [line.split(",")[0] for line in output.read_text().splitlines()] == [
        "path",
        "memory:///shelf/a.wav",
        "memory:///shelf/b/2.wav",
    ]
    result = CliRunner().invoke(main, ["predict", "memory://shelf", "--write-tags", *arguments])
    assert result.exit_code == 2
    result = CliRunner().invoke(main, ["predict", "nowhere://shelf", *arguments])
    assert result.exit_code == 2
    assert "nowhere://shelf cannot be listed" in result.stderr
