"""The parts of a page about stability and neighbours, which not every evaluation has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from genreclf.datasets.tracks import summarise
from genreclf.evaluation.html import percent_range, section, table
from genreclf.evaluation.metrics import spread_of
from genreclf.evaluation.neighbours import Neighbours
from genreclf.evaluation.stability import Stability


def stability_section(found: Stability, run: str = "") -> str:
    """Each change of the sound with the share of clips that kept their genre.

    Parameters
    ----------
    found : Stability
    run : str
        The run's name as HTML, where there are several.
    """
    text = (
        "Each clip was classified as it is and with one change that leaves the music as it is. "
        "Whether the genre is right does not count here, only whether it stays the same. "
        "Confidence: the mean difference, up or down, in percentage points."
    )
    if found.left_out:
        text += f" {escape(summarise(found.left_out))}."
    head = ["Change", "Clips", "Keep their genre", "95 % interval", "Confidence moves by"]
    rows = [
        [
            escape(result.change),
            f"{result.clips:,}",
            f"{result.share:.1%}",
            percent_range(result.interval),
            f"{100 * result.confidence_change:.1f}",
        ]
        for result in found.changes
    ]
    heading = "When the sound changes and the music does not"
    shown = table(head, rows, numeric=range(1, len(head)))
    return section(f"{heading}: {run}" if run else heading, text, shown)


def neighbours_section(runs: Sequence[Neighbours]) -> str:
    """How often near tracks share their genre, mean over the runs; empty without any."""
    if not runs:
        return ""
    chance = _mean(run.chance for run in runs)
    text = (
        f"For each of {_counts(run.queries for run in runs)} tracks the nearest among "
        f"{_counts(run.references for run in runs)} were looked up, by cosine distance, leaving "
        "out its own group (artist, album), where the data names it, and copies of its recording. "
        f"Tracks drawn at random share its genre in {chance} of cases."
    )
    head = ["Tracks compared by", "Nearest has the genre", "Of the five nearest, have it"]
    ways = {
        "the network&rsquo;s embeddings": [run.embeddings for run in runs],
        "mean mel spectrum (mean of the features over time)": [run.frames for run in runs],
    }
    rows = [
        [name, _mean(way.first for way in found), _mean(way.five for way in found)]
        for name, found in ways.items()
    ]
    return section("Whether near tracks share their genre", text, table(head, rows, (), (1, 2)))


def _counts(counts: Iterable[int]) -> str:
    known = sorted(set(counts))
    return " to ".join(f"{count:,}" for count in dict.fromkeys((known[0], known[-1])))


def _mean(shares: Iterable[float]) -> str:
    found = spread_of(list(shares))
    deviation = "" if found.deviation is None else f" ± {100 * found.deviation:.1f}"
    return f"{found.mean:.1%}{deviation}"
