"""Model folders from anywhere: whatever they hold, a GenreclfError or a model."""

import contextlib
import json
import os
import struct
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from genreclf import GenreClassifier, GenreclfError
from genreclf.errors import ConfigError, IntegrityError
from genreclf.pretrained import ModelConfig
from genreclf.pretrained.config import parse_json

FUZZ = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def folder(model_folder, tmp_path):
    """A copy of a good model, to damage: as a download has it, without an exported network."""
    copy = tmp_path / "model"
    copy.mkdir()
    for path in model_folder.iterdir():
        if path.name != "model.onnx":
            (copy / path.name).write_bytes(path.read_bytes())
    return copy


def edit(folder, **changes):
    """Change the config, its architecture's parameters by `architecture__NAME`."""
    config = json.loads((folder / "config.json").read_text())
    for key, value in changes.items():
        part, _, parameter = key.partition("__")
        if parameter:
            config[part]["parameters"][parameter] = value
        else:
            config[part] = value
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"architecture__filters": [10**9, 4]}, ConfigError, "filters"),
        ({"architecture__dense": 10**12}, IntegrityError, r"hidden\.weight"),
        ({"architecture__dense": 10**40}, GenreclfError, "dong2018"),
        ({"architecture__filters": [4, 10**4]}, IntegrityError, r"conv2\.weight"),
        ({"architecture__filters": [4, 10**9]}, ConfigError, "filters"),
        ({"architecture__filters": [4]}, ConfigError, "filters must be a list of 2"),
        ({"architecture__filters": [4.0, 4]}, ConfigError, "filters must be a list of 2"),
        ({"architecture__filters": [-4, 4]}, ConfigError, "filters must be a list of 2"),
        ({"architecture__kernels": "x"}, ConfigError, "kernels must be a list of 2"),
        ({"architecture__kernels": [[3, 3], [0, 5]]}, ConfigError, "kernels must be a list of 2"),
        ({"architecture__kernels": [[3, 3]] * 3}, ConfigError, "kernels must be a list of 2"),
        ({"architecture__pools": [[2, 2], [2, 0]]}, ConfigError, "pools must be a list of 2"),
        ({"architecture__pools": {"a": 1}}, ConfigError, "pools must be a list of 2"),
        ({"architecture__dense": True}, ConfigError, "dense must be"),
        ({"architecture__dropout": ["a", 0]}, ConfigError, "dropout must be"),
        ({"architecture__dropout": [0.1, 7]}, ConfigError, "dropout must be"),
        ({"architecture__surprise": 1}, ConfigError, "surprise"),
        (
            {"features__segment_frames": 65536, "features__n_mels": 1024},
            ConfigError,
            "a segment of 1024",
        ),
        (
            {
                "features__segment_frames": 256,
                "architecture__filters": [1, 10**6],
                "architecture__kernels": [[1, 1], [1, 1]],
                "architecture__pools": [[1, 1], [60, 250]],
            },
            ConfigError,
            "values for one segment",
        ),
        ({"features__n_fft": "2048"}, ConfigError, "n_fft must be a whole number"),
        ({"features__n_fft": 2048.0}, ConfigError, "n_fft must be a whole number"),
        ({"features__pool_bins": 2.0}, ConfigError, "pool_bins must be a whole number"),
        ({"features__hop_length": 1}, ConfigError, "hop_length"),
        ({"features__fmin": "low"}, ConfigError, "fmin must be a number"),
        ({"features__scale": ["db"]}, ConfigError, "scale"),
        ({"features": {"name": "absent", "parameters": {}}}, ConfigError, "'absent'"),
        ({"architecture": {"name": "dong2081", "parameters": {}}}, ConfigError, "'dong2018'"),
        ({"labels": ["blues", "a\x1b[31m", "jazz"]}, ConfigError, "labels"),
        ({"requires": ["--index-url=x"]}, ConfigError, "requires"),
        ({"requires": "package"}, ConfigError, "requires"),
        ({"files": {"model.safetensors": "abc"}}, ConfigError, "files"),
        ({"temperature": True}, ConfigError, "temperature"),
        ({"overlap": "half"}, ConfigError, "overlap"),
        ({"overlap": 10**400}, ConfigError, "overlap"),
        ({"temperature": 10**400}, ConfigError, "temperature"),
    ],
)
def test_absurd_configs_are_named(folder, changes, error, message):
    edit(folder, **changes)
    with pytest.raises(error, match=message):
        GenreClassifier.from_pretrained(folder)


def test_an_absurd_network_takes_no_memory(folder):
    """In a process that may take no more than 256 MiB on top of what PyTorch took."""
    edit(folder, architecture__dense=10**10)
    code = (
        "import resource, sys, torch, genreclf.runtimes.torch\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, used + 2**28))\n"
        "from genreclf import GenreClassifier\n"
        "GenreClassifier.from_pretrained(sys.argv[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=False
    )
    assert done.stderr.strip().splitlines()[-1].startswith("genreclf.errors.IntegrityError")


