"""What the page shows of predictions and failures, without a browser."""

import csv
import dataclasses
import re
import shutil
import signal
import socket
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner

from audio_files import encode
from conftest import noise
from genreclf.app import server, views
from genreclf.app.listening import Listener, music_among
from genreclf.classifier import GenreClassifier
from genreclf.cli import main
from genreclf.errors import GenreclfError
from genreclf.plots.sound import MelLevels
from genreclf.prediction import FLAGS, UNKNOWN, Failure, Prediction, SegmentPrediction
from genreclf.pretrained import DEFAULT_MODEL, find_model

LABELS = ("blues", "jazz", "metal")


class Page(HTMLParser):
    """The text of some HTML, and the attributes of its elements by name."""

    def __init__(self, html):
        super().__init__()
        self.text, self.elements = "", []
        self.feed(html)
        self.text = " ".join(self.text.split())

    def handle_data(self, data):
        self.text += f" {data}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def values(self, attribute):
        return [attrs[attribute] for _, attrs in self.elements if attribute in attrs]


def piece(*winners, source="/uploads/song.mp3", flags=()):
    """A prediction whose segments, a second apart, are won by these genres."""
    segments = []
    for start, genre in enumerate(winners):
        shares = {label: 0.6 if label == genre else 0.2 for label in LABELS}
        segments.append(SegmentPrediction(start, start + 2.0, genre, 0.6, shares))
    whole = {"blues": 0.15, "jazz": 0.6, "metal": 0.25}
    duration = len(winners) + 1.0
    return Prediction("jazz", 0.6, whole, segments, duration, frozenset(flags), source)


def answer(prediction):
    columns = int(prediction.duration * 40)
    levels = np.linspace(-80, 0, 8 * columns, dtype=np.float32).reshape(8, columns)
    heard = MelLevels(levels, prediction.duration, prediction.duration, prediction.source)
    return Page(views.answer(prediction, heard))


def test_neighbours_of_one_genre_are_one_stretch():
    found = views.stretches(piece("jazz", "jazz", "blues", UNKNOWN, "jazz"))
    assert [part.genre for part in found] == ["jazz", "blues", UNKNOWN, "jazz"]
    assert [(part.start, part.end) for part in found] == [
        (0, 2.5),
        (2.5, 3.5),
        (3.5, 4.5),
        (4.5, 6),
    ]
    assert found[0].confidence == pytest.approx(0.6)


def test_the_answer_begins_with_genre_and_confidence_and_has_every_probability():
    page = answer(piece("jazz", "blues", "jazz"))
    assert page.text.startswith("song.mp3, 0:04 jazz 60% sure jazz 60% metal 25% blues 15%")
    assert page.values("data-seek") == ["0.000", "1.500", "2.500"]
    assert page.values("data-seconds") == ["4.000"]


def test_the_player_gets_the_file_whatever_it_is_called():
    page = answer(piece("jazz", source="/uploads/50% <b>&\"' é#?.mp3"))
    (address,) = [attrs["src"] for tag, attrs in page.elements if tag == "audio"]
    assert address == "gradio_api/file=/uploads/50%25%20%3Cb%3E%26%22%27%20%C3%A9%23%3F.mp3"
    assert "50% <b>&\"' é#?.mp3" in page.text
    assert not [tag for tag, attrs in page.elements if tag == "b" and "style" not in attrs]


