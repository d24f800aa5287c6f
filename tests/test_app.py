"""The page's HTML and ``genreclf app``, without a browser."""

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
from genreclf.app.page import SongClassifier, audio_files
from genreclf.classifier import GenreClassifier
from genreclf.cli import main
from genreclf.errors import GenreclfError
from genreclf.plots.spectrogram import MelLevels
from genreclf.prediction import FLAGS, UNKNOWN, Failure, Prediction, SegmentPrediction
from genreclf.pretrained import DEFAULT_MODEL, resolve_model

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


def prediction_of(*winners, source="/uploads/song.mp3", flags=()):
    """A prediction whose segments, a second apart, are won by these genres."""
    segments = []
    for start, genre in enumerate(winners):
        probabilities = {label: 0.6 if label == genre else 0.2 for label in LABELS}
        segments.append(SegmentPrediction(start, start + 2.0, genre, 0.6, probabilities))
    whole = {"blues": 0.15, "jazz": 0.6, "metal": 0.25}
    duration = len(winners) + 1.0
    return Prediction("jazz", 0.6, whole, segments, duration, frozenset(flags), source)


def render(prediction):
    columns = int(prediction.duration * 40)
    levels = np.linspace(-80, 0, 8 * columns, dtype=np.float32).reshape(8, columns)
    mel = MelLevels(levels, prediction.duration, prediction.duration, prediction.source)
    return Page(views.render_prediction(prediction, mel))


def test_consecutive_segments_of_one_genre_are_one_interval():
    found = views.merge_segments(prediction_of("jazz", "jazz", "blues", UNKNOWN, "jazz"))
    assert [interval.genre for interval in found] == ["jazz", "blues", UNKNOWN, "jazz"]
    assert [(interval.start, interval.end) for interval in found] == [
        (0, 2.5),
        (2.5, 3.5),
        (3.5, 4.5),
        (4.5, 6),
    ]
    assert found[0].confidence == pytest.approx(0.6)


def test_the_result_has_genre_confidence_and_every_probability():
    page = render(prediction_of("jazz", "blues", "jazz"))
    assert page.text.startswith("song.mp3, 0:04 jazz 60% confidence jazz 60% metal 25% blues 15%")
    assert page.values("data-seek") == ["0.000", "1.500", "2.500"]
    assert page.values("data-seconds") == ["4.000"]


def test_the_player_gets_the_file_whatever_its_name():
    page = render(prediction_of("jazz", source="/uploads/50% <b>&\"' é#?.mp3"))
    (address,) = [attrs["src"] for tag, attrs in page.elements if tag == "audio"]
    assert address == "gradio_api/file=/uploads/50%25%20%3Cb%3E%26%22%27%20%C3%A9%23%3F.mp3"
    assert "50% <b>&\"' é#?.mp3" in page.text
    assert not [tag for tag, attrs in page.elements if tag == "b" and "style" not in attrs]


