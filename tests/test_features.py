"""Log-mel features against librosa, and what holds for any extractor."""

import json

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import DATA, needs_gtzan, noise
from genreclf import extract_segments
from genreclf.audio import load_audio
from genreclf.errors import ConfigError, PluginError
from genreclf.features import LogMel, iter_frames, iter_segments, make_extractor, segment_hop
from genreclf.features.logmel import mel_filters


def segments_of(blocks, extractor):
    """Batches of half-overlapping segments of a stream."""
    hop = segment_hop(extractor.segment_frames, 0.5)
    return list(iter_segments(iter_frames(blocks, extractor), extractor.segment_frames, hop))


def whole(extractor, samples):
    """Frames of a whole signal, centered, in one go."""
    margin = np.zeros(extractor.window_length // 2, np.float32)
    return extractor.transform(np.concatenate([margin, samples, margin]))


@pytest.mark.parametrize(
    ("rate", "n_fft", "n_mels", "fmin", "fmax"),
    [(22050, 2048, 128, 0, 11025), (22050, 512, 64, 0, 10000), (44100, 4096, 40, 60, 16000)],
)
def test_mel_filters_are_librosas(rate, n_fft, n_mels, fmin, fmax):
    expected = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax)
    np.testing.assert_allclose(mel_filters(rate, n_fft, n_mels, fmin, fmax), expected, atol=1e-7)


def test_paper_preset_is_librosas_log_of_mel_power():
    samples = noise(3)
    extractor = make_extractor("logmel-dong2018")
    power = librosa.feature.melspectrogram(
        y=samples, sr=22050, n_fft=512, hop_length=256, n_mels=64, fmax=10000
    )
    found = whole(extractor, samples)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.log1p(power), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("hop", [512, 1709])
def test_decibels_are_librosas(hop):
    samples = noise(5)
    extractor = LogMel(hop_length=hop)
    power = librosa.feature.melspectrogram(y=samples, sr=22050, n_fft=2048, hop_length=hop)
    expected = librosa.power_to_db(power, ref=1.0, top_db=None)
    np.testing.assert_allclose(whole(extractor, samples), expected, atol=2e-3)


@needs_gtzan
def test_decibels_are_librosas_on_real_clips():
    """The largest difference over ten clips, one of each genre, is below 0.01 dB."""
    worst = 0.0
    for path in sorted((DATA / "gtzan" / "audio").glob("*/*.0000[12].flac"))[::2]:
        samples = load_audio(path, 22050)
        power = librosa.feature.melspectrogram(y=samples, sr=22050, n_fft=2048, hop_length=1709)
        expected = librosa.power_to_db(power, ref=np.max, top_db=80)
        frames = whole(LogMel(hop_length=1709), samples)
        found = np.maximum(frames, frames.max() - 80) - frames.max()
        worst = max(worst, float(np.abs(found - expected).max()))
    assert 0 < worst < 0.01


@needs_gtzan
def test_features_match_the_shared_arrays_up_to_an_affine_map():
    """A column of the arrays is a frame of hop 512; both are known up to scale and offset."""
    with np.load(DATA / "gtzan" / "logmel_13fps.npz") as stored:
        arrays = dict(zip(stored["ids"].tolist(), stored["X"], strict=True))
    extractor = LogMel(hop_length=512)
    for path in sorted((DATA / "gtzan" / "audio").glob("*/*.0000[12].flac"))[::2]:
        frames = whole(extractor, load_audio(path, 22050))
        frames = np.maximum(frames, frames.max() - 80)
        # The arrays count the frames without the last, which stands half over the end.
        columns = np.round((frames.shape[1] - 2) * (np.arange(387) + 0.37) / 387).astype(int)
        x, y = frames[:, columns].ravel(), arrays[path.stem].astype(float).ravel()
        slope, offset = np.polyfit(x, y, 1)
        error = np.abs((y - offset) / slope - x)
        usual = error < np.quantile(error, 0.9)
        slope, offset = np.polyfit(x[usual], y[usual], 1)
        assert np.median(np.abs((y - offset) / slope - x)) < 0.15, path.stem


@given(
    cuts=st.lists(st.integers(1, 30000), max_size=8),
    seconds=st.floats(0.05, 12),
    name=st.sampled_from(["logmel-dong2018", "logmel-13fps"]),
)
@settings(max_examples=25, deadline=None)
def test_a_stream_gives_the_same_wherever_it_is_cut(cuts, seconds, name):
    samples, extractor = noise(seconds), make_extractor(name)
    chunks = np.split(samples, np.minimum(np.cumsum(cuts), len(samples)))
    together = segments_of([samples], extractor)
    cut = segments_of(chunks, extractor)
    assert [s.starts.tolist() for s in cut] == [s.starts.tolist() for s in together]
    for one, other in zip(cut, together, strict=True):
        np.testing.assert_allclose(one.data, other.data, atol=2e-3)
        np.testing.assert_allclose(one.level_db, other.level_db, atol=1e-3)


