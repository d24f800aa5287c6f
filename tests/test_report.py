"""Evaluations and reports."""

import base64
import dataclasses
import json
from html.parser import HTMLParser

import numpy as np
import pytest

from conftest import LABELS, noise
from genreclf.data.dataset import Skipped
from genreclf.data.feature_set import FeatureSet
from genreclf.errors import DatasetError
from genreclf.evaluation.evaluate import (
    Evaluation,
    TrackResult,
    evaluate,
    pool,
    score_tracks,
)
from genreclf.evaluation.neighbors import NeighborPrecision, Neighbors
from genreclf.evaluation.report import read_evaluations, read_scores, write_report
from genreclf.evaluation.robustness import PerturbationResult, Robustness
from genreclf.features import make_extractor

STRANGER = TrackResult("x", "a", "a", 0.5, (0.5, 0.5), 1, 1)
FETCHING = {"src", "href", "srcset", "data", "action", "poster"}
VOID = {"meta", "img", "br", "link", "input", "hr"}


@pytest.fixture(scope="module")
def features():
    extractor = make_extractor("logmel-13fps")
    genres = ("metal", "blues", "jazz", "metal")
    frames = [extractor.transform(noise(7 + i, seed=i)) for i in range(len(genres))]
    labels = ("metal", "jazz", "blues")  # not the model's order
    return FeatureSet.from_frames("logmel-13fps", frames, list("abcd"), genres, labels=labels)


