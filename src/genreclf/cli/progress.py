"""Progress bars on standard error."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext

from genreclf.prediction import Failure, Prediction, format_counts, format_time


@contextmanager
def progress_bar(description: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """Show a progress bar until the block ends; `total` is the number of steps, if known.

    Yields
    ------
    callable
        Updates the bar. Takes ``advance`` or ``completed`` (steps), ``total``,
        ``description``, and ``note``, the text after the bar.
    """
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[note]}"),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total, note="")
        yield lambda **changes: bar.update(task, **changes)


def show_progress(
    results: Iterable[Prediction | Failure], total: int, tally: Tally
) -> Iterator[Prediction | Failure]:
    """Yield results unchanged, count them, and show a progress bar unless there is only one."""
    with progress_bar("Classifying", total) if total > 1 else nullcontext() as update:
        for result in results:
            tally.add(result)
            if update is not None:
                update(advance=1, note=tally.throughput())
            yield result


class Tally:
    """Count files, failures, genres and the duration of the audio since this was made."""

    def __init__(self) -> None:
        self.files = 0
        self.failed = 0
        self._genres: Counter[str] = Counter()
        self._duration = 0.0
        self._start = time.perf_counter()

    def add(self, result: Prediction | Failure) -> None:
        """Count a result."""
        self.files += 1
        if isinstance(result, Failure):
            self.failed += 1
        else:
            self._duration += result.duration
            self._genres[result.genre] += 1

    def throughput(self) -> str:
        """Format the hours of audio, the speed and the failures, for a progress bar."""
        done = f"files, {self._duration / 3600:.1f} h of audio, {self._speed():.0f}x"
        return f"{done}, [red]{self.failed} failed[/red]" if self.failed else done

    def summary(self) -> str:
        """Format all counts, the genres on a second line."""
        elapsed = time.perf_counter() - self._start
        return (
            f"{self.files} files, {format_time(self._duration)} of audio in {elapsed:.1f} s "
            f"({self._speed():.0f}x real time)\n{format_counts(self._genres) or 'no genres'}"
        )

    def _speed(self) -> float:
        """Return the seconds of audio per second."""
        return self._duration / max(time.perf_counter() - self._start, 1e-9)
