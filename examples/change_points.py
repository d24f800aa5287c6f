"""Find where a DJ mix, a radio show or a concert changes its genre.

    python examples/change_points.py mix.mp3
    python examples/change_points.py mix.mp3 --seconds 30

Each line is a stretch of one genre. Single segments are unreliable, so their
probabilities are averaged over a sliding window.
"""

import argparse
from itertools import groupby

import numpy as np

from genreclf import GenreClassifier, Prediction
from genreclf.prediction import UNKNOWN


def stretches(prediction: Prediction, seconds: float) -> list[tuple[float, float, str]]:
    """Return start and end (in seconds) and genre of each stretch of one genre.

    Parameters
    ----------
    prediction : Prediction
        With a timeline of at least one segment.
    seconds : float
        Length of the sliding window.
    """
    timeline = prediction.timeline
    genres = list(prediction.probabilities)
    starts = np.array([segment.start for segment in timeline])
    rows = np.array([list(segment.probabilities.values()) for segment in timeline])
    audible = np.array([segment.genre != UNKNOWN for segment in timeline])
    names = []
    for start, is_audible in zip(starts, audible, strict=True):
        window = audible & (np.abs(starts - start) <= seconds / 2)
        names.append(genres[rows[window].mean(axis=0).argmax()] if is_audible else "silence")
    runs = [list(run) for _, run in groupby(range(len(names)), key=names.__getitem__)]
    begins = [float(starts[run[0]]) for run in runs]
    ends = [*begins[1:], prediction.duration]
    return [(a, b, names[run[0]]) for a, b, run in zip(begins, ends, runs, strict=True)]


def clock(seconds: float) -> str:
    """Format a time as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def main() -> None:
    """Print the stretches."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mix")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the sliding window")
    options = parser.parse_args()

    prediction = GenreClassifier.from_pretrained().predict(options.mix)
    for start, end, genre in stretches(prediction, options.seconds):
        print(f"{clock(start):>7} to {clock(end):>7}  {genre}")


if __name__ == "__main__":
    main()
