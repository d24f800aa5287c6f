"""Data sets, their extraction, and duplicates, on sounds made here."""

from __future__ import annotations

import csv
import errno
import os
import subprocess
import sys
import wave
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from genreclf.audio import load_audio
from genreclf.cli import main
from genreclf.data import (
    GTZAN,
    AudioFolder,
    Dataset,
    FeatureSet,
    Manifest,
    Skipped,
    Track,
    extract_features,
    extraction,
    find_duplicates,
    open_dataset,
)
from genreclf.data.dataset import summarize_skipped, unique_ids
from genreclf.data.extraction import FrameStore
from genreclf.errors import ConfigError, DatasetError, MissingExtraError, PluginError
from genreclf.features import LogMel, make_extractor

REAL = Path(__file__).parents[2] / "shared" / "data" / "gtzan"
real_data = pytest.mark.skipif(not REAL.is_dir(), reason="the shared GTZAN data is not here")
RATE = 22050


def sound(path: Path, seconds: float = 0.5, seed: int = 0) -> Path:
    """Write noise as a WAV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(-9000, 9000, int(seconds * RATE), dtype="<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(noise.tobytes())
    return path


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Three tracks of each of two genres."""
    for genre in ("jazz", "rock"):
        for i in range(3):
            sound(tmp_path / "music" / genre / f"{i}.wav", seed=i + 10 * (genre == "rock"))
    return tmp_path / "music"


def ids(dataset: Dataset) -> list[str]:
    return [track.id for track in dataset.tracks]


def reasons(dataset: Dataset) -> dict[str, str]:
    return {each.name: each.reason for each in dataset.skipped}


class TestDataset:
    def test_one_genre_is_an_error_that_names_it(self):
        with pytest.raises(DatasetError, match="it has one genre only, 'rock'"):
            Dataset("it", (Track("a", ("rock",)), Track("b", ("rock",))))

    def test_no_track_is_an_error_that_says_what_was_skipped(self):
        with pytest.raises(DatasetError, match=r"it has no tracks \(1 skipped: broken"):
            Dataset("it", (), (Skipped("x.wav", "broken"),))

    def test_two_tracks_of_one_id_are_an_error(self):
        with pytest.raises(DatasetError, match="id 'a'"):
            Dataset("it", (Track("a", ("rock",)), Track("a", ("jazz",))))

    def test_summary_counts_reasons(self):
        skipped = [Skipped(str(i), reason) for i, reason in enumerate("abbcd")]
        assert summarize_skipped(skipped) == (
            "5 skipped: b (2, such as 1); a (1, such as 0); c (1, such as 3); 1 other reasons"
        )

    @given(st.lists(st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1), unique_by=tuple))
    def test_ids_are_unique_whatever_the_suffixes(self, parts):
        paths = list(dict.fromkeys(Path("x" + ".".join(each)) for each in parts))
        names = unique_ids(paths)
        assert len(set(names)) == len(paths)