def test_level_is_in_db_re_full_scale():
    sine = np.sqrt(2) * 0.1 * np.sin(2 * np.pi * 441 * np.arange(10 * 22050) / 22050)
    (batch,) = segments_of([sine.astype(np.float32)], make_extractor("logmel-13fps"))
    assert batch.level_db[2] == pytest.approx(-20, abs=0.1)


@pytest.mark.parametrize("normalization", ["segment", "band"])
def test_normalized_segments_do_not_know_level(normalization):
    extractor = LogMel(normalization=normalization, pool_bins=2)
    segments = np.random.default_rng(0).normal(-40, 10, (3, 128, 40)).astype(np.float32)
    normalized = extractor.normalize(segments)
    assert normalized.shape == (3, 64, 40)
    assert normalized.dtype == np.float32
    np.testing.assert_allclose(normalized.mean(axis=(1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(normalized.std(axis=(1, 2)), 1, atol=1e-3)
    np.testing.assert_allclose(extractor.normalize(segments - 25), normalized, atol=1e-4)


@pytest.mark.parametrize("normalization", ["band", "center"])
def test_band_normalization_does_not_know_equalization(normalization):
    extractor = LogMel(normalization=normalization, top_db=None)
    segments = np.random.default_rng(0).normal(-40, 10, (3, 128, 40)).astype(np.float32)
    equalized = segments + np.linspace(-12, 12, 128, dtype=np.float32)[:, None]
    np.testing.assert_allclose(
        extractor.normalize(equalized), extractor.normalize(segments), atol=1e-4
    )


def test_centered_bands_keep_their_size():
    segments = np.random.default_rng(0).normal(-40, 6, (2, 128, 40)).astype(np.float32)
    segments[1] *= 0.1
    normalized = LogMel(normalization="center", top_db=None).normalize(segments)
    np.testing.assert_allclose(normalized.mean(axis=2), 0, atol=1e-4)
    np.testing.assert_allclose(normalized.std(axis=(1, 2)), [0.5, 0.05], rtol=0.05)


def test_top_db_is_counted_from_the_segments_own_maximum():
    segments = np.zeros((2, 128, 40), np.float32)
    segments[0, 0, 0], segments[1, 0, 0] = -200, -30
    normalized = LogMel(top_db=80).normalize(segments)
    assert normalized[0].min() == -80
    assert normalized[1].min() == -30


def test_a_segment_without_variation_is_zeros():
    constant = np.full((1, 128, 40), -100, np.float32)
    for normalization in ("segment", "band", "center"):
        assert not LogMel(normalization=normalization).normalize(constant).any()


def test_extract_segments_has_the_stated_shape_and_times():
    data, starts = extract_segments((noise(30), 22050), features="logmel-13fps")
    assert data.shape == (19, 128, 40)
    assert data.dtype == np.float32
    hop = 1709 / 22050
    np.testing.assert_allclose(starts[:3], [0, 20 * hop, 40 * hop])
    # 30 s are 1 + 661500 // 1709 = 388 frames; the last window ends with the last of them.
    assert starts[-1] == pytest.approx((388 - 40) * hop)


def test_paper_segments_have_the_papers_shape():
    data, starts = extract_segments((noise(30), 22050), features="logmel-dong2018")
    assert data.shape[1:] == (64, 256)
    assert starts[1] == pytest.approx(128 * 256 / 22050)


def test_overlap_is_a_parameter_and_checked():
    none, _ = extract_segments((noise(30), 22050), overlap=0.0)
    most, _ = extract_segments((noise(30), 22050), overlap=0.75)
    assert len(none) == 10
    assert len(most) == 36
    with pytest.raises(ConfigError, match="overlap"):
        extract_segments((noise(3), 22050), overlap=1.0)


def test_parameters_make_an_equal_extractor():
    extractor = make_extractor("logmel-13fps", pool_bins=2, normalization="band")
    stored = json.loads(json.dumps(extractor.parameters))
    assert make_extractor("logmel-13fps", **stored) == extractor


@pytest.mark.parametrize(
    "wrong",
    [
        {"hop_length": 0},
        {"hop_length": 4096},
        {"pool_bins": 3},
        {"fmax": 20000.0},
        {"scale": "bark"},
        {"normalization": "file"},
        {"top_db": -1.0},
        {"n_fft": 10**9},
    ],
)
def test_wrong_parameters_are_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        LogMel(**wrong)


def test_unknown_parameters_and_names_are_named():
    with pytest.raises(ConfigError, match="n_mel"):
        make_extractor("logmel-13fps", n_mel=64)
    with pytest.raises(PluginError, match=r"did you mean 'logmel-13fps'"):
        make_extractor("logmel-13fsp")
