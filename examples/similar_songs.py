"""Songs that sound alike: the nearest neighbours of each song of a folder.

    python examples/similar_songs.py ~/Music
    python examples/similar_songs.py ~/Music --count 5

Compares the vectors before the network's last layer: what it hears of a song, before
it decides on a genre.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.neighbors import NearestNeighbors

from genreclf import GenreClassifier, GenreclfError
from genreclf.audio import is_audio_path


def main() -> None:
    """Print each song and those that sound most like it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=3, help="neighbours of each song")
    options = parser.parse_args()

    classifier = GenreClassifier.from_pretrained()
    songs, vectors = [], []
    for path in sorted(filter(is_audio_path, options.folder.rglob("*"))):
        try:
            vectors.append(classifier.embed(path))
            songs.append(path)
        except GenreclfError as error:
            print(f"left out: {error}")
    if len(songs) < 2:
        parser.error(f"{options.folder} has fewer than two songs")

    index = NearestNeighbors(metric="cosine").fit(np.stack(vectors))
    distances, neighbours = index.kneighbors(n_neighbors=min(options.count, len(songs) - 1))
    for song, near, far in zip(songs, neighbours, distances, strict=True):
        print(song.name)
        for other, distance in zip(near, far, strict=True):
            print(f"    {1 - distance:.2f}  {songs[other].name}")


if __name__ == "__main__":
    main()
