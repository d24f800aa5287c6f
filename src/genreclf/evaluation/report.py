"""Writing and reading the report of an evaluation: metrics, pictures and an HTML page."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import genreclf
from genreclf import plots
from genreclf.data.dataset import summarize_skipped
from genreclf.errors import DatasetError
from genreclf.evaluation.evaluate import Evaluation, TrackResult, pool
from genreclf.evaluation.neighbors import Neighbors
from genreclf.files import atomic_write
from genreclf.metrics import spread_of, summarize_runs
from genreclf.scores import METRIC_NAMES, Scores, Spread

FORMAT_VERSION = 1
"""Version of ``metrics.json``; rises when a key changes its meaning."""

METRICS = "metrics.json"
PAGE = "report.html"

WORST_ERRORS = 20
MAX_SKIPPED = 200

_IN_PERCENT = {"accuracy", "segment_accuracy", "macro_f1", "calibration_error"}


def write_report(
    evaluations: Evaluation | Sequence[Evaluation],
    folder: str | PathLike[str],
    title: str,
    facts: Mapping[str, str],
    history: Sequence[Mapping[str, Any]] | None = None,
) -> Path:
    """Write a report of an evaluation, or of several runs, and return the path of its page.

    Parameters
    ----------
    evaluations : Evaluation or sequence of Evaluation
        Several runs must have the same labels; pictures and the table of genres then show
        their pooled results.
    folder : path
        Created if missing. It gets ``metrics.json``, the pictures as PNG, and
        ``report.html``, which needs no other file. The page is written last, so a folder
        that has one is complete.
    title : str
    facts : mapping of str to str
        Model, data, split, seed and the like, which the page lists.
    history : sequence of mapping, optional
        History of the training from :meth:`genreclf.Trainer.fit`, which the page plots.

    Raises
    ------
    DatasetError, MissingExtraError, OSError
        If there are no evaluations or their labels differ, matplotlib is not installed, or a
        file cannot be written.
    """
    runs = [evaluations] if isinstance(evaluations, Evaluation) else list(evaluations)
    pooled = pool(runs) if len(runs) != 1 else runs[0].scores
    summary = summarize_runs([run.scores for run in runs])
    figures = {
        "confusion": plots.confusion(pooled),
        "reliability": plots.reliability(pooled),
        "risk_coverage": plots.risk_coverage(pooled),
    }
    if history:
        figures["training_curves"] = plots.training_curves(history)
    pictures = {name: plots.encode(figure, "png") for name, figure in figures.items()}
    page = render_page(title, facts, runs, pooled, summary, pictures)
    record = {
        "version": FORMAT_VERSION,
        "title": title,
        "facts": dict(facts),
        "summary": {name: dataclasses.asdict(spread) for name, spread in summary.items()},
        "scores": pooled.to_dict(),
        "runs": [run.to_dict() for run in runs],
    }
    contents = {METRICS: (json.dumps(record, indent=1, allow_nan=False) + "\n").encode()}
    contents |= {f"{name}.png": picture for name, picture in pictures.items()}
    contents[PAGE] = page.encode("utf-8", "replace")
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / PAGE).unlink(missing_ok=True)
    for name, content in contents.items():
        with atomic_write(target / name) as file:
            file.write(content)
    return target / PAGE


def read_evaluations(path: str | PathLike[str]) -> list[Evaluation]:
    """Read the runs of a ``metrics.json``.

    Raises
    ------
    DatasetError
        If the file cannot be read, or is of another version.
    """
    try:
        return [Evaluation.from_dict(run) for run in _read(path)["runs"]]
    except (AttributeError, KeyError, TypeError, DatasetError) as error:
        raise DatasetError(f"'{path}': {error}") from error


def read_scores(path: str | PathLike[str]) -> Scores:
    """Read the scores of a ``metrics.json``: those of all its runs together.

    Raises
    ------
    DatasetError
        If the file cannot be read, or is of another version.
    """
    try:
        return Scores.from_dict(_read(path)["scores"])
    except (AttributeError, KeyError, TypeError, DatasetError) as error:
        raise DatasetError(f"'{path}' is not the metrics of an evaluation: {error}") from error


def _read(path: str | PathLike[str]) -> dict[str, Any]:
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"it cannot be read: {error}") from error
    if not isinstance(record, dict) or record.get("version") != FORMAT_VERSION:
        raise DatasetError(f"it must be a JSON object of version {FORMAT_VERSION}")
    return record


class _Error(NamedTuple):
    track: TrackResult
    true_probability: float
    runs: int


def render_page(
    title: str,
    facts: Mapping[str, str],
    runs: Sequence[Evaluation],
    scores: Scores,
    summary: Mapping[str, Spread],
    pictures: Mapping[str, bytes],
) -> str:
    """Render the page of a report as HTML, with all names and texts escaped.

    The scores are of all runs together, and the pictures are PNG files by the names of their
    functions in :mod:`genreclf.plots`.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "percent": "{:.1%}".format,
        "thousands": "{:,}".format,
        "metric": _metric,
        "deviation": _deviation,
        "summarize_skipped": summarize_skipped,
    }
    package = files(__package__)
    source = package.joinpath("report.html.jinja").read_text(encoding="utf-8")
    style = package.joinpath("report.css").read_text(encoding="utf-8")
    page = environment.from_string(source).render(
        title=title,
        facts=facts,
        runs=runs,
        scores=scores,
        summary=summary,
        metric_names=METRIC_NAMES,
        guessing_loss=math.log(len(scores.labels)),
        pictures={name: base64.b64encode(png).decode() for name, png in pictures.items()},
        neighbors=_neighbors([run.neighbors for run in runs if run.neighbors]),
        errors=_worst_errors(runs, scores.labels),
        skipped=list(dict.fromkeys(item for run in runs for item in run.skipped)),
        max_skipped=MAX_SKIPPED,
        style=Markup(style),  # noqa: S704 - a file of this package
        version=genreclf.__version__,
    )
    return page.lstrip()


