"""Maps on threads: order, bounds and cancellation."""

import itertools
import threading
import time

import numpy as np
import pytest

from audio_files import encode
from conftest import noise
from genreclf import Failure, Prediction
from genreclf.errors import ConfigError
from genreclf.parallel import Cancelled, ordered_map
from genreclf.runtimes.torch import DynamicBatcher


def running_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("genreclf")]


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_results_come_in_the_order_of_the_items(workers):
    def function(item, cancellation):
        time.sleep(0.002 * (item % 3))
        return item

    assert list(ordered_map(function, range(50), workers)) == list(range(50))
    assert not running_threads()


def test_at_most_three_items_per_worker_are_read_ahead():
    read = itertools.count()
    results = ordered_map(lambda item, cancellation: item, (next(read) for _ in range(10**9)), 2)
    assert [next(results) for _ in range(100)] == list(range(100))
    assert next(read) <= 100 + 2 * 3
    results.close()
    assert not running_threads()


def test_closing_cancels_the_calls_in_progress():
    started, cancelled = threading.Event(), []

    def function(item, cancellation):
        while item:
            started.set()
            try:
                cancellation.check()
            except Cancelled:
                cancelled.append(item)
                raise
            time.sleep(0.001)
        assert started.wait(30)
        return item

    results = ordered_map(function, range(100), 3)
    assert next(results) == 0
    results.close()
    assert not running_threads()
    assert 1 <= len(cancelled) <= 9


def test_an_error_is_raised_and_ends_the_iterator():
    def function(item, cancellation):
        if item == 5:
            raise ZeroDivisionError
        return item

    results = ordered_map(function, range(100), 2)
    assert list(itertools.islice(results, 5)) == list(range(5))
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert not running_threads()


def test_concurrent_calls_are_merged_into_batches():
    sizes, first, release = [], threading.Event(), threading.Event()

    def double(rows):
        sizes.append(len(rows))
        first.set()
        release.wait(5)
        return 2 * rows, rows[:, 0]

    batcher = DynamicBatcher(double, max_rows=8)
    calls = [np.full((3, 2), n, np.float32) for n in range(5)]
    results = [None] * 5

    def call(n):
        results[n] = batcher(calls[n])

    threads = [threading.Thread(target=call, args=(n,)) for n in range(5)]
    threads[0].start()
    first.wait(5)
    for thread in threads[1:]:
        thread.start()
    while len(batcher._queue) < 4:
        time.sleep(0.001)
    release.set()
    for thread in threads:
        thread.join()
    assert sizes == [3, 6, 6]
    for n in range(5):
        np.testing.assert_array_equal(results[n][0], 2 * calls[n])
        assert results[n][1].tolist() == [n] * 3


def test_an_error_of_a_batch_is_raised_in_each_call():
    def fail(rows):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        DynamicBatcher(fail)(np.zeros((1, 1), np.float32))


def test_predictions_do_not_depend_on_the_workers(classifier, tmp_path):
    sources = [(noise(2 + 5 * (n % 4), seed=n), 22050) for n in range(12)]
    (tmp_path / "bad.mp3").write_text("not music")
    sources.insert(3, tmp_path / "bad.mp3")
    alone = list(classifier.predict_many(sources, workers=1))
    together = list(classifier.predict_many(iter(sources), workers=4))
    assert [type(r) for r in alone] == [type(r) for r in together]
    assert [type(r) for r in alone] == 3 * [Prediction] + [Failure] + 9 * [Prediction]
    for one, other in zip(alone, together, strict=True):
        if isinstance(one, Prediction):
            np.testing.assert_allclose(
                list(one.probabilities.values()), list(other.probabilities.values()), atol=1e-6
            )


def test_workers_must_be_at_least_one(classifier):
    with pytest.raises(ConfigError, match="workers"):
        classifier.predict_many([], workers=0)


def test_many_files_leak_neither_file_descriptors_nor_memory(classifier, tmp_path):
    psutil = pytest.importorskip("psutil")
    good, bad = tmp_path / "good.wav", tmp_path / "bad.wav"
    encode(good, noise(0.2), 22050, "wav")
    bad.write_bytes(b"RIFF")
    process = psutil.Process()

    def classify(count):
        sources = itertools.islice(itertools.cycle([good, bad]), count)
        failures = sum(isinstance(r, Failure) for r in classifier.predict_many(sources, workers=2))
        assert failures == count // 2
        return process.num_fds(), process.memory_info().rss / 2**20

    handles, megabytes = classify(100)
    more_handles, more_megabytes = classify(500)
    assert more_handles == handles
    assert more_megabytes < megabytes + 20
