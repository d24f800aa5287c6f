"""Progress bars on standard error."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from genreclf.prediction import Failure, Prediction


@contextmanager
def progress_bar(description: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """Show a progress bar until the block ends.

    Parameters
    ----------
    description : str
        The text before the bar.
    total : int, optional
        Number of steps, if it is known already.

    Yields
    ------
    callable
        Updates the bar. Takes ``advance`` or ``completed`` (steps), ``total``,
        ``description``, and ``note``, the text after the bar.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total, note="")
        yield lambda **changes: bar.update(task, **changes)


def show_progress(
    results: Iterable[Prediction | Failure], total: int
) -> Iterator[Prediction | Failure]:
    """Yield results unchanged and show a progress bar.

    Parameters
    ----------
    results : iterable of Prediction or Failure
    total : int
        Number of results. A single one has no progress bar.
    """
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
    """Format the amount of audio that was classified, the speed, and the failures.

    Parameters
    ----------
    seconds : float
        Duration of the audio.
    elapsed : float
        Time it took, in seconds.
    failed : int
        Number of failed files.
    """
    done = f"files, {seconds / 3600:.1f} h of audio, {seconds / max(elapsed, 1e-9):.0f}x"
    return f"{done}, [red]{failed} failed[/red]" if failed else done
