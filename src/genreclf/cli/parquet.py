"""Results as a Parquet file."""

from typing import Any

import click

from genreclf.cli.writers import Result, Target, Writer
from genreclf.errors import MissingExtraError
from genreclf.tables import columns, rows

_ROWS_AT_ONCE = 5000
_TEXTS = frozenset({"path", "genre", "flags", "error"})


class Parquet(Writer):
    """The columns of the CSV file, with numbers as numbers and null where there is none.

    Raises
    ------
    MissingExtraError
        If pyarrow (extra ``parquet``) is not installed.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        try:
            import pyarrow as pa  # type: ignore[import-untyped]
            from pyarrow import parquet
        except ImportError as error:
            raise MissingExtraError("Parquet files", "parquet") from error
        if target.output is None:
            raise click.UsageError("--format parquet needs --output FILE")
        fields = [
            (name, pa.string() if name in _TEXTS else pa.float64())
            for name in columns(target.labels, target.timeline)
        ]
        self._schema = pa.schema(fields)
        self._file = parquet.ParquetWriter(target.output, self._schema)
        self._rows: list[dict[str, Any]] = []

    def write(self, result: Result) -> None:
        """Keep the result's rows, and write them when there are many."""
        for row in rows(result, self.target.top, self.target.timeline):
            # Parquet's text is UTF-8; a name that is not keeps its other letters.
            row["path"] = row["path"].encode("utf-8", "replace").decode()
            self._rows.append(row)
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._flush()

    def close(self) -> None:
        """Write what is left and the end that makes the file valid."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            self._file.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []
