"""Maps on processes: results and order, also when processes die."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from click.testing import CliRunner

import process_work
from audio_files import encode
from conftest import noise, same
from genreclf import GenreClassifier
from genreclf.cli import main
from genreclf.errors import ConfigError, ProcessError
from genreclf.parallel.processes import process_map
from process_work import describe_process, die, fail, leave, sleep, square

psutil = pytest.importorskip("psutil")


def on_death(item, reason):
    return f"its worker {reason}"


def running_workers():
    return [p for p in psutil.Process().children() if "-I" in p.cmdline()]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Return three audio files, a text file and a missing one."""
    folder = tmp_path_factory.mktemp("library")
    paths = [folder / f"{n}.wav" for n in range(3)]
    for n, path in enumerate(paths):
        encode(path, noise(10 + n, seed=n), 22050, "wav")
    (folder / "bad.mp3").write_text("not music")
    return [*paths, folder / "bad.mp3", folder / "absent.wav"]


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_the_items(workers):
    assert list(process_map(square, range(40), workers, on_death)) == [n * n for n in range(40)]
    assert not running_workers()


def test_workers_have_the_folder_and_the_path_of_this_process(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OMP_NUM_THREADS")
    (tmp_path / "signal.py").write_text("raise SystemExit('not the real one')")
    found = list(process_map(describe_process, range(4), 2, on_death))
    assert os.getpid() not in {process for process, *_ in found}
    assert {tuple(rest) for _, *rest, _ in found} == {(str(tmp_path), "1")}
    assert found[0][-1] == sys.path
    assert capfd.readouterr().out == ""


def test_workers_start_when_the_first_result_is_requested(classifier, library):
    results = classifier.predict_many(library, engine="processes")
    assert not running_workers()
    results.close()


def test_results_are_the_same_as_with_threads(classifier, library, monkeypatch):
    monkeypatch.chdir(library[0].parent)
    with library[2].open("rb") as file:
        sources = [
            *library,
            "1.wav",
            library[2].read_bytes(),
            io.BytesIO(library[1].read_bytes()),
            file,
            (noise(3), 22050),
            3,
        ]
        assert same(
            list(classifier.predict_many(sources, 2, engine="processes")),
            list(classifier.predict_many(sources, 2)),
        )
    assert not running_workers()


def test_the_item_of_a_dead_worker_is_tried_again(tmp_path):
    items = [None, tmp_path / "once", None, None, tmp_path / "too", None]
    expected = ["done", "retried", "done", "done", "retried", "done"]
    assert list(process_map(die, items, 2, on_death)) == expected


def test_an_item_that_kills_two_workers_is_reported(tmp_path):
    items = [None, tmp_path / "always", None]
    assert list(process_map(die, items, 2, on_death)) == [
        "done",
        "its worker was killed by SIGKILL",
        "done",
    ]
    assert list(process_map(leave, [7], 1, on_death)) == ["its worker exited with status 7"]


def test_a_source_that_kills_workers_is_a_failure(classifier, library, monkeypatch):
    deadly = process_work.Deadly(**classifier.extractor.parameters)
    monkeypatch.setattr(classifier, "extractor", deadly)
    good, bad = classifier.predict_many([library[-1], library[0]], engine="processes")
    assert good.source == str(library[-1])
    assert bad.source == str(library[0])
    assert isinstance(bad.error, ProcessError)
    assert f"{library[0]}: " in str(bad.error)
    assert "SIGKILL, twice" in str(bad.error)


def test_an_error_is_raised_in_place_of_its_result():
    results = process_map(fail, [1, 2, 0, 4], 2, on_death)
    assert [next(results), next(results)] == [1, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert not running_workers()


def test_an_error_that_cannot_be_pickled_is_raised_as_text():
    with pytest.raises(RuntimeError, match="StubbornError: one and other"):
        list(process_map(fail, [3], 1, on_death))


@pytest.mark.parametrize("function", [lambda item: item, process_work.Broken()])
def test_a_function_that_cannot_be_pickled_is_an_error(function):
    with pytest.raises(ConfigError, match="cannot be sent to other processes"):
        list(process_map(function, [1, 2], 2, on_death))
    assert not running_workers()


def test_a_missing_python_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(ConfigError, match="/no/such/python"):
        list(process_map(square, [1], 2, on_death))


@pytest.mark.parametrize("workers", [1, 2])
def test_closing_kills_the_workers(workers):
    results = process_map(sleep, [0, 600, 600], workers, on_death)
    next(results)
    assert running_workers()
    began = time.monotonic()
    results.close()
    assert time.monotonic() - began < 30
    assert not running_workers()
    assert not [t for t in threading.enumerate() if t.name.startswith("genreclf")]


def test_file_descriptors_do_not_leak(tmp_path):
    me = psutil.Process()
    before = me.num_fds()
    results = process_map(square, range(3000), 2, on_death)
    next(results)
    during = me.num_fds()
    assert sum(1 for _ in results) == 2999
    assert me.num_fds() == before < during
    # Nor do workers that replace dead ones leak any.
    markers = [tmp_path / str(n) for n in range(10)]
    assert set(process_map(die, markers, 2, on_death)) == {"retried"}
    assert me.num_fds() == before


def test_a_script_needs_no_main_guard(model_folder, library, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from genreclf import GenreClassifier\n"
        "print('started')\n"
        "classifier = GenreClassifier.from_pretrained(sys.argv[1])\n"
        "for result in classifier.predict_many(sys.argv[2:], 2, engine='processes'):\n"
        "    print(result.source)\n"
    )
    paths = [str(path) for path in library[:2]]
    command = [sys.executable, script, model_folder, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["started", *paths]
    assert done.stderr == ""


def test_workers_exit_when_their_parent_is_killed(tmp_path):
    code = (
        "import sys; sys.path[:] = sys.argv[1:]\n"
        "from genreclf.parallel.processes import process_map\n"
        "from process_work import sleep\n"
        "results = process_map(sleep, [0, 0, 1, 1], 2, None)\n"
        "print(next(results), flush=True)\n"
        "input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, *sys.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"None\n"
    children = psutil.Process(process.pid).children()
    assert children
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert psutil.wait_procs(children, timeout=30)[1] == []
    process.stdin.close()
    process.stdout.close()


def test_the_command_uses_processes_for_many_files(library, model_folder, tmp_path, monkeypatch):
    engines = []
    predict_many = GenreClassifier.predict_many

    def record(*arguments, engine, **options):
        engines.append(engine)
        return predict_many(*arguments, engine=engine, **options)

    monkeypatch.setattr(GenreClassifier, "predict_many", record)
    outputs = []
    for number, options in [(7, []), (6, []), (7, ["--engine", "threads"])]:
        output = tmp_path / f"{len(outputs)}.jsonl"
        names = [str(path) for path in library * number]
        shared = ["--model", str(model_folder), "--format", "jsonl", "--output", str(output)]
        result = CliRunner().invoke(main, ["predict", *names, *shared, *options])
        assert result.exit_code == 1
        outputs.append(output.read_text())
    assert engines == ["processes", "threads", "threads"]
    assert outputs[0] == outputs[2]
    assert len([json.loads(line) for line in outputs[0].splitlines()]) == 35
