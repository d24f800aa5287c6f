"""Tell the releases' genres from the tags that a larger network hears in them.

    python scripts/measure_tags.py ../shared/data

What musicnn's tags are worth on the releases, as a measure of what can be reached: it
was trained on some 200,000 songs, these among them. A support vector machine and a logistic
regression learn from the mean and the deviation of each track's tags; tested as
``measure_releases.py`` does, with GTZAN's 443 tracks that have tags.
"""

import argparse
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from development_data import TESTED_GENRES, folds, releases
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

MACHINES = {
    "support vectors": SVC(class_weight="balanced"),
    "logistic regression": LogisticRegression(C=0.01, class_weight="balanced", max_iter=3000),
}


def tags(data: Path) -> dict[str, NDArray[np.float64]]:
    """Of each track: mean and deviation of 50 tags over its segments."""
    with np.load(data / "teacher_tags.npz", allow_pickle=False) as stored:
        segments = np.split(stored["X"] / 255, np.cumsum(stored["n_segments"])[:-1])
        return {
            name: np.concatenate([heard.mean(0), heard.std(0)])
            for name, heard in zip(stored["ids"].tolist(), segments, strict=True)
        }


class Heard(NamedTuple):
    """What is heard in some tracks, and their genres."""

    tags: NDArray[np.float64]
    genres: NDArray[np.str_]


def said(
    machine: ClassifierMixin, tracks: Heard, always: Heard, parts: list[NDArray[np.int64]]
) -> NDArray[np.str_]:
    """The genre of each track, by a machine that learned from all other parts' and `always`."""
    answers = np.empty_like(tracks.genres)
    for part in parts:
        others = np.setdiff1d(np.arange(len(answers)), part)
        trained = make_pipeline(StandardScaler(), clone(machine)).fit(
            np.concatenate([always.tags, tracks.tags[others]]),
            np.concatenate([always.genres, tracks.genres[others]]),
        )
        answers[part] = trained.predict(tracks.tags[part])
    return answers


def main() -> None:
    """Print the recalls, after GTZAN and after other artists' releases too."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder with teacher_tags.npz and realworld/")
    data = parser.parse_args().data
    of_track = tags(data)
    tracks, tested, _ = releases(data, "logmel-13fps")
    heard = Heard(np.stack([of_track[name] for name in tracks.ids]), np.array(tracks.genres))
    clips = sorted(of_track.keys() - set(tracks.ids))
    gtzan = Heard(
        np.stack([of_track[name] for name in clips]),
        np.array([name.partition(".")[0] for name in clips]),
    )
    trained_on = {
        "GTZAN": [np.arange(len(tracks))],  # one part: no other releases to learn from
        "GTZAN and releases": folds(tracks, 3),
    }
    for (name, machine), (data_name, parts) in product(MACHINES.items(), trained_on.items()):
        answers = said(machine, heard, gtzan, parts)
        recalls = recall_score(
            heard.genres[tested], answers[tested], labels=TESTED_GENRES, average=None
        )
        each = ", ".join(f"{g} {r:.3f}" for g, r in zip(TESTED_GENRES, recalls, strict=True))
        print(f"{name}, {data_name}: {each}; mean {recalls.mean():.3f}")


if __name__ == "__main__":
    main()
