"""``genreclf predict`` on the command line."""

import csv
import io
import json
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from audio_files import encode
from conftest import LABELS, noise
from genreclf.cli import main
from genreclf.cli.writers import Output, TableWriter
from genreclf.prediction import Prediction


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """A folder of two good files (one of them hidden deep), a bad one and others."""
    folder = tmp_path_factory.mktemp("music")
    (folder / "sub folder").mkdir()
    encode(folder / "a.wav", noise(6), 22050, "wav")
    encode(folder / "sub folder" / "b ünïcode.flac", noise(6, seed=1), 22050, "flac")
    (folder / "c.mp3").write_text("a text file")
    (folder / "notes.txt").write_text("no music")
    encode(folder / ".hidden.wav", noise(1), 22050, "wav")
    return folder


@pytest.fixture
def run(model_folder):
    def run(*arguments, command="predict"):
        extra = ["--model", str(model_folder)] if command == "predict" else []
        return CliRunner().invoke(main, [command, *map(str, arguments), *extra])

    return run


def test_folders_are_searched_and_a_bad_file_does_not_end_the_batch(run, music):
    result = run(music, "--format", "jsonl")
    assert result.exit_code == 1
    records = [json.loads(line) for line in result.stdout.splitlines()]
    names = [record["path"].removeprefix(f"{music}/") for record in records]
    assert names == ["a.wav", "c.mp3", "sub folder/b ünïcode.flac"]
    good, bad, _ = records
    assert good.keys() >= {"path", "genre", "confidence", "probabilities", "duration"}
    assert sum(good["probabilities"].values()) == pytest.approx(1)
    assert bad.keys() >= {"path", "error"}
    assert "c.mp3" in bad["error"]
    assert "1 of 3 files failed" in result.stderr


def test_exit_code_is_zero_if_all_files_were_classified(run, music):
    assert run(music / "a.wav").exit_code == 0


def test_csv_has_a_column_for_each_genre(run, music):
    result = run(music, "--format", "csv")
    good, bad, _ = csv.DictReader(io.StringIO(result.stdout))
    assert good["genre"] in LABELS
    assert sum(float(good[label]) for label in LABELS) == pytest.approx(1, abs=1e-5)
    assert float(good["duration"]) == pytest.approx(6)
    assert "c.mp3" in bad["error"]
    assert not bad["genre"]


def test_csv_timeline_has_a_row_for_each_segment(run, music):
    result = run(music / "a.wav", "--format", "csv", "--timeline")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert len(rows) == 3
    assert float(rows[0]["start"]) == 0


def test_table_names_file_genre_and_error(run, music):
    result = run(music, "--timeline")
    assert "a.wav" in result.stdout.replace("\n", "")
    assert "failed" in result.stdout
    assert "0:00 - 0:03" in result.stdout


