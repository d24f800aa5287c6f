"""Genres in the tags of files."""

import json
import os

import mutagen
import numpy as np
import pytest
from click.testing import CliRunner
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, ID3, TCON, TIT2, TXXX, TYER
from mutagen.mp4 import MP4, MP4Cover

from audio_files import FORMATS, encode
from conftest import noise
from genreclf import tags as tagger
from genreclf.audio import load_audio
from genreclf.cli import main
from genreclf.errors import TagError
from genreclf.prediction import Prediction
from genreclf.tags import Tagger, read_genre, undo, write_genre

KINDS = ["mp3", "m4a", "flac", "vorbis", "opus"]


def make(folder, kind):
    rate = 48000 if kind == "opus" else 44100
    path = folder / f"song {kind}{FORMATS[kind].suffix}"
    encode(path, np.stack([noise(3, rate)] * 2, axis=1), rate, kind)
    return path


def decorate(path):
    """Give a file a title, a picture and a custom tag."""
    picture = b"\x89PNG" + bytes(500)
    if path.suffix == ".mp3":
        tags = ID3(path)
        tags.add(TIT2(encoding=1, text="Tïtel"))
        tags.add(TXXX(encoding=3, desc="own", text="words"))
        tags.add(APIC(encoding=0, mime="image/png", type=3, desc="", data=picture))
        tags.save(path)
    elif path.suffix == ".m4a":
        file = MP4(path)
        file["\xa9nam"] = "Tïtel"
        file["covr"] = [MP4Cover(picture, MP4Cover.FORMAT_PNG)]
        file["----:own:words"] = [b"words"]
        file.save()
    else:
        file = mutagen.File(path)
        file["title"], file["own"] = "Tïtel", ["a", "b"]
        if isinstance(file, FLAC):
            cover = Picture()
            cover.data = picture
            file.add_picture(cover)
        file.save()


def other_tags(path):
    tags = ID3(path, translate=False) if path.suffix == ".mp3" else mutagen.File(path)
    pictures = [picture.write() for picture in getattr(tags, "pictures", [])]
    return pictures, {
        key: repr(value)
        for key, value in tags.items()
        if not key.lower().endswith(("gen", "genre", "tcon"))
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decorated", [True, False])
def test_only_the_genre_changes_and_comes_back(kind, decorated, tmp_path):
    path = make(tmp_path, kind)
    if decorated:
        decorate(path)
    tags, sound = other_tags(path), load_audio(path, 44100)
    assert len(tags[1]) >= 3 * decorated
    assert read_genre(path) == []
    write_genre(path, ["jazz"])
    assert read_genre(path) == ["jazz"]
    write_genre(path, ["Ö", "second"])
    assert read_genre(path) == ["Ö", "second"]
    assert other_tags(path) == tags
    np.testing.assert_array_equal(load_audio(path, 44100), sound)
    write_genre(path, [])
    assert read_genre(path) == []
    assert other_tags(path) == tags
    assert list(tmp_path.iterdir()) == [path]


def test_old_id3_tags_keep_their_version_and_their_end(tmp_path):
    path = make(tmp_path, "mp3")
    tags = ID3(path)
    tags.clear()
    tags.add(TYER(encoding=0, text="1979"))
    tags.add(TCON(encoding=0, text="(17)"))
    tags.save(path, v2_version=3, v1=2)
    end = path.read_bytes()[-128:]
    assert end.startswith(b"TAG")
    write_genre(path, ["disco"])
    found = ID3(path, translate=False)
    assert found.version[:2] == (2, 3)
    assert found["TYER"].text == ["1979"]
    assert found["TCON"].text == ["disco"]
    assert path.read_bytes()[-128:] == end


@pytest.mark.parametrize("fault", ["_verify", "_hash_audio"])
def test_a_failure_does_not_change_the_file(fault, tmp_path, monkeypatch):
    path = make(tmp_path, "flac")
    before = path.read_bytes()

    def fail(*arguments):
        raise ValueError("a fault")

    monkeypatch.setattr(tagger, fault, fail)
    with pytest.raises(TagError, match="not changed"):
        write_genre(path, ["jazz"])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_copy_with_other_audio_does_not_replace_the_file(tmp_path, monkeypatch):
    path = make(tmp_path, "mp3")
    before = path.read_bytes()
    monkeypatch.setattr(tagger, "_hash_audio", lambda path: str(path).encode())
    with pytest.raises(TagError, match="would change the audio"):
        write_genre(path, ["jazz"])
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "absent.flac"])
def test_errors_name_the_file(name, tmp_path):
    if name == "a.wav":
        encode(tmp_path / name, noise(1), 22050, "wav")
    if name == "a.mp3":
        (tmp_path / name).write_text("no music")
    with pytest.raises(TagError, match=name):
        write_genre(tmp_path / name, ["jazz"])