def test_pictures_show_the_best_genre_first_and_silence_apart():
    mixed = views._lanes(piece("jazz", "metal", UNKNOWN), 4.0)
    assert mixed.shape[0] == len(LABELS)
    assert mixed[0, 0] == 0.6
    assert mixed[1, mixed.shape[1] // 2] == 0.6
    assert mixed.mask[:, -1].all()
    assert not mixed.mask[:, 0].any()


@pytest.mark.parametrize(
    ("seconds", "ticks"),
    [(0.5, [0]), (4, [0, 1, 2, 3]), (30, [0, 5, 10, 15, 20, 25]), (7200, [0, 1800, 3600, 5400])],
)
def test_the_time_axis_has_few_round_ticks(seconds, ticks):
    assert list(views._ticks(seconds)) == ticks


@pytest.mark.parametrize("flag", sorted(FLAGS.keys() - {"silent", "unsure"}))
def test_what_is_special_about_a_file_is_said(flag):
    said = views._sentence(FLAGS[flag])
    assert said in answer(piece("jazz", flags=[flag])).text
    assert said not in answer(piece("jazz")).text


def test_unknown_comes_with_the_reason():
    unknown = dataclasses.replace(piece("jazz"), genre=UNKNOWN)
    silent = answer(dataclasses.replace(unknown, flags=frozenset({"silent"})))
    assert "unknown There is nothing to hear in it" in silent.text
    unsure = answer(dataclasses.replace(unknown, flags=frozenset({"unsure"})))
    assert "the most probable genre, jazz, has 60%" in unsure.text
    assert "sure " not in silent.text


@pytest.fixture(scope="module")
def listener(tmp_path_factory):
    return Listener(DEFAULT_MODEL, 0.0, tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A song, and a text that goes by a song's name."""
    folder = tmp_path_factory.mktemp("uploads")
    encode(folder / "song.wav", noise(7), 22050, "wav")
    (folder / "notes.mp3").write_text("no music, only notes\n" * 50)
    return folder


def test_a_song_is_heard(listener, files):
    page = Page(listener.hear(str(files / "song.wav"), DEFAULT_MODEL))
    expected = GenreClassifier.from_pretrained().predict(files / "song.wav")
    assert page.text.startswith(f"song.wav, 0:07 {expected.genre} {expected.confidence:.0%} sure")


@pytest.mark.parametrize(
    ("seconds", "level", "said"),
    [(4, 0, "unknown There is nothing to hear in it"), (0.05, 0.1, FLAGS["short"][1:])],
)
def test_silence_and_a_moment_are_answered_too(listener, tmp_path, seconds, level, said):
    encode(tmp_path / "odd.wav", noise(seconds, level=level), 22050, "wav")
    page = Page(listener.hear(str(tmp_path / "odd.wav"), DEFAULT_MODEL))
    assert page.text.startswith("odd.wav")
    assert said in page.text


def test_no_song_is_no_answer(listener):
    assert listener.hear(None, DEFAULT_MODEL) == ""


def test_a_file_that_is_no_song_is_said_by_its_name_alone(listener, files):
    page = Page(listener.hear(str(files / "notes.mp3"), DEFAULT_MODEL))
    assert page.text.startswith("That did not work. notes.mp3 is damaged or no sound file")
    assert str(files) not in page.text


def test_what_nobody_expected_is_said_too(listener, files, monkeypatch, capsys):
    def broken(*_):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(views, "answer", broken)
    page = Page(listener.hear(str(files / "song.wav"), DEFAULT_MODEL))
    assert "a bug in genreclf (ZeroDivisionError); please report it" in page.text
    assert "secret" not in page.text
    assert "ZeroDivisionError: secret" in capsys.readouterr().err


def test_the_least_confidence_is_kept_to(files, tmp_path):
    page = Page(Listener(DEFAULT_MODEL, 1.0, tmp_path).hear(str(files / "song.wav"), DEFAULT_MODEL))
    assert "unknown Not sure enough to say" in page.text


def test_many_songs_are_a_table_to_look_at_and_one_to_keep(listener, files):
    told = []
    songs = [str(files / "song.wav"), str(files / "notes.mp3")]
    html, table = listener.hear_many(songs, DEFAULT_MODEL, lambda *done: told.append(done))
    assert told == [(1, 2), (2, 2)]
    page = Page(html)
    assert "2 files, 1 failed" in page.text
    assert "notes.mp3 notes.mp3 is damaged" in page.text
    with table.open(newline="") as file:
        song, notes = csv.DictReader(file)
    assert (song["path"], song["duration"], song["error"]) == ("song.wav", "7.000", "")
    assert f"song.wav {song['genre']} {float(song['confidence']):.0%}" in page.text
    assert notes["path"] == "notes.mp3"
    assert notes["error"].startswith("notes.mp3 is damaged")
    assert str(files) not in table.read_text() + html


def test_a_folder_without_music_is_said(listener):
    html, table = listener.hear_many([], DEFAULT_MODEL, lambda *_: None)
    assert "There is no music among these files." in Page(html).text
    assert table is None


def test_of_a_folder_only_music_is_heard():
    files = ["/up/1/b.mp3", "/up/2/cover.jpg", "/up/3/A.FLAC", "/up/4/._b.mp3"]
    assert music_among(files) == ["/up/3/A.FLAC", "/up/1/b.mp3"]


def test_visitors_choose_among_models_that_are_here(tmp_path, files):
    mine = shutil.copytree(find_model(DEFAULT_MODEL), tmp_path / "mine")
    listener = Listener(str(mine), 0.0, tmp_path)
    assert listener.models[:2] == [str(mine), DEFAULT_MODEL]
    load, asked = GenreClassifier.from_pretrained, []

    def watched(name, **options):
        asked.append((name, options.get("local_files_only")))
        return load(name, **options)

    listener._load = watched
    for _ in range(2):
        listener.hear(str(files / "song.wav"), DEFAULT_MODEL)
    assert asked == [(DEFAULT_MODEL, True)]


@pytest.mark.parametrize(
    ("host", "only_here"),
    [("127.0.0.1", True), ("127.8.0.1", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("192.168.1.5", False), ("example.org", False)],
)  # fmt: skip
def test_which_addresses_only_this_machine_reaches(host, only_here):
    assert server.is_loopback(host) is only_here


@pytest.fixture(autouse=True)
def terminated_as_before():
    """The command has its own way to end, which must not become that of the tests."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def served(monkeypatch):
    """What `genreclf app` would have served."""
    calls = []
    monkeypatch.setattr(server, "serve", lambda model, **options: calls.append((model, options)))
    return calls


def test_the_command_serves_this_machine_only_and_warns_when_told_to_serve_others(served):
    alone = CliRunner().invoke(main, ["app"])
    wide = CliRunner().invoke(main, ["app", "--host", "0.0.0.0", "--max-size", "3"])
    assert (alone.exit_code, wide.exit_code) == (0, 0)
    assert [options["host"] for _, options in served] == ["127.0.0.1", "0.0.0.0"]
    assert served[1][1]["max_megabytes"] == 3
    assert "Warning" not in alone.stderr
    assert re.search(r"Warning: at 0\.0\.0\.0, whoever reaches this machine", wide.stderr)


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    done = CliRunner().invoke(main, ["app", "--port", "0"])
    assert done.exit_code == 2
    assert "pip install 'genreclf[app]'" in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"])
def test_an_address_that_cannot_be_had_is_said(host):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = CliRunner().invoke(main, ["app", "--host", host, "--port", str(port)])
    assert done.exit_code == 2
    assert f"Error: cannot listen at {host}, port {port}:" in done.stderr
    assert "Traceback" not in done.output


def test_errors_of_many_songs_are_text_not_markup():
    page = Page(views.many([Failure("<i>.mp3", GenreclfError("<u> is no sound"))]))
    assert "<i>.mp3 <u> is no sound" in page.text
    assert not {"i", "u"} & {tag for tag, _ in page.elements}
