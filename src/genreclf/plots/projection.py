"""Projection of the network's input and its last hidden layer to two dimensions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from genreclf.data import FeatureSet
from genreclf.errors import DatasetError
from genreclf.features import Frames, iter_segments, segment_hop
from genreclf.plots.figure import INK, new_figure, plain, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from genreclf.classifier import GenreClassifier

Vectors: TypeAlias = NDArray[np.float64]
"""Shape (tracks, dimensions)."""

Point: TypeAlias = NDArray[np.float64]
"""Shape (2,)."""

SHRINKAGE = 0.2

# Petroff's ten colors (arXiv 2107.02270), distinct with any color vision; in gray, markers
# and names distinguish the genres.
_COLORS = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)
_MARKERS = "os^DvP*X<>dph"
_LABEL_GAP = 0.045


def projection(classifier: GenreClassifier, features: FeatureSet, seed: int = 0) -> Figure:
    """Project the network's input and its last hidden layer to two dimensions.

    As in Dong 2018, linear discriminant analysis (LDA; scikit-learn's, on standardized
    values, with each genre's covariance shrunk by 0.2 to a multiple of the identity) finds
    the two directions that separate the genres best. It is fitted on a random half of each
    genre's tracks and shows the other half; a group (artist, album) is in one half only.
    Use tracks that the *network* was not trained on, or its layer looks better than it is.

    The input of a track is the mean and standard deviation over time of each bin of its
    normalized segments, averaged over the segments; its hidden layer is the mean of the
    segments' embeddings. Two scatter plots show the same tracks, with the accuracy of the LDA
    as a classifier.

    Parameters
    ----------
    classifier : GenreClassifier
    features : FeatureSet
        At least three genres, with at least two tracks (groups) each.
    seed : int
        Random seed of the halves.

    Raises
    ------
    DatasetError
        If there are too few genres or tracks, or the features are not those of the model.
    """
    _check(classifier, features)
    fitted, shown = _halves(features, seed)
    inputs, hidden = represent(classifier, features)
    figure = new_figure(12, 6.4)
    panels = figure.subplots(1, 2)
    genres = np.array(features.genres)[shown]
    names = ("Input: mel spectrum", "Last hidden layer")
    for axes, name, vectors in zip(panels, names, (inputs, hidden), strict=True):
        points, accuracy = _project(vectors, features.targets, fitted, shown)
        _scatter(axes, points, genres, features.labels)
        title(axes, name, f"LDA alone classifies {accuracy:.0%} of these tracks correctly")
    figure.suptitle(
        f"{len(shown)} tracks, projected by an LDA fitted on {len(fitted)} others",
        fontsize=10,
        color=INK,
    )
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=10, frameon=False)
    return figure


def represent(classifier: GenreClassifier, features: FeatureSet) -> tuple[Vectors, Vectors]:
    """Compute the vectors of each track that :func:`projection` projects.

    The input has shape (tracks, 2 * bins), the hidden layer (tracks, dimensions).
    """
    extractor = classifier.extractor
    length = extractor.segment_frames
    hop = segment_hop(length, classifier.config.overlap)
    inputs, hidden = [], []
    for track in range(len(features)):
        frames = features.frames(track)
        batches = iter_segments([Frames.audible(frames)], length, hop)
        segments = np.concatenate([extractor.normalize(batch.data) for batch in batches])
        over_time = np.concatenate([segments.mean(axis=2), segments.std(axis=2)], axis=1)
        inputs.append(over_time.mean(axis=0))
        hidden.append(classifier.embed_frames(frames))
    return np.array(inputs, np.float64), np.array(hidden, np.float64)


def _check(classifier: GenreClassifier, features: FeatureSet) -> None:
    wanted = classifier.config.features
    features.check_extractor(wanted.name, wanted.parameters, "the model")
    pairs = {(genre, group or name) for genre, group, name in _members(features)}
    counts = Counter(genre for genre, _ in pairs)
    if len(counts) < 3:
        raise DatasetError(f"a projection needs at least three genres, not {sorted(counts)}")
    small = sorted(genre for genre, count in counts.items() if count < 2)
    if small:
        raise DatasetError(f"a projection needs at least two tracks (groups) of {', '.join(small)}")


def _members(features: FeatureSet) -> list[tuple[str, str | None, str]]:
    return list(zip(features.genres, features.groups, features.ids, strict=True))


def _halves(features: FeatureSet, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    from sklearn.model_selection import StratifiedGroupKFold

    groups = [group or f"\0{name}" for _, group, name in _members(features)]
    folds = StratifiedGroupKFold(2, shuffle=True, random_state=seed)
    fitted, shown = next(folds.split(np.zeros(len(features)), features.targets, groups))
    absent = set(features.targets) - set(features.targets[fitted])
    if absent:
        names = ", ".join(features.labels[index] for index in sorted(absent))
        raise DatasetError(f"too few groups for a projection: one half has none of {names}")
    return fitted, shown


def _project(
    vectors: Vectors,
    targets: NDArray[np.int64],
    fitted: NDArray[np.int64],
    shown: NDArray[np.int64],
) -> tuple[Vectors, float]:
    from sklearn.covariance import ShrunkCovariance
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    analysis = LinearDiscriminantAnalysis(
        solver="eigen", covariance_estimator=ShrunkCovariance(shrinkage=SHRINKAGE), n_components=2
    )
    spread = vectors[fitted].std(axis=0)
    varies = spread > 1e-6 * spread.max()  # a unit may be constant over all tracks
    if varies.sum() < 2:
        raise DatasetError("the network's last hidden layer is the same for all of these tracks")
    scaled = (vectors[:, varies] - vectors[fitted][:, varies].mean(axis=0)) / spread[varies]
    analysis.fit(scaled[fitted], targets[fitted])
    accuracy = float((analysis.predict(scaled[shown]) == targets[shown]).mean())
    return np.asarray(analysis.transform(scaled[shown])), accuracy


def _scatter(
    axes: Axes, points: Vectors, genres: NDArray[np.str_], labels: tuple[str, ...]
) -> None:
    from matplotlib.patheffects import withStroke

    centers = {}
    for number, label in enumerate(labels):
        chosen = points[genres == label]
        if not len(chosen):
            continue
        axes.scatter(
            chosen[:, 0],
            chosen[:, 1],
            s=44,
            marker=_MARKERS[number % len(_MARKERS)],
            color=_COLORS[number % len(_COLORS)],
            edgecolor="white",
            linewidth=0.4,
            alpha=0.85,
            label=plain(label),
        )
        centers[label] = np.median(chosen, axis=0)
    axes.set(xticks=[], yticks=[], xlabel="first discriminant", ylabel="second discriminant")
    axes.margins(0.06)
    halo = [withStroke(linewidth=2.5, foreground="white", alpha=0.8)]
    for label, (x, y) in _place_labels(axes, centers).items():
        axes.text(
            x,
            y,
            plain(label),
            transform=axes.transAxes,
            ha="center",
            va="center",
            fontsize=9.5,
            fontweight="bold",
            color=INK,
            alpha=0.9,
            path_effects=halo,
        )


def _place_labels(axes: Axes, centers: dict[str, Point]) -> dict[str, Point]:
    """Place the labels, in fractions of the axes: move them up and down until none overlap."""
    to_axes = axes.transData + axes.transAxes.inverted()
    places = {label: np.array(to_axes.transform(center)) for label, center in centers.items()}
    for _ in range(200):
        moved = False
        for one, other in _overlapping(places):
            low, high = sorted((one, other), key=lambda label: (places[label][1], label))
            missing = _LABEL_GAP - (places[high][1] - places[low][1])
            places[low][1] -= 0.51 * missing
            places[high][1] += 0.51 * missing
            moved = True
        if not moved:
            break
    return {label: np.clip(place, 0.03, 0.97) for label, place in places.items()}


def _overlapping(places: dict[str, Point]) -> list[tuple[str, str]]:
    names = list(places)
    return [
        (one, other)
        for index, one in enumerate(names)
        for other in names[:index]
        if abs(places[one][1] - places[other][1]) < _LABEL_GAP
        and abs(places[one][0] - places[other][0]) < 0.0105 * (len(one) + len(other))
    ]
