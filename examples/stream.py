"""The genre of what is playing now: of a microphone, a radio, anything in a pipe.

Reads 16-bit little-endian mono sound from standard input, block by block, and prints
the genre of the last seconds after each block:

    arecord -q -t raw -f S16_LE -r 22050 -c 1 | python examples/stream.py
    ffmpeg -v error -i https://radio.example/stream -f s16le -ar 22050 -ac 1 - |
        python examples/stream.py

It goes on until the sound ends or Ctrl-C.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from genreclf import GenreClassifier


def blocks(pipe: BinaryIO, samples: int) -> Iterator[np.ndarray]:
    """The sound of a pipe in blocks of that many samples; the last may be shorter."""
    while data := pipe.read(2 * samples):
        yield np.frombuffer(data[: len(data) // 2 * 2], "<i2")


def main() -> None:
    """Print a line per block."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=22050, help="of the sound, in Hz")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two answers")
    parser.add_argument("--window", type=float, default=6.0, help="seconds that each is about")
    options = parser.parse_args()

    classifier = GenreClassifier.from_pretrained()
    recent = np.zeros(0, np.int16)
    heard = 0
    try:
        for block in blocks(sys.stdin.buffer, int(options.every * options.rate)):
            if not block.size:
                break
            heard += block.size
            recent = np.concatenate([recent, block])[-int(options.window * options.rate) :]
            prediction = classifier.predict((recent, options.rate))
            best = "  ".join(f"{genre} {share:.0%}" for genre, share in prediction.top(3))
            if "silent" in prediction.flags:
                best = "(silence)"
            print(f"{heard / options.rate:8.1f} s  {best}", flush=True)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
