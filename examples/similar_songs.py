"""Find similar songs: the nearest neighbors of each song in a folder.

    python examples/similar_songs.py ~/Music
    python examples/similar_songs.py ~/Music --count 5

Songs are compared by their embeddings, the input of the network's last layer, with the
cosine similarity.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.neighbors import NearestNeighbors

from genreclf import GenreClassifier, GenreclfError
from genreclf.audio import find_files


def main() -> None:
    """Print each song and the songs most similar to it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=3, help="number of neighbors")
    options = parser.parse_args()

    classifier = GenreClassifier.from_pretrained()
    songs, embeddings = [], []
    for path in find_files(options.folder):
        try:
            embeddings.append(classifier.embed(path))
            songs.append(path)
        except GenreclfError as error:
            print(f"left out: {error}")
    if len(songs) < 2:
        parser.error(f"{options.folder} has fewer than two songs")

    index = NearestNeighbors(metric="cosine").fit(np.stack(embeddings))
    distances, neighbors = index.kneighbors(n_neighbors=min(options.count, len(songs) - 1))
    for song, indices, row in zip(songs, neighbors, distances, strict=True):
        print(song.name)
        for other, distance in zip(indices, row, strict=True):
            print(f"    {1 - distance:.2f}  {songs[other].name}")


if __name__ == "__main__":
    main()
