"""Plots and their files."""

import dataclasses
import struct
import sys
import wave

import numpy as np
import pytest
from click.testing import CliRunner

from conftest import LABELS, noise
from genreclf import plots
from genreclf.cli import main
from genreclf.data.feature_set import FeatureSet
from genreclf.errors import ConfigError, DatasetError, MissingExtraError
from genreclf.evaluation.evaluate import Evaluation, TrackResult, score_tracks
from genreclf.evaluation.report import write_report
from genreclf.features import LogMel, make_extractor
from genreclf.features.logmel import hz_to_mel
from genreclf.plots.filters import first_kernels
from genreclf.plots.projection import represent
from genreclf.prediction import UNKNOWN, Prediction, SegmentPrediction

RATE = 22050


def texts(axes):
    return [text.get_text() for text in axes.texts]


def tick_labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def png_size(content):
    assert content.startswith(b"\x89PNG\r\n")
    return struct.unpack(">II", content[16:24])


@pytest.fixture(scope="module")
def scores():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(3, 0.4), 60)
    tracks = tuple(
        TrackResult(
            f"t{i}", LABELS[i % 3], LABELS[row.argmax()], float(row.max()), tuple(row), 2, 1
        )
        for i, row in enumerate(probabilities)
    )
    return score_tracks(tracks, LABELS)


@pytest.fixture(scope="module")
def features():
    """Twelve tracks of noise, of a color for each genre."""
    extractor = make_extractor("logmel-13fps")
    frames, genres = [], []
    for index in range(12):
        sound = noise(6, seed=index)
        color = index % 3
        shaped = [sound, np.cumsum(sound) / 30, np.diff(sound, prepend=0)][color]
        frames.append(extractor.transform(shaped.astype(np.float32)))
        genres.append(LABELS[color])
    return FeatureSet.from_frames("logmel-13fps", frames, [f"t{i}" for i in range(12)], genres)


def song(silent=()):
    probabilities = [(0.7, 0.2, 0.1), (0.2, 0.5, 0.3), (1 / 3, 1 / 3, 1 / 3), (0.6, 0.3, 0.1)]
    segments = tuple(
        SegmentPrediction(
            start=1.5 * i,
            end=1.5 * i + 3.0,
            genre=UNKNOWN if i in silent else LABELS[int(np.argmax(row))],
            confidence=max(row),
            probabilities=dict(zip(LABELS, row, strict=True)),
        )
        for i, row in enumerate(probabilities)
    )
    whole = {"blues": 0.3, "jazz": 0.6, "metal": 0.1}
    return Prediction("jazz", 0.6, whole, segments, 7.5, source="/music/$a$ song.mp3")


# --- spectrogram


def test_spectrogram_has_real_axes():
    t = np.arange(6 * RATE) / RATE
    figure = plots.spectrogram((np.where(t < 3, np.sin(2 * np.pi * 1000 * t), 0.0), RATE))
    axes, bar = figure.axes
    assert axes.get_xlabel() == "time (s)"
    assert axes.get_xlim() == (0.0, pytest.approx(6.0, abs=0.01))
    assert "Hz" in axes.get_ylabel()
    assert "dB" in bar.get_ylabel()
    ticks = dict(zip(tick_labels(axes.yaxis), axes.get_yticks(), strict=True))
    assert ticks["1,000"] == pytest.approx(hz_to_mel(1000))
    image = axes.images[0]
    left, right, bottom, top = image.get_extent()
    levels = np.asarray(image.get_array())
    row, column = np.unravel_index(levels.argmax(), levels.shape)
    # The tone is where the axes say that it is, and silence is dark.
    assert bottom + (row + 0.5) / len(levels) * (top - bottom) == pytest.approx(
        hz_to_mel(1000), abs=0.5
    )
    assert left + column / levels.shape[1] * (right - left) < 3.1
    assert levels[:, -20:].max() < -60
    assert levels.max() == 0


def test_silence_is_dark():
    figure = plots.spectrogram((np.zeros(RATE), RATE))
    assert np.asarray(figure.axes[0].images[0].get_array()).max() <= -80


