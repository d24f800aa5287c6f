"""Perturbations of sound, and their effect on predictions."""

import json

import numpy as np
import pytest

from conftest import noise
from genreclf.audio import load_channels
from genreclf.errors import ConfigError, DatasetError
from genreclf.evaluation import measure_robustness
from genreclf.evaluation.perturbations import PERTURBATIONS
from genreclf.evaluation.robustness import Robustness
from genreclf.metrics import wilson_interval

RATE = 44_100
BELOW, ABOVE = 30.0, 16_000.0


def tone(hertz, seconds=1.0, rate=RATE, channels=1):
    wave = 0.25 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
    return np.repeat(wave.astype(np.float32)[:, None], channels, axis=1)


def level(samples):
    """RMS in dB, without what a filter does where a sound starts and ends."""
    settled = np.asarray(samples, np.float64)[len(samples) // 4 : -len(samples) // 4]
    return 10 * np.log10(np.mean(settled**2))


def gain_of(perturbation, hertz):
    samples = tone(hertz)
    changed, rate = PERTURBATIONS[perturbation]((samples, RATE))
    assert (changed.dtype, changed.shape, rate) == (np.float32, samples.shape, RATE)
    return level(changed) - level(samples)


@pytest.mark.parametrize(
    ("perturbation", "below", "half", "above"),
    [
        ("bass +6 dB", 6, 250, 0),
        ("bass -6 dB", -6, 250, 0),
        ("treble +6 dB", 0, 4000, 6),
        ("treble -6 dB", 0, 4000, -6),
    ],
)
def test_shelves_have_their_gain(perturbation, below, half, above):
    assert gain_of(perturbation, BELOW) == pytest.approx(below, abs=0.1)
    assert gain_of(perturbation, ABOVE) == pytest.approx(above, abs=0.1)
    assert gain_of(perturbation, half) == pytest.approx((below + above) / 2, abs=0.02)


@pytest.mark.parametrize("perturbation", ["bass +6 dB", "treble -6 dB"])
def test_a_shelf_matches_the_analog_filter(perturbation):
    """The formulae are a bilinear transform: the analog gain is at the warped frequency."""
    kind, decibels = perturbation.split(" ")[:2]
    root, middle = 10 ** (float(decibels) / 40), {"bass": 250, "treble": 4000}[kind]
    for hertz in (60, 200, 600, 2000, 7000):
        s = 1j * np.tan(np.pi * hertz / RATE) / np.tan(np.pi * middle / RATE)
        up = s * s + np.sqrt(2 * root) * s + root
        down = root * s * s + np.sqrt(2 * root) * s + 1
        shelf = root * (up / down if kind == "bass" else down / up)
        assert gain_of(perturbation, hertz) == pytest.approx(20 * np.log10(abs(shelf)), abs=0.02)


def test_shelves_leave_channels_apart():
    samples = np.hstack([tone(BELOW), np.zeros((RATE, 1), np.float32)])
    changed, _ = PERTURBATIONS["bass +6 dB"]((samples, RATE))
    assert level(changed[:, 0]) - level(samples[:, 0]) == pytest.approx(6, abs=0.1)
    assert not changed[:, 1].any()


def test_a_shelf_beyond_the_sound_is_refused():
    with pytest.raises(ConfigError, match="above 8000 Hz"):
        PERTURBATIONS["treble +6 dB"]((tone(440, rate=8000), 8000))


def test_20_db_less():
    assert gain_of("-20 dB", 440) == pytest.approx(-20, abs=1e-4)


def test_channels():
    left, right = tone(440), tone(660)
    both = np.hstack([left, right])
    one, rate = PERTURBATIONS["mono"]((both, RATE))
    two, also = PERTURBATIONS["stereo"]((both, RATE))
    assert rate == also == RATE
    np.testing.assert_allclose(one, (left + right) / 2, atol=1e-7)
    np.testing.assert_array_equal(two, np.hstack([one, one]))


@pytest.mark.parametrize(("perturbation", "rate"), [("16 kHz", 16_000), ("48 kHz", 48_000)])
def test_rates(perturbation, rate):
    changed, found = PERTURBATIONS[perturbation]((tone(440, channels=2), RATE))
    assert found == rate
    assert changed.shape == (rate, 2)
    inside = slice(rate // 10, -rate // 10)
    expected = tone(440, rate=rate, channels=2)
    np.testing.assert_allclose(changed[inside], expected[inside], atol=1e-4)


def test_a_low_rate_takes_the_treble_away():
    low, high = (PERTURBATIONS["16 kHz"]((tone(hertz), RATE))[0] for hertz in (440, 9000))
    assert level(high) < level(low) - 80


def test_the_middle():
    samples = np.arange(30.0, dtype=np.float32).repeat(100)[:, None]
    changed, rate = PERTURBATIONS["middle 10 s"]((samples, 100))
    assert rate == 100
    assert changed.ravel().tolist() == np.arange(10.0, 20.0).repeat(100).tolist()
    assert len(PERTURBATIONS["middle 10 s"]((samples[:300], 100))[0]) == 300


@pytest.mark.parametrize(("rate", "stored"), [(22_050, 22_050), (44_100, 44_100), (96_000, 48_000)])
@pytest.mark.parametrize("channels", [1, 2])
def test_an_mp3_file(rate, stored, channels):
    samples = tone(440, 5, rate, channels)
    file = PERTURBATIONS["MP3, 64 kbit/s"]((samples, rate))
    assert 8 * len(file) / 5 == pytest.approx(64_000, rel=0.05)
    decoded, found = load_channels(file)
    assert found == stored
    assert decoded.shape == (5 * stored, channels)
    assert level(decoded) == pytest.approx(level(samples), abs=0.5)
    assert np.corrcoef(decoded[:, 0], tone(440, 5, stored)[:, 0])[0, 1] > 0.99


def test_an_mp3_file_of_many_channels_has_their_mean():
    samples = np.hstack([tone(440, 2), *[np.zeros((2 * RATE, 1), np.float32)] * 3])
    decoded, _ = load_channels(PERTURBATIONS["MP3, 64 kbit/s"]((samples, RATE)))
    assert decoded.shape[1] == 1
    assert level(decoded) == pytest.approx(level(samples[:, 0] / 4), abs=0.5)


def test_no_perturbation_modifies_its_input():
    samples = noise(1, RATE).reshape(-1, 1)
    before = samples.copy()
    for perturbation in PERTURBATIONS.values():
        perturbation((samples, RATE))
    np.testing.assert_array_equal(samples, before)


SILENCE = (np.zeros(5 * 22050, np.float32), 22050)


@pytest.fixture(scope="module")
def clips():
    """Sounds that an untrained model takes for different genres."""
    return [(noise(5, seed=1), 22050), (tone(300, 5, 22050), 22050), (tone(3000, 5, 22050), 22050)]


def test_robustness_counts_equal_predictions(classifier, clips):
    louder = {"nothing": lambda sound: sound, "a tone": lambda sound: (tone(300, 5), RATE)}
    plain = [classifier.predict(clip) for clip in clips]
    other = classifier.predict((tone(300, 5), RATE))
    consistent = sum(prediction.genre == other.genre for prediction in plain)
    assert 0 < consistent < len(clips)  # or this test would say nothing
    nothing, changed = measure_robustness(classifier, clips, louder, workers=1).perturbations
    assert (nothing.perturbation, nothing.clips, nothing.consistent) == ("nothing", 3, 3)
    assert nothing.confidence_change == 0
    assert (changed.perturbation, changed.clips, changed.consistent) == ("a tone", 3, consistent)
    assert changed.consistency == consistent / 3
    assert changed.interval == wilson_interval(consistent, 3)
    shifts = [abs(prediction.confidence - other.confidence) for prediction in plain]
    assert changed.confidence_change == pytest.approx(np.mean(shifts))


def test_every_perturbation_is_applied_to_every_clip_with_any_number_of_workers(classifier, clips):
    done = []
    found = measure_robustness(classifier, iter(clips), workers=1, progress=done.append)
    assert [result.perturbation for result in found.perturbations] == list(PERTURBATIONS)
    assert {result.clips for result in found.perturbations} == {3}
    assert done == [1, 2, 3]
    assert found.skipped == ()
    assert measure_robustness(classifier, clips, workers=2) == found


def test_channels_and_level_do_not_matter_to_a_model_that_normalizes(classifier, clips):
    found = {
        result.perturbation: result
        for result in measure_robustness(classifier, clips).perturbations
    }
    for perturbation in ("mono", "stereo"):
        assert found[perturbation].consistency == 1
        assert found[perturbation].confidence_change < 1e-6


def test_clips_that_cannot_be_compared_are_skipped(classifier, clips, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    telephone = (noise(5, 8000), 8000)
    found = measure_robustness(classifier, [broken, clips[0], SILENCE, telephone])
    counts = {result.perturbation: result.clips for result in found.perturbations}
    assert counts == {name: 1 if "treble" in name else 2 for name in PERTURBATIONS}
    first, silent, *refused = found.skipped
    assert first.name == str(broken)
    assert "not a readable audio file" in first.reason
    assert (silent.name, silent.reason) == ("<array>", "it is silent")
    assert [item.name for item in refused] == ["<array>, treble +6 dB", "<array>, treble -6 dB"]


def test_nothing_to_compare(classifier):
    with pytest.raises(DatasetError, match="there are none"):
        measure_robustness(classifier, [])
    with pytest.raises(DatasetError, match="silent"):
        measure_robustness(classifier, [SILENCE])
    with pytest.raises(ConfigError, match="workers"):
        measure_robustness(classifier, [SILENCE], workers=0)


def test_robustness_as_json(classifier, clips):
    found = measure_robustness(classifier, [*clips, SILENCE])
    record = json.loads(json.dumps(found.to_dict()))
    assert Robustness.from_dict(record) == found
    assert record["perturbations"][0]["consistency"] == found.perturbations[0].consistency
    assert record["perturbations"][0]["interval"] == list(found.perturbations[0].interval)
