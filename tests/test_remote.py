"""Sound at addresses: whatever fsspec opens."""

import io

import fsspec
import pytest
from click.testing import CliRunner

from audio_files import encode
from conftest import noise
from genreclf import Failure
from genreclf.audio import RemoteFile, find_remote, is_address, load_audio
from genreclf.cli import main
from genreclf.errors import AudioDecodeError


@pytest.fixture
def shelf(tmp_path):
    """A folder of another file system, and its files' bytes."""
    encode(tmp_path / "a.wav", noise(4), 22050, "wav")
    content = (tmp_path / "a.wav").read_bytes()
    system = fsspec.filesystem("memory")
    for name in ("b/2.wav", "b/.hidden/3.wav", "a.wav", "cover.jpg"):
        system.pipe(f"/shelf/{name}", content)
    yield content
    system.rm("/shelf", recursive=True)


def test_addresses_are_told_from_paths():
    assert is_address("s3://bucket/song.mp3")
    assert is_address("zip://song.mp3::https://host/songs.zip")
    assert not any(map(is_address, ["song.mp3", "/a/b://c", "C:\\song.mp3", "s3:/song.mp3"]))


def test_it_sounds_as_the_file_does(shelf):
    sound = load_audio(RemoteFile("memory://shelf/a.wav"), 22050)
    assert (sound == load_audio(shelf, 22050)).all()


def test_a_prediction_bears_the_address(shelf, classifier):
    (result,) = classifier.predict_many([RemoteFile("memory://shelf/a.wav")])
    assert result.source == "memory://shelf/a.wav"
    assert result.probabilities == classifier.predict(shelf).probabilities


@pytest.mark.parametrize("address", ["memory://shelf/none.wav", "nowhere://x.wav"])
def test_what_cannot_be_read_is_a_failure_that_names_it(shelf, classifier, address):
    (result,) = classifier.predict_many([RemoteFile(address)])
    assert isinstance(result, Failure)
    assert isinstance(result.error, AudioDecodeError)
    assert str(result.error).startswith(f"{address} cannot be read (")


def test_a_connection_that_breaks_is_a_failure(shelf, classifier, monkeypatch):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise RuntimeError("the other side hung up")

    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "open", lambda *_, **__: Broken())
    (result,) = classifier.predict_many([RemoteFile("memory://shelf/a.wav")])
    assert "the other side hung up" in str(result.error)


def test_folders_are_searched_as_those_here_are(shelf):
    found = [file.address for file in find_remote("memory://shelf")]
    assert found == ["memory:///shelf/a.wav", "memory:///shelf/b/2.wav"]


def test_the_command_takes_addresses(shelf, model_folder, tmp_path):
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
