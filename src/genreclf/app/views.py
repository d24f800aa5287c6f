"""What the page shows, as HTML."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import NamedTuple
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from genreclf.plots.figure import basename, raster
from genreclf.plots.over_time import MAX_GENRES, edges
from genreclf.plots.sound import RANGE_DB, MelLevels
from genreclf.prediction import FLAGS, UNKNOWN, Failure, Prediction
from genreclf.tables import clock

_SAID = frozenset({"silent", "unsure"})  # where the genre stands
_MAX_DOTS = 1200
_MOST_TICKS = 6
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


class Stretch(NamedTuple):
    """A part of a piece in which the genre stays the same.

    Attributes
    ----------
    start, end : float
        Seconds from the start of the piece.
    genre : str
    confidence : float
        Mean over its segments, 0 to 1.
    """

    start: float
    end: float
    genre: str
    confidence: float


def stretches(prediction: Prediction) -> list[Stretch]:
    """The timeline with neighbours of one genre joined; they do not overlap."""
    borders = edges(prediction.timeline).tolist()
    found, first = [], 0
    for genre, group in groupby(prediction.timeline, key=lambda part: part.genre):
        sure = [part.confidence for part in group]
        after = first + len(sure)
        found.append(Stretch(borders[first], borders[after], genre, sum(sure) / len(sure)))
        first = after
    return found


def answer(prediction: Prediction, levels: MelLevels) -> str:
    """All there is to see and hear of one piece.

    Parameters
    ----------
    prediction : Prediction
        Its source is the file that the player plays.
    levels : MelLevels
        Of the same piece.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    parts = [
        _verdict(prediction),
        _notes(prediction),
        _bars(prediction),
        _player(prediction, levels),
        _moments(prediction),
    ]
    return f'<div class="gc-answer">{"".join(parts)}</div>'


def problem(message: str) -> str:
    """What went wrong, and what to do, in plain words."""
    return f'<div class="gc-problem" role="alert"><b>That did not work.</b> {_text(message)}</div>'


def many(results: Sequence[Prediction | Failure]) -> str:
    """A table with a row for each of many pieces."""
    failed = sum(isinstance(result, Failure) for result in results)
    count = f"{len(results)} file{'' if len(results) == 1 else 's'}"
    head = "<tr><th>file<th>genre<th>confidence<th>next<th>length</tr>"
    return (
        f'<div class="gc-answer"><p class="gc-quiet">{count}, {failed} failed</p>'
        f'<div class="gc-scroll"><table class="gc-table gc-files"><thead>{head}</thead>'
        f"<tbody>{''.join(map(_row, results))}</tbody></table></div></div>"
    )


def _verdict(prediction: Prediction) -> str:
    name = f"{_text(basename(prediction.source))}, {clock(prediction.duration)}"
    if prediction.genre == UNKNOWN:
        about = _text(_why_unknown(prediction))
    else:
        about = f"{prediction.confidence:.0%} sure"
    return (
        f'<div class="gc-verdict"><p class="gc-quiet">{name}</p>'
        f'<p class="gc-genre">{_text(prediction.genre)}</p><p class="gc-sure">{about}</p></div>'
    )


def _why_unknown(prediction: Prediction) -> str:
    if "silent" in prediction.flags:
        return "There is nothing to hear in it, only silence."
    genre, share = prediction.top(1)[0]
    return f"Not sure enough to say: the most probable genre, {genre}, has {share:.0%}."


def _notes(prediction: Prediction) -> str:
    notes = [FLAGS[flag] for flag in sorted(prediction.flags - _SAID)]
    items = "".join(f"<li>{_text(_sentence(note))}</li>" for note in notes)
    return f'<ul class="gc-notes">{items}</ul>' if items else ""


def _sentence(note: str) -> str:
    return f"{note[0].upper()}{note[1:]}."


def _bars(prediction: Prediction) -> str:
    rows = "".join(
        f'<div class="gc-bar"><span>{_text(genre)}</span>'
        f'<i><b style="width:{share:.1%}"></b></i><span>{share:.0%}</span></div>'
        for genre, share in prediction.top(len(prediction.probabilities))
    )
    return f'<div class="gc-bars">{rows}</div>'


