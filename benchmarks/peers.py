"""Side by side with others that classify music, on the same files, in one run.

    python benchmarks/peers.py [FILE ...] [--rounds N] [--only NAME ...]

Without files, three minutes of generated sound as MP3 and 30 s as WAV. Each candidate
runs in processes of its own: one classifies the files several times and its best round
counts, others are started for a single WAV, to measure the cold start. Peers that are not
installed are left out. "bound" is nothing but decoding and resampling, in one thread:
what a classifier that costs nothing would take.
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
paths, rounds = sys.argv[2:], int(sys.argv[1])
def all_of(paths):
    if "classify_all" in globals():
        return classify_all(paths)
    return [classify(path) for path in paths]
best = []
for _ in range(rounds):
    wall, cpu = time.perf_counter(), time.process_time()
    all_of(paths)
    best.append((time.perf_counter() - wall, time.process_time() - cpu))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([min(w for w, _ in best), min(c for _, c in best), peak]))
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


def run(code: str, rounds: int, paths: list[str], threads: int) -> list[float] | None:
    """Best wall and processor seconds of the rounds and peak MB; None if it cannot run."""
    single = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"THREADS = {threads}\n{code}{HARNESS}",
         str(rounds), *paths],
        capture_output=True, text=True, env={**os.environ, **single}, check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        print(f"  left out: {(done.stderr.strip().splitlines() or ['no output'])[-1]}")
        return None
    return list(map(float, json.loads(lines[-1])))


def started(command: list[str]) -> tuple[float, float]:
    """Seconds and peak MB of a process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{command} failed")
    return time.perf_counter() - began, used.ru_maxrss / 1024


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
        print(f"{len(paths)} files, {seconds:.0f} s of sound, best of {arguments.rounds} rounds\n")
        print(f"{'':26}{'s/s':>7}{'of bound':>10}{'s/cpu-s':>9}{'of bound':>10}{'MB':>7}")
        bound: list[float] | None = None
        for name in dict.fromkeys(["bound", *arguments.only]):
            print(f"{name:26}", end="", flush=True)
            threads = len(os.sched_getaffinity(0)) if "all cores" in name else 1
            measured = run(CANDIDATES[name], arguments.rounds, paths, threads)
            if measured is None:
                continue
            bound = bound or measured
            wall, cpu, peak = measured
            print(f"{seconds / wall:7.0f}{bound[0] / wall:10.2f}"
                  f"{seconds / cpu:9.0f}{bound[1] / cpu:10.2f}{peak:7.0f}")  # fmt: skip
        python = sys.executable
        command = [python, "-m", "genreclf", "predict", wav]
        rounds = [(started([python, "-c", "import torch"]), started(command)) for _ in range(5)]
        (torch_s, _), (own_s, peak) = (min(side) for side in zip(*rounds, strict=True))
        print(f"\ncold start of `genreclf predict` on 30 s: {own_s:.2f} s and {peak:.0f} MB, "
              f"{own_s / torch_s:.2f} of `import torch` ({torch_s:.2f} s)")  # fmt: skip


if __name__ == "__main__":
    main()
