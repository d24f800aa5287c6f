"""A data set listed in a table."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path, PurePath
from typing import Any, TypeAlias

from genreclf.data.dataset import Dataset, Skipped, SplitName, Track, unique_ids
from genreclf.errors import DatasetError, MissingExtraError
from genreclf.files import printable

SUFFIXES = (".csv", ".parquet")

_REQUIRED = ("path", "genre")
_COLUMNS = (*_REQUIRED, "group", "split", "id")
_SPLITS: Mapping[str, SplitName] = {
    "train": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "test": "test",
}

Row: TypeAlias = "dict[str, str]"


class Manifest(Dataset):
    """Tracks listed in a CSV or Parquet file.

    The columns are ``path`` (relative to the file's folder) and ``genre``, and optionally
    ``group`` (tracks of one group, such as an artist, must be in the same split), ``split``
    ("train", "valid" or "test") and ``id`` (by default the path as it is written, without the
    suffix unless two paths differ only in that). Other columns are ignored. Rows that cannot
    be used are listed in `skipped` with their number: in a CSV file as a spreadsheet counts,
    where the header is row 1.

    Parameters
    ----------
    path : path
        A CSV file (UTF-8, with commas), or a ``.parquet`` file (extra ``parquet``).

    Raises
    ------
    DatasetError, MissingExtraError
        If the file cannot be read or lacks a column, or fewer than two genres have usable rows;
        or if pyarrow, which Parquet files need, is not installed.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        file = Path(path)
        name = f"manifest '{printable(file)}'"
        rows = _read_parquet(file) if file.suffix.lower() == ".parquet" else _read_csv(file)
        tracks: dict[str, Track] = {}
        skipped: list[Skipped] = []
        for number, row in _with_ids(rows):
            reason = _reason_to_skip(row, file.parent) or (
                f"the id '{row['id']}' is taken by a row above" if row["id"] in tracks else ""
            )
            if reason:
                skipped.append(Skipped(f"row {number}", reason))
            else:
                tracks[row["id"]] = _track(row, file.parent)
        super().__init__(name, tuple(tracks.values()), tuple(skipped))


def _read_csv(file: Path) -> list[tuple[int, Row]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            numbered = list(enumerate(csv.reader(stream, strict=True), start=1))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(file, error) from error
    header = [column.strip().lower() for column in numbered[0][1]] if numbered else []
    _check_columns(file, header)
    return [
        (number, _row(zip(header, values, strict=False)))
        for number, values in numbered[1:]
        if values
    ]


def _read_parquet(file: Path) -> list[tuple[int, Row]]:
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("Parquet manifests", "parquet") from error
    try:
        with file.open("rb") as stream:
            content = parquet.ParquetFile(stream)
            columns = {column.lower(): column for column in content.schema_arrow.names}
            _check_columns(file, columns)
            table = content.read([columns[column] for column in _COLUMNS if column in columns])
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(file, error) from error
    return [
        (number, _row((column.lower(), value) for column, value in row.items()))
        for number, row in enumerate(table.to_pylist(), start=1)
    ]


def _unreadable(file: Path, error: Exception) -> DatasetError:
    reason = getattr(error, "strerror", None) or error
    return DatasetError(f"manifest '{printable(file)}' cannot be read: {reason}")


def _check_columns(file: Path, found: Collection[str]) -> None:
    missing = [column for column in _REQUIRED if column not in found]
    if missing:
        raise DatasetError(
            f"manifest '{printable(file)}' has no column '{missing[0]}'; it needs "
            f"{' and '.join(_REQUIRED)}, and has: {', '.join(found) or 'none'}"
        )


def _row(values: Iterable[tuple[str, Any]]) -> Row:
    """Return a row's columns, empty where there is no value."""
    row = dict.fromkeys(_COLUMNS, "")
    for column, value in values:
        # A missing number is NaN in many tables, the only value that does not equal itself.
        if column in row and value is not None and value == value:
            row[column] = str(value).strip()
    return row


def _with_ids(rows: list[tuple[int, Row]]) -> Iterator[tuple[int, Row]]:
    paths = list(dict.fromkeys(PurePath(row["path"]) for _, row in rows if row["path"]))
    names = dict(zip(paths, unique_ids(paths), strict=True))
    for number, row in rows:
        yield number, {**row, "id": row["id"] or names.get(PurePath(row["path"]), "")}


def _reason_to_skip(row: Row, folder: Path) -> str:
    """Return why a row cannot be used, or an empty string if it can."""
    for column in _REQUIRED:
        if not row[column]:
            return f"no {column}"
    if row["split"] and row["split"].lower() not in _SPLITS:
        return f"unknown split '{row['split']}' (known: train, valid, test)"
    try:
        exists = (folder / row["path"]).is_file()
    except (OSError, ValueError):  # a name that no file can have
        exists = False
    return "" if exists else f"there is no file '{printable(folder / row['path'])}'"


def _track(row: Row, folder: Path) -> Track:
    return Track(
        id=row["id"],
        genres=(row["genre"],),
        path=folder / row["path"],
        group=row["group"] or None,
        split=_SPLITS.get(row["split"].lower()),
    )
