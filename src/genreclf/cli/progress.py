"""Progress bars on standard error."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from genreclf.prediction import Failure, Prediction


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
    results: Iterable[Prediction | Failure], total: int
) -> Iterator[Prediction | Failure]:
    """Yield results unchanged and show a progress bar, unless there is only one."""
    if total < 2:
        yield from results
        return
    with progress_bar("Classifying", total) as update:
        start, seconds, failed = time.perf_counter(), 0.0, 0
        for result in results:
            yield result
            if isinstance(result, Failure):
                failed += 1
            else:
                seconds += result.duration
            elapsed = time.perf_counter() - start
            update(advance=1, note=throughput(seconds, elapsed, failed))


def throughput(seconds: float, elapsed: float, failed: int) -> str:
    """Format the amount of audio that was classified, the speed, and the number of failed files.

    Both times, the audio's duration and the time it took, are in seconds.
    """
    done = f"files, {seconds / 3600:.1f} h of audio, {seconds / max(elapsed, 1e-9):.0f}x"
    return f"{done}, [red]{failed} failed[/red]" if failed else done
