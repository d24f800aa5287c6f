"""How far the work on many files is."""

import time
from collections.abc import Iterable, Iterator

from genreclf.prediction import Failure, Prediction

Result = Prediction | Failure


def show_progress(results: Iterable[Result], total: int) -> Iterator[Result]:
    """Pass results on, and show on standard error what was done and how long the rest takes.

    Parameters
    ----------
    results : iterable of Prediction or Failure
    total : int
        How many there will be; of a single one nothing is shown.
    """
    if total < 2:
        yield from results
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), Left())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("files", total=total)
        began, seconds, failed = time.perf_counter(), 0.0, 0
        for result in results:
            yield result
            if isinstance(result, Failure):
                failed += 1
            else:
                seconds += result.duration
            elapsed = time.perf_counter() - began
            bar.update(task, advance=1, description=summary(seconds, elapsed, failed))


def summary(seconds: float, elapsed: float, failed: int) -> str:
    """Hours of sound, their ratio to the time it took, and failures.

    Parameters
    ----------
    seconds : float
        Of sound.
    elapsed : float
        Seconds that it took.
    failed : int
        Files.
    """
    done = f"files, {seconds / 3600:.1f} h of sound, {seconds / max(elapsed, 1e-9):.0f}x"
    return f"{done}, [red]{failed} failed[/red]" if failed else done