def test_the_map_has_the_best_genre_first_and_masks_silence():
    values = views._probability_map(prediction_of("jazz", "metal", UNKNOWN), 4.0)
    assert values.shape[0] == len(LABELS)
    assert values[0, 0] == 0.6
    assert values[1, values.shape[1] // 2] == 0.6
    assert values.mask[:, -1].all()
    assert not values.mask[:, 0].any()


@pytest.mark.parametrize(
    ("seconds", "ticks"),
    [(0.5, [0]), (4, [0, 1, 2, 3]), (30, [0, 5, 10, 15, 20, 25]), (7200, [0, 1800, 3600, 5400])],
)
def test_the_time_axis_has_few_round_ticks(seconds, ticks):
    assert list(views._ticks(seconds)) == ticks


@pytest.mark.parametrize("flag", sorted(FLAGS.keys() - {"silent", "unsure"}))
def test_flags_are_explained(flag):
    note = views._sentence(flag)
    assert note in render(prediction_of("jazz", flags=[flag])).text
    assert note not in render(prediction_of("jazz")).text


def test_unknown_comes_with_the_reason():
    unknown = dataclasses.replace(prediction_of("jazz"), genre=UNKNOWN)
    silent = render(dataclasses.replace(unknown, flags=frozenset({"silent"})))
    assert "unknown The whole song is silent." in silent.text
    unsure = render(dataclasses.replace(unknown, flags=frozenset({"unsure"})))
    assert "The most probable genre, jazz, has only 60%" in unsure.text
    assert "% confidence" not in silent.text


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return SongClassifier(DEFAULT_MODEL, 0.0, tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A song, and a text file with the name of a song."""
    folder = tmp_path_factory.mktemp("uploads")
    encode(folder / "song.wav", noise(7), 22050, "wav")
    (folder / "notes.mp3").write_text("no music, only notes\n" * 50)
    return folder


def test_a_song_is_classified(classifier, files):
    page = Page(classifier.classify(str(files / "song.wav"), DEFAULT_MODEL))
    expected = GenreClassifier.from_pretrained().predict(files / "song.wav")
    assert page.text.startswith(
        f"song.wav, 0:07 {expected.genre} {expected.confidence:.0%} confidence"
    )


@pytest.mark.parametrize(
    ("seconds", "level", "message"),
    [(4, 0, "unknown The whole song is silent."), (0.05, 0.1, FLAGS["short"][1:])],
)
def test_silence_and_short_songs_are_classified(classifier, tmp_path, seconds, level, message):
    encode(tmp_path / "odd.wav", noise(seconds, level=level), 22050, "wav")
    page = Page(classifier.classify(str(tmp_path / "odd.wav"), DEFAULT_MODEL))
    assert page.text.startswith("odd.wav")
    assert message in page.text


def test_no_song_gives_no_result(classifier):
    assert classifier.classify(None, DEFAULT_MODEL) == ""


def test_errors_have_the_file_name_without_its_folder(classifier, files):
    page = Page(classifier.classify(str(files / "notes.mp3"), DEFAULT_MODEL))
    assert page.text.startswith("That did not work. notes.mp3 is not a readable audio file")
    assert str(files) not in page.text


def test_unexpected_errors_are_messages_too(classifier, files, monkeypatch, capsys):
    def broken(*_):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(views, "render_prediction", broken)
    page = Page(classifier.classify(str(files / "song.wav"), DEFAULT_MODEL))
    assert "a bug in genreclf (ZeroDivisionError); please report it" in page.text
    assert "secret" not in page.text
    assert "ZeroDivisionError: secret" in capsys.readouterr().err


def test_min_confidence_applies(files, tmp_path):
    strict = SongClassifier(DEFAULT_MODEL, 1.0, tmp_path)
    page = Page(strict.classify(str(files / "song.wav"), DEFAULT_MODEL))
    assert "unknown The most probable genre, " in page.text


def test_the_table_shows_what_an_unknown_song_nearly_was():
    probabilities = {"jazz": 0.99, "blues": 0.0056, "metal": 0.0044}
    unsure = Prediction(UNKNOWN, 0.99, probabilities, (), 30.0, frozenset({"unsure"}), "song.mp3")
    assert "jazz 99%, blues 1%" in Page(views.render_table([unsure])).text
    sure = Page(views.render_table([dataclasses.replace(unsure, genre="jazz")])).text
    assert "song.mp3 jazz 99% blues 1% " in sure
    assert "metal" not in sure


def test_many_songs_give_a_table_and_a_csv_file(classifier, files):
    calls = []
    songs = [str(files / "song.wav"), str(files / "notes.mp3")]
    html, table = classifier.classify_many(songs, DEFAULT_MODEL, lambda *done: calls.append(done))
    assert calls == [(1, 2), (2, 2)]
    page = Page(html)
    assert "2 files, 1 failed" in page.text
    assert "notes.mp3 notes.mp3 is not a readable audio file" in page.text
    with table.open(newline="") as file:
        song, notes = csv.DictReader(file)
    assert (song["path"], song["duration"], song["error"]) == ("song.wav", "7.000", "")
    assert f"song.wav {song['genre']} {float(song['confidence']):.0%}" in page.text
    assert notes["path"] == "notes.mp3"
    assert notes["error"].startswith("notes.mp3 is not a readable audio file")
    assert str(files) not in table.read_text() + html


def test_a_folder_without_audio_files_is_an_error(classifier):
    html, table = classifier.classify_many([], DEFAULT_MODEL, lambda *_: None)
    assert "There are no audio files among these." in Page(html).text
    assert table is None


def test_only_the_audio_files_of_a_folder_are_classified():
    files = ["/up/1/b.mp3", "/up/2/cover.jpg", "/up/3/A.FLAC", "/up/4/._b.mp3"]
    assert audio_files(files) == ["/up/3/A.FLAC", "/up/1/b.mp3"]


def test_visitors_choose_among_local_models(tmp_path, files):
    mine = shutil.copytree(resolve_model(DEFAULT_MODEL), tmp_path / "mine")
    classifier = SongClassifier(str(mine), 0.0, tmp_path)
    assert classifier.models[:2] == [str(mine), DEFAULT_MODEL]
    load, asked = GenreClassifier.from_pretrained, []

    def watched(name, **options):
        asked.append((name, options.get("local_files_only")))
        return load(name, **options)

    classifier._load = watched
    for _ in range(2):
        classifier.classify(str(files / "song.wav"), DEFAULT_MODEL)
    assert asked == [(DEFAULT_MODEL, True)]


@pytest.mark.parametrize(
    ("host", "only_here"),
    [("127.0.0.1", True), ("127.8.0.1", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("192.168.1.5", False), ("example.org", False)],
)  # fmt: skip
def test_loopback_addresses(host, only_here):
    assert server.is_loopback(host) is only_here


@pytest.fixture(autouse=True)
def restore_signal_handler():
    """Restore the signal handler, which the command replaces."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def served(monkeypatch):
    """The calls of serve, which does not serve."""
    calls = []
    monkeypatch.setattr(server, "serve", lambda model, **options: calls.append((model, options)))
    return calls


def test_the_command_warns_if_other_machines_can_open_the_page(served):
    alone = CliRunner().invoke(main, ["app"])
    wide = CliRunner().invoke(main, ["app", "--host", "0.0.0.0", "--max-size", "3"])
    assert (alone.exit_code, wide.exit_code) == (0, 0)
    assert [options["host"] for _, options in served] == ["127.0.0.1", "0.0.0.0"]
    assert served[1][1]["max_megabytes"] == 3
    assert "Warning" not in alone.stderr
    assert re.search(r"Warning: at 0\.0\.0\.0, everyone who reaches this machine", wide.stderr)


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    done = CliRunner().invoke(main, ["app", "--port", "0"])
    assert done.exit_code == 2
    assert "pip install 'genreclf[app]'" in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"])
def test_an_address_that_cannot_be_used_is_an_error(host):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = CliRunner().invoke(main, ["app", "--host", host, "--port", str(port)])
    assert done.exit_code == 2
    assert f"Error: cannot listen on {host}, port {port}:" in done.stderr
    assert "Traceback" not in done.output


def test_errors_of_many_songs_are_text_not_markup():
    page = Page(views.render_table([Failure("<i>.mp3", GenreclfError("<u> is not audio"))]))
    assert "<i>.mp3 <u> is not audio" in page.text
    assert not {"i", "u"} & {tag for tag, _ in page.elements}
