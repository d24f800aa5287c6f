"""Write an M3U playlist for each genre.

    python examples/playlists.py ~/Music ~/Playlists
    python examples/playlists.py ~/Music ~/Playlists --confidence 0.5

Songs below the confidence are left out.
"""

import argparse
from collections import defaultdict
from pathlib import Path

from genreclf import Failure, GenreClassifier
from genreclf.audio import find_files


def main() -> None:
    """Write the playlists, and print the number of songs in each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("music", type=Path, help="folder to search, recursively")
    parser.add_argument("playlists", type=Path, help="folder for the playlists")
    parser.add_argument("--confidence", type=float, default=0.0, help="minimum, 0 to 1")
    options = parser.parse_args()

    songs = list(find_files(options.music.resolve()))
    results = GenreClassifier.from_pretrained().predict_many(songs)
    playlists = defaultdict(list)
    for song, result in zip(songs, results, strict=True):
        if isinstance(result, Failure):
            print(f"left out: {result.error}")
        elif result.confidence >= options.confidence:
            playlists[result.genre].append(
                f"#EXTINF:{round(result.duration)},{song.stem}\n{song}\n"
            )

    options.playlists.mkdir(parents=True, exist_ok=True)
    for genre, entries in sorted(playlists.items()):
        path = options.playlists / f"{genre}.m3u8"
        path.write_text("#EXTM3U\n" + "".join(entries), encoding="utf-8")
        print(f"{path}: {len(entries)} songs")


if __name__ == "__main__":
    main()
