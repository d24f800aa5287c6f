"""Where windows lie, whatever the stream's length and cuts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genreclf.segments import hop_of, spans, window_starts


def ramp(n_frames: int) -> np.ndarray:
    """Frames that know their number."""
    return np.arange(n_frames, dtype=np.float32)[None]


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
    max_windows=st.integers(1, 5),
)
def test_spans_hold_the_windows_of_the_whole_stream(cuts, length_hop, max_windows):
    length, hop = length_hop
    n_frames = sum(cuts)
    blocks = np.split(ramp(n_frames), np.cumsum(cuts)[:-1], axis=1)
    found = list(spans(blocks, length, hop, max_windows))
    starts = np.concatenate([span.starts for span in found])
    np.testing.assert_array_equal(starts, window_starts(n_frames, length, hop))
    windows = np.concatenate([span.windows() for span in found])[:, 0]
    expected = (starts[:, None] + np.arange(length)) % n_frames
    np.testing.assert_array_equal(windows, expected)
    assert [span.tiled for span in found] == [n_frames < length] * len(found)


def test_a_long_stream_is_held_in_small_parts():
    sizes = [span.frames.shape[1] for span in spans((ramp(500) for _ in range(100)), 40, 20, 8)]
    assert max(sizes) < 1000
    assert len(sizes) > 100


def test_an_empty_stream_has_no_windows():
    assert list(spans([], 4, 2)) == []


@pytest.mark.parametrize(("overlap", "hop"), [(0, 40), (0.5, 20), (0.99, 1), (0.999, 1)])
def test_hop_of_overlap(overlap, hop):
    assert hop_of(40, overlap) == hop
