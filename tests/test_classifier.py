"""What the classifier answers, for good sound and bad."""

import contextlib
import dataclasses
import itertools
import json
import threading
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from audio_files import encode
from conftest import LABELS, noise
from genreclf import Failure, GenreClassifier, GenreclfError, Prediction
from genreclf.errors import AudioDecodeError, ConfigError, IntegrityError, ModelNotFoundError
from genreclf.inference import AGGREGATIONS


def check(prediction):
    """What holds for every prediction."""
    values = np.array(list(prediction.probabilities.values()))
    assert np.isfinite(values).all()
    assert values.sum() == pytest.approx(1, abs=1e-6)
    assert (values >= 0).all()
    assert prediction.confidence == values.max()
    assert prediction.genre in (*LABELS, "unknown")


def test_a_prediction_says_what_it_heard(classifier):
    prediction = classifier.predict((noise(10), 22050))
    check(prediction)
    assert prediction.duration == pytest.approx(10)
    assert prediction.flags == frozenset()
    assert prediction.source == "<array>"
    assert prediction.top(2)[0] == (prediction.genre, prediction.confidence)
    assert len(prediction.top(2)) == 2
    assert tuple(prediction.probabilities) == LABELS


def test_the_timeline_covers_the_track(classifier):
    timeline = classifier.predict((noise(10), 22050)).timeline
    assert timeline[0].start == 0
    assert timeline[0].end == pytest.approx(40 * 1709 / 22050)
    assert timeline[-1].end == pytest.approx(10)
    assert all(a.start < b.start < a.end for a, b in itertools.pairwise(timeline))


def test_the_track_is_the_mean_of_its_segments(classifier):
    prediction = classifier.predict((noise(10), 22050))
    segments = [list(segment.probabilities.values()) for segment in prediction.timeline]
    np.testing.assert_allclose(
        list(prediction.probabilities.values()), np.mean(segments, axis=0), atol=1e-9
    )


def test_aggregations_by_hand():
    segments = np.array([[0.6, 0.4], [0.6, 0.4], [0.1, 0.9]])
    np.testing.assert_allclose(AGGREGATIONS["soft"](segments), [1.3 / 3, 1.7 / 3])
    np.testing.assert_allclose(AGGREGATIONS["hard"](segments), [2 / 3, 1 / 3], atol=1e-5)
    geometric = np.cbrt([0.036, 0.144])
    np.testing.assert_allclose(AGGREGATIONS["geometric"](segments), geometric / geometric.sum())


def test_a_tied_vote_falls_to_the_surer_genre():
    assert AGGREGATIONS["hard"](np.array([[0.6, 0.4], [0.1, 0.9]])).argmax() == 1


def test_the_aggregation_is_a_parameter_and_checked(model_folder):
    voting = GenreClassifier.from_pretrained(model_folder, aggregation="hard")
    check(voting.predict((noise(10), 22050)))
    with pytest.raises(ConfigError, match="median"):
        GenreClassifier.from_pretrained(model_folder, aggregation="median")


def test_what_is_not_sure_enough_is_unknown(classifier, model_folder):
    sound = (noise(10), 22050)
    plain = classifier.predict(sound)
    for limit, genre in [(plain.confidence, plain.genre), (plain.confidence + 1e-4, "unknown")]:
        strict = GenreClassifier.from_pretrained(
            model_folder, min_confidence=limit, runtime="torch"
        ).predict(sound)
        assert strict.genre == genre
        assert strict.flags == ({"unsure"} if genre == "unknown" else set())
        assert strict.probabilities == pytest.approx(plain.probabilities)
    with pytest.raises(ConfigError, match=r"min_confidence must be 0 to 1 \(got 70\)"):
        GenreClassifier.from_pretrained(model_folder, min_confidence=70)


@pytest.mark.parametrize("level", [0.0, 1e-5])
def test_silence_has_no_genre(classifier, level):
    prediction = classifier.predict((noise(8, level=level), 22050))
    check(prediction)
    assert prediction.genre == "unknown"
    assert prediction.confidence == pytest.approx(1 / 3)
    assert prediction.flags == {"silent"}
    assert {segment.genre for segment in prediction.timeline} == {"unknown"}


def test_silent_segments_count_for_nothing(classifier):
    sound = noise(15.5)
    loud = classifier.predict((sound, 22050))
    padded = classifier.predict((np.concatenate([sound, np.zeros(22050 * 31)]), 22050))
    assert padded.timeline[-1].genre == "unknown"
    assert padded.genre == loud.genre
    assert padded.confidence == pytest.approx(loud.confidence, abs=0.05)
    assert "silent" not in padded.flags


@pytest.mark.parametrize("seconds", [0.05, 0.2, 2.0])
def test_short_sound_is_repeated_and_says_so(classifier, seconds):
    prediction = classifier.predict((noise(seconds), 22050))
    check(prediction)
    assert prediction.flags == {"short"}
    assert len(prediction.timeline) == 1
    assert prediction.timeline[0].end == pytest.approx(prediction.duration)