class TestAudioFolder:
    def test_genres_are_folders_and_ids_relative_paths(self, music):
        sound(music / "rock" / "live" / "1999" / "x.y.wav")
        found = AudioFolder(music)
        assert found.labels == ("jazz", "rock")
        assert ids(found) == [
            *("jazz/0", "jazz/1", "jazz/2", "rock/0", "rock/1", "rock/2", "rock/live/1999/x.y")
        ]
        assert found.tracks[-1] == Track(
            "rock/live/1999/x.y", ("rock",), music / "rock/live/1999/x.y.wav"
        )
        assert found.skipped == ()

    def test_all_that_is_no_track_is_listed_but_hidden_files(self, music):
        touch(music / "rock" / "cover.jpg")
        touch(music / "loose.wav")
        touch(music / "rock" / ".hidden.wav")
        touch(music / ".git" / "x.wav")
        touch(music / "rock" / ".cache" / "x.wav")
        (music / "empty").mkdir()
        (music / "rock" / "link").symlink_to(music / "jazz")
        found = AudioFolder(music)
        assert len(found) == 6
        assert reasons(found) == {
            "rock/cover.jpg": "not an audio file",
            "loose.wav": "not in the folder of a genre",
            "empty": "a folder without music",
            "rock/link": "a link to a folder, not followed",
        }

    def test_files_that_differ_in_suffix_only_keep_it(self, music):
        touch(music / "rock" / "0.flac")
        assert {"rock/0.flac", "rock/0.wav", "rock/1"} <= set(ids(AudioFolder(music)))

    def test_odd_names(self, music):
        names = [b"a\nb.wav", "naïve 音楽.wav".encode(), b"\xff\xfe.wav", b"'; rm -rf.wav"]
        for name in names:
            touch(music / "rock" / os.fsdecode(name))
        touch(music / "rock" / os.fsdecode(b"\xff.txt"))
        found = AudioFolder(music)
        assert len(found) == 10
        assert all(track.path.exists() for track in found.tracks)
        assert all(each.name.encode() for each in found.skipped)

    def test_one_genre_and_a_missing_folder(self, tmp_path):
        sound(tmp_path / "rock" / "a.wav")
        (tmp_path / "jazz").mkdir()
        with pytest.raises(DatasetError, match=r"one genre only, 'rock'.*without music.*jazz"):
            AudioFolder(tmp_path)
        with pytest.raises(DatasetError, match="No such file"):
            AudioFolder(tmp_path / "nowhere")


class TestGTZAN:
    @pytest.mark.parametrize(
        "layout",
        [
            "genres/{g}/{n}.wav",
            "genres/{g}/{n}.au",
            "genres_original/{g}/{n}.wav",
            "Data/genres_original/{g}/{n}.wav",
            "audio/{g}/{n}.flac",
            "{g}/{n}.wav",
            "{n}.wav",
        ],
    )
    def test_layouts(self, tmp_path, layout):
        for name in ("blues.00000", "blues.00001", "rock.00099", "jazz.00054"):
            touch(tmp_path / layout.format(g=name[:-6], n=name))
        touch(tmp_path / "features_30_sec.csv")
        found = open_dataset(tmp_path)
        assert isinstance(found, GTZAN)
        assert ids(found) == ["blues.00000", "blues.00001", "rock.00099"]
        assert found.labels == ("blues", "rock")
        assert all(track.path.exists() for track in found.tracks)
        broken = [each for each in found.skipped if "jazz.00054" in each.name]
        assert len(broken) == 1
        assert "broken in the common distribution" in broken[0].reason

    def test_what_does_not_fit_is_listed(self, tmp_path):
        for name in (
            *("blues/blues.00000.wav", "blues/blues.00000.au", "blues/rock.00001.wav"),
            *("rock/rock.00001.wav", "rock/rock.1.wav", "rock/rock.00002.txt", "rock/.x.wav"),
            *("bextract.mf", "polka/polka.00001.wav"),
        ):
            touch(tmp_path / "genres" / name)
        found = GTZAN(tmp_path)
        assert ids(found) == ["blues.00000", "rock.00001"]
        assert found.tracks[0].path.suffix == ".au"
        unlike = "not named like a clip of GTZAN (blues.00000.wav)"
        assert reasons(found) == {
            "blues/blues.00000.wav": "a second file of blues.00000",
            "blues/rock.00001.wav": "in the folder of blues, not of rock",
            "rock/rock.1.wav": unlike,
            "rock/rock.00002.txt": unlike,
            "bextract.mf": unlike,
            "polka": "a folder that is no genre of GTZAN",
        }

    def test_another_folder_is_not_gtzan(self, music):
        with pytest.raises(DatasetError, match="has no clips of GTZAN"):
            GTZAN(music)

    @real_data
    @pytest.mark.parametrize("root", [REAL, REAL / "audio"])
    def test_the_real_clips(self, root):
        found = open_dataset(root)
        assert isinstance(found, GTZAN)
        assert (len(found), len(found.labels)) == (100, 10)


