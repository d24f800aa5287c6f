"""Measure what README's first command costs: seconds to the first answer, and megabytes.

    python benchmarks/install.py [--runs N]

It makes a new virtual environment, installs the core of this checkout with the tested versions
(constraints.txt), and classifies the example songs, as README tells a newcomer to do. pip's
cache is used as it is: the first run on a machine takes longer, by the download.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
PARTS = ("scipy", "onnxruntime", "av", "sklearn", "numpy", "pip")


def size(folder: Path, prefix: str = "") -> float:
    """Return the megabytes (2^20 bytes) of files whose path in a folder has a prefix."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    chosen = (path for path in files if path.relative_to(folder).as_posix().startswith(prefix))
    return sum(path.stat().st_size for path in chosen) / 2**20


def install(folder: Path) -> tuple[dict[str, float], Path]:
    """Return the seconds of each step, and the environment's site-packages."""
    python, pip = folder / "bin" / "python", folder / "bin" / "pip"
    steps = {
        "environment": [sys.executable, "-m", "venv", folder],
        "installation": [pip, "install", "-q", "-c", ROOT / "constraints.txt", ROOT],
        "five songs": [folder / "bin" / "genreclf", "predict", ROOT / "examples" / "songs"],
    }
    seconds = {}
    for name, command in steps.items():
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds[name] = time.perf_counter() - began
    where = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    return seconds, Path(subprocess.run(where, capture_output=True, text=True).stdout.strip())


def main() -> None:
    """Print the median of each step, and the sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    runs = []
    for _ in range(parser.parse_args().runs):
        with tempfile.TemporaryDirectory() as folder:
            seconds, packages = install(Path(folder) / "venv")
            runs.append(seconds)
            sizes = {part: size(packages, part) for part in PARTS}
            total = size(packages)
    for step in runs[0]:
        print(f"{step}: {median(run[step] for run in runs):.1f} s")
    print(f"to the first answer: {median(sum(run.values()) for run in runs):.1f} s")
    print(f"site-packages: {total:.0f} MB")
    for part, megabytes in sizes.items():
        print(f"  {part}: {megabytes:.0f} MB")


if __name__ == "__main__":
    main()
