"""Print the genre of live sound: a microphone, a radio stream, any pipe.

Standard input is 16-bit little-endian mono sound. After each block of it, the genre of
the last seconds is printed:

    arecord -q -t raw -f S16_LE -r 22050 -c 1 | python examples/stream.py
    ffmpeg -v error -i https://radio.example/stream -f s16le -ar 22050 -ac 1 - |
        python examples/stream.py

Stop it with Ctrl-C.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from genreclf import GenreClassifier


def blocks(pipe: BinaryIO, samples: int) -> Iterator[np.ndarray]:
    """Read a pipe in blocks of `samples` samples; the last may be shorter."""
    while data := pipe.read(2 * samples):
        yield np.frombuffer(data[: len(data) // 2 * 2], "<i2")


def main() -> None:
    """Print a line per block."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=22050, help="sample rate in Hz")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two lines")
    parser.add_argument("--window", type=float, default=6.0, help="seconds that are classified")
    options = parser.parse_args()

    classifier = GenreClassifier.from_pretrained()
    recent = np.zeros(0, np.int16)
    n_samples = 0
    try:
        for block in blocks(sys.stdin.buffer, int(options.every * options.rate)):
            if not block.size:
                break
            n_samples += block.size
            recent = np.concatenate([recent, block])[-int(options.window * options.rate) :]
            prediction = classifier.predict((recent, options.rate))
            best = "  ".join(f"{genre} {p:.0%}" for genre, p in prediction.top(3))
            if "silent" in prediction.flags:
                best = "(silence)"
            print(f"{n_samples / options.rate:8.1f} s  {best}", flush=True)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