def test_broken_samples_are_said(classifier):
    samples = noise(5)
    samples[100] = np.nan
    samples[2000] = np.inf
    prediction = classifier.predict((samples, 22050))
    check(prediction)
    assert prediction.flags == {"non_finite"}


def test_a_cut_file_is_used_and_says_so(classifier, tmp_path):
    whole, cut = tmp_path / "whole.wav", tmp_path / "cut.wav"
    encode(whole, noise(10), 22050, "wav")
    cut.write_bytes(whole.read_bytes()[:-200_000])
    prediction = classifier.predict(cut)
    assert prediction.flags == {"truncated"}
    assert 3 < prediction.duration < 9


@given(
    samples=arrays.arrays(
        dtype=st.sampled_from([np.float32, np.float64, np.int16, np.uint8]),
        shape=st.one_of(
            st.tuples(st.integers(0, 4000)), st.tuples(st.integers(0, 2000), st.integers(0, 40))
        ),
    ),
    rate=st.sampled_from([0, 999, 1000, 8000, 22050, 44100, 96000, 10**9]),
)
@example(samples=np.full(5000, 1e38), rate=22050)
@example(samples=np.full(5000, -1e300), rate=22050)
@example(samples=np.full((5000, 2), np.nan), rate=8000)
@settings(max_examples=60, deadline=None)
def test_any_waveform_gives_a_prediction_or_an_own_error(classifier, samples, rate):
    with contextlib.suppress(GenreclfError):
        check(classifier.predict((samples, rate)))


def test_many_in_order_and_a_bad_one_is_one_record(classifier, tmp_path):
    good, bad = tmp_path / "good.wav", tmp_path / "bad.mp3"
    encode(good, noise(4), 22050, "wav")
    bad.write_text("this is no music")
    results = list(classifier.predict_many([good, bad, tmp_path / "absent.wav", good]))
    assert [type(result) for result in results] == [Prediction, Failure, Failure, Prediction]
    assert [result.source for result in results[:2]] == [str(good), str(bad)]
    assert isinstance(results[1].error, AudioDecodeError)
    assert "bad.mp3" in str(results[1].error)
    assert results[0] == results[3]


def test_many_is_lazy(classifier):
    def sources():
        yield noise(1), 22050
        pytest.fail("the second source was read before it was asked for")

    check(next(classifier.predict_many(sources(), workers=1)))


def test_a_path_bytes_file_and_array_agree(classifier, tmp_path):
    path = tmp_path / "noise.wav"
    encode(path, noise(6), 22050, "wav")
    with path.open("rb") as file:
        results = [classifier.predict(source) for source in (path, str(path), file)]
    results.append(classifier.predict(path.read_bytes()))
    assert len({result.confidence for result in results}) == 1


