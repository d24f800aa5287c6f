"""How time and memory grow with the number of files, their length, and the workers.

    python benchmarks/scaling.py [--files N] [--seconds S] [--workers W] [--engine processes]

Sound is noise in memory: what is measured is features, network and batching.
Each row runs in a process of its own.
"""

import argparse
import json
import subprocess
import sys

CODE = """
import json, resource, sys, time
import numpy as np
from genreclf import GenreClassifier
files, seconds, workers = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
engine = sys.argv[4]
samples = np.random.default_rng(0).standard_normal(int(seconds * 22050)).astype("float32") / 10
classifier = GenreClassifier.from_pretrained()
classifier.predict((samples[:22050], 22050))
began = time.perf_counter()
sounds = ((samples, 22050) for _ in range(files))
for result in classifier.predict_many(sounds, workers, engine=engine):
    pass
took = time.perf_counter() - began
print(json.dumps([took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def row(files: int, seconds: float, workers: int, engine: str) -> None:
    """Measure and print."""
    command = [sys.executable, "-c", CODE, str(files), str(seconds), str(workers), engine]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    took, peak = json.loads(done.stdout)
    print(f"{files:8}{seconds:10.0f}{workers:9}{took:9.2f}{files * seconds / took:9.0f}{peak:8.0f}")


def main() -> None:
    """Print three tables in one: each grows one thing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=16, help="(default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=30, help="(default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="(default: %(default)s)")
    parser.add_argument("--engine", default="threads", choices=["threads", "processes"])
    a = parser.parse_args()
    print(f"{'files':>8}{'seconds':>10}{'workers':>9}{'took s':>9}{'s/s':>9}{'peak MB':>8}")
    for factor in (1, 4, 16):
        row(a.files * factor, a.seconds, a.workers, a.engine)
    for factor in (4, 16, 64):
        row(a.files, a.seconds * factor, a.workers, a.engine)
    for workers in sorted({1, a.workers, 2 * a.workers}):
        row(a.files, 4 * a.seconds, workers, a.engine)


if __name__ == "__main__":
    main()
