"""Metrics against values computed by hand and by scikit-learn."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest

from genreclf.errors import DatasetError
from genreclf.metrics import (
    calibration_bins,
    expected_calibration_error,
    risk_coverage_curve,
    score,
    summarize_runs,
    wilson_interval,
)
from genreclf.scores import Scores

# Four tracks: the first three are correct, the last (jazz) is predicted as metal.
PROBABILITIES = [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.2, 0.3, 0.5], [0.05, 0.05, 0.9]]
TARGETS = [0, 1, 2, 1]
LABELS = ("blues", "jazz", "metal")


def random_case(tracks=300, labels=7, seed=0):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(labels, 0.5), tracks)
    targets = np.where(
        rng.random(tracks) < 0.5, probabilities.argmax(1), rng.integers(0, labels, tracks)
    )
    return probabilities, targets, tuple(f"genre {i}" for i in range(labels))


def test_by_hand():
    scores = score(PROBABILITIES, TARGETS, LABELS, segment_accuracy=0.5)
    assert scores.tracks == 4
    assert scores.accuracy == 0.75
    assert scores.segment_accuracy == 0.5
    assert scores.confusion == ((1, 0, 0), (0, 1, 1), (0, 0, 1))
    by_genre = {g.genre: (g.precision, g.recall, g.f1, g.support) for g in scores.genres}
    assert by_genre["blues"] == (1, 1, 1, 1)
    assert by_genre["jazz"] == pytest.approx((1, 0.5, 2 / 3, 2))
    assert by_genre["metal"] == pytest.approx((0.5, 1, 2 / 3, 1))
    assert scores.macro_f1 == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    logs = [math.log(p) for p in (0.7, 0.6, 0.5, 0.05)]
    assert scores.log_loss == pytest.approx(-sum(logs) / 4)


def test_calibration_error_by_hand():
    # Bins of 1/15: 0.5 is in (7/15, 8/15], 0.6 is the end of (8/15, 9/15], and so on;
    # each track has a bin of its own, where the gap is |correct - confidence|.
    scores = score(PROBABILITIES, TARGETS, LABELS)
    assert scores.calibration_error == pytest.approx((0.3 + 0.4 + 0.5 + 0.9) / 4)
    assert [part.tracks for part in scores.calibration if part.tracks] == [1, 1, 1, 1]


def test_calibration_bins_average_their_tracks():
    confidence = np.array([0.2, 0.3, 0.5, 0.9, 1.0])
    correct = np.array([True, False, False, True, True])
    low, high = calibration_bins(confidence, correct, bins=2)
    assert (low.lower, low.upper, high.upper) == (0.0, 0.5, 1.0)
    assert (low.tracks, high.tracks) == (3, 2)  # 0.5 belongs to the lower bin
    assert (low.confidence, low.accuracy) == pytest.approx((1 / 3, 1 / 3))
    assert (high.confidence, high.accuracy) == pytest.approx((0.95, 1.0))
    assert expected_calibration_error([low, high]) == pytest.approx(2 / 5 * 0.05)


def test_risk_coverage_by_hand():
    points = risk_coverage_curve(
        np.array([0.5, 0.9, 0.9, 0.7]), np.array([True, True, False, False])
    )
    found = [(p.confidence, p.coverage, p.accuracy) for p in points]
    # Two predictions of equal confidence are one point.
    assert found == [(0.9, 0.5, 0.5), (0.7, 0.75, pytest.approx(1 / 3)), (0.5, 1.0, 0.5)]


def test_long_risk_coverage_curves_are_thinned():
    rng = np.random.default_rng(0)
    points = risk_coverage_curve(rng.random(5000), rng.random(5000) < 0.5, points=50)
    assert len(points) == 50
    assert points[-1].coverage == 1.0
    assert all(a.coverage < b.coverage for a, b in pairwise(points))


def test_against_scikit_learn():
    from sklearn import metrics

    probabilities, targets, labels = random_case()
    predicted = probabilities.argmax(1)
    scores = score(probabilities, targets, labels)
    assert scores.accuracy == metrics.accuracy_score(targets, predicted)
    assert scores.macro_f1 == pytest.approx(metrics.f1_score(targets, predicted, average="macro"))
    assert scores.log_loss == pytest.approx(metrics.log_loss(targets, probabilities))
    np.testing.assert_array_equal(scores.confusion, metrics.confusion_matrix(targets, predicted))
    recalls = metrics.recall_score(targets, predicted, average=None)
    assert [genre.recall for genre in scores.genres] == pytest.approx(list(recalls))


@pytest.mark.parametrize(
    ("correct", "tracks", "expected"),
    # Newcombe (1998), table I: the score method without continuity correction.
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0.0, 0.1611))],
)
def test_wilson_interval_as_published(correct, tracks, expected):
    assert wilson_interval(correct, tracks) == pytest.approx(expected, abs=5e-5)


def test_wilson_interval_of_all_correct():
    low, high = wilson_interval(29, 29)
    assert high == pytest.approx(1.0)
    assert low == pytest.approx(0.8830, abs=5e-5)


def test_genre_without_tracks_does_not_lower_macro_f1():
    scores = score([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]], [0, 1], LABELS)
    assert scores.macro_f1 == 1.0
    assert scores.genres[2].support == 0


def test_certain_and_wrong_has_finite_log_loss():
    assert 30 < score([[1.0, 0.0]], [1], ("a", "b")).log_loss < 50


@pytest.mark.parametrize(
    ("probabilities", "targets", "message"),
    [
        (np.empty((0, 3)), np.empty(0, int), "no tracks"),
        ([[0.5, 0.5]], [0], "shape"),
        ([[0.5, 0.2, 0.1]], [0], "sum to 1"),
        ([[1.5, -0.5, 0.0]], [0], "sum to 1"),
        ([[np.nan, 0.5, 0.5]], [0], "sum to 1"),
        (PROBABILITIES, [0, 1, 2, 3], "targets"),
        (PROBABILITIES, [0, 1, 2, -1], "targets"),
        (PROBABILITIES, [0.0, 1.0, 2.0, 1.0], "targets"),
        (PROBABILITIES, [0, 1, 2], "shape"),
    ],
)
def test_invalid_input_is_rejected(probabilities, targets, message):
    with pytest.raises(DatasetError, match=message):
        score(probabilities, targets, LABELS)


def test_survives_json():
    scores = score(*random_case(), segment_accuracy=0.4)
    record = json.loads(json.dumps(scores.to_dict(), allow_nan=False))
    assert record["version"] == 1
    assert Scores.from_dict(record) == scores


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 2},
        {"confusion": [[1]]},
        {"genres": [{"genre": "blues"}]},
        {"accuracy": "high"},
        {"interval": [0.1]},
    ],
)
def test_damaged_records_are_refused(damage):
    record = {**score(PROBABILITIES, TARGETS, LABELS).to_dict(), **damage}
    with pytest.raises(DatasetError):
        Scores.from_dict(record)


def test_summary_by_hand():
    correct = score([[0.9, 0.1], [0.2, 0.8]], [0, 1], ("a", "b"))
    half = score([[0.9, 0.1], [0.2, 0.8]], [0, 0], ("a", "b"))
    spread = summarize_runs([correct, half, half])["accuracy"]
    assert (spread.minimum, spread.maximum, spread.runs) == (0.5, 1.0, 3)
    assert spread.mean == pytest.approx(2 / 3)
    assert spread.deviation == pytest.approx(math.sqrt((1 / 9 + 1 / 36 + 1 / 36) / 2))


def test_summary_of_one_run_has_no_deviation_and_no_unknown_figures():
    summary = summarize_runs([score(PROBABILITIES, TARGETS, LABELS)])
    assert summary["accuracy"].deviation is None
    assert "segment_accuracy" not in summary


def test_summary_of_nothing():
    with pytest.raises(DatasetError, match="no runs"):
        summarize_runs([])
