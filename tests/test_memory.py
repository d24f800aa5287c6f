"""A long file takes no more memory than a short one."""

import subprocess
import sys
import wave

import numpy as np
import pytest

MEASURE = """
import resource, sys
from genreclf import GenreClassifier
prediction = GenreClassifier.from_pretrained(sys.argv[1]).predict(sys.argv[2])
print(prediction.duration, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_megabytes(model, path, seconds):
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(model), str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    duration, kilobytes = map(float, done.stdout.split())
    assert duration == pytest.approx(seconds)
    return kilobytes / 1024


def test_three_hours_take_little_more_than_three_minutes(model_folder, tmp_path):
    pytest.importorskip("resource")
    peaks = []
    for seconds in (180, 3 * 3600):
        path = tmp_path / f"{seconds}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 1, 1000, 0, "NONE", ""))
            file.writeframes(np.random.default_rng(0).integers(0, 256, seconds * 1000, np.uint8))
        peaks.append(peak_megabytes(model_folder, path, seconds))
    print(f"peak memory: 3 minutes {peaks[0]:.0f} MB, 3 hours {peaks[1]:.0f} MB")
    assert peaks[1] - peaks[0] < 150
