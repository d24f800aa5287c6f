from __future__ import annotations

import gc
import io
import os
import shutil
import struct
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest
import soxr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from audio_files import FORMATS, Format, encode, video_only
from genreclf.audio import (
    AUDIO_SUFFIXES,
    find_files,
    is_audio_path,
    load_audio,
    load_channels,
    open_audio,
    source_name,
)
from genreclf.errors import AudioDecodeError, ConfigError, GenreclfError

RATE = 48_000
SECONDS = 3
LOSSLESS_STEP = {"wav24": 2.0**-23, "wav-float": 2.0**-24}
# LAME takes 5 % off the level, so that nothing clips.
LOSS = 0.06
# A file with its index at the end cannot be decoded once it is cut; "wav8" is like "wav".
CUTTABLE = sorted(FORMATS.keys() - {"m4a", "wav8"})


def tone(frequency=440.0, seconds=SECONDS, rate=RATE, level=0.5):
    return level * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)


STEREO = np.stack([tone(), tone(level=0.1)], axis=1)


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Write a stereo file of each format: a tone with some noise."""
    folder = tmp_path_factory.mktemp("sound")
    noise = np.random.default_rng(0).normal(0, 0.02, STEREO.shape)
    for name, format_ in FORMATS.items():
        encode(folder / f"{name}{format_.suffix}", STEREO + noise, RATE, format_)
    return {name: folder / f"{name}{f.suffix}" for name, f in FORMATS.items()}, STEREO + noise


def wav(samples, rate=RATE, codec="pcm_s16le"):
    buffer = io.BytesIO()
    encode(buffer, samples, rate, Format(codec, "wav", ".wav"))
    return buffer.getvalue()


def play(source, rate=RATE):
    """Return the stream after its last block, and its samples."""
    with open_audio(source, rate) as stream:
        blocks = list(stream)
    return stream, np.concatenate(blocks)


def level_at(samples, frequency, rate=RATE):
    """Return the amplitude of a sine in the middle of the samples."""
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    window = np.hanning(len(middle))
    wave = np.exp(-2j * np.pi * frequency * np.arange(len(middle)) / rate)
    return 2 * abs(np.sum(middle * window * wave)) / window.sum()


# Formats


@pytest.mark.parametrize("name", [n for n, f in FORMATS.items() if f.lossless])
def test_lossless_formats_give_the_mean_of_the_channels(files, name):
    paths, original = files
    stream, samples = play(paths[name])
    assert samples.dtype == np.float32
    assert not stream.truncated
    assert stream.duration == SECONDS
    np.testing.assert_allclose(
        samples, original.mean(axis=1), rtol=0, atol=LOSSLESS_STEP.get(name, 2.0**-15)
    )


@pytest.mark.parametrize("name", [n for n, f in FORMATS.items() if not f.lossless])
@pytest.mark.parametrize("kind", ["path", "bytes", "file"])
def test_lossy_formats_keep_tone_level_and_duration(files, name, kind):
    path = files[0][name]
    with path.open("rb") as file:
        source = {"path": path, "bytes": path.read_bytes(), "file": file}[kind]
        stream, samples = play(source)
        assert not file.closed
    assert not stream.truncated
    assert not stream.non_finite
    assert stream.duration == pytest.approx(SECONDS, abs=0.08)
    assert level_at(samples, 440) == pytest.approx(0.3, rel=LOSS)


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_sound_of_a_video(container):
    buffer = io.BytesIO()
    encode(buffer, STEREO, RATE, Format("aac", container, ""), picture=True)
    stream, samples = play(buffer)
    assert not stream.truncated
    assert level_at(samples, 440) == pytest.approx(0.3, rel=LOSS)


def test_cover_art_is_ignored(files, tmp_path):
    import base64

    png = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
    )
    body = b"\0image/png\0\x03\0" + png + bytes(70_000)
    frame = b"APIC" + struct.pack(">I", len(body)) + b"\0\0" + body
    size = bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0))
    data = b"ID3\x03\0\0" + size + frame + files[0]["mp3-vbr"].read_bytes()
    stream, samples = play(data)
    assert not stream.truncated
    assert level_at(samples, 440) == pytest.approx(0.3, rel=LOSS)
    # The header that declares the number of frames is found behind the big tag, too.
    assert play(data[: -len(data) // 8])[0].truncated


def test_suffixes():
    assert {".wav", ".mp3", ".flac", ".m4a", ".opus", ".wma", ".mkv"} <= AUDIO_SUFFIXES
    assert is_audio_path("a/b.MP3")
    assert is_audio_path(Path("x.tar.Flac"))
    assert not is_audio_path("mp3")
    assert not is_audio_path("cover.jpg")


def test_find_files_searches_folders_and_reports_what_it_skips(tmp_path):
    for name in ("z.mp3", "a/2.flac", "a/1.OGG", "a/cover.jpg", "a/.hidden/3.wav", ".4.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    skipped = {}
    found = list(find_files([tmp_path, "named.txt"], on_skip=skipped.__setitem__))
    assert found == [
        *(tmp_path / name for name in ("z.mp3", "a/1.OGG", "a/2.flac")),
        Path("named.txt"),
    ]
    assert skipped == {
        tmp_path / "link": "a link to a folder, not followed",
        tmp_path / "a/cover.jpg": "not an audio file",
    }
    assert list(find_files(tmp_path)) == found[:-1]


# Sources


class Pipe(io.RawIOBase):
    """A file that cannot seek."""

    def __init__(self, data):
        self._buffer = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, into):
        return self._buffer.readinto(into)


class Minimal:
    def __init__(self, data):
        self.read = io.BytesIO(data).read


@pytest.mark.parametrize("kind", [Pipe, Minimal])
@pytest.mark.parametrize("name", ["m4a", "flac", "mp3"])
def test_files_that_cannot_seek_can_be_read(files, kind, name):
    path = files[0][name]
    stream, samples = play(kind(path.read_bytes()))
    assert not stream.truncated
    np.testing.assert_array_equal(samples, load_audio(path, RATE))


def test_a_file_object_is_read_from_its_start():
    file = io.BytesIO(wav(tone()))
    file.seek(0, os.SEEK_END)
    assert len(load_audio(file, RATE)) == SECONDS * RATE


@pytest.mark.parametrize(
    "name", ["foo:bar.wav", "-x.wav", "100% näïve ♫.wav", "http:", "%03d.wav", "pipe:0", "a.mp3"]
)
def test_any_file_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(wav(tone()))
    assert len(load_audio(name, RATE)) == SECONDS * RATE


@pytest.mark.skipif(os.name != "posix", reason="needs file names that are not text")
def test_a_file_name_that_is_not_text(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"\xff.wav")  # noqa: PTH118
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(wav(tone()))
    stream, _ = play(os.fsdecode(path))
    assert os.fsencode(stream.name) == path
    assert stream.duration == SECONDS
    with pytest.raises(AudioDecodeError, match=r"\?\.wav cannot be read") as caught:
        open_audio(os.fsdecode(path[:-4] + b"\xfe.wav"), RATE)
    assert str(caught.value).encode()


def test_a_string_is_never_fetched_as_a_url():
    with pytest.raises(AudioDecodeError, match=r"http://127\.0\.0\.1.*No such file"):
        open_audio("http://127.0.0.1:9/x.mp3", RATE)


@pytest.mark.parametrize("as_bytes", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile secret.wav\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:3,\nsecret.wav\n#EXT-X-ENDLIST\n",
        "#EXTM3U\nsecret.wav\n",
    ],
)
def test_playlists_open_no_other_file(tmp_path, monkeypatch, text, as_bytes):
    monkeypatch.chdir(tmp_path)
    Path("secret.wav").write_bytes(wav(tone()))
    Path("list.m3u8").write_text(text)
    if text.startswith("ffconcat"):  # Without the whitelist, FFmpeg opens the other file.
        with av.open("list.m3u8") as container:
            assert next(container.decode(audio=0)).samples
    with pytest.raises(AudioDecodeError, match="not a readable audio file"):
        load_audio(text.encode() if as_bytes else "list.m3u8", RATE)


def test_source_names(tmp_path):
    (tmp_path / "b.wav").touch()
    assert source_name(tmp_path / "a.wav") == str(tmp_path / "a.wav")
    with os.scandir(os.fsencode(tmp_path)) as entries:
        assert [source_name(entry) for entry in entries] == [str(tmp_path / "b.wav")]
    assert source_name("\ud800.wav") == "\ud800.wav"
    assert source_name("") == ""
    with pytest.raises(AudioDecodeError, match=r"^'' cannot be read"):
        open_audio("", RATE)
    assert source_name(b"") == "<bytes>"
    assert source_name(io.BytesIO()) == "<file object>"
    assert source_name((np.zeros(3), RATE)) == "<array>"
    assert open_audio(wav(tone()), RATE).name == "<bytes>"


def test_decoder_and_resampler_are_imported_when_used():
    code = "import sys, genreclf.audio; sys.exit('av' in sys.modules or 'soxr' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# Errors


def make_text(path):
    path.write_text("This is no sound.\n" * 300)


def make_png(path):
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="image2pipe") as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "rgb24"
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    path.write_bytes(buffer.getvalue())


def make_headless(path):
    buffer = io.BytesIO()
    encode(buffer, tone(), RATE, "m4a")
    path.write_bytes(buffer.getvalue()[:-2000])


def make_undecodable(path):
    """Write a FLAC header followed by noise."""
    buffer = io.BytesIO()
    encode(buffer, tone(), RATE, "flac")
    path.write_bytes(buffer.getvalue()[:100] + np.random.default_rng(1).bytes(5000))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "directory"),
        (lambda path: path.touch(), "empty"),
        (make_text, "not a readable audio file"),
        (make_png, "not a readable audio file"),
        (lambda path: video_only(path), "has no sound"),
        (lambda path: path.write_bytes(wav(tone())[:44]), "not a readable audio file"),
        (make_headless, "not a readable audio file"),
        (make_undecodable, "not a readable audio file"),
    ],
)
def test_sources_without_sound(tmp_path, make, reason):
    path = tmp_path / "a song.mp3"
    make(path)
    with pytest.raises(AudioDecodeError, match=reason) as caught:
        load_audio(path, RATE)
    message = str(caught.value)
    assert "a song.mp3" in message
    assert "\n" not in message
    assert message.endswith(".")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads anything")
def test_permission_denied(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav(tone()))
    path.chmod(0)
    with pytest.raises(AudioDecodeError, match="Permission denied"):
        open_audio(path, RATE)


class Failing(io.BytesIO):
    def __init__(self, data, error, after):
        super().__init__(data)
        self._error, self._left = error, after

    def read(self, size=-1):
        self._left -= size
        if self._left < 0:
            raise self._error
        return super().read(size)


@pytest.mark.parametrize("error", [OSError("gone"), ValueError("gone"), EOFError("gone")])
@pytest.mark.parametrize("after", [0, 500_000])
def test_a_file_object_that_fails(error, after):
    data = wav(np.stack([tone(seconds=10)] * 2, axis=1))
    with pytest.raises(AudioDecodeError, match=r"<file object> cannot be read .*gone"):
        load_audio(Failing(data, error, after), RATE)


@pytest.mark.parametrize("source", [3, None, io.StringIO("text"), "nul\0.wav", "\ud800.wav"])
def test_unsupported_sources(source):
    with pytest.raises(AudioDecodeError, match="cannot be read"):
        open_audio(source, RATE)


@pytest.mark.parametrize("rate", [0, 999, -1, 2_000_000])
def test_rates_out_of_range(rate):
    with pytest.raises(ConfigError, match="sample_rate"):
        open_audio((np.zeros(9), RATE), rate)
    with pytest.raises(AudioDecodeError, match=f"{rate} Hz"):
        open_audio((np.zeros(9), rate), RATE)


def test_a_file_whose_rate_is_out_of_range():
    data = bytearray(wav(tone()))
    data[24:28] = struct.pack("<I", 7)
    with pytest.raises(AudioDecodeError, match="7 Hz"):
        load_audio(bytes(data), RATE)


# Closing


def open_files():
    return [os.path.realpath(p) for p in Path("/proc/self/fd").iterdir()]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_files_are_always_closed(tmp_path):
    good, bad = tmp_path / "good.wav", tmp_path / "bad.mp3"
    good.write_bytes(wav(tone(seconds=20)))
    make_text(bad)

    def open_now():
        return [p for p in open_files() if p.startswith(os.path.realpath(tmp_path))]

    stream = open_audio(good, RATE)
    next(stream)
    assert open_now()
    stream.close()
    stream.close()
    assert not open_now()
    with pytest.raises(StopIteration):
        next(stream)

    with open_audio(good, RATE):
        assert open_now()
    assert not open_now()

    unclosed = open_audio(good, RATE)
    list(unclosed)
    assert not open_now()

    with pytest.raises(AudioDecodeError):
        open_audio(bad, RATE)
    assert not open_now()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dropped = open_audio(good, RATE)
        next(dropped)
        del dropped
        gc.collect()
    assert not open_now()


# Truncated and damaged files


@pytest.mark.parametrize("name", CUTTABLE)
@pytest.mark.parametrize("part", [0.45, 0.7, 0.9])
def test_truncated_files_are_decoded_up_to_the_cut(files, name, part):
    data = files[0][name].read_bytes()
    stream, samples = play(data[: int(len(data) * part)])
    assert stream.truncated
    # An Ogg page holds up to a second, and an incomplete page is lost.
    assert SECONDS * part - 1.1 < stream.duration < SECONDS * part + 0.2
    if stream.duration > 0.5:
        assert level_at(samples, 440) == pytest.approx(0.3, rel=LOSS)


@pytest.mark.parametrize("name", ["mp3", "mp3-vbr", "wav", "flac"])
@pytest.mark.parametrize("samples", [1000, 4096, 10_000, 44_100])
def test_short_files_are_not_truncated(tmp_path, name, samples):
    path = tmp_path / "short"
    encode(path, tone()[:samples], RATE, name)
    stream, _ = play(path)
    assert not stream.truncated
    assert stream.duration == pytest.approx(samples / RATE, abs=1e-4)


@pytest.mark.parametrize("name", ["mp3", "mp3-vbr", "mp3-bare", "flac", "aac"])
def test_files_with_a_tag_at_the_end_are_not_truncated(files, name):
    data = files[0][name].read_bytes() + b"TAG" + b"x" * 125
    stream, _ = play(data)
    assert not stream.truncated
    assert stream.duration == pytest.approx(SECONDS, abs=0.08)


def test_an_mp3_with_junk_at_the_end_is_not_truncated(files):
    for name in ("mp3", "mp3-bare"):
        assert not play(files[0][name].read_bytes() + bytes(3000))[0].truncated


def test_an_invalid_tag_before_an_mp3_is_ignored(files):
    sound = files[0]["mp3-bare"].read_bytes()
    # A tag's size has seven bits a byte. If it has eight, FFmpeg ignores the tag; read as a
    # size, it would end shortly before the end of the file.
    low = len(sound) % 128 + 128
    rest = (len(sound) - low) // 128
    size = bytes([rest >> 14, rest >> 7 & 127, rest & 127, low])
    stream, _ = play(b"ID3\3\0\0" + size + sound + b"Info\0")
    assert not stream.truncated
    assert stream.duration == pytest.approx(SECONDS, abs=0.08)


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0x80000024, 0xFFFFFFFF])
def test_the_size_of_a_wav_from_a_pipe_is_ignored(size):
    data = wav(tone())
    at = data.index(b"data") + 4
    data = (
        data[:4] + struct.pack("<I", size) + data[8:at] + struct.pack("<I", size) + data[at + 4 :]
    )
    stream, _ = play(data)
    assert not stream.truncated
    assert stream.duration == SECONDS


def test_flac_without_its_length(files):
    data = bytearray(files[0]["flac"].read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    stream, _ = play(bytes(data))
    assert stream.duration == SECONDS
    assert not stream.truncated
    assert play(bytes(data[: len(data) // 2]))[0].truncated


@pytest.mark.parametrize("name", ["flac", "m4a-front", "vorbis", "opus", "wma"])
def test_damaged_packets_are_skipped_and_the_file_is_not_truncated(files, name):
    data = bytearray(files[0][name].read_bytes())
    middle, size = len(data) // 2, len(data) // 50
    data[middle : middle + size] = np.random.default_rng(2).bytes(size)
    stream, samples = play(bytes(data))
    assert not stream.truncated
    assert SECONDS - 1.5 < stream.duration < SECONDS + 0.5
    tail = samples[-RATE // 2 :]
    assert level_at(tail, 440) == pytest.approx(0.3, rel=LOSS)


def test_rate_and_channels_may_change():
    first, second = io.BytesIO(), io.BytesIO()
    encode(first, STEREO, 48_000, "mp3-bare")
    encode(second, tone(rate=22_050), 22_050, "mp3-bare")
    stream, samples = play(first.getvalue() + second.getvalue())
    assert stream.duration == pytest.approx(2 * SECONDS, abs=0.3)
    assert level_at(samples[: SECONDS * RATE], 440) == pytest.approx(0.3, rel=LOSS)
    assert level_at(samples[-SECONDS * RATE :], 440) == pytest.approx(0.5, rel=LOSS)


def test_load_channels_keeps_channels_and_rate(files):
    paths, original = files
    for source in (paths["wav-float"], (original, RATE)):
        samples, rate = load_channels(source)
        assert rate == RATE
        assert samples.dtype == np.float32
        np.testing.assert_allclose(samples, original, rtol=0, atol=2.0**-24)
    assert load_channels((np.array([1, np.nan, -1]), RATE))[0].tolist() == [[1], [0], [-1]]


@pytest.mark.parametrize("first", [STEREO, tone()])
def test_load_channels_refuses_files_that_change(first):
    one, two = io.BytesIO(), io.BytesIO()
    encode(one, first, 48_000, "mp3-bare")
    encode(two, tone(rate=22_050), 22_050, "mp3-bare")
    with pytest.raises(AudioDecodeError, match="<bytes> changes its sample rate"):
        load_channels(one.getvalue() + two.getvalue())


def test_load_channels_refuses_files_without_sound(tmp_path):
    whole = wav(tone())
    empty = whole[: whole.index(b"data")] + b"data" + struct.pack("<I", 0)
    with pytest.raises(AudioDecodeError, match="holds no sound"):
        load_channels(empty)
    with pytest.raises(AudioDecodeError, match="gone"):
        load_channels(tmp_path / "gone.wav")


def test_ffmpeg_prints_nothing(files, capfd):
    for name in CUTTABLE:
        data = bytearray(files[0][name].read_bytes())
        data[len(data) // 2 : len(data) // 2 + 3000] = bytes(range(250)) * 12
        load_audio(bytes(data[:-3000]), RATE)
    assert capfd.readouterr() == ("", "")


# Resampling


@pytest.mark.parametrize(
    "rates", [(44_100, 22_050), (48_000, 22_050), (8_000, 22_050), (1_000, 96_000)]
)
def test_the_stream_equals_resampling_the_whole(rates):
    rate_in, rate_out = rates
    sound = np.random.default_rng(3).normal(0, 0.2, 200_001).astype(np.float32)
    sound = sound[: 20_001 if rate_in == 1_000 else None]
    whole = soxr.resample(sound, rate_in, rate_out, quality="HQ")
    stream, samples = play((sound, rate_in), rate_out)
    assert stream.duration == pytest.approx(len(sound) / rate_in, abs=2 / rate_out)
    assert samples.shape == whole.shape
    np.testing.assert_allclose(samples, whole, atol=1e-6)


def test_block_size_and_memory_are_bounded():
    # Five hours in no memory: one sample, repeated with a stride of zero.
    sound = np.broadcast_to(np.float32(0.25), (5 * 3600 * 8_000, 2))
    sizes = set()
    with open_audio((sound, 8_000), 8_000) as stream:
        for block in stream:
            assert block.base is None or block.base.nbytes < 2**22
            sizes.add(len(block))
            assert block[0] == 0.25
    assert max(sizes) <= 2**17
    assert min(sizes) > 0
    assert stream.duration == 5 * 3600


def test_upsampling_a_thousandfold_keeps_blocks_bounded():
    with open_audio((np.ones(3_000), 1_000), 1_536_000) as stream:
        assert max(map(len, stream)) <= 2**17
    assert stream.duration == pytest.approx(3, abs=0.01)


# Arrays


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((2, 9_000)), "transpos"),
        (np.zeros((9, 9, 9)), "3 dimensions"),
        (np.float32(1), "0 dimensions"),
        (np.zeros(9, complex), "complex128"),
        (np.zeros(9, object), "object"),
        (np.zeros(9, bool), "bool"),
        (np.zeros(0), "empty"),
        (np.zeros((9, 0)), "empty"),
    ],
)
def test_unsupported_arrays(array, reason):
    with pytest.raises(AudioDecodeError, match=f"<array>.*{reason}"):
        open_audio((array, RATE), RATE)


@pytest.mark.parametrize(
    "pair", [(np.zeros(9),), (np.zeros(9), RATE, 1), (np.zeros(9), "fast"), ()]
)
def test_unsupported_pairs(pair):
    with pytest.raises(AudioDecodeError, match="pair"):
        open_audio(pair, RATE)


@pytest.mark.parametrize(
    ("dtype", "silence", "loudest", "lowest"),
    [
        (np.int8, 0, 64, -128),
        (np.uint8, 128, 192, 0),
        (np.int16, 0, 2**14, -(2**15)),
        (np.uint16, 2**15, 3 * 2**14, 0),
        (np.int32, 0, 2**30, -(2**31)),
        (np.int64, 0, 2**62, -(2**63)),
        (np.float16, 0, 0.5, -1),
        (">f8", 0, 0.5, -1),
        (">i2", 0, 2**14, -(2**15)),
    ],
)
def test_full_scale_of_each_dtype(dtype, silence, loudest, lowest):
    array = np.array([silence, loudest, lowest], dtype)
    np.testing.assert_array_equal(load_audio((array, RATE), RATE), [0, 0.5, -1])


REALS = st.floats(allow_nan=True, allow_infinity=True, width=64)
DTYPES = st.sampled_from([np.float16, np.float32, np.float64, np.int16, np.uint8, np.int32])
SHAPES = st.one_of(st.tuples(st.integers(1, 50)), st.tuples(st.integers(1, 50), st.integers(1, 32)))


@settings(max_examples=150, deadline=None)
@given(array=DTYPES.flatmap(lambda d: hnp.arrays(d, SHAPES)))
def test_any_array_becomes_the_mean_of_its_finite_channels(array):
    before = array.tobytes()
    stream, mono = play((array, RATE), RATE)
    assert array.tobytes() == before
    columns = array.reshape(len(array), -1)
    if array.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            values = columns.astype(np.float32).astype(np.float64)
        assert stream.non_finite == (not np.isfinite(values).all())
        values = np.where(np.isfinite(values), values, 0).clip(-1e6, 1e6)
    else:
        assert not stream.non_finite
        half = 2.0 ** (8 * array.itemsize - 1)
        values = (columns - half * (array.dtype.kind == "u")) / half
    scale = max(1.0, float(np.abs(values).max()))
    np.testing.assert_allclose(mono, values.mean(axis=1), rtol=1e-5, atol=4e-6 * scale)


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(1, 5_000),
    rate_in=st.integers(1_000, 200_000),
    rate_out=st.sampled_from([8_000, 22_050, 48_000]),
    channels=st.integers(1, 3),
)
def test_resampling_preserves_the_duration(length, rate_in, rate_out, channels):
    try:
        stream, samples = play((np.full((length, channels), 0.5), rate_in), rate_out)
    except AudioDecodeError:
        assert length * rate_out / rate_in < 1
        return
    assert samples.dtype == np.float32
    assert abs(len(samples) - length * rate_out / rate_in) <= 1
    assert stream.duration == len(samples) / rate_out


def test_non_finite_samples_of_a_file_become_zeros():
    sound = tone().astype(np.float32)
    sound[[10, 20, 30]] = np.nan, np.inf, -np.inf
    sound[40] = 1e30
    stream, samples = play(wav(sound, codec="pcm_f32le"))
    assert stream.non_finite
    np.testing.assert_array_equal(samples[[10, 20, 30]], 0)
    assert samples[40] == 1e6
    assert samples[50] == sound[50]
    assert not play(wav(tone(), codec="pcm_f32le"))[0].non_finite


def test_huge_doubles_count_as_infinite():
    stream, samples = play((np.array([1e300, 0.5]), RATE))
    assert stream.non_finite
    np.testing.assert_array_equal(samples, [0, 0.5])


# Robustness


def heads():
    return [files_bytes[:n] for files_bytes in _small_files() for n in (16, 64, 300)]


def _small_files():
    for name in ("wav", "flac", "mp3", "m4a", "vorbis", "wma", "mka", "aiff"):
        buffer = io.BytesIO()
        encode(buffer, STEREO[: RATE // 5], RATE, name)
        yield buffer.getvalue()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(head=st.sampled_from([b"", *heads()]), tail=st.binary(max_size=400))
def test_arbitrary_bytes_raise_library_errors_only(head, tail):
    try:
        samples = load_audio(head + tail, 22_050)
    except GenreclfError:
        return
    assert np.isfinite(samples).all()


@settings(max_examples=100, deadline=None)
@given(
    whole=st.sampled_from(list(_small_files())),
    faults=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), max_size=6),
)
def test_damaged_files_raise_library_errors_only(whole, faults):
    data = bytearray(whole)
    for place, fault in faults:
        at = int(place * (len(data) - 8))
        data[at : at + len(fault)] = fault
    try:
        samples = load_audio(bytes(data), 22_050)
    except GenreclfError:
        return
    assert np.isfinite(samples).all()


def test_streams_in_threads_are_independent(files):
    paths = [files[0][name] for name in ("flac", "mp3", "m4a", "opus")] * 4
    alone = {path: load_audio(path, 22_050) for path in set(paths)}
    start = threading.Barrier(4)

    def load(path):
        start.wait(timeout=30)
        return load_audio(path, 22_050)

    with ThreadPoolExecutor(4) as pool:
        for path, samples in zip(paths, pool.map(load, paths), strict=True):
            np.testing.assert_array_equal(samples, alone[path])


def test_a_file_can_be_deleted_once_it_is_read(files, tmp_path):
    path = tmp_path / "a.flac"
    shutil.copy(files[0]["flac"], path)
    load_audio(path, RATE)
    path.unlink()
    assert not path.exists()