def test_long_spectrograms_have_a_bounded_number_of_columns():
    # Loud in the second half only, with an odd number of frames per column.
    mel = LogMel(sample_rate=4000, n_fft=64, hop_length=16, n_mels=8, fmax=2000)
    sound = noise(40, rate=4000)
    sound[: len(sound) // 2] = 0
    figure = plots.spectrogram((sound, 4000), mel)
    image = figure.axes[0].images[0]
    columns = np.asarray(image.get_array())
    assert 2000 <= columns.shape[1] < 4000
    assert image.get_extent()[1] == pytest.approx(40, abs=0.1)
    loud = np.flatnonzero(columns.max(axis=0) > -60)
    assert loud[0] / columns.shape[1] == pytest.approx(0.5, abs=0.002)


def test_long_pieces_have_minutes():
    mel = LogMel(sample_rate=1000, n_fft=128, hop_length=128, n_mels=8, fmax=500)
    axes = plots.spectrogram((noise(200, rate=1000), 1000), mel).axes[0]
    assert axes.get_xlabel() == "time (min:s)"
    assert axes.xaxis.get_major_formatter()(90) == "1:30"


# --- timeline


def test_timeline_cells_and_order():
    figure = plots.timeline(song())
    axes = figure.axes[0]
    mesh = axes.collections[0]
    cells = np.ma.asarray(mesh.get_array())
    assert cells.shape == (3, 4)
    assert tick_labels(axes.yaxis) == ["jazz", "blues", "metal"]  # the piece's most probable first
    np.testing.assert_allclose(cells[0], [0.2, 0.5, 1 / 3, 0.3])
    assert not np.ma.getmaskarray(cells).any()
    # Boundaries lie half way between the middles of the segments.
    np.testing.assert_allclose(mesh.get_coordinates()[0, :, 0], [0, 2.25, 3.75, 5.25, 7.5])
    assert "jazz, 60% confidence" in axes.get_title(loc="left")
    assert not any("silence" in text for text in texts(axes))


def test_timeline_shows_silence_as_such():
    axes = plots.timeline(song(silent={2})).axes[0]
    cells = np.ma.asarray(axes.collections[0].get_array())
    assert np.ma.getmaskarray(cells).any(axis=0).tolist() == [False, False, True, False]
    (patch,) = [patch for patch in axes.patches if patch.get_gid() == "silence"]
    assert patch.get_hatch()
    assert (patch.get_x(), patch.get_width()) == (3.75, 1.5)
    assert any("silence" in text for text in texts(axes))


def test_timeline_of_all_silence(classifier):
    figure = plots.timeline(classifier.predict((np.zeros(5 * RATE), RATE)))
    assert figure.axes[0].get_title(loc="left").endswith("unknown")
    assert len(plots.encode(figure)) > 5000


def test_timeline_keeps_to_the_most_probable_of_many_genres():
    labels = [f"genre {i}" for i in range(40)]
    probabilities = dict(zip(labels, np.linspace(0, 1, 40) / 20, strict=True))
    part = SegmentPrediction(0.0, 1.0, labels[-1], 0.05, probabilities)
    axes = plots.timeline(Prediction(labels[-1], 0.05, probabilities, (part,), 1.0)).axes[0]
    assert tick_labels(axes.yaxis) == labels[:-13:-1]


# --- filters


def test_filters_shows_each_kernel_on_a_symmetric_scale(classifier):
    figure = plots.filters(classifier)
    cells = [axes for axes in figure.axes if axes.images]
    weights = classifier.network.module.conv1.weight.detach().numpy()[:, 0]
    assert len(cells) == 4
    for cell, kernel in zip(cells, weights, strict=True):
        np.testing.assert_array_equal(cell.images[0].get_array(), kernel)
        low, high = cell.images[0].get_clim()
        assert high == -low == pytest.approx(abs(weights).max())
    assert "3 frames of 77.5 ms" in figure.get_supxlabel()
    assert "3 of 64 bins" in figure.get_supylabel()


def test_filters_need_a_first_convolution(classifier):
    from torch import nn

    class Other:
        config = classifier.config
        network = dataclasses.make_dataclass("Network", ["module"])(nn.Linear(3, 3))

    with pytest.raises(ConfigError, match="'dong2018' has no first convolution"):
        first_kernels(Other())
    Other.network = object()  # a runtime without a torch module
    with pytest.raises(ConfigError, match="runtime='torch'"):
        first_kernels(Other())


# --- results


def test_confusion_has_counts_and_rates(scores):
    axes = plots.confusion(scores).axes[0]
    counts = np.array(scores.confusion)
    written = {text.get_position()[::-1]: text.get_text() for text in axes.texts[:-1]}
    assert len(written) == (counts > 0).sum()
    for (row, column), text in written.items():
        assert text == f"{counts[row, column]}\n{counts[row, column] / counts[row].sum():.0%}"
    assert tick_labels(axes.xaxis) == tick_labels(axes.yaxis) == list(LABELS)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted genre", "true genre")


def test_confusion_of_a_hundred_genres_is_not_cluttered(scores):
    size = 100
    many = dataclasses.replace(
        scores,
        labels=tuple(f"g{i}" for i in range(size)),
        confusion=tuple(tuple(int(i == j) for j in range(size)) for i in range(size)),
    )
    assert len(plots.confusion(many).axes[0].texts) == 1  # the subtitle


def test_reliability_has_a_bar_for_each_bin(scores):
    upper, lower = plots.reliability(scores).axes
    bins = [part for part in scores.calibration if part.tracks]
    assert [bar.get_height() for bar in upper.patches] == [part.accuracy for part in bins]
    assert [bar.get_height() for bar in lower.patches] == [part.tracks for part in bins]
    assert f"{scores.calibration_error:.1%}" in texts(upper)[0]
    assert lower.get_xlabel() == "confidence"


def test_risk_coverage_draws_the_curve(scores):
    axes = plots.risk_coverage(scores).axes[0]
    x, y = axes.lines[0].get_data()
    assert list(x) == [point.coverage for point in scores.risk_coverage]
    assert list(y) == [point.accuracy for point in scores.risk_coverage]
    assert f"all: {scores.accuracy:.1%}" in texts(axes)
    assert any("90%" in text for text in texts(axes))


def test_training_curves():
    history = [
        {"epoch": 1, "loss": 2.0, "valid_loss": 2.1, "valid_accuracy": 0.3},
        {"epoch": 2, "loss": 1.5},
        {"epoch": 3, "loss": 1.2, "valid_loss": 1.4, "valid_accuracy": 0.6},
    ]
    losses, accuracies = plots.training_curves(history).axes
    assert [list(line.get_ydata()) for line in losses.lines] == [[2.0, 1.5, 1.2], [2.1, 1.4]]
    assert list(accuracies.lines[0].get_xdata()) == [1, 3]
    assert len(plots.training_curves([{"epoch": 1, "loss": 2.0}]).axes) == 1
    with pytest.raises(ConfigError, match="without epochs"):
        plots.training_curves([])


# --- projection


def test_projection_shows_the_half_that_was_not_fitted(classifier, features):
    figure = plots.projection(classifier, features)
    for axes in figure.axes:
        shown = [len(points.get_offsets()) for points in axes.collections]
        assert shown == [2, 2, 2]
        assert set(texts(axes)) >= set(LABELS)
        assert "of these tracks correctly" in texts(axes)[-1]
        assert axes.get_xlabel() == "first discriminant"
    assert "6 tracks, projected by an LDA fitted on 6 others" in figure.get_suptitle()
    # The spectrum alone separates noise of three colors.
    assert "100%" in texts(figure.axes[0])[-1]


def with_groups(features, groups):
    rows = zip(features.tracks, groups, strict=True)
    tracks = tuple(dataclasses.replace(track, group=group) for track, group in rows)
    return dataclasses.replace(features, tracks=tracks)


def test_projection_keeps_a_group_on_one_side(classifier, features):
    groups = [f"artist {i // 6}" for i in range(12)]
    grouped = with_groups(features, groups)
    figure = plots.projection(classifier, grouped)
    assert "6 tracks" in figure.get_suptitle()
    one_artist = with_groups(features, ("the same",) * 12)
    with pytest.raises(DatasetError, match="two tracks"):
        plots.projection(classifier, one_artist)


def test_hidden_layer_of_a_track_is_the_mean_of_its_segments(classifier):
    sound = noise(7)
    frames = classifier.extractor.transform(np.pad(sound, classifier.extractor.n_fft // 2))
    track = FeatureSet.from_frames("logmel-13fps", [frames], ["x"], ["jazz"])
    inputs, hidden = represent(classifier, track)
    np.testing.assert_allclose(hidden[0], classifier.embed((sound, RATE)), rtol=1e-4, atol=1e-5)
    assert inputs.shape == (1, 2 * classifier.extractor.bins)
    assert inputs[0, :64].mean() == pytest.approx(0, abs=1e-4)  # segments are standardised


def test_projection_says_what_it_needs(classifier, features):
    two = features.subset([i for i, genre in enumerate(features.genres) if genre != "jazz"])
    with pytest.raises(DatasetError, match="three genres"):
        plots.projection(classifier, two)
    lonely = features.subset([0, 1, 2, 3, 4])
    with pytest.raises(DatasetError, match="metal"):
        plots.projection(classifier, lonely)
    extractor = make_extractor("logmel-dong2018")
    other = FeatureSet.from_frames(
        "logmel-dong2018", [extractor.transform(noise(3))], ["x"], ["jazz"]
    )
    with pytest.raises(DatasetError, match="extract them again"):
        plots.projection(classifier, other)


# --- files


@pytest.mark.parametrize(
    ("suffix", "start"), [("png", b"\x89PNG\r\n"), ("svg", b"<?xml"), ("PDF", b"%PDF")]
)
def test_files_are_what_their_suffix_says(scores, tmp_path, suffix, start):
    path = plots.save(plots.risk_coverage(scores), tmp_path / f"picture.{suffix}")
    assert path.read_bytes().startswith(start)


def test_png_is_of_a_sensible_size(scores):
    width, height = png_size(plots.encode(plots.confusion(scores)))
    assert 400 < height < width < 1500


@pytest.mark.parametrize("name", ["picture.bmp", "picture", "png"])
def test_other_suffixes_are_refused(scores, tmp_path, name):
    with pytest.raises(ConfigError, match=r"\.png, \.svg, \.pdf"):
        plots.save(plots.risk_coverage(scores), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_odd_names_are_drawn_as_they_are(scores):
    odd = ("$x^", "\udcff \u97f3\u697d", "a_{b}$ \\frac")
    figure = plots.confusion(dataclasses.replace(scores, labels=odd))
    assert len(plots.encode(figure)) > 10_000
    assert len(plots.encode(plots.timeline(song()))) > 10_000


def test_without_matplotlib(scores, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"genreclf\[plots\]"):
        plots.risk_coverage(scores)


def test_no_global_state(scores):
    plots.encode(plots.reliability(scores))
    assert (
        "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
    )


# --- command line


def run(*arguments):
    return CliRunner().invoke(main, ["plot", *map(str, arguments)])


@pytest.fixture(scope="module")
def song_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((noise(5) * 32767).astype("<i2").tobytes())
    return path


def test_cli_pictures(song_file, model_folder, features, scores, tmp_path):
    features.save(tmp_path / "features")
    row = TrackResult("x", "jazz", "jazz", 0.8, (0.1, 0.8, 0.1), 2, 2)
    write_report(Evaluation(scores, (row,)), tmp_path / "report", "Title", {})
    commands = {
        "spectrogram": [song_file],
        "timeline": [song_file, "--model", model_folder],
        "filters": ["--model", model_folder],
        "confusion": [tmp_path / "report" / "metrics.json"],
        "projection": [tmp_path / "features", "--model", model_folder],
    }
    for name, arguments in commands.items():
        output = tmp_path / f"{name}.png"
        done = run(name, *arguments, "--output", output)
        assert done.exit_code == 0, done.output
        width, height = png_size(output.read_bytes())
        assert 150 < height < 2500
        assert 300 < width < 2500


def test_cli_refuses_before_it_works(song_file, tmp_path):
    unknown = run("spectrogram", song_file, "--output", tmp_path / "x.gif")
    assert unknown.exit_code == 2
    assert ".png, .svg, .pdf" in unknown.output
    nowhere = run("spectrogram", song_file, "--output", tmp_path / "none" / "x.png")
    assert nowhere.exit_code == 2
    assert "there is no folder" in nowhere.output
    missing = run("spectrogram", song_file)
    assert missing.exit_code == 2
    assert "--output" in missing.output


def test_cli_explains_what_it_cannot_read(tmp_path):
    sound = run("spectrogram", tmp_path / "none.wav", "--output", tmp_path / "x.png")
    assert sound.exit_code == 2
    assert "none.wav" in sound.output
    (tmp_path / "metrics.json").write_text("{}")
    metrics = run("confusion", tmp_path / "metrics.json", "--output", tmp_path / "x.png")
    assert metrics.exit_code == 2
    assert "not the metrics" in metrics.output
    assert not (tmp_path / "x.png").exists()


def test_cli_that_cannot_write_says_so(song_file, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", str(tmp_path / "x.png"))

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    done = run("spectrogram", song_file, "--output", tmp_path / "x.png")
    assert done.exit_code == 2
    assert "No space left" in done.output


def test_plot_stands_in_the_help():
    assert "plot" in CliRunner().invoke(main, ["--help"]).output