def _metric(value: float, name: str) -> str:
    return f"{value:.1%}" if name in _IN_PERCENT else f"{value:.3f}"


def _deviation(spread: Spread, name: str) -> str:
    if spread.deviation is None:
        return ""
    in_percent = name in _IN_PERCENT
    return f" ± {100 * spread.deviation:.1f}" if in_percent else f" ± {spread.deviation:.3f}"


def _worst_errors(runs: Sequence[Evaluation], labels: Sequence[str]) -> list[_Error]:
    """Merge equal errors of several runs; the most confident one represents them."""
    equal: dict[tuple[str, str], list[TrackResult]] = {}
    for run in runs:
        for track in run.worst_errors(len(run.tracks)):
            equal.setdefault((track.id, track.predicted), []).append(track)
    errors = []
    for group in equal.values():
        track = max(group, key=lambda each: each.confidence)
        errors.append(_Error(track, track.probabilities[labels.index(track.genre)], len(group)))
    return sorted(errors, key=lambda error: -error.track.confidence)[:WORST_ERRORS]


def _neighbors(found: Sequence[Neighbors]) -> dict[str, Any] | None:
    """Average over the runs."""
    if not found:
        return None
    vectors = {
        "Embeddings of the network": [each.embeddings for each in found],
        "Mean mel spectrum (mean of the features over time)": [each.frames for each in found],
    }
    return {
        "queries": _range(each.queries for each in found),
        "references": _range(each.references for each in found),
        "chance": spread_of([each.chance for each in found]),
        "precisions": {
            name: [spread_of([each.at_1 for each in of]), spread_of([each.at_5 for each in of])]
            for name, of in vectors.items()
        },
    }


def _range(counts: Iterable[int]) -> str:
    known = sorted(set(counts))
    return " to ".join(f"{count:,}" for count in dict.fromkeys((known[0], known[-1])))