class Page(HTMLParser):
    """Elements that are open, texts, and everything that a browser would fetch."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.fetched, self.texts = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.fetched += [
            value for name, value in attrs if name in ("src", "href", "srcset", "data")
        ]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(self.texts)


def result(name, genre, probabilities, segments=4, correct=2):
    best = int(np.argmax(probabilities))
    return TrackResult(
        name, genre, LABELS[best], probabilities[best], tuple(probabilities), segments, correct
    )


def evaluation(*tracks, skipped=(), name=""):
    return Evaluation(score_tracks(tracks, LABELS), tracks, skipped, name)


@pytest.fixture
def sample():
    return evaluation(
        result("fine", "blues", [0.8, 0.1, 0.1]),
        result("<script>alert(1)</script>", "jazz", [0.0625, 0.0625, 0.875]),
        result("unsure", "metal", [0.25, 0.5, 0.25]),
        skipped=(Skipped("broken & gone.wav", "holds no <sound>"),),
    )


def test_evaluate_counts_tracks_and_segments(classifier, features):
    seen = []
    found = evaluate(classifier, features, progress=seen.append, name="seed 1")
    assert found.scores.labels == LABELS
    assert [track.id for track in found.tracks] == list("abcd")
    assert found.tracks == tuple(seen)
    predictions = [classifier.predict_frames(features.frames(i)) for i in range(4)]
    assert [track.predicted for track in found.tracks] == [p.genre for p in predictions]
    assert [track.confidence for track in found.tracks] == [p.confidence for p in predictions]
    correct = [p.genre == genre for p, genre in zip(predictions, features.genres, strict=True)]
    assert found.scores.accuracy == np.mean(correct)
    of_segments = [
        segment.genre == genre
        for p, genre in zip(predictions, features.genres, strict=True)
        for segment in p.timeline
    ]
    assert found.scores.segment_accuracy == pytest.approx(np.mean(of_segments))
    # Rows of the confusion matrix are true genres, in the model's order.
    assert [sum(row) for row in found.scores.confusion] == [1, 1, 2]


def test_unknown_genre_is_named(classifier, features):
    labels = (*features.labels, "polka")
    strange = FeatureSet.from_frames(
        "logmel-13fps", [features.frames(0)], ["x"], ["polka"], labels=labels
    )
    with pytest.raises(DatasetError, match="'polka'"):
        evaluate(classifier, strange)


def test_label_without_tracks_may_be_unknown(classifier, features):
    labels = (*features.labels, "polka")
    known = FeatureSet.from_frames(
        "logmel-13fps", [features.frames(0)], ["x"], ["metal"], labels=labels
    )
    assert evaluate(classifier, known).scores.tracks == 1


def test_other_features_are_refused(classifier):
    extractor = make_extractor("logmel-dong2018")
    frames = [extractor.transform(noise(5))]
    other = FeatureSet.from_frames("logmel-dong2018", frames, ["x"], ["metal"])
    with pytest.raises(DatasetError, match="extract them again"):
        evaluate(classifier, other)


def test_no_tracks(classifier, features):
    with pytest.raises(DatasetError, match="no tracks"):
        evaluate(classifier, features.subset([]))


def test_what_the_data_left_out_is_carried_along(classifier, features):
    known = dataclasses.replace(features, skipped=(Skipped("jazz.00054", "broken"),))
    assert evaluate(classifier, known).skipped == (Skipped("jazz.00054", "broken"),)


def test_worst_errors_have_the_highest_confidence(sample):
    assert [track.id for track in sample.worst_errors()] == ["<script>alert(1)</script>", "unsure"]
    assert len(sample.worst_errors(1)) == 1


def test_pooled_runs(sample):
    other = evaluation(result("new", "metal", [0.0, 0.0, 1.0], segments=8, correct=8))
    together = pool([sample, other])
    assert together.tracks == 4
    assert together.accuracy == 0.5
    assert together.segment_accuracy == pytest.approx((3 * 2 + 8) / (3 * 4 + 8))
    assert together.interval is not None
    assert pool([sample, sample]).interval is None
    with pytest.raises(DatasetError, match="different genres"):
        pool([sample, Evaluation(score_tracks([STRANGER], ("a", "b")), (STRANGER,))])


def test_report_is_complete_and_self_contained(sample, tmp_path):
    page = write_report(sample, tmp_path / "new" / "folder", "A title", {"Data": "three tracks"})
    text = page.read_text("utf-8")
    parsed = Page(text)
    assert parsed.open == []
    assert "script" not in parsed.tags
    assert "link" not in parsed.tags
    assert "url(" not in text
    assert "@import" not in text
    assert len(parsed.fetched) == 3
    assert all(source.startswith("data:image/png;base64,") for source in parsed.fetched)
    for source in parsed.fetched:
        assert base64.b64decode(source.split(",")[1]).startswith(b"\x89PNG")
    low, high = sample.scores.interval
    for shown in ("33.3", f"{low:.1%} to {high:.1%}", "three tracks", "Calibration error"):
        assert shown in parsed.text
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "confusion.png",
        "metrics.json",
        "reliability.png",
        "report.html",
        "risk_coverage.png",
    ]


def test_report_escapes_what_others_named(sample, tmp_path):
    title, facts = "<i>title</i>", {"<b>fact</b>": "a < b & c"}
    text = write_report(sample, tmp_path, title, facts).read_text("utf-8")
    parsed = Page(text)
    assert "script" not in parsed.tags
    assert "<script" not in text
    assert "<i>title" not in text
    assert "<b>fact" not in text
    for shown in ("<script>alert(1)</script>", "holds no <sound>", "a < b & c", title):
        assert shown in parsed.text


def test_names_that_are_no_text_do_not_stop_a_report(tmp_path):
    odd = evaluation(result("a\udcff", "jazz", [0.9, 0.1, 0.0]), name="$x$ \udcff")
    page = write_report([odd, odd], tmp_path, "odd \udcff", {})
    assert "a?" in page.read_text("utf-8")
    assert read_evaluations(tmp_path / "metrics.json")[0].tracks == odd.tracks


def test_metrics_file_holds_everything(sample, tmp_path):
    write_report(sample, tmp_path, "A title", {"Data": "three tracks"})
    record = json.loads((tmp_path / "metrics.json").read_text("utf-8"))
    assert record["version"] == 1
    assert record["facts"] == {"Data": "three tracks"}
    assert record["summary"]["accuracy"]["mean"] == pytest.approx(1 / 3)
    assert read_scores(tmp_path / "metrics.json") == sample.scores
    assert read_evaluations(tmp_path / "metrics.json") == [sample]


def test_report_of_several_runs(sample, tmp_path):
    best = evaluation(result("fine", "blues", [0.8, 0.1, 0.1]), name="the <other> run")
    history = [{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.5}]
    page = write_report([sample, best], tmp_path, "Two runs", {}, history)
    parsed = Page(page.read_text("utf-8"))
    for shown in ("66.7", "± 47.1", "run 1", "the <other> run", "standard deviation", "33.3%"):
        assert shown in parsed.text
    assert len(parsed.fetched) == 4
    assert (tmp_path / "training_curves.png").is_file()
    assert read_scores(tmp_path / "metrics.json").tracks == 4
    assert len(read_evaluations(tmp_path / "metrics.json")) == 2


def near(at_1, queries=30):
    return Neighbors(
        queries, 50, 0.125, NeighborPrecision(at_1, 0.5625), NeighborPrecision(0.4375, 0.375)
    )


def test_report_shows_robustness(sample, tmp_path):
    perturbations = (
        PerturbationResult("half <speed>", 8, 6, 0.0625),
        PerturbationResult("mono", 9, 9, 0.0),
    )
    skipped = (Skipped("a & b.wav", "is <broken>"),)
    found = dataclasses.replace(sample, robustness=Robustness(perturbations, skipped))
    parsed = Page(write_report(found, tmp_path, "Robust", {}).read_text("utf-8"))
    assert parsed.open == []
    low, high = perturbations[0].interval
    for shown in ("half <speed>", "75.0%", f"{low:.1%} to {high:.1%}", "6.2", "100.0%"):
        assert shown in parsed.texts
    assert "a & b.wav" in parsed.text
    assert "<broken>" in parsed.text
    assert read_evaluations(tmp_path / "metrics.json") == [found]


def test_report_names_the_run_whose_robustness_it_shows(sample, tmp_path):
    robust = Robustness((PerturbationResult("mono", 9, 9, 0.0),))
    runs = [sample, dataclasses.replace(sample, name="the <b> run", robustness=robust)]
    text = Page(write_report(runs, tmp_path, "Robust", {}).read_text("utf-8")).text
    assert "Robustness to perturbations: the <b> run" in text


def test_report_shows_neighbors(sample, tmp_path):
    found = dataclasses.replace(sample, neighbors=near(0.75))
    text = Page(write_report(found, tmp_path, "Near", {}).read_text("utf-8")).text
    for shown in ("75.0%", "56.2%", "43.8%", "37.5%", "12.5%", "30 tracks", "among 50"):
        assert shown in text
    assert read_evaluations(tmp_path / "metrics.json") == [found]


def test_report_has_the_mean_of_the_runs_whose_neighbors_are_known(sample, tmp_path):
    known = [near(0.75, 30), near(0.25, 28), None]
    runs = [dataclasses.replace(sample, neighbors=each) for each in known]
    text = Page(write_report(runs, tmp_path, "Near", {}).read_text("utf-8")).text
    assert "50.0% ± 35.4" in text
    assert "28 to 30 tracks" in text


def test_what_was_not_measured_is_not_shown(sample, tmp_path):
    text = Page(write_report(sample, tmp_path, "Plain", {}).read_text("utf-8")).text
    assert "Robustness" not in text
    assert "Nearest" not in text


def test_report_without_mistakes_or_omissions(tmp_path):
    perfect = evaluation(*(result(g, g, list(np.eye(3)[i])) for i, g in enumerate(LABELS)))
    text = Page(write_report(perfect, tmp_path, "Perfect", {}).read_text("utf-8")).text
    assert "every prediction is correct" in text
    assert "every track of the data was used" in text


def test_report_that_cannot_be_written_leaves_no_page(sample, tmp_path):
    page = write_report(sample, tmp_path, "First", {})
    (tmp_path / "risk_coverage.png").unlink()
    (tmp_path / "risk_coverage.png").mkdir()
    with pytest.raises(OSError, match=r"risk_coverage\.png"):
        write_report(sample, tmp_path, "Second", {})
    assert not page.exists()


def test_report_of_nothing(tmp_path):
    with pytest.raises(DatasetError, match="no runs"):
        write_report([], tmp_path, "Nothing", {})


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"version": 1}', '{"version": 99}'])
def test_other_files_are_no_metrics(content, tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"metrics\.json"):
        read_scores(path)
    with pytest.raises(DatasetError, match=r"metrics\.json"):
        read_evaluations(path)
