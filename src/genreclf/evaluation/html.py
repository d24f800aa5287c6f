"""The blocks of a page; what they are given is HTML already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def section(heading: str, text: str, inner: str) -> str:
    """A part of the page with a heading and a sentence or two on how to read it."""
    about = f'<p class="quiet">{text}</p>' if text else ""
    return f"<section><h2>{heading}</h2>{about}{inner}</section>"


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    foot: Iterable[Sequence[str]] = (),
    numeric: Iterable[int] = (),
) -> str:
    """A table; the columns with the numbers `numeric` stand to the right."""
    columns = set(numeric)

    def line(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f'<{tag} class="{"n" if column in columns else "name"}">{cell}</{tag}>'
            for column, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    end = "".join(f"<tr>{line(row, 'td')}</tr>" for row in foot)
    return (
        f'<div class="wide"><table><thead><tr>{line(head, "th")}</tr></thead><tbody>{body}</tbody>'
        f"{f'<tfoot>{end}</tfoot>' if end else ''}</table></div>"
    )


def percent_range(ends: tuple[float, float]) -> str:
    """An interval of shares."""
    return " to ".join(f"{end:.1%}" for end in ends)
