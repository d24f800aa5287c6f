"""Classify GTZAN's clips from their audio, and count how many are right.

    python scripts/measure_clips.py ../shared/data/gtzan/audio [--model NAME|FOLDER]

The folder has one folder for each genre. The weights in the wheel were trained
without these clips.
"""

import argparse
from collections import Counter
from pathlib import Path

from genreclf import Failure, GenreClassifier


def measure(classifier: GenreClassifier, folder: Path) -> tuple[int, int]:
    """How many clips get their folder's name as genre, and how many there are."""
    paths = sorted(folder.glob("*/*.flac"))
    right: Counter[str] = Counter()
    for path, result in zip(paths, classifier.predict_many(paths), strict=True):
        if isinstance(result, Failure):
            raise result.error
        right[path.parent.name] += result.genre == path.parent.name
    print(", ".join(f"{genre} {count}" for genre, count in sorted(right.items())))
    return right.total(), len(paths)


def main() -> None:
    """Print the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="dong2018")
    arguments = parser.parse_args()
    correct, total = measure(GenreClassifier.from_pretrained(arguments.model), arguments.folder)
    print(f"{correct} of {total} right")


if __name__ == "__main__":
    main()
