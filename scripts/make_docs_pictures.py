"""Makes the pictures of the documentation again, from the example songs.

    python scripts/make_docs_pictures.py

Writes to ``docs/pictures``; needs the extra ``plots``.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURES = {
    "timeline.png": ["timeline", "examples/songs/classical.flac"],
    "unsure.png": ["timeline", "examples/songs/blues.flac"],
    "spectrogram.png": ["spectrogram", "examples/songs/classical.flac"],
}


def main() -> None:
    """Draw each picture with the command that its page shows."""
    for name, arguments in PICTURES.items():
        output = ["--output", f"docs/pictures/{name}"]
        command = [sys.executable, "-m", "genreclf", "plot", *arguments, *output]
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
