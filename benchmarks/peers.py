"""Side by side with others that classify music, on the same files, in one run.

    python benchmarks/peers.py [FILE ...] [--rounds N] [--only NAME ...]

Without files, three minutes of generated sound as MP3 and 30 s as WAV. Each candidate has
a process of its own. They take turns, so that a machine that is faster now and slower then
is so for all, and medians of the rounds count; the first round, in which they warm up,
does not. Processes that are started for a single WAV measure the cold start.
Peers that are not installed are left out. "bound" is nothing but decoding and resampling,
in one thread: what a classifier that costs nothing would take.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median

RATE = 44_100

BOUND = """
import av, numpy, soxr
def classify(path):
    with av.open(path) as container:
        resampler, waiting, held = None, [], 0
        for frame in container.decode(audio=0):
            resampler = resampler or soxr.ResampleStream(frame.sample_rate, 22050, 1, "float32")
            waiting.append(frame.to_ndarray())
            held += frame.samples
            if held >= 2**16:
                resampler.resample_chunk(mono(waiting))
                waiting, held = [], 0
        resampler.resample_chunk(mono(waiting), last=True)
def mono(arrays):
    samples = numpy.concatenate(arrays, axis=1)
    scale = 2**15 if samples.dtype.kind == "i" else 1
    return samples.mean(axis=0, dtype=numpy.float32) / numpy.float32(scale)
"""
PLAIN = """
import librosa, numpy, torch
torch.set_num_threads(THREADS)
layers = torch.nn
network = layers.Sequential(
    layers.Conv2d(1, 64, (3, 3)), layers.ReLU(), layers.MaxPool2d((2, 4)),
    layers.Conv2d(64, 64, (3, 5)), layers.ReLU(), layers.MaxPool2d((2, 4)),
    layers.Flatten(), layers.Linear(64 * 14 * 14, 32), layers.ReLU(), layers.Linear(32, 10),
).eval()
def classify(path):
    samples, _ = librosa.load(path, sr=22050)
    mel = librosa.feature.melspectrogram(
        y=samples, sr=22050, n_fft=512, hop_length=256, n_mels=64, fmax=10000)
    frames = torch.from_numpy(numpy.log1p(mel)).unfold(1, 256, 128).transpose(0, 1)
    with torch.inference_mode():
        return network(frames[:, None]).softmax(1).mean(0)
"""
CANDIDATES = {
    "bound": BOUND,
    "genreclf, 1 worker": """
from genreclf import GenreClassifier
classify = GenreClassifier.from_pretrained().predict
""",
    "genreclf, all cores": """
from genreclf import GenreClassifier
classifier = GenreClassifier.from_pretrained()
def classify_all(paths):
    return list(classifier.predict_many(paths))
""",
    "genreclf, processes": """
import os
from genreclf import GenreClassifier
TIMES, PROCESSES = 10, len(os.sched_getaffinity(0))
classifier = GenreClassifier.from_pretrained()
def classify_all(paths):
    return list(classifier.predict_many(paths, engine="processes"))
""",
    "genreclf, torch": """
import torch
from genreclf import GenreClassifier
torch.set_num_threads(THREADS)
classify = GenreClassifier.from_pretrained(runtime="torch").predict
""",
    "plain paper pipeline": PLAIN,
    "musicnn": """
from musicnn.tagger import top_tags
def classify(path):
    return top_tags(path, model="MTT_musicnn", topN=1, print_tags=False)
""",
    "PANNs Cnn14": """
import librosa
from panns_inference import AudioTagging
tagger = AudioTagging(checkpoint_path=None, device="cpu")
def classify(path):
    return tagger.inference(librosa.load(path, sr=32000)[0][None])
""",
    "distilhubert": """
from transformers import pipeline
tagger = pipeline("audio-classification", "ntu-spml/distilhubert")
classify = tagger
""",
    "essentia, mel bands only": """
from essentia import standard as es
window, spectrum = es.Windowing(type="hann"), es.Spectrum()
bands = es.MelBands(numberBands=64, inputSize=257, sampleRate=22050, highFrequencyBound=10000)
def classify(path):
    samples = es.MonoLoader(filename=path, sampleRate=22050)()
    frames = es.FrameGenerator(samples, frameSize=512, hopSize=256)
    return [bands(spectrum(window(frame))) for frame in frames]
""",
}
HARNESS = """
import json, resource, sys, time
# Processes that are started for each round are given more to do than a few files.
times, processes = globals().get("TIMES", 1), globals().get("PROCESSES", 0)
def all_of(paths):
    if "classify_all" in globals():
        return classify_all(paths * times)
    return [classify(path) for path in paths]