class TestManifest:
    def write(self, folder: Path, text: str, encoding: str = "utf-8") -> Path:
        path = folder / "tracks.csv"
        path.write_text(text, encoding=encoding)
        return path

    def test_all_columns(self, music):
        rows = "\ufeffPath,genre,group,split,id,mood\r\n"
        rows += "jazz/0.wav, jazz ,Miles,train,kind,blue\r\n"
        rows += f"{music / 'rock' / '0.wav'},rock,,,,\r\n"
        rows += '"rock/1.wav",rock,"Queen, live",Validation,,\r\n'
        found = open_dataset(self.write(music, rows))
        assert isinstance(found, Manifest)
        assert found.tracks == (
            Track("kind", ("jazz",), music / "jazz/0.wav", "Miles", "train"),
            Track((music / "rock/0").as_posix(), ("rock",), music / "rock/0.wav"),
            Track("rock/1", ("rock",), music / "rock/1.wav", "Queen, live", "valid"),
        )
        assert found.skipped == ()

    def test_unreadable_rows_are_listed_with_their_numbers(self, music):
        rows = [
            "path,genre,split,id",
            "jazz/0.wav,jazz,,a",
            "rock/0.wav,rock,,b",
            "rock/1.wav",
            ",rock,,",
            "rock/1.wav,rock,middle,",
            "rock/1.wav,rock,,b",
            "rock/gone.wav,rock,,",
            "rock,rock,,",
            "rock/\0.wav,rock,,",
            ",,,",
            "",
            "rock/2.wav,rock,test,",
        ]
        found = Manifest(self.write(music, "\n".join(rows)))
        assert ids(found) == ["a", "b", "rock/2"]
        assert reasons(found) == {
            "row 4": "no genre",
            "row 5": "no path",
            "row 6": "unknown split 'middle' (known: train, valid, test)",
            "row 7": "the id 'b' is taken by a row above",
            "row 8": f"there is no file '{music / 'rock/gone.wav'}'",
            "row 9": f"there is no file '{music / 'rock'}'",
            "row 10": f"there is no file '{music / 'rock'}/\0.wav'",
            "row 11": "no path",
        }

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("file,genre\na,b\n", "has no column 'path'.*and has: file, genre"),
            ("path\na\n", "has no column 'genre'.*and has: path"),
            ("", "has no column 'path'.*and has: none"),
            ('path,genre\n"a,b\n', "cannot be read"),
            ("path,genre\nnone.wav,rock\n", "has no tracks.*there is no file"),
        ],
    )
    def test_unusable_manifests(self, tmp_path, text, message):
        with pytest.raises(DatasetError, match=message):
            Manifest(self.write(tmp_path, text))

    def test_another_encoding_is_an_error(self, tmp_path):
        with pytest.raises(DatasetError, match=r"cannot be read.*utf-8"):
            Manifest(self.write(tmp_path, "path,genre\né,b\n", "latin-1"))

    def test_one_genre(self, music):
        with pytest.raises(DatasetError, match="one genre only, 'rock'"):
            Manifest(self.write(music, "path,genre\nrock/0.wav,rock\nrock/1.wav,rock\n"))

    def test_parquet(self, music):
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        path = music / "tracks.parquet"
        columns = {
            "path": ["jazz/0.wav", "rock/0.wav", None, "rock/1.wav"],
            "genre": ["jazz", "rock", "rock", "rock"],
            "group": pa.array([7, None, None, 8], pa.int64()),
            "id": [1.5, float("nan"), 3.0, 4.0],
        }
        parquet.write_table(pa.table(columns), path)
        found = open_dataset(path)
        assert [(t.id, t.group) for t in found.tracks] == [
            *(("1.5", "7"), ("rock/0", None), ("4.0", "8"))
        ]
        assert reasons(found) == {"row 3": "no path"}

    def test_a_broken_parquet_file(self, tmp_path):
        pytest.importorskip("pyarrow")
        path = tmp_path / "x.parquet"
        path.write_bytes(b"PAR1 no, it is not")
        with pytest.raises(DatasetError, match="cannot be read"):
            Manifest(path)

    def test_parquet_without_pyarrow_names_the_extra(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(MissingExtraError, match=r"genreclf\[parquet\]"):
            Manifest(tmp_path / "x.parquet")


class TestOpening:
    def test_a_folder_of_genres(self, music):
        assert isinstance(open_dataset(music), AudioFolder)

    def test_what_is_no_data_set(self, music):
        with pytest.raises(DatasetError, match="does not exist; give a folder"):
            open_dataset(music / "nowhere")
        with pytest.raises(DatasetError, match="is not a manifest; give a folder"):
            open_dataset(music / "rock" / "0.wav")

    def test_a_feature_set_is_told_apart(self, music, tmp_path):
        extract_features(AudioFolder(music), tmp_path / "set")
        with pytest.raises(DatasetError, match="is a feature set"):
            open_dataset(tmp_path / "set")


def frames_of(path: Path, features: str) -> np.ndarray:
    """What extraction should give, from the whole sound at once."""
    extractor = make_extractor(features)
    margin = np.zeros(extractor.window_length // 2, np.float32)
    return extractor.transform(np.concatenate([margin, load_audio(path, RATE), margin]))


class Counting:
    """Counts the tracks that are opened, and stops everything after some."""

    def __init__(self, monkeypatch, stop_after: float = float("inf")):
        self.opened: list[Path] = []
        original = extraction.open_audio

        def opening(path, rate):
            if len(self.opened) == stop_after:
                raise KeyboardInterrupt
            self.opened.append(path)
            return original(path, rate)

        monkeypatch.setattr(extraction, "open_audio", opening)


class TestExtraction:
    @pytest.mark.parametrize("features", ["logmel-dong2018", "logmel-13fps"])
    def test_frames_are_those_of_the_whole_sound(self, music, tmp_path, features):
        sound(music / "rock" / "long.wav", 20)
        dataset = AudioFolder(music)
        found = extract_features(dataset, tmp_path / "set", features, precision="float32")
        assert found.ids == tuple(ids(dataset))
        assert found.genres == ("jazz",) * 3 + ("rock",) * 4
        assert isinstance(found.data, np.memmap)
        for i, track in enumerate(dataset.tracks):
            expected = frames_of(track.path, features)
            assert found.frames(i).shape == expected.shape
            np.testing.assert_allclose(found.frames(i), expected, atol=2e-4)
        assert sorted(path.name for path in (tmp_path / "set").iterdir()) == [
            *("features.json", "frames.npy")
        ]

    def test_a_long_track_is_written_as_it_comes(self, music, tmp_path, monkeypatch):
        sound(music / "rock" / "long.wav", 60)
        sizes, write = [], FrameStore.write

        def watched(self, key, blocks):
            write(self, key, (sizes.append(len(block)) or block for block in blocks))

        monkeypatch.setattr(FrameStore, "write", watched)
        extract_features(AudioFolder(music), tmp_path / "set", "logmel-dong2018")
        assert max(sizes) < 6.5 * RATE / 256
        assert sum(sizes) > 60 * RATE / 256

    def test_values_that_are_not_finite_are_told(self, music, tmp_path, monkeypatch):
        monkeypatch.setattr(
            LogMel, "transform", lambda self, x: np.full((128, len(x) // 1709), np.nan, np.float32)
        )
        with pytest.raises(DatasetError, match="features are not finite"):
            extract_features(AudioFolder(music), tmp_path / "set", precision="float32")

    def test_float16_rounds_decibels_as_documented(self, music, tmp_path):
        dataset = AudioFolder(music)
        found = extract_features(dataset, tmp_path / "set")
        exact = extract_features(dataset, tmp_path / "exact", precision="float32")
        assert (found.data.dtype, exact.data.dtype) == (np.float16, np.float32)
        assert 0 < np.abs(exact.data - found.data.astype(np.float32)).max() <= 0.03125

    def test_groups_and_splits_survive(self, music, tmp_path):
        text = "path,genre,group,split\njazz/0.wav,jazz,A,train\nrock/0.wav,rock,,test\n"
        (music / "t.csv").write_text(text)
        extract_features(open_dataset(music / "t.csv"), tmp_path / "set")
        found = FeatureSet.load(tmp_path / "set")
        assert found.groups == ("A", None)
        assert found.splits == ("train", "test")
        assert found.subset([1]).splits == ("test",)
        again = FeatureSet.load(found.save(tmp_path / "set"))
        assert again.splits == found.splits
        np.testing.assert_array_equal(again.data, found.data)

    def test_broken_files_are_listed_and_kept_in_the_set(self, music, tmp_path):
        touch(music / "rock" / "cover.jpg")
        touch(music / "rock" / "0.wav")
        (music / "jazz" / "1.wav").write_text("no sound at all")
        dataset = AudioFolder(music)
        extract_features(dataset, tmp_path / "set")
        found = FeatureSet.load(tmp_path / "set")
        assert found.ids == ("jazz/0", "jazz/2", "rock/1", "rock/2")
        assert [each.name for each in found.skipped] == ["rock/cover.jpg", "jazz/1", "rock/0"]
        assert "is empty" in found.skipped[-1].reason
        assert found.subset([0]).skipped == found.skipped

    def test_nothing_but_broken_files(self, tmp_path):
        for genre in ("rock", "jazz"):
            touch(tmp_path / "music" / genre / "a.wav")
        with pytest.raises(DatasetError, match="no track can be used; 2 skipped"):
            extract_features(AudioFolder(tmp_path / "music"), tmp_path / "set")

    def test_goes_on_where_it_was_stopped(self, music, tmp_path, monkeypatch):
        dataset = AudioFolder(music)
        with monkeypatch.context() as patch:
            Counting(patch, stop_after=4)
            with pytest.raises(KeyboardInterrupt):
                extract_features(dataset, tmp_path / "set", workers=1)
        with pytest.raises(DatasetError, match="not a complete feature set"):
            FeatureSet.load(tmp_path / "set")
        assert len(list((tmp_path / "set" / "parts").glob("*.frames"))) == 4
        counting, calls = Counting(monkeypatch), []
        found = extract_features(
            dataset, tmp_path / "set", progress=lambda *numbers: calls.append(numbers)
        )
        assert len(counting.opened) == 2
        assert calls == [(4, 6), (5, 6), (6, 6)]
        fresh = extract_features(dataset, tmp_path / "fresh")
        np.testing.assert_array_equal(found.data, fresh.data)
        assert found.ids == fresh.ids

    def test_a_part_that_was_cut_is_made_again(self, music, tmp_path, monkeypatch):
        dataset = AudioFolder(music)
        with monkeypatch.context() as patch:
            patch.setattr(FrameStore, "join", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                extract_features(dataset, tmp_path / "set")
        part = next((tmp_path / "set" / "parts").glob("*.frames"))
        part.write_bytes(part.read_bytes()[:-1])
        counting = Counting(monkeypatch)
        extract_features(dataset, tmp_path / "set")
        assert len(counting.opened) == 1

    def test_a_complete_set_is_returned_at_once(self, music, tmp_path, monkeypatch):
        first = extract_features(AudioFolder(music), tmp_path / "set")
        counting = Counting(monkeypatch)
        again = extract_features(AudioFolder(music), tmp_path / "set")
        assert not counting.opened
        np.testing.assert_array_equal(first.data, again.data)

    def test_a_changed_file_makes_a_set_invalid(self, music, tmp_path):
        extract_features(AudioFolder(music), tmp_path / "set")
        sound(music / "rock" / "1.wav", 0.7)
        with pytest.raises(DatasetError, match="other tracks, or their files have changed; choose"):
            extract_features(AudioFolder(music), tmp_path / "set")

    @pytest.mark.parametrize(
        "change",
        [
            {"features": "logmel-dong2018"},
            {"parameters": {"n_mels": 64}},
            {"parameters": {"top_db": 60.0}},
            {"precision": "float32"},
        ],
    )
    def test_another_configuration_makes_a_set_invalid(self, music, tmp_path, change):
        extract_features(AudioFolder(music), tmp_path / "set")
        before = (tmp_path / "set" / "frames.npy").read_bytes()
        with pytest.raises(DatasetError, match="other features or parameters; choose another"):
            extract_features(AudioFolder(music), tmp_path / "set", **change)
        assert (tmp_path / "set" / "frames.npy").read_bytes() == before

    def test_another_configuration_makes_unfinished_parts_invalid(self, music, tmp_path):
        def stop(done, total):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            extract_features(AudioFolder(music), tmp_path / "set", progress=stop)
        with pytest.raises(DatasetError, match="unfinished features with another configuration"):
            extract_features(AudioFolder(music), tmp_path / "set", parameters={"n_mels": 64})

    def test_other_files_are_never_deleted(self, music, tmp_path):
        mine = touch(tmp_path / "set" / "parts" / "mine.txt")
        with pytest.raises(DatasetError, match="or other files"):
            extract_features(AudioFolder(music), tmp_path / "set")
        assert mine.exists()

    def test_a_full_disk_keeps_what_is_finished(self, music, tmp_path, monkeypatch):
        dataset = AudioFolder(music)
        original = FrameStore.write
        written = []

        def write(self, key, blocks):
            if len(written) == 3:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written.append(key)
            original(self, key, blocks)

        with monkeypatch.context() as patch:
            patch.setattr(FrameStore, "write", write)
            with pytest.raises(DatasetError, match="No space left on device; finished tracks"):
                extract_features(dataset, tmp_path / "set", workers=1)
        counting = Counting(monkeypatch)
        assert len(extract_features(dataset, tmp_path / "set")) == 6
        assert len(counting.opened) == 3

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_a_real_full_device(self, music, tmp_path):
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / f".frames.npy.{os.getpid()}.part").symlink_to("/dev/full")
        with pytest.raises(DatasetError, match="No space left on device"):
            extract_features(AudioFolder(music), tmp_path / "set")
        assert len(list((tmp_path / "set" / "parts").glob("*.frames"))) == 6
        assert len(extract_features(AudioFolder(music), tmp_path / "set")) == 6

    def test_values_that_do_not_fit_are_told(self, music, tmp_path, monkeypatch):
        monkeypatch.setattr(
            LogMel, "transform", lambda self, x: np.full((128, len(x) // 1709), 1e5, np.float32)
        )
        with pytest.raises(DatasetError, match="reach 100000, which float16 cannot represent"):
            extract_features(AudioFolder(music), tmp_path / "set")

    def test_a_file_that_vanishes_is_listed(self, music, tmp_path):
        dataset = AudioFolder(music)
        (music / "rock" / "1.wav").unlink()
        found = extract_features(dataset, tmp_path / "set")
        assert [each.name for each in found.skipped] == ["rock/1"]

    def test_odd_names_survive(self, music, tmp_path):
        sound(music / "rock" / os.fsdecode(b"\xff\n.wav"))
        found = extract_features(AudioFolder(music), tmp_path / "set")
        assert FeatureSet.load(tmp_path / "set").ids == found.ids
        assert len(found) == 7

    def test_errors_of_the_call(self, music, tmp_path):
        with pytest.raises(PluginError):
            extract_features(AudioFolder(music), tmp_path / "set", "no-such-features")
        with pytest.raises(ConfigError):
            extract_features(AudioFolder(music), tmp_path / "set", parameters={"n_mels": 0})
        with pytest.raises(DatasetError, match="workers"):
            extract_features(AudioFolder(music), tmp_path / "set", workers=0)
        with pytest.raises(DatasetError, match="cannot be written"):
            extract_features(AudioFolder(music), music / "rock" / "0.wav")

    def test_killed_at_any_moment(self, music, tmp_path):
        for i in range(20):
            sound(music / "rock" / f"more{i}.wav", 2, seed=i + 100)
        code = (
            "import os, signal, sys\n"
            "from genreclf.data import extract_features, open_dataset\n"
            "def kill(done, total):\n"
            "    if done == 9: os.kill(os.getpid(), signal.SIGKILL)\n"
            "extract_features(open_dataset(sys.argv[1]), sys.argv[2], progress=kill)\n"
        )
        ended = subprocess.run([sys.executable, "-c", code, str(music), str(tmp_path / "set")])
        assert ended.returncode == -9
        assert list((tmp_path / "set" / "parts").glob("*.frames"))
        found = extract_features(AudioFolder(music), tmp_path / "set")
        fresh = extract_features(AudioFolder(music), tmp_path / "fresh")
        np.testing.assert_array_equal(found.data, fresh.data)


class TestCommand:
    def run(self, *arguments: object) -> SimpleNamespace:
        result = CliRunner().invoke(main, ["features", "extract", *map(str, arguments)])
        return SimpleNamespace(code=result.exit_code, out=result.stdout, err=result.stderr)

    def test_all_is_well(self, music, tmp_path):
        touch(music / "rock" / "cover.jpg")
        result = self.run(music, "--output", tmp_path / "set", "--workers", 1)
        assert result.code == 0
        assert "skipped: rock/cover.jpg: not an audio file\n" in result.err
        assert result.out.startswith("6 of 6 tracks, 2 genres, logmel-13fps features in ")
        assert len(FeatureSet.load(tmp_path / "set")) == 6

    def test_a_broken_file_is_named_each_time(self, music, tmp_path):
        touch(music / "rock" / "1.wav")
        for _ in range(2):
            result = self.run(music, "--output", tmp_path / "set", "--features", "logmel-dong2018")
            assert result.code == 1
            assert "skipped: rock/1: " in result.err
            assert result.out.startswith("5 of 6 tracks, 2 genres, logmel-dong2018")

    def test_another_configuration_is_one_line(self, music, tmp_path):
        self.run(music, "--output", tmp_path / "set")
        result = self.run(music, "--output", tmp_path / "set", "--precision", "float32")
        assert result.code == 2
        assert "\nError: " in result.err
        assert "choose another output" in result.err


def feature_set(*tracks: np.ndarray) -> FeatureSet:
    """Tracks of (128, frames)."""
    n = len(tracks)
    return FeatureSet.from_frames(
        "logmel-13fps", tracks, [str(i) for i in range(n)], ["ab"[i % 2] for i in range(n)]
    )


class TestDuplicates:
    def noise(self, seed: int, frames: int = 120) -> np.ndarray:
        return np.random.default_rng(seed).normal(-40, 9, (128, frames)).astype(np.float32)

    @pytest.mark.parametrize("block_bytes", [2**27, 4 * 128 * 400, 1])
    def test_copies_are_found_whatever_the_level_equalisation_and_length(
        self, block_bytes, monkeypatch
    ):
        monkeypatch.setattr("genreclf.data.duplicates._BLOCK_BYTES", block_bytes)
        a, b, c = self.noise(0), self.noise(1, 600), self.noise(2, 131)
        tilt = np.linspace(6, -20, 128, dtype=np.float32)[:, None]
        near = c + np.random.default_rng(3).normal(0, 1, c.shape).astype(np.float32)
        found = find_duplicates(feature_set(a, b, c, b[:, :400], near, 2 * a + tilt))
        assert found == [(0, 5), (1, 3), (2, 4)]

    def test_the_threshold_counts(self):
        a = self.noise(0)
        similar = a + np.random.default_rng(1).normal(0, 4.5, a.shape).astype(np.float32)
        assert find_duplicates(feature_set(a, similar)) == []
        assert find_duplicates(feature_set(a, similar), threshold=0.8) == [(0, 1)]

    def test_silence_is_like_nothing(self):
        silence = np.full((128, 50), -100, np.float32)
        steady = np.repeat(self.noise(0, 1), 50, axis=1)
        assert find_duplicates(feature_set(silence, silence, steady, steady)) == []

    def test_one_frame_and_one_track(self):
        assert find_duplicates(feature_set(self.noise(0, 1), self.noise(1, 1))) == []
        assert find_duplicates(feature_set(self.noise(0))) == []

    @real_data
    def test_the_known_copies_in_gtzan(self):
        features = FeatureSet.from_npz(REAL / "logmel_13fps.npz")
        with (REAL / "splits" / "duplicates.csv").open() as file:
            known = {frozenset((row["a"], row["b"])) for row in csv.DictReader(file)}
        found = find_duplicates(features)
        assert {frozenset(features.ids[i] for i in pair) for pair in found} == known


class TestJoining:
    def made(self, prefix, genres, scale=1.0, level=0.0):
        frames = [np.full((128, 5 + i), level + i, np.float32) for i in range(len(genres))]
        names = [f"{prefix}{i}" for i in range(len(genres))]
        return FeatureSet.from_frames(
            "logmel-13fps", frames, names, genres, groups=names, scale=scale
        )

    @pytest.mark.parametrize("scale", [1.0, 0.5])
    def test_both_sets_keep_their_frames(self, scale):
        one, other = self.made("a", ["jazz", "rock"]), self.made("b", ["rock"], scale, -8)
        both = one.concatenate(other)
        assert both.ids == both.groups == ("a0", "a1", "b0")
        assert both.genres == ("jazz", "rock", "rock")
        assert both.labels == one.labels
        for index, (parts, track) in enumerate([(one, 0), (one, 1), (other, 0)]):
            np.testing.assert_array_equal(both.frames(index), parts.frames(track))

    def test_what_does_not_fit_is_refused(self):
        one = self.made("a", ["jazz", "rock"])
        with pytest.raises(DatasetError, match=r"not among the labels: .*polka"):
            one.concatenate(self.made("b", ["polka"]))
        with pytest.raises(DatasetError, match="same id"):
            one.concatenate(self.made("a", ["rock"]))
        other = FeatureSet.from_frames(
            "logmel-dong2018", [np.zeros((64, 9), np.float32)], ["b"], ["rock"]
        )
        with pytest.raises(DatasetError, match="the set to add them to needs"):
            one.concatenate(other)

    def test_a_prefix_makes_ids_differ(self):
        one = self.made("a", ["jazz", "rock"])
        prefixed = one.with_id_prefix("more/")
        assert prefixed.ids == ("more/a0", "more/a1")
        assert prefixed.groups == one.groups
        assert len(one.concatenate(prefixed)) == 4

    def test_only_the_frames_of_an_extractor_must_fit(self):
        one = self.made("a", ["jazz", "rock"])
        one.check_extractor("logmel-13fps", {"normalization": "band", "top_db": None}, "the model")
        with pytest.raises(DatasetError, match=r"made by 'logmel-13fps'.*the model needs.*again"):
            one.check_extractor("logmel-13fps", {"fmax": 8000.0}, "the model")
        with pytest.raises(DatasetError, match="the model needs 'logmel-dong2018'"):
            one.check_extractor("logmel-dong2018", {}, "the model")

    def test_arrays_and_ids_that_do_not_match(self):
        frames = [np.zeros((128, 5), np.float32)] * 2
        with pytest.raises(DatasetError, match=r"differ: \[2, 1, 2, 1, 1\]"):
            FeatureSet.from_frames("logmel-13fps", frames, ["a"], ["jazz", "rock"])
