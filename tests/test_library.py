"""``genreclf predict`` on whole libraries: resuming, interrupts, Parquet and progress."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from audio_files import encode
from conftest import LABELS, noise
from genreclf.cli import main
from genreclf.cli.progress import Tally
from genreclf.prediction import Failure, Prediction


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    for n in range(5):
        encode(folder / f"{n}, a.wav", noise(4 + n, seed=n), 22050, "wav")
    (folder / "bad.mp3").write_text("no music")
    return folder


@pytest.fixture
def run(model_folder):
    def run(*arguments):
        extra = ["--model", str(model_folder)]
        return CliRunner().invoke(main, ["predict", *map(str, arguments), *extra])

    return run


@pytest.mark.parametrize("options", [["jsonl"], ["csv"], ["csv", "--timeline"]])
@pytest.mark.parametrize("lost", [1, 40, 300])
def test_resuming_gives_what_one_run_gives(run, library, tmp_path, options, lost):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    arguments = [library, "--format", *options, "--output"]
    assert run(*arguments, whole).exit_code == 1
    cut.write_bytes(whole.read_bytes()[:-lost])
    result = run(*arguments, cut, "--resume")
    assert "are left" in result.stderr
    assert "0 files are done" not in result.stderr
    assert cut.read_text() == whole.read_text()


def test_resuming_classifies_no_file_twice(run, library, tmp_path):
    output = tmp_path / "out.jsonl"
    arguments = [library, "--format", "jsonl", "--output", output, "--resume"]
    run(*arguments)
    before = output.read_bytes()
    result = run(*arguments)
    assert "6 files are done, 0 are left" in result.stderr
    assert output.read_bytes() == before


@pytest.mark.parametrize(
    ("format_", "content"),
    [
        ("jsonl", "something else\n"),
        ("jsonl", '{"path": "a", "probabilities": {"polka": 1.0}}\n'),
        ("csv", "path,polka\n"),
    ],
)
def test_other_files_are_not_touched(run, library, tmp_path, format_, content):
    output = tmp_path / "out"
    output.write_text(content)
    result = run(library, "--format", format_, "--output", output, "--resume")
    assert result.exit_code == 2
    assert "choose another file" in result.stderr
    assert output.read_text() == content


def test_resuming_needs_an_output_file_of_lines_or_rows(run, library, tmp_path):
    assert run(library, "--resume").exit_code == 2
    assert run(library, "--format", "table", "--output", tmp_path / "x", "--resume").exit_code == 2


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_an_interrupt_leaves_whole_records_and_ends(model_folder, tmp_path, engine):
    psutil = pytest.importorskip("psutil")
    for n in range(150):
        encode(tmp_path / f"{n:03}.wav", noise(20, seed=n % 3), 22050, "wav")
    output = tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "genreclf", "predict", tmp_path, "--format", "jsonl"]
    process = subprocess.Popen(
        [*command, "--output", output, "--model", model_folder, "--engine", engine],
        stderr=subprocess.PIPE,
        start_new_session=True,
        # A shell's background job, as these tests may run in, starts with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (output.exists() and output.stat().st_size):
        time.sleep(0.01)
    children = psutil.Process(process.pid).children()
    assert bool(children) == (engine == "processes")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate(timeout=60)
    records = [json.loads(line) for line in output.read_text().splitlines()]
    assert 1 <= len(records) < 150
    assert process.returncode == 130
    assert b"of 150 files; the same command with --resume continues" in errors
    assert b"Traceback" not in errors
    assert psutil.wait_procs(children, timeout=30)[1] == []


@pytest.mark.parametrize("options", [[], ["--timeline"], ["--top", "1"]])
def test_parquet_has_the_values_of_csv(run, library, tmp_path, options):
    parquet = pytest.importorskip("pyarrow.parquet")
    target = tmp_path / "out"
    run(library, "--format", "csv", "--output", target, *options)
    with target.open(newline="") as file:
        expected = list(csv.DictReader(file))
    run(library, "--format", "parquet", "--output", target, *options)
    found = parquet.read_table(target).to_pylist()
    assert len(found) == len(expected) >= 6
    for row, text in zip(found, expected, strict=True):
        assert row.keys() == text.keys()
        assert row["path"] == text["path"]
        assert (row["error"] or "") == text["error"]
        for label in LABELS:
            assert (row[label] is None) == (text[label] == "")
            assert row[label] is None or row[label] == pytest.approx(float(text[label]), abs=1e-6)


def test_parquet_needs_a_file(run, library):
    result = run(library, "--format", "parquet")
    assert result.exit_code == 2
    assert "--output" in result.stderr


def test_progress_shows_hours_speed_and_failures(monkeypatch):
    clock = iter([100.0, 160.0, 160.0, 160.0, 160.0])
    monkeypatch.setattr("genreclf.cli.progress.time.perf_counter", lambda: next(clock))
    tally = Tally()
    for genre, hours in (("jazz", 0.5), ("blues", 0.5), ("jazz", 1)):
        tally.add(Prediction(genre, 0.9, {"jazz": 1.0}, (), hours * 3600))
    assert tally.throughput() == "files, 2.0 h of audio, 120x"
    tally.add(Failure("song.mp3", ValueError("damaged")))
    assert "1 failed" in tally.throughput()
    assert tally.summary() == (
        "4 files, 2:00:00 of audio in 60.0 s (120x real time)\njazz 2, blues 1"
    )