def used():
    return [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
def cpu():
    return sum(usage.ru_utime + usage.ru_stime for usage in used())
print(flush=True)
for _ in sys.stdin:
    began, worked = time.perf_counter(), cpu()
    all_of(sys.argv[1:])
    wall, worked = (time.perf_counter() - began) / times, (cpu() - worked) / times
    own, child = [usage.ru_maxrss / 1024 for usage in used()]
    print(json.dumps([wall, worked, own + processes * child]), flush=True)
"""


def generate(folder: Path) -> None:
    """Four MP3 files of three minutes, and a WAV file of 30 s."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    import numpy as np

    from audio_files import encode

    rng = np.random.default_rng(0)
    for index in range(4):
        tones = np.sin(2 * np.pi * 110 * 2 ** rng.integers(0, 4, 720)[:, None] *
                       np.arange(RATE // 4) / RATE).ravel()  # fmt: skip
        left = 0.3 * tones + 0.05 * rng.standard_normal(len(tones))
        encode(folder / f"{index}.mp3", np.stack([left, left[::-1]], axis=1), RATE, "mp3")
    encode(folder / "short.wav", left[: 30 * RATE], RATE, "wav")


def duration(path: str) -> float:
    """Seconds of sound in a file."""
    from genreclf.audio import open_audio

    with open_audio(path, 22050) as stream:
        for _ in stream:
            pass
        return stream.duration


class Candidate:
    """A process that classifies the files whenever it is told to."""

    def __init__(self, name: str, paths: list[str]) -> None:
        threads = len(os.sched_getaffinity(0)) if name == "genreclf, all cores" else 1
        single = {key: str(threads) for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c",
             f"THREADS = {threads}\n{CANDIDATES[name]}{HARNESS}", *paths],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **single}, text=True,
        )  # fmt: skip
        self.installed = bool(self._process.stdout.readline())

    def round(self) -> list[float]:
        """Wall and processor seconds, and peak MB so far."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def end(self) -> str:
        """Have it end, and return the last line of what it complained of."""
        _, errors = self._process.communicate()
        return (errors.strip().splitlines() or ["no output"])[-1]


def started(command: list[str]) -> tuple[float, float]:
    """Seconds and peak MB of a process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{command} failed")
    return time.perf_counter() - began, used.ru_maxrss / 1024


def compare(names: list[str], paths: list[str], seconds: float, rounds: int) -> None:
    """Have all take turns, and print medians; the first one is what the others are compared to."""
    candidates = [Candidate(name, paths) for name in names]
    installed = [candidate for candidate in candidates if candidate.installed]
    for candidate in installed:
        candidate.round()
    # Each round of its own: machines are faster now and slower then.
    measured = [[candidate.round() for candidate in installed] for _ in range(rounds)]
    print(f"{'':26}{'s/s':>7}{'of bound':>10}{'s/cpu-s':>9}{'of bound':>10}{'MB':>7}")
    for index, candidate in enumerate(installed):
        wall, cpu = (median(turn[index][k] for turn in measured) for k in (0, 1))
        of_bound, cpu_of_bound = (
            median(turn[0][k] / turn[index][k] for turn in measured) for k in (0, 1)
        )
        print(f"{candidate.name:26}{seconds / wall:7.0f}{of_bound:10.2f}"
              f"{seconds / cpu:9.0f}{cpu_of_bound:10.2f}{measured[-1][index][2]:7.0f}")  # fmt: skip
    for candidate in candidates:
        complaint = candidate.end()
        if not candidate.installed:
            print(f"{candidate.name:26}left out: {complaint}")


def main() -> None:
    """Measure all, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", help="sound files (default: generated ones)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--only", nargs="*", default=list(CANDIDATES), help="candidates")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: what this one takes, Linux adds to its children's peak.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            pool.submit(generate, Path(folder)).result()
            paths = arguments.files or sorted(map(str, Path(folder).glob("*.mp3")))
            seconds = sum(pool.map(duration, paths))
        wav = str(Path(folder, "short.wav"))
        print(f"{len(paths)} files, {seconds:.0f} s of sound, {arguments.rounds} rounds in turn\n")
        compare(list(dict.fromkeys(["bound", *arguments.only])), paths, seconds, arguments.rounds)
        python = sys.executable
        command = [python, "-m", "genreclf", "predict", wav]
        rounds = [(started([python, "-c", "import torch"]), started(command)) for _ in range(5)]
        (torch_s, _), (own_s, peak) = (min(side) for side in zip(*rounds, strict=True))
        print(f"\ncold start of `genreclf predict` on 30 s: {own_s:.2f} s and {peak:.0f} MB, "
              f"{own_s / torch_s:.2f} of `import torch` ({torch_s:.2f} s)")  # fmt: skip


if __name__ == "__main__":
    main()
