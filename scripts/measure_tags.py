"""Classify the releases from the tags that a larger network predicts for them.

    python scripts/measure_tags.py ../shared/data

The result shows what is within reach: musicnn, which predicts the tags, was trained on some
200,000 songs, these among them. A support vector machine and a logistic regression learn from
the mean and the standard deviation of each track's tags. They are tested like the networks in
``measure_releases.py``, with GTZAN's 443 tracks that have tags.
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

MODELS = {
    "support vectors": SVC(class_weight="balanced"),
    "logistic regression": LogisticRegression(C=0.01, class_weight="balanced", max_iter=3000),
}


def tags(data: Path) -> dict[str, NDArray[np.float64]]:
    """Return the mean and standard deviation of each track's 50 tags over its segments."""
    with np.load(data / "teacher_tags.npz", allow_pickle=False) as stored:
        segments = np.split(stored["X"] / 255, np.cumsum(stored["n_segments"])[:-1])
        return {
            name: np.concatenate([values.mean(0), values.std(0)])
            for name, values in zip(stored["ids"].tolist(), segments, strict=True)
        }


class Examples(NamedTuple):
    """Tags of some tracks, and their genres."""

    tags: NDArray[np.float64]
    genres: NDArray[np.str_]


def cross_predict(
    model: ClassifierMixin, tracks: Examples, always: Examples, parts: list[NDArray[np.int64]]
) -> NDArray[np.str_]:
    """Predict the genre of each track with a model trained on the other parts and `always`."""
    predicted = np.empty_like(tracks.genres)
    for part in parts:
        others = np.setdiff1d(np.arange(len(predicted)), part)
        trained = make_pipeline(StandardScaler(), clone(model)).fit(
            np.concatenate([always.tags, tracks.tags[others]]),
            np.concatenate([always.genres, tracks.genres[others]]),
        )
        predicted[part] = trained.predict(tracks.tags[part])
    return predicted


def main() -> None:
    """Print the recalls after training on GTZAN, and on other artists' releases as well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder with teacher_tags.npz and realworld/")
    data = parser.parse_args().data
    of_track = tags(data)
    tracks, tested, _ = releases(data, "logmel-13fps")
    examples = Examples(np.stack([of_track[name] for name in tracks.ids]), np.array(tracks.genres))
    clips = sorted(of_track.keys() - set(tracks.ids))
    gtzan = Examples(
        np.stack([of_track[name] for name in clips]),
        np.array([name.partition(".")[0] for name in clips]),
    )
    trained_on = {
        "GTZAN": [np.arange(len(tracks))],  # one part: no other releases to learn from
        "GTZAN and releases": folds(tracks, 3),
    }
    for (name, model), (data_name, parts) in product(MODELS.items(), trained_on.items()):
        predicted = cross_predict(model, examples, gtzan, parts)
        recalls = recall_score(
            examples.genres[tested], predicted[tested], labels=TESTED_GENRES, average=None
        )
        each = ", ".join(f"{g} {r:.3f}" for g, r in zip(TESTED_GENRES, recalls, strict=True))
        print(f"{name}, {data_name}: {each}; mean {recalls.mean():.3f}")


if __name__ == "__main__":
    main()
