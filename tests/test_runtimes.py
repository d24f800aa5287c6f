"""The same network in PyTorch and in ONNX Runtime."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from audio_files import encode
from conftest import noise
from genreclf import GenreClassifier
from genreclf.architectures.dong2018 import Dong2018
from genreclf.errors import ConfigError, IntegrityError, ModelNotFoundError
from genreclf.pretrained import resolve_model
from genreclf.runtimes import export
from genreclf.runtimes.onnx import OnnxNetwork
from genreclf.runtimes.torch import TorchNetwork


@pytest.fixture(scope="module")
def both(model_folder):
    return [GenreClassifier.from_pretrained(model_folder, runtime=r) for r in ("onnx", "torch")]


@pytest.fixture
def copied(model_folder, tmp_path):
    return shutil.copytree(model_folder, tmp_path / "copied")


@pytest.mark.parametrize("seconds", [0.3, 5, 200])
def test_both_runtimes_agree(both, seconds):
    sound = (noise(seconds, level=0.3), 22050)
    found, expected = (
        [list(segment.probabilities.values()) for segment in classifier.predict(sound).timeline]
        for classifier in both
    )
    np.testing.assert_allclose(found, expected, atol=1e-4)
    vectors = [classifier.embed(sound) for classifier in both]
    np.testing.assert_allclose(*vectors, rtol=1e-3, atol=1e-4)


def test_a_segment_does_not_depend_on_its_batch(both):
    network = both[0].network
    segments = np.random.default_rng(0).standard_normal((37, 64, 40)).astype(np.float32)
    whole = network.run(segments).logits
    assert whole.shape == (37, 3)
    alone = np.concatenate([network.run(segment[None]).logits for segment in segments])
    np.testing.assert_allclose(whole, alone, atol=1e-5)


def test_auto_is_onnx_where_it_is_there(both, copied):
    assert isinstance(both[0].network, OnnxNetwork)
    assert isinstance(GenreClassifier.from_pretrained(copied).network, OnnxNetwork)
    (copied / "model.onnx").unlink()
    assert isinstance(GenreClassifier.from_pretrained(copied).network, TorchNetwork)
    with pytest.raises(ModelNotFoundError, match=r"genreclf\[export\]"):
        GenreClassifier.from_pretrained(copied, runtime="onnx")


def test_wrong_runtimes_are_named(model_folder):
    with pytest.raises(ConfigError, match="abacus"):
        GenreClassifier.from_pretrained(model_folder, runtime="abacus")
    with pytest.raises(ConfigError, match="cuda"):
        GenreClassifier.from_pretrained(model_folder, runtime="onnx", device="cuda")


@pytest.mark.parametrize("name", ["model.onnx", "model.safetensors"])
def test_files_that_do_not_belong_together_are_refused(copied, name):
    content = bytearray((copied / name).read_bytes())
    content[-1] ^= 1
    (copied / name).write_bytes(content)
    with pytest.raises(IntegrityError, match=name):
        GenreClassifier.from_pretrained(copied)


def test_an_exported_network_nobody_vouches_for_is_refused(copied):
    config = json.loads((copied / "config.json").read_text())
    del config["files"]
    (copied / "config.json").write_text(json.dumps(config))
    with pytest.raises(IntegrityError, match=r"model\.onnx"):
        GenreClassifier.from_pretrained(copied)
    assert GenreClassifier.from_pretrained(copied, runtime="torch").labels


def test_an_exported_network_of_other_labels_is_refused(copied):
    config = json.loads((copied / "config.json").read_text())
    config["labels"].append("fourth")
    (copied / "config.json").write_text(json.dumps(config))
    with pytest.raises(IntegrityError, match="labels"):
        GenreClassifier.from_pretrained(copied)


def test_what_is_no_network_is_an_integrity_error(tmp_path):
    with pytest.raises(IntegrityError, match="cannot be loaded"):
        OnnxNetwork(b"no network", tmp_path)


def test_the_exported_network_stands_alone(model_folder):
    model = onnx.load(model_folder / "model.onnx", load_external_data=False)
    assert {opset.domain for opset in model.opset_import} <= {"", "ai.onnx"}
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert not model.functions
    card = (model_folder / "README.md").read_text()
    assert "of PyTorch's on random segments" in card


def test_saved_from_onnx_is_the_same_model(both, model_folder, tmp_path):
    again = both[0].save_pretrained(tmp_path / "small")
    for name in ("config.json", "model.safetensors", "model.onnx", "README.md"):
        assert (again / name).read_bytes() == (model_folder / name).read_bytes()


def test_without_the_extra_the_card_says_how(both, copied, monkeypatch):
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda name: None)
    both[1].save_pretrained(copied)
    assert not (copied / "model.onnx").exists()
    assert "pip install 'genreclf[export]'" in (copied / "README.md").read_text()
    assert GenreClassifier.from_pretrained(copied).labels == both[1].labels


class Fickle(Dong2018):
    """Looks at the values of its input to decide what to do, which no graph can."""

    def embed(self, segments):
        return super().embed(segments if float(segments.sum()) > 0 else -segments)


def test_a_network_that_cannot_be_exported_is_saved_without(recwarn, caplog):
    saved = TorchNetwork(Fickle(n_classes=3)).serialize()
    assert saved.onnx is None
    assert "cannot export" in saved.remark
    assert saved.weights
    assert not recwarn.list
    assert not [record for record in caplog.records if record.levelname != "DEBUG"]


def test_an_export_that_gives_other_results_is_not_kept(monkeypatch):
    exact = export.TOLERANCE
    monkeypatch.setattr(export, "_difference", lambda *_: 2 * exact)
    torch.manual_seed(0)
    assert "differ" in TorchNetwork(Dong2018(n_classes=3)).serialize().remark


def test_classifying_imports_neither_torch_nor_librosa(model_folder, tmp_path):
    encode(tmp_path / "a.wav", noise(4), 44100, "wav")
    heavy = ("torch", "librosa", "sklearn", "scipy", "accelerate", "rich", "matplotlib")
    code = f"""
import sys
from genreclf.cli import main
arguments = ["predict", *sys.argv[1:], "--format", "jsonl"]
try:
    main(arguments)
except SystemExit as end:
    assert not end.code
print([name for name in {heavy!r} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.wav"), "--model", str(model_folder)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    record, imported = done.stdout.splitlines()
    assert json.loads(record)["genre"]
    assert imported == "[]"


def test_the_exported_network_does_not_tell_where_it_was_made(model_folder):
    exported = (model_folder / "model.onnx").read_bytes()
    for trace in (b".py", str(Path(torch.__file__).parents[1]).encode(), b"stack_trace"):
        assert trace not in exported
    shipped = resolve_model("dong2018") / "model.onnx"
    assert b".py" not in shipped.read_bytes()
