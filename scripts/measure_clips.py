"""Classify GTZAN's clips from their audio, and count the correct ones.

    python scripts/measure_clips.py path/to/gtzan/audio [--model NAME|FOLDER]

The folder has one subfolder of FLAC files per genre. The packaged weights were not trained on
the clips 00000 to 00009 of each genre; for jazz, 00000, 00001, 00002, 00004 to 00008, 00011 and
00012.
"""

import argparse
from collections import Counter
from pathlib import Path

from genreclf import Failure, GenreClassifier
from genreclf.pretrained import DEFAULT_MODEL


def measure(classifier: GenreClassifier, folder: Path) -> tuple[int, int]:
    """Return how many clips get their folder's name as genre, and how many there are."""
    paths = sorted(folder.glob("*/*.flac"))
    correct: Counter[str] = Counter()
    for path, result in zip(paths, classifier.predict_many(paths), strict=True):
        if isinstance(result, Failure):
            raise result.error
        correct[path.parent.name] += result.genre == path.parent.name
    print(", ".join(f"{genre} {count}" for genre, count in sorted(correct.items())))
    return correct.total(), len(paths)


def main() -> None:
    """Print the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="(default: %(default)s)")
    arguments = parser.parse_args()
    correct, total = measure(GenreClassifier.from_pretrained(arguments.model), arguments.folder)
    print(f"{correct} of {total} correct")


if __name__ == "__main__":
    main()