def test_links_and_permissions_are_preserved(tmp_path):
    path = make(tmp_path, "flac")
    path.chmod(0o640)
    link = tmp_path / "link.flac"
    link.symlink_to(path)
    write_genre(link, ["jazz"])
    assert link.is_symlink()
    assert read_genre(path) == ["jazz"]
    assert path.stat().st_mode & 0o777 == 0o640


def prediction_of(path, genre="jazz", confidence=0.7):
    return Prediction(genre, confidence, {genre: confidence}, (), 3.0, source=str(path))


def test_a_tagger_skips_files(tmp_path):
    path, log = make(tmp_path, "flac"), tmp_path / "log"
    before = path.read_bytes()
    assert Tagger(log).tag(prediction_of(path, "unknown")) == "unknown"
    assert Tagger(log, dry_run=True).tag(prediction_of(path)) == "written"
    assert path.read_bytes() == before
    assert not log.exists()
    assert Tagger(log, only_missing=True).tag(prediction_of(path)) == "written"
    assert Tagger(log).tag(prediction_of(path)) == "unchanged"
    assert Tagger(log, only_missing=True).tag(prediction_of(path, "rock")) == "had a genre"
    assert read_genre(path) == ["jazz"]
    assert len(log.read_text().splitlines()) == 1


def test_a_dry_run_lists_each_change(tmp_path, model_folder):
    (tmp_path / "Music").mkdir()
    path = make(tmp_path / "Music", "mp3")
    write_genre(path, ["Polka"])
    command = ["predict", str(path), "--model", str(model_folder), "--write-tags"]
    dry = CliRunner().invoke(main, [*command, "--dry-run", "--format", "jsonl"])
    genre = json.loads(dry.stdout)["genre"]
    assert f"{path}: Polka -> {genre}\n" in dry.stderr
    assert read_genre(path) == ["Polka"]
    log = tmp_path / "log"
    wet = CliRunner().invoke(main, [*command, "--tags-log", str(log)])
    assert "Polka" not in wet.stderr
    undone = CliRunner().invoke(main, ["tags", "undo", str(log)])
    assert undone.stdout == f"{path}: {genre} -> Polka\n"


def test_undo_restores_the_first_genre(tmp_path):
    path, log = make(tmp_path, "m4a"), tmp_path / "log"
    write_genre(path, ["Acid Jazz", "Own"])
    for genre in ("jazz", "rock"):
        Tagger(log).tag(prediction_of(path, genre))
    assert next(undo(log, dry_run=True))[1] == ""
    assert read_genre(path) == ["rock"]
    assert [problem for _, problem in undo(log)] == ["", ""]
    assert read_genre(path) == ["Acid Jazz", "Own"]


def test_undo_does_not_touch_files_that_were_changed_again(tmp_path):
    path, log = make(tmp_path, "flac"), tmp_path / "log"
    Tagger(log).tag(prediction_of(path))
    write_genre(path, ["by hand"])
    [(_, problem)] = undo(log)
    assert "by hand" in problem
    assert read_genre(path) == ["by hand"]
    path.unlink()
    [(_, problem)] = undo(log)
    assert str(path) in problem


def test_undo_ignores_an_incomplete_last_line_and_rejects_other_files(tmp_path):
    path, log = make(tmp_path, "flac"), tmp_path / "log"
    Tagger(log).tag(prediction_of(path))
    log.write_text(log.read_text() + '{"path": "/so')
    assert len(list(undo(log))) == 1
    log.write_text("no log\n")
    with pytest.raises(TagError, match="not a log"):
        list(undo(log))


def test_the_command_writes_and_restores_tags(model_folder, tmp_path):
    music = tmp_path / "music"
    music.mkdir()
    paths = [make(music, "mp3"), make(music, "flac")]
    encode(music / "x.wav", noise(3), 22050, "wav")
    log = tmp_path / "log.jsonl"
    arguments = ["predict", str(music), "--model", str(model_folder), "--format", "jsonl"]
    result = CliRunner().invoke(main, [*arguments, "--write-tags", "--tags-log", str(log)])
    assert result.exit_code == 1
    assert "2 written, 1 failed" in result.stderr
    genres = {r["path"]: r["genre"] for r in map(json.loads, result.stdout.splitlines())}
    for path in paths:
        assert read_genre(path) == [genres[os.fspath(path)]]
    result = CliRunner().invoke(main, ["tags", "undo", str(log)])
    assert result.exit_code == 0
    assert all(read_genre(path) == [] for path in paths)
