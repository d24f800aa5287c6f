"""Results as a table for people."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from genreclf.cli.writers import Result, Target, TextWriter
from genreclf.prediction import FLAGS, Failure
from genreclf.tables import clock


class TableWriter(TextWriter):
    """A table for people; long work shows its rows when it is done."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._console = Console(file=self.stream)
        self._table = Table(box=None, header_style="bold", pad_edge=False)
        self._table.add_column("file", overflow="fold", ratio=3)
        self._table.add_column("genre", no_wrap=True)
        self._table.add_column("confidence", justify="right", no_wrap=True)
        self._table.add_column(
            "time" if target.timeline else "length", justify="right", no_wrap=True
        )
        self._table.add_column("next", overflow="fold", ratio=2)
        self._notes: dict[str, str] = {}
        self._errors: list[str] = []

    def write(self, result: Result) -> None:
        """Add the result's rows."""
        path = escape(result.source.encode("utf-8", "replace").decode())
        if isinstance(result, Failure):
            self._table.add_row(path, "[red]failed[/red]", "", "", "")
            self._errors.append(str(result.error))
            return
        marks = " ".join(sorted(result.flags))
        self._notes.update({flag: FLAGS[flag] for flag in result.flags})
        following = ", ".join(f"{name} {p:.0%}" for name, p in result.top(self.target.top or 3)[1:])
        self._table.add_row(
            path,
            f"[bold]{result.genre}[/bold]",
            f"{result.confidence:.0%}",
            clock(result.duration),
            f"{following} [yellow]{marks}[/yellow]" if marks else following,
        )
        for segment in result.timeline if self.target.timeline else ():
            times = f"{clock(segment.start)} - {clock(segment.end)}"
            self._table.add_row("", segment.genre, f"{segment.confidence:.0%}", times, "")

    def close(self) -> None:
        """Print the table, and what its marks mean."""
        self._console.print(self._table)
        for flag, meaning in sorted(self._notes.items()):
            self._console.print(f"[yellow]{flag}[/yellow]: {meaning}")
        for error in self._errors:
            self._console.print(Text.assemble(("failed", "red"), ": ", error))
        super().close()
