"""Evaluations as files: ``metrics.json``, pictures, and a page to show."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from genreclf import plots
from genreclf.errors import DatasetError
from genreclf.evaluation.evaluate import Evaluation, pool
from genreclf.evaluation.metrics import Scores, Spread, summarise
from genreclf.evaluation.page import Contents, render

FORMAT_VERSION = 1
"""Version of ``metrics.json``; rises when a key changes its meaning."""

METRICS = "metrics.json"
PAGE = "report.html"


def write_report(
    evaluations: Evaluation | Sequence[Evaluation],
    folder: str | PathLike[str],
    title: str,
    facts: Mapping[str, str],
    history: Sequence[Mapping[str, Any]] | None = None,
) -> Path:
    """Write what an evaluation, or several runs of one, found.

    Parameters
    ----------
    evaluations : Evaluation or sequence of Evaluation
        Several runs must have the same labels. Pictures and the table of genres then
        show all of them together.
    folder : path
        Made if need be; gets ``metrics.json``, a PNG of each picture, and
        ``report.html``, a page that needs no other file. The page is written last, so
        a folder that has one is complete.
    title : str
    facts : mapping of str to str
        What was measured on what: model, data, split, seed, date, as a list to read.
    history : sequence of mapping, optional
        Of the training, as :meth:`genreclf.Trainer.fit` gives it; becomes a picture.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    DatasetError
        If there are no evaluations, or their labels differ.
    MissingExtraError
        If matplotlib is not installed.
    OSError
        If a file cannot be written.
    """
    runs = [evaluations] if isinstance(evaluations, Evaluation) else list(evaluations)
    pooled = pool(runs) if len(runs) != 1 else runs[0].scores
    summary = summarise([run.scores for run in runs])
    pictures = _pictures(pooled, history)
    page = render(Contents(title, dict(facts), tuple(runs), pooled, summary, pictures))
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / PAGE).unlink(missing_ok=True)
    record = _record(title, facts, runs, pooled, summary)
    _write(target / METRICS, (json.dumps(record, indent=1, allow_nan=False) + "\n").encode())
    for name, picture in pictures.items():
        _write(target / f"{name}.png", picture)
    _write(target / PAGE, page.encode("utf-8", "replace"))
    return target / PAGE


def read_evaluations(path: str | PathLike[str]) -> list[Evaluation]:
    """The runs in a ``metrics.json``.

    Raises
    ------
    DatasetError
        If it cannot be read, or is of another version.
    """
    try:
        return [Evaluation.from_dict(run) for run in _read(path)["runs"]]
    except (AttributeError, KeyError, TypeError, DatasetError) as error:
        raise DatasetError(f"'{path}': {error}") from error


def read_scores(path: str | PathLike[str]) -> Scores:
    """The scores in a ``metrics.json``: of all its runs together.

    Raises
    ------
    DatasetError
        If it cannot be read, or is of another version.
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


def _record(
    title: str,
    facts: Mapping[str, str],
    runs: Sequence[Evaluation],
    pooled: Scores,
    summary: Mapping[str, Spread],
) -> dict[str, Any]:
    return {
        "version": FORMAT_VERSION,
        "title": title,
        "facts": dict(facts),
        "summary": {name: dataclasses.asdict(spread) for name, spread in summary.items()},
        "scores": pooled.to_dict(),
        "runs": [run.to_dict() for run in runs],
    }


def _pictures(scores: Scores, history: Sequence[Mapping[str, Any]] | None) -> dict[str, bytes]:
    figures = {
        "confusion": plots.confusion(scores),
        "reliability": plots.reliability(scores),
        "coverage": plots.coverage(scores),
    }
    if history:
        figures["learning"] = plots.learning(history)
    return {name: plots.encode(figure, "png") for name, figure in figures.items()}


def _write(path: Path, content: bytes) -> None:
    scratch = path.with_name(f"{path.name}.part")
    scratch.write_bytes(content)
    scratch.replace(path)