LONG = "An Artist With a Long Name/An Album With an Even Longer Name (Deluxe Edition)"


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Three songs at long paths, one with a long name of wide characters."""
    folder = tmp_path_factory.mktemp("album") / LONG
    folder.mkdir(parents=True)
    for seed, name in enumerate(("01 [live].wav", "02.wav", "漢字" * 30 + ".wav")):
        encode(folder / name, noise(4, seed=seed), 22050, "wav")
    return folder


def test_a_pipe_gets_whole_paths_on_one_line_each(run, album, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    lines = run(album).stdout.splitlines()
    paths = sorted(album.iterdir())
    assert len(lines) == 1 + len(paths)
    for path, line in zip(paths, lines[1:], strict=True):
        assert line.startswith(f"{path}  ")
        assert any(label in line for label in LABELS)


@pytest.mark.parametrize("width", [28, 30, 40, 55, 70, 90, 120])
def test_a_terminal_has_one_line_per_track_that_fits(run, album, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = re.sub(r"\x1b\[[0-9;]*m", "", run(album, "--min-confidence", "1").stdout)
    header, *rows = text.splitlines()[: 1 + len(list(album.iterdir()))]
    assert max(map(cell_len, rows)) <= width
    assert all(".wav" in row and "unknown" in row for row in rows)
    assert "02.wav" in rows[1]
    shown = {name for name in ("confidence", "length", "next") if name in header}
    assert len(shown) == {28: 0, 30: 0, 40: 0, 55: 1, 70: 2, 90: 3, 120: 3}[width]


def test_an_unknown_track_shows_what_it_nearly_was(run, music):
    unsure = run(music / "a.wav", "--min-confidence", "1").stdout.splitlines()[1]
    sure = run(music / "a.wav").stdout.splitlines()[1]
    record = json.loads(run(music / "a.wav", "--format", "jsonl").stdout)
    best = f"{record['genre']} {record['confidence']:.0%}"
    assert "unknown" in unsure
    assert best in unsure
    assert best not in sure
    assert " 0%" not in sure + unsure


def test_a_summary_follows_many_files(run, music):
    summary = run(music).stderr
    assert "3 files, 0:12 of audio in " in summary
    assert "x real time" in summary
    counted = re.findall(rf"({'|'.join(LABELS)}) (\d)", summary)
    assert sum(int(count) for _, count in counted) == 2
    assert "real time" not in run(music / "a.wav").stderr


def test_help_groups_every_option_and_has_examples(run):
    text = CliRunner().invoke(main, ["predict", "--help"]).stdout
    for title in ("Output:", "Model:", "Speed:", "Tags:"):
        assert f"\n{title}\n" in text
    assert "\n    genreclf predict song.mp3 Music/\n" in text
    assert [line.split()[0] for line in text.split("Other options:\n")[1].splitlines()] == ["-h,"]


def test_markup_in_names_is_text(run, tmp_path):
    encode(tmp_path / "[red]x[bold].wav", noise(4), 22050, "wav")
    result = run(tmp_path)
    assert result.exit_code == 0
    assert "x[bold].wav" in result.stdout


def test_top_limits_the_probabilities(run, music):
    result = run(music / "a.wav", "--format", "jsonl", "--top", "2", "--timeline")
    record = json.loads(result.stdout)
    assert len(record["probabilities"]) == 2
    assert len(record["timeline"]) == 3


def test_output_goes_to_a_file_and_nothing_else_to_stdout(run, music, tmp_path):
    target = tmp_path / "out.jsonl"
    result = run(music, "--format", "jsonl", "--output", target)
    assert result.stdout == ""
    assert len(target.read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.wav", "--format", "xml"], "xml"),
        (["a.wav", "--top", "0"], "0"),
        ([], "Missing argument"),
    ],
)
def test_usage_errors_exit_with_two(run, arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_errors_are_one_line_without_traceback(music, tmp_path):
    for arguments in (
        ["predict", str(music), "--model", "no-such"],
        ["predict", str(music), "--output", str(tmp_path / "absent" / "x.csv")],
    ):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2
        assert result.stderr.startswith("Error: ")
        assert "Traceback" not in result.stderr


def test_debug_shows_the_error_itself(music):
    result = CliRunner().invoke(main, ["--debug", "predict", str(music), "--model", "no-such"])
    assert type(result.exception).__name__ == "ModelNotFoundError"


def test_a_folder_without_audio_files_is_a_usage_error(run, tmp_path):
    result = run(tmp_path)
    assert result.exit_code == 2
    assert "no audio files" in result.stderr


def test_a_closed_pipe_ends_quietly(model_folder, music):
    command = f"{sys.executable} -m genreclf predict {music} --model {model_folder} --format jsonl"
    done = subprocess.run(
        ["bash", "-c", f"{command} | true"], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr


def test_the_table_leaves_out_genres_that_would_be_zero_percent(tmp_path):
    probabilities = {"jazz": 0.99, "blues": 0.0056, "metal": 0.0044}
    prediction = Prediction("jazz", 0.99, probabilities, (), 30.0, source="song.mp3")
    with TableWriter(Output(tmp_path / "table.txt", LABELS)) as writer:
        writer.write(prediction)
    text = (tmp_path / "table.txt").read_text()
    assert "blues 1%" in text
    assert "metal" not in text
