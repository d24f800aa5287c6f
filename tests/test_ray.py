"""Maps on a Ray cluster: results and order, also when processes die."""

import contextlib
import functools
import json
import operator
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from audio_files import encode
from conftest import noise, same
from genreclf import GenreClassifier
from genreclf.audio import RemoteFile
from genreclf.cli import main
from genreclf.errors import ClusterError, ConfigError, MissingExtraError
from genreclf.parallel.ray import ray_map

psutil = pytest.importorskip("psutil")


@pytest.fixture(scope="module")
def cluster():
    """Start Ray, as a program that uses it itself does."""
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    import ray

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Return thirty audio files, a text file and a missing one."""
    folder = tmp_path_factory.mktemp("library")
    paths = [folder / f"{n:02}.wav" for n in range(30)]
    for n, path in enumerate(paths):
        encode(path, noise(20 + n % 3, seed=n), 22050, "wav")
    (folder / "bad.mp3").write_text("not music")
    return [*paths[:5], folder / "bad.mp3", *paths[5:], folder / "absent.wav"]


def test_results_are_the_same_as_with_threads(cluster, classifier, library, monkeypatch):
    monkeypatch.chdir(library[0].parent)
    sources = [
        *library[3:8],
        library[-1],
        "01.wav",
        library[2].read_bytes(),
        (noise(3), 22050),
        RemoteFile(library[1].as_uri()),
        RemoteFile("nowhere://song.mp3"),
        3,
    ]
    url = library[0].as_uri()
    assert same(
        list(classifier.predict_many([*sources, url], engine="ray")),
        list(classifier.predict_many([*sources, RemoteFile(url)])),
    )


def workers_of(process):
    found = []
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # or a zombie
            found += [child] if "".join(child.cmdline()).startswith("ray::MapWorker") else []
    return found


def test_the_items_of_killed_workers_are_computed_again(cluster, classifier, library):
    import ray

    sources = [*library, *library]
    results = classifier.predict_many(sources, workers=2, engine="ray")
    first = next(results)
    killed = workers_of(psutil.Process())
    assert len(killed) == 2
    for worker in killed:
        worker.kill()
    assert same([first, *results], list(classifier.predict_many(sources)))
    assert ray.is_initialized()


def test_messages_of_ray_do_not_mix_with_the_results(library, model_folder, monkeypatch):
    predict_many = GenreClassifier.predict_many

    def print_between(*arguments, **options):
        for result in predict_many(*arguments, **options):
            print("A worker died")
            yield result

    monkeypatch.setattr(GenreClassifier, "predict_many", print_between)
    arguments = ["predict", str(library[0]), "--format", "jsonl", "--model", str(model_folder)]
    result = CliRunner().invoke(main, arguments)
    assert json.loads(result.stdout)["path"] == str(library[0])
    assert "A worker died" in result.stderr


def test_closing_frees_the_processors(cluster, classifier, library):
    results = classifier.predict_many(library, engine="ray")
    next(results)
    results.close()
    deadline = time.monotonic() + 30
    while workers_of(psutil.Process()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not workers_of(psutil.Process())


def unknown_to_workers(item):
    return item


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (functools.partial(operator.truediv, 1), "division by zero"),
        (unknown_to_workers, "test_ray"),
    ],
)
def test_an_error_on_the_cluster_is_raised_with_its_reason(cluster, function, reason):
    with pytest.raises(ClusterError, match=f"failed: .*{reason}"):
        list(ray_map(function, [0]))


def test_no_items_need_no_cluster(classifier):
    assert list(classifier.predict_many([], engine="ray")) == []


def test_a_file_object_cannot_be_sent(classifier, library):
    with library[0].open("rb") as file, pytest.raises(ConfigError, match="BufferedReader"):
        next(classifier.predict_many([file], engine="ray"))


def test_without_ray_the_error_names_the_extra(classifier, monkeypatch, library, model_folder):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"genreclf\[ray\]"):
        classifier.predict_many([], engine="ray")
    arguments = ["predict", str(library[0]), "--engine", "ray", "--model", str(model_folder)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "genreclf[ray]" in result.stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"engine": "dask"}, "dask"), ({"ray_address": "auto"}, "ray_address")],
)
def test_invalid_options(classifier, options, reason):
    with pytest.raises(ConfigError, match=reason):
        classifier.predict_many([], **options)


def test_networks_on_other_devices_are_refused(classifier, monkeypatch):
    monkeypatch.setattr(classifier.network, "device", "cuda")
    with pytest.raises(ConfigError, match="cuda"):
        classifier.predict_many([], engine="ray")


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_a_classifier_can_be_pickled(model_folder, runtime):
    loaded = GenreClassifier.from_pretrained(model_folder, runtime=runtime)
    copy = pickle.loads(pickle.dumps(loaded))
    assert copy.predict((noise(5), 22050)) == loaded.predict((noise(5), 22050))


def test_an_interrupted_run_stops_its_cluster_and_can_be_resumed(
    cluster, library, model_folder, tmp_path
):
    names = [tmp_path / f"{n:03}.wav" for n in range(200)]
    for n, name in enumerate(names):
        name.symlink_to(library[n % 5])
    output, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    shared = ["--model", str(model_folder), "--format", "jsonl", "--output"]
    command = ["predict", *map(str, names)]
    process = subprocess.Popen(
        [sys.executable, "-m", "genreclf", *command, "--engine", "ray", *shared, output],
        stderr=subprocess.PIPE,
        # As in a terminal, where Ctrl-C reaches all processes and none ignores it.
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and not (output.exists() and output.stat().st_size):
        time.sleep(0.02)
    family = psutil.Process(process.pid).children(recursive=True)
    listening = {
        c.laddr.ip for p in family for c in p.net_connections("tcp") if c.status == "LISTEN"
    }
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    records = [json.loads(line) for line in output.read_text().splitlines()]
    assert [record["path"] for record in records] == [str(p) for p in names[: len(records)]]
    assert 1 <= len(records) < len(names)
    assert process.returncode == 130
    assert b"Traceback" not in errors
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
    assert listening
    assert psutil.wait_procs(family, timeout=30)[1] == []

    resumed = CliRunner().invoke(
        main, [*command, "--engine", "ray", "--resume", *shared, str(output)]
    )
    assert f"{len(records)} files are done" in resumed.stderr
    CliRunner().invoke(main, [*command, *shared, str(whole)])
    assert output.read_text() == whole.read_text()


def test_parquet_files_are_the_same(cluster, library, model_folder, tmp_path):
    written = []
    for engine in ("threads", "ray"):
        output = tmp_path / engine
        arguments = ["--format", "parquet", "--output", str(output), "--model", str(model_folder)]
        names = map(str, library[3:7])
        result = CliRunner().invoke(main, ["predict", *names, "--engine", engine, *arguments])
        assert result.exit_code == 1
        written.append(output.read_bytes())
    assert written[0] == written[1]


def test_an_unreachable_cluster_is_an_error(library, model_folder):
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    options = ["--engine", "ray", "--ray-address", "127.0.0.1:9", "--model", model_folder]
    done = subprocess.run(
        [sys.executable, "-m", "genreclf", "predict", Path(library[0]), *options],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
