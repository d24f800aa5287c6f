"""The memory for a long file is that for a short one."""

import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

MEASURE = """
import sys
from pathlib import Path
from genreclf import GenreClassifier
prediction = GenreClassifier.from_pretrained(sys.argv[1]).predict(sys.argv[2])
status = Path("/proc/self/status").read_text()
print(prediction.duration, status.partition("VmHWM:")[2].split()[0])
"""


def peak_megabytes(model, path, seconds):
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(model), str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    duration, kilobytes = map(float, done.stdout.split())
    assert duration == pytest.approx(seconds)
    return kilobytes / 1024


@pytest.fixture(scope="module")
def quick_model(tmp_path_factory):
    """Save a small model with as many segments per second as the default model."""
    from genreclf import GenreClassifier
    from genreclf.pretrained import Component, ModelConfig
    from genreclf.pretrained.folder import build_module
    from genreclf.runtimes.torch import TorchNetwork

    features = {
        "sample_rate": 1000, "n_fft": 128, "hop_length": 78, "n_mels": 16, "fmax": 500.0,
    }  # fmt: skip
    config = ModelConfig(
        architecture=Component("dong2018", {"filters": [4, 4], "pools": [[2, 2], [2, 2]]}),
        features=Component("logmel-13fps", features),
        labels=tuple(f"genre {n}" for n in range(10)),
    )
    classifier = GenreClassifier(config, TorchNetwork(build_module(config)))
    return classifier.save_pretrained(tmp_path_factory.mktemp("models") / "quick")


def test_ten_hours_need_little_more_memory_than_three_minutes(quick_model, tmp_path):
    # getrusage does not serve: it includes the peak of the parent.
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc here")
    peaks = []
    for seconds in (180, 10 * 3600):
        path = tmp_path / f"{seconds}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 1, 1000, 0, "NONE", ""))
            file.writeframes(np.random.default_rng(0).integers(0, 256, seconds * 1000, np.uint8))
        peaks.append(peak_megabytes(quick_model, path, seconds))
    print(f"peak memory: 3 minutes {peaks[0]:.0f} MB, 10 hours {peaks[1]:.0f} MB")
    assert peaks[1] - peaks[0] < 60