def test_the_package_to_install_is_named(folder):
    edit(
        folder,
        architecture={"name": "elsewhere", "parameters": {}},
        requires=["genreclf-elsewhere"],
    )
    with pytest.raises(ConfigError, match=r"'elsewhere'.*pip install genreclf-elsewhere"):
        GenreClassifier.from_pretrained(folder)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": NaN}', '{"a": -Infinity}', '{"a": 1e999}', '{"a": 1, "a": 2}', '{"a": "\\ud800"}',
        "[" * 100_000, "1" * 10_000, "", "\0",
    ],
)  # fmt: skip
def test_json_is_read_strictly(text):
    with pytest.raises((ValueError, RecursionError)):
        parse_json(text)
    with pytest.raises(ConfigError):
        ModelConfig.from_json(text, "here")


def test_a_large_or_unreadable_config(folder):
    config = folder / "config.json"
    config.write_bytes(b" " * 1_000_001)
    with pytest.raises(ConfigError, match="larger"):
        GenreClassifier.from_pretrained(folder)
    config.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        GenreClassifier.from_pretrained(folder)


@pytest.mark.parametrize("case", ["missing", "additional", "shape", "type", "absent", "text"])
def test_wrong_weights_are_named(folder, case):
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    bias = tensors["output.bias"]
    if case == "missing":
        del tensors["output.bias"]
    if case == "additional":
        tensors["surprise.bias"] = bias.clone()
    if case == "shape":
        tensors["output.bias"] = bias[:1].clone()
    if case == "type":
        tensors["output.bias"] = bias.double()
    save_file(tensors, weights)
    if case == "absent":
        weights.unlink()
    if case == "text":
        weights.write_text("no tensors")
    message = {"absent": "cannot be read", "text": "cannot be read", "additional": "surprise"}
    with pytest.raises(IntegrityError, match=message.get(case, r"'output\.bias'")):
        GenreClassifier.from_pretrained(folder)


def load_or_refuse(folder):
    with contextlib.suppress(GenreclfError):
        GenreClassifier.from_pretrained(folder)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from([10**9, 10**30, 10**400, -1, 0, 1e308]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner,
                                                                max_size=3),
    max_leaves=6,
)  # fmt: skip


@FUZZ
@given(
    path=st.sampled_from(
        [(key,) for key in ("format", "architecture", "features", "labels",
                            "overlap", "temperature", "track_temperature", "metadata", "requires",
                            "files")]
        + [("architecture", "parameters", key)
           for key in ("filters", "kernels", "pools", "dense", "dropout")]
        + [("features", "parameters", key)
           for key in ("sample_rate", "n_fft", "hop_length", "n_mels", "fmin", "fmax", "scale",
                       "top_db", "pool_bins", "normalization", "segment_frames")]
    ),
    value=JSON,
)  # fmt: skip
def test_any_value_in_a_config(folder, model_folder, path, value):
    config = json.loads((model_folder / "config.json").read_text())
    inner = config
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    (folder / "config.json").write_text(json.dumps(config))
    load_or_refuse(folder)


DAMAGE = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4)), min_size=1, max_size=4)


def damaged(content, damage, cut):
    """Bytes overwritten at some places, and cut."""
    content = bytearray(content)
    for place, new in damage:
        start = int(place * len(content))
        content[start : start + len(new)] = new
    return bytes(content[: int(cut * len(content))])


CUT = st.just(1.0) | st.floats(0, 1.2)


@FUZZ
@given(damage=DAMAGE, cut=CUT)
def test_any_bytes_in_a_config(folder, model_folder, damage, cut):
    original = (model_folder / "config.json").read_bytes()
    (folder / "config.json").write_bytes(damaged(original, damage, cut))
    load_or_refuse(folder)


@FUZZ
@given(
    damage=st.lists(st.tuples(st.floats(0, 0.06), st.binary(max_size=4)), min_size=1, max_size=4)
    | DAMAGE,
    cut=CUT,
)
def test_any_bytes_in_the_weights(folder, model_folder, damage, cut):
    original = (model_folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(damaged(original, damage, cut))
    load_or_refuse(folder)


@FUZZ
@given(content=st.binary(max_size=60))
@example(content=struct.pack("<Q", 2**63))
@example(content=struct.pack("<Q", 2) + b"{}")
def test_weights_that_are_anything(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(IntegrityError):
        GenreClassifier.from_pretrained(folder)


def test_the_default_weights_need_no_network_no_home_and_no_cache(tmp_path):
    code = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('the network was used')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from genreclf import GenreClassifier\n"
        "import numpy; print(GenreClassifier.from_pretrained().predict((numpy.ones(9), 9999)))\n"
    )
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    environment = {key: value for key, value in os.environ.items() if key != "GENRECLF_CACHE"}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not list(home.iterdir())
