"""Where windows lie, whatever the stream's length and cuts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genreclf.features import Frames, iter_segments, segment_hop
from genreclf.features.segments import window_starts


def ramp(n_frames: int, first: int = 0) -> Frames:
    """Frames that hold their number, as feature and as power."""
    numbers = np.arange(first, first + n_frames, dtype=np.float32)
    return Frames(numbers[None], numbers + 1)


lengths = st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))


@given(n_frames=st.integers(1, 300), length_hop=lengths)
def test_every_frame_is_in_a_window(n_frames, length_hop):
    length, hop = length_hop
    starts = window_starts(n_frames, length, hop)
    covered = {frame for start in starts for frame in range(start, start + length)}
    assert covered >= set(range(n_frames))
    assert (np.diff(starts) > 0).all()
    assert starts[-1] == max(n_frames - length, 0)


@given(
    cuts=st.lists(st.integers(1, 60), min_size=1, max_size=12),
    length_hop=lengths,
    batch_size=st.integers(1, 5),
)
def test_batches_hold_the_windows_of_the_whole_stream(cuts, length_hop, batch_size):
    length, hop = length_hop
    n_frames = sum(cuts)
    firsts = np.cumsum([0, *cuts[:-1]]).tolist()
    blocks = [ramp(size, first) for size, first in zip(cuts, firsts, strict=True)]
    found = list(iter_segments(blocks, length, hop, batch_size))
    starts = np.concatenate([batch.starts for batch in found])
    np.testing.assert_array_equal(starts, window_starts(n_frames, length, hop))
    windows = np.concatenate([batch.data for batch in found])[:, 0]
    expected = (starts[:, None] + np.arange(length)) % n_frames
    np.testing.assert_array_equal(windows, expected)
    levels = np.concatenate([batch.level_db for batch in found])
    np.testing.assert_allclose(levels, 10 * np.log10((expected + 1).mean(axis=1)), atol=1e-4)
    assert [batch.wrapped for batch in found] == [n_frames < length] * len(found)


def test_a_long_stream_is_held_in_small_parts():
    sizes = [len(batch.data) for batch in iter_segments((ramp(500) for _ in range(100)), 40, 20, 8)]
    assert max(sizes) < 50
    assert len(sizes) > 100


def test_an_empty_stream_has_no_windows():
    assert list(iter_segments([], 4, 2)) == []


@pytest.mark.parametrize(("overlap", "hop"), [(0, 40), (0.5, 20), (0.99, 1), (0.999, 1)])
def test_hop_of_overlap(overlap, hop):
    assert segment_hop(40, overlap) == hop