def test_threads_may_share_a_classifier(classifier):
    sounds = [(noise(5, seed=seed), 22050) for seed in range(8)]
    expected = [classifier.predict(sound).confidence for sound in sounds]
    found = [0.0] * len(sounds)

    def work(index):
        found[index] = classifier.predict(sounds[index]).confidence

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(sounds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_embedding_is_the_mean_before_the_last_layer(classifier):
    sound = (noise(10), 22050)
    vector = classifier.embed(sound)
    assert vector.shape == (8,)
    assert vector.dtype == np.float32
    assert np.isfinite(vector).all()
    assert not np.allclose(vector, classifier.embed((np.sin(np.arange(220500) / 9), 22050)))


def test_extracted_frames_have_the_same_embedding(classifier):
    sound = noise(30, seed=3)
    samples = np.pad(sound, classifier.extractor.window_length // 2)
    frames = classifier.extractor.transform(samples)
    expected = classifier.embed((sound, 22050))
    np.testing.assert_allclose(classifier.embed_frames(frames), expected, rtol=1e-4, atol=1e-5)


def test_json_form(classifier):
    prediction = classifier.predict((noise(5), 22050))
    record = json.loads(json.dumps(prediction.to_dict(top=2, timeline=True)))
    assert record["version"] == 1
    assert record["genre"] == prediction.genre
    assert len(record["probabilities"]) == 2
    assert record["timeline"][0].keys() == {"start", "end", "genre", "confidence", "probabilities"}
    assert "timeline" not in prediction.to_dict()


def test_dicts_and_rows_name_their_source(classifier, tmp_path):
    (tmp_path / "bad.mp3").write_text("a text file")
    song = tmp_path / "song.wav"
    encode(song, noise(5), 22050, "wav")
    good, bad = classifier.predict_many([song, tmp_path / "bad.mp3"])
    assert good.to_dict()["source"] == good.to_row()["path"] == str(song)
    assert bad.to_dict()["source"] == bad.to_row()["path"] == str(tmp_path / "bad.mp3")
    assert bad.to_row()["error"] == str(bad.error)
    row = good.to_row()
    assert {label: row[label] for label in LABELS} == good.probabilities
    assert (row["genre"], row["confidence"]) == (good.genre, good.confidence)
    assert row["duration"] == pytest.approx(5)


def test_arrays_of_a_timeline_equal_its_segments(classifier):
    timeline = classifier.predict((noise(12), 22050)).timeline
    assert timeline.labels == LABELS
    for segment, times, probabilities in zip(
        timeline, timeline.times, timeline.probabilities, strict=True
    ):
        assert (segment.start, segment.end) == tuple(times)
        assert list(segment.probabilities.values()) == list(probabilities)


def test_results_are_readable_at_a_prompt(classifier):
    prediction = classifier.predict((noise(75), 22050))
    sure = f"{prediction.genre} {prediction.confidence:.0%}"
    n_segments = len(prediction.timeline)
    assert repr(prediction) == f"<Prediction of '<array>': {sure}, 1:15 in {n_segments} segments>"
    assert repr(prediction.timeline) == f"<Timeline of {n_segments} segments, 1:15>"
    assert repr(prediction.timeline[:0]) == "<Timeline of 0 segments, 0:00>"
    assert repr(prediction.timeline[0]).startswith("<SegmentPrediction 0:00-0:03: ")
    assert repr(classifier) == f"<GenreClassifier of {len(LABELS)} genres on cpu>"
    silent = classifier.predict((np.zeros(22050), 22050))
    assert "short, silent" in repr(silent)


def test_a_notebook_shows_genres_and_segments_as_escaped_html(classifier):
    prediction = dataclasses.replace(
        classifier.predict((noise(10), 22050)), source="<b>a & b</b>.mp3"
    )
    html = prediction._repr_html_()
    assert "&lt;b&gt;a &amp; b&lt;/b&gt;.mp3" in html
    for label, probability in prediction.top(5):
        assert label in html
        assert f"{probability:.0%}" in html
    assert "0:00-" in html
    ET.fromstring(html)  # well-formed


def test_one_source_in_place_of_many_is_a_type_error(classifier, tmp_path):
    for source in ("song.mp3", b"song", tmp_path / "song.mp3"):
        with pytest.raises(TypeError, match="takes a list of sources"):
            classifier.predict_many(source)


def test_saved_and_loaded_is_the_same(classifier, model_folder):
    loaded = GenreClassifier.from_pretrained(model_folder, runtime="torch")
    assert loaded.config == classifier.config
    sound = (noise(7), 22050)
    assert loaded.predict(sound) == classifier.predict(sound)
    assert {path.name for path in model_folder.iterdir()} == {
        "README.md", "config.json", "model.onnx", "model.safetensors",
    }  # fmt: skip


def test_an_unknown_model_suggests_near_names(tmp_path):
    with pytest.raises(ModelNotFoundError, match="did you mean 'dong2018'"):
        GenreClassifier.from_pretrained("dong2081")
    with pytest.raises(ModelNotFoundError, match="no such folder"):
        GenreClassifier.from_pretrained(tmp_path / "absent")
    with pytest.raises(ModelNotFoundError, match=r"config\.json"):
        GenreClassifier.from_pretrained(tmp_path)


def test_an_unknown_device_is_an_error(model_folder):
    with pytest.raises(ConfigError, match="toaster"):
        GenreClassifier.from_pretrained(model_folder, device="toaster")


def damaged(model_folder, tmp_path, **changes):
    """A copy of the model with another config."""
    folder = tmp_path / "damaged"
    folder.mkdir()
    config = json.loads((model_folder / "config.json").read_text())
    config.update(changes)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes((model_folder / "model.safetensors").read_bytes())
    return folder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 99}, "format is 99"),
        ({"labels": ["one"]}, "labels"),
        ({"labels": ["one", "one"]}, "labels"),
        ({"temperature": 0}, "temperature"),
        ({"track_temperature": 1000}, "track_temperature"),
        ({"overlap": 1.0}, "overlap"),
        ({"segment_frames": "forty"}, "segment_frames"),
        ({"features": {"name": "logmel-13fps"}}, "features"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_config_is_named(model_folder, tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        GenreClassifier.from_pretrained(damaged(model_folder, tmp_path, **changes))


def test_weights_that_do_not_fit_are_named(model_folder, tmp_path):
    folder = damaged(model_folder, tmp_path, labels=["a", "b", "c", "d"])
    with pytest.raises(IntegrityError, match=r"output\.weight"):
        GenreClassifier.from_pretrained(folder)


def test_cut_weights_are_an_integrity_error(model_folder, tmp_path):
    folder = damaged(model_folder, tmp_path)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(IntegrityError, match="cannot be read"):
        GenreClassifier.from_pretrained(folder)


def test_weights_that_are_not_finite_are_refused(classifier, tmp_path):
    folder = classifier.save_pretrained(tmp_path / "nan")
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors["output.bias"] = torch.full_like(tensors["output.bias"], float("nan"))
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(IntegrityError, match="NaN"):
        GenreClassifier.from_pretrained(folder, runtime="torch")
