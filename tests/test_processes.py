"""The same on processes: the same results in the same order, whoever dies."""

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
from genreclf.batch.processes import on_processes
from genreclf.cli import main
from genreclf.errors import ConfigError, ProcessError
from process_work import die, fail, leave, sleep, square, whereabouts

psutil = pytest.importorskip("psutil")


def lost(item, how):
    return f"lost: it {how}"


def processes_at_work():
    return [p for p in psutil.Process().children() if "-I" in p.cmdline()]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Three pieces to classify, a text file and an absent one."""
    folder = tmp_path_factory.mktemp("library")
    paths = [folder / f"{n}.wav" for n in range(3)]
    for n, path in enumerate(paths):
        encode(path, noise(10 + n, seed=n), 22050, "wav")
    (folder / "bad.mp3").write_text("no music")
    return [*paths, folder / "bad.mp3", folder / "absent.wav"]


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_the_items(workers):
    assert list(on_processes(square, range(40), workers, lost)) == [n * n for n in range(40)]
    assert not processes_at_work()


def test_they_are_other_processes_in_the_same_folder(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OMP_NUM_THREADS")
    (tmp_path / "signal.py").write_text("raise SystemExit('not the real one')")
    found = list(on_processes(whereabouts, range(4), 2, lost))
    assert os.getpid() not in {process for process, *_ in found}
    assert {tuple(rest) for _, *rest, _ in found} == {(str(tmp_path), "1")}
    assert found[0][-1] == sys.path
    assert capfd.readouterr().out == ""


def test_nothing_is_started_before_a_result_is_asked_for(classifier, library):
    results = classifier.predict_many(library, engine="processes")
    assert not processes_at_work()
    results.close()


def test_results_are_the_same_as_of_threads(classifier, library, monkeypatch):
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
    assert not processes_at_work()


def test_what_a_process_that_dies_was_at_is_done_again(tmp_path):
    items = [None, tmp_path / "once", None, None, tmp_path / "too", None]
    expected = ["lived", "done again", "lived", "lived", "done again", "lived"]
    assert list(on_processes(die, items, 2, lost)) == expected


def test_what_ends_every_process_is_lost_and_nothing_else(tmp_path):
    items = [None, tmp_path / "always", None]
    assert list(on_processes(die, items, 2, lost)) == [
        "lived",
        "lost: it was ended by SIGKILL",
        "lived",
    ]
    assert list(on_processes(leave, [7], 1, lost)) == ["lost: it ended with status 7"]


def test_a_source_that_ends_processes_is_a_failure(classifier, library, monkeypatch):
    deadly = process_work.Deadly(**classifier.extractor.parameters)
    monkeypatch.setattr(classifier, "extractor", deadly)
    good, bad = classifier.predict_many([library[-1], library[0]], engine="processes")
    assert good.source == str(library[-1])
    assert bad.source == str(library[0])
    assert isinstance(bad.error, ProcessError)
    assert f"{library[0]}: " in str(bad.error)
    assert "SIGKILL, twice" in str(bad.error)


def test_an_unexpected_error_is_raised_in_its_place():
    results = on_processes(fail, [1, 2, 0, 4], 2, lost)
    assert [next(results), next(results)] == [1, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert not processes_at_work()


def test_an_error_that_cannot_be_sent_is_told():
    with pytest.raises(RuntimeError, match="StubbornError: one and other"):
        list(on_processes(fail, [3], 1, lost))


@pytest.mark.parametrize("work", [lambda item: item, process_work.Broken()])
def test_work_that_cannot_be_sent_is_an_error(work):
    with pytest.raises(ConfigError, match="cannot be sent to other processes"):
        list(on_processes(work, [1, 2], 2, lost))
    assert not processes_at_work()


def test_no_python_to_start_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(ConfigError, match="/no/such/python"):
        list(on_processes(square, [1], 2, lost))


@pytest.mark.parametrize("workers", [1, 2])
def test_closing_ends_the_work_at_hand(workers):
    results = on_processes(sleep, [0, 600, 600], workers, lost)
    next(results)
    assert processes_at_work()
    began = time.monotonic()
    results.close()
    assert time.monotonic() - began < 30
    assert not processes_at_work()
    assert not [t for t in threading.enumerate() if t.name.startswith("genreclf")]


def test_many_items_leave_nothing_open(tmp_path):
    me = psutil.Process()
    before = me.num_fds()
    results = on_processes(square, range(3000), 2, lost)
    next(results)
    during = me.num_fds()
    assert sum(1 for _ in results) == 2999
    assert me.num_fds() == before < during
    # Nor do those that were started anew.
    markers = [tmp_path / str(n) for n in range(10)]
    assert set(on_processes(die, markers, 2, lost)) == {"done again"}
    assert me.num_fds() == before


def test_a_script_needs_no_guard(model_folder, library, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from genreclf import GenreClassifier\n"
        "print('begun')\n"
        "classifier = GenreClassifier.from_pretrained(sys.argv[1])\n"
        "for result in classifier.predict_many(sys.argv[2:], 2, engine='processes'):\n"
        "    print(result.source)\n"
    )
    paths = [str(path) for path in library[:2]]
    command = [sys.executable, script, model_folder, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["begun", *paths]
    assert done.stderr == ""


def test_processes_end_when_the_one_that_asks_is_killed(tmp_path):
    code = (
        "import sys; sys.path[:] = sys.argv[1:]\n"
        "from genreclf.batch.processes import on_processes\n"
        "from process_work import sleep\n"
        "results = on_processes(sleep, [0, 0, 1, 1], 2, None)\n"
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


def test_the_command_takes_processes_for_many_files(library, model_folder, tmp_path, monkeypatch):
    engines = []
    predict_many = GenreClassifier.predict_many

    def noted(*arguments, engine, **options):
        engines.append(engine)
        return predict_many(*arguments, engine=engine, **options)

    monkeypatch.setattr(GenreClassifier, "predict_many", noted)
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