def _player(prediction: Prediction, levels: MelLevels) -> str:
    duration = max(levels.duration, 1e-3)
    # Columns reach past the end of the sound; what is shown ends with it.
    shown = max(1, round(levels.levels.shape[1] * min(1.0, duration / levels.seconds)))
    spectrogram = raster(levels.levels[::-1, :shown], -RANGE_DB, 0.0)
    ranked = prediction.top(MAX_GENRES)
    names = "".join(f"<span>{_text(genre)}</span>" for genre, _ in ranked)
    ticks = "".join(
        f'<span style="left:{100 * at / duration:.2f}%">{clock(at)}</span>'
        for at in _ticks(duration)
    )
    address = quote(os.fsencode(prediction.source))
    lanes = raster(_lanes(prediction, duration), 0.0, 1.0)
    return f"""
<div class="gc-player" data-seconds="{duration:.3f}" style="--lanes:{len(ranked)}">
  <audio controls preload="metadata" src="gradio_api/file={address}"></audio>
  <p class="gc-mute" hidden>This browser cannot play this kind of file; what stands here about
  its genre holds all the same.</p>
  <p class="gc-quiet">Click on the picture to play from there. It shows the spectrogram, high
  sounds on top, and how probable each genre is at each moment:
  <span class="gc-scale">0%<i></i>100%</span></p>
  <div class="gc-picture">
    <div class="gc-names"><em>spectrogram</em>{names}</div>
    <div class="gc-plot">
      <img class="gc-spectrogram" alt="Spectrogram" src="{_inline(spectrogram)}">
      <img class="gc-lanes" alt="Genres over time" src="{_inline(lanes)}">
      <div class="gc-cursor"></div>
    </div>
    <div class="gc-ticks">{ticks}</div>
  </div>
</div>"""


def _lanes(prediction: Prediction, duration: float) -> NDArray[np.float64]:
    """Probabilities by genre and by moment, evenly spaced; silence is masked."""
    parts = prediction.timeline
    ranked = [genre for genre, _ in prediction.top(MAX_GENRES)]
    moments = (np.arange(_MAX_DOTS) + 0.5) * duration / _MAX_DOTS
    which = np.searchsorted(edges(parts), moments, side="right") - 1
    which = which.clip(0, len(parts) - 1)
    shares = np.array([[part.probabilities[genre] for genre in ranked] for part in parts]).T
    silent = np.array([part.genre == UNKNOWN for part in parts])
    masked: NDArray[np.float64] = np.ma.masked_array(
        shares[:, which], np.broadcast_to(silent[which], (len(ranked), _MAX_DOTS))
    )
    return masked


def _ticks(duration: float) -> Iterator[float]:
    step = next((s for s in _STEPS if duration / s <= _MOST_TICKS), _STEPS[-1])
    return (at for at in range(0, int(duration) + 1, step) if at <= 0.97 * duration)


def _moments(prediction: Prediction) -> str:
    rows = "".join(
        f'<tr><td><button type="button" data-seek="{part.start:.3f}" '
        f'aria-label="Play from {clock(part.start)}">▶ {clock(part.start)}</button>'
        f"<td>{clock(part.end)}<td>{_text(part.genre)}"
        f"<td>{'' if part.genre == UNKNOWN else f'{part.confidence:.0%}'}</tr>"
        for part in stretches(prediction)
    )
    return (
        '<div class="gc-scroll"><table class="gc-table"><thead><tr><th>from<th>to'
        f"<th>genre<th>confidence</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(result: Prediction | Failure) -> str:
    name = f"<tr><td>{_text(basename(result.source))}"
    if isinstance(result, Failure):
        return f'{name}<td class="gc-failed" colspan="4">{_text(str(result.error))}</tr>'
    following = ", ".join(f"{genre} {share:.0%}" for genre, share in result.top(3)[1:])
    notes = "; ".join(FLAGS[flag] for flag in sorted(result.flags))
    return (
        f"{name}<td><b>{_text(result.genre)}</b><td>{result.confidence:.0%}"
        f'<td>{_text(following)}<small class="gc-quiet">{_text(notes)}</small>'
        f"<td>{clock(result.duration)}</tr>"
    )


def _text(text: str) -> str:
    """Text that is no markup; names of files may hold bytes that are no text."""
    return escape(text.encode("utf-8", "replace").decode())


def _inline(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"
