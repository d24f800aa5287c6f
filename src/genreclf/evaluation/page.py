"""The page of a report: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

import genreclf
from genreclf.datasets.tracks import LeftOut
from genreclf.evaluation.evaluate import Evaluation, TrackResult
from genreclf.evaluation.html import percent_range, section, table
from genreclf.evaluation.metrics import HEADLINES, Scores, Spread
from genreclf.evaluation.sections import neighbours_section, stability_section

WORST = 20
MAX_OMISSIONS = 200

_IN_PERCENT = {"accuracy", "segment_accuracy", "macro_f1", "calibration_error"}
_MEANINGS = {
    "segment_accuracy": "of the few seconds that the network sees at a time",
    "macro_f1": "mean over the genres of the harmonic mean of precision and recall",
    "log_loss": "nats; {chance:.2f} is guessing",
    "calibration_error": "how far confidence lies from accuracy",
}
_CAPTIONS = {
    "confusion": "Confusion matrix: true genres in rows, predicted ones in columns",
    "reliability": "Reliability diagram: accuracy against confidence",
    "coverage": "Accuracy against the part of the tracks whose prediction is believed",
    "learning": "Loss and validation accuracy over the epochs of training",
}


@dataclass(frozen=True)
class Contents:
    """What a page shows.

    Attributes
    ----------
    title : str
    facts : dict of str to str
    runs : tuple of Evaluation
    scores : Scores
        Of all runs together.
    summary : mapping of str to Spread
    pictures : dict of str to bytes
        PNG files by name.
    """

    title: str
    facts: Mapping[str, str]
    runs: tuple[Evaluation, ...]
    scores: Scores
    summary: Mapping[str, Spread]
    pictures: Mapping[str, bytes]


def render(contents: Contents) -> str:
    """The page as HTML; all names and texts are escaped.

    Parameters
    ----------
    contents : Contents

    Returns
    -------
    str
        A complete document without scripts or references to other files.
    """
    title = escape(contents.title)
    style = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    parts = [
        f"<header><h1>{title}</h1>{_lead(contents)}</header>",
        _headline(contents),
        _tiles(contents),
        _facts(contents.facts),
        _runs(contents) if len(contents.runs) > 1 else "",
        _genres(contents),
        section("Which genres are taken for which", "", _picture(contents, "confusion")),
        _confidence(contents),
        *_stabilities(contents),
        neighbours_section([run.neighbours for run in contents.runs if run.neighbours]),
        _worst(contents),
        _learning(contents),
        _left_out(contents.runs),
        _notes(contents),
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _lead(contents: Contents) -> str:
    tested = f"{len(contents.runs[0].tracks):,} tracks"
    if len(contents.runs) > 1:
        tested = f"{len(contents.runs)} runs, {contents.scores.tracks:,} tests of tracks"
    return f'<p class="quiet">{tested}, {len(contents.scores.labels)} genres</p>'


def _headline(contents: Contents) -> str:
    spread, interval = contents.summary["accuracy"], contents.scores.interval
    if len(contents.runs) > 1:
        low, high = spread.minimum, spread.maximum
        deviation = f" ± {100 * (spread.deviation or 0.0):.1f}"
        about = (
            f"mean of {spread.runs} runs ± standard deviation; "
            f"the runs reach from {low:.1%} to {high:.1%}"
        )
    else:
        low, high = interval or (spread.mean, spread.mean)
        deviation = ""
        about = f"95 % interval {low:.1%} to {high:.1%} (Wilson)"
    figure = f"{100 * spread.mean:.1f}<small>{deviation} %</small>"
    bar = (
        f'<div class="scale"><i style="left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"></i>'
        f'<b style="left:{100 * spread.mean:.2f}%"></b></div>'
        '<div class="ends"><span>0 %</span><span>100 %</span></div>'
    )
    return (
        f'<div class="headline"><div class="figure">{figure}</div>'
        f"<div><b>of the tracks are given the right genre</b><br>"
        f'<span class="quiet">{about}</span>{bar}</div></div>'
    )


def _tiles(contents: Contents) -> str:
    chance = math.log(len(contents.scores.labels))
    tiles = "".join(
        f'<div class="tile"><b>{_value(name, spread.mean)}{_deviation(name, spread)}</b>'
        f"{HEADLINES[name]}<br><span>{_MEANINGS[name].format(chance=chance)}</span></div>"
        for name, spread in contents.summary.items()
        if name in _MEANINGS
    )
    return f'<div class="tiles">{tiles}</div>'


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(
        f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>"
        for name, value in facts.items()
    )
    return section("What was measured", "", f"<dl>{rows}</dl>") if rows else ""


def _runs(contents: Contents) -> str:
    names = list(contents.summary)
    head = ["Run", "Tracks", *(HEADLINES[name] for name in names), "95 % interval"]
    rows = [
        [
            _name(number, run),
            f"{run.scores.tracks:,}",
            *(_value(name, getattr(run.scores, name)) for name in names),
            _interval(run.scores),
        ]
        for number, run in enumerate(contents.runs, 1)
    ]
    spreads = contents.summary.items()
    means = (_value(name, spread.mean) for name, spread in spreads)
    deviations = (_value(name, spread.deviation or 0.0) for name, spread in spreads)
    foot = [["mean", "", *means, ""], ["standard deviation", "", *deviations, ""]]
    return section(
        "Every run",
        "All runs that were made; the headline is their mean. The interval is that of the "
        "track accuracy.",
        table(head, rows, foot, numeric=range(1, len(head))),
    )


def _name(number: int, run: Evaluation) -> str:
    return escape(run.name or f"run {number}")


def _genres(contents: Contents) -> str:
    rows = []
    for genre in sorted(contents.scores.genres, key=lambda genre: (-genre.f1, genre.genre)):
        shares = (genre.precision, genre.recall, genre.f1)
        cells = "".join(
            f'<td class="n bar" style="background-size:{92 * share:.1f}% 72%">{share:.0%}</td>'
            for share in shares
        )
        rows.append(
            f'<tr><td class="name">{escape(genre.genre)}</td>{cells}'
            f'<td class="n">{genre.support:,}</td></tr>'
        )
    head = "".join(f'<th class="n">{name}</th>' for name in ("Precision", "Recall", "F1", "Tracks"))
    rendered = (
        f'<div class="wide"><table><thead><tr><th>Genre</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
    text = (
        "Precision: of the tracks given this genre, how many have it. "
        "Recall: of the tracks that have it, how many were given it. Best F1 first."
    )
    return section("Genre by genre", text, rendered)


def _confidence(contents: Contents) -> str:
    text = (
        "Left: whether tracks that are classified with 70 % confidence are right 70 % of the time. "
        "Right: how accuracy rises if only the surer predictions are believed."
    )
    pictures = _picture(contents, "reliability") + _picture(contents, "coverage")
    return section("What its confidence is worth", text, f'<div class="pair">{pictures}</div>')


def _stabilities(contents: Contents) -> list[str]:
    several = len(contents.runs) > 1
    return [
        stability_section(run.stability, _name(number, run) if several else "")
        for number, run in enumerate(contents.runs, 1)
        if run.stability
    ]


def _worst(contents: Contents) -> str:
    alike: dict[tuple[str, str], list[TrackResult]] = {}
    for run in contents.runs:
        for track in run.worst(len(run.tracks)):
            alike.setdefault((track.id, track.predicted), []).append(track)
    mistakes = [max(group, key=lambda track: track.confidence) for group in alike.values()]
    if not mistakes:
        return section("The worst mistakes", "There are none: every track is right.", "")
    mistakes = sorted(mistakes, key=lambda track: -track.confidence)[:WORST]
    head = ["Track", "True genre", "Taken for", "Confidence", "Given to the true genre"]
    rows = [_mistake(track, contents.scores.labels) for track in mistakes]
    text = "The wrong predictions that it was surest of. Some may be the data's mistakes."
    if len(contents.runs) > 1:
        head.append("Runs")
        text += " Of several runs that make the same mistake, the surest one is shown."
        for row, track in zip(rows, mistakes, strict=True):
            row.append(str(len(alike[track.id, track.predicted])))
    return section("The worst mistakes", text, table(head, rows, numeric=(3, 4, 5)))


def _mistake(track: TrackResult, labels: Sequence[str]) -> list[str]:
    true_share = track.probabilities[labels.index(track.genre)]
    return [
        escape(track.id),
        escape(track.genre),
        f'<span class="wrong">{escape(track.predicted)}</span>',
        f"{track.confidence:.1%}",
        f"{true_share:.1%}",
    ]


def _learning(contents: Contents) -> str:
    if "learning" not in contents.pictures:
        return ""
    return section("How the training went", "", _picture(contents, "learning"))


def _left_out(runs: Sequence[Evaluation]) -> str:
    omissions: list[LeftOut] = list(
        dict.fromkeys(omission for run in runs for omission in run.left_out)
    )
    if not omissions:
        return section("What was left out", "Nothing: every track of the data was used.", "")
    shown = omissions[:MAX_OMISSIONS]
    text = f"Not used, though it is in the data: {len(omissions):,}"
    text += (
        "." if len(shown) == len(omissions) else f", of which the first {len(shown)} are listed."
    )
    rows = [[escape(omission.name), escape(omission.reason)] for omission in shown]
    return section("What was left out", text, table(["What", "Reason"], rows))


def _notes(contents: Contents) -> str:
    pooled = (
        " Tables of genres and pictures count the tests of all runs together; a track that was "
        "tested in several runs counts in each."
        if len(contents.runs) > 1
        else ""
    )
    return (
        "<footer><p>The interval is Wilson's: it says how far chance in the choice of the tracks "
        "reaches, not what happens with music of another kind. The calibration error is the "
        "expected calibration error of Guo et al. 2017 over 15 bins of confidence. Macro F1 is "
        f"taken over the genres that have tracks.{pooled}</p>"
        f"<p>genreclf {escape(genreclf.__version__)}; every figure stands in metrics.json.</p>"
        "</footer>"
    )


def _picture(contents: Contents, name: str) -> str:
    data = base64.b64encode(contents.pictures[name]).decode()
    return f'<figure><img alt="{_CAPTIONS[name]}" src="data:image/png;base64,{data}"></figure>'


def _interval(scores: Scores) -> str:
    return "" if scores.interval is None else percent_range(scores.interval)


def _value(name: str, value: float) -> str:
    return f"{value:.1%}" if name in _IN_PERCENT else f"{value:.3f}"


def _deviation(name: str, spread: Spread) -> str:
    if spread.deviation is None:
        return ""
    scaled = 100 * spread.deviation if name in _IN_PERCENT else spread.deviation
    return f" ± {scaled:.1f}" if name in _IN_PERCENT else f" ± {scaled:.3f}"
