"""A playlist per genre, as M3U files that any player opens.

    python examples/playlists.py ~/Music ~/Playlists
    python examples/playlists.py ~/Music ~/Playlists --confidence 0.5

Songs below the confidence go into none; songs that are too unsure are better left out.
"""

import argparse
from collections import defaultdict
from pathlib import Path

from genreclf import Failure, GenreClassifier
from genreclf.audio import is_audio_path


def main() -> None:
    """Write the playlists, and print how many songs each has."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("music", type=Path, help="searched with its subfolders")
    parser.add_argument("playlists", type=Path, help="gets a file per genre")
    parser.add_argument("--confidence", type=float, default=0.0, help="at least, 0 to 1")
    options = parser.parse_args()

    songs = sorted(filter(is_audio_path, options.music.resolve().rglob("*")))
    found = defaultdict(list)
    for song, result in zip(
        songs, GenreClassifier.from_pretrained().predict_many(songs), strict=True
    ):
        if isinstance(result, Failure):
            print(f"left out: {result.error}")
        elif result.confidence >= options.confidence:
            found[result.genre].append(f"#EXTINF:{round(result.duration)},{song.stem}\n{song}\n")

    options.playlists.mkdir(parents=True, exist_ok=True)
    for genre, entries in sorted(found.items()):
        path = options.playlists / f"{genre}.m3u8"
        path.write_text("#EXTM3U\n" + "".join(entries), encoding="utf-8")
        print(f"{path}: {len(entries)} songs")


if __name__ == "__main__":
    main()
