"""Scored rows to a file or to standard output, the format known by the suffix."""

import csv
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from servicenlp.errors import DataError
from servicenlp.readers import MISSING
from servicenlp.readers.table import Row

FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".xlsx")


class Writer(Protocol):
    """Takes rows, in order."""

    def write(self, rows: Iterable[Row]) -> None:
        """Write some rows."""


@contextmanager
def open_writer(
    path: Path | None, columns: list[str], stdout: IO[str], schema: Any = None, kinds: dict[str, type] | None = None
) -> Iterator[Writer]:
    """Open a writer; a file appears under its name only when all is written.

    Parameters
    ----------
    path : Path or None
        Where to; None is standard output, as CSV.
    columns : list of str
        The header.
    stdout : text file
        Standard output.
    schema : pyarrow.Schema, optional
        Types of the columns that were in a Parquet input.
    kinds : dict of str to type, optional
        Types of other columns: int or float. All else is text.
    """
    if path is None:
        yield _Csv(stdout, columns, ",")
        return
    if path.suffix.lower() not in FORMATS:
        raise DataError(f"{path}: no such output format. Found {path.suffix!r}. End the name in {', '.join(FORMATS)}.")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise DataError(f"{path}: cannot be written. Found: {error.strerror}. Choose a folder that you may write to.") from error
    os.close(handle)
    try:
        with _open_format(path.suffix.lower(), Path(name), columns, schema, kinds or {}) as writer:
            yield writer
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)  # as any new file, not as a private temporary one
        os.replace(name, path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written. Found: {error.strerror}. Free some space, or choose another place.") from error
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def _open_format(suffix: str, path: Path, columns: list[str], schema: Any, kinds: dict[str, type]) -> Iterator[Writer]:
    if suffix == ".parquet":
        rows = _Parquet(path, columns, schema, kinds)
        yield rows
        rows.close()
    elif suffix == ".xlsx":
        book = _Xlsx(columns)
        yield book
        book.save(path)
    else:
        with path.open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            yield _JsonLines(file, columns) if suffix in (".jsonl", ".ndjson") else _Csv(file, columns, "\t" if suffix == ".tsv" else ",")


class _Csv:
    def __init__(self, file: IO[str], columns: list[str], delimiter: str) -> None:
        self._rows = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        self._rows.writerow(columns)

    def write(self, rows: Iterable[Row]) -> None:
        self._rows.writerows(map(_flat, rows))


def _flat(row: Row) -> Row:
    """Return a row as CSV can hold it: nested values as JSON."""
    if any(cell is MISSING or isinstance(cell, dict | list | bool) for cell in row):
        return [
            "" if cell is MISSING else json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict | list | bool) else cell
            for cell in row
        ]
    return row


class _JsonLines:
    def __init__(self, file: IO[str], columns: list[str]) -> None:
        self._file, self._columns = file, columns

    def write(self, rows: Iterable[Row]) -> None:
        for row in rows:
            item = {name: cell for name, cell in zip(self._columns, row, strict=True) if cell is not MISSING}
            self._file.write(json.dumps(item, ensure_ascii=False, default=str) + "\n")


class _Xlsx:
    """A workbook; cells that look like formulas are written as text, so that nothing in them runs."""

    def __init__(self, columns: list[str]) -> None:
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet("scored")
        self.write([list(columns)])

    def write(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._sheet.append([self._cell(cell) for cell in _flat(row)])

    def _cell(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        cell = WriteOnlyCell(self._sheet, ILLEGAL_CHARACTERS_RE.sub("\ufffd", value)[:32767])  # Excel's limit
        if value.startswith("="):
            cell.data_type = "s"
        return cell

    def save(self, path: Path) -> None:
        self._book.save(path)


class _Parquet:
    """Columns of a Parquet input keep their types; ours are numbers or text."""

    def __init__(self, path: Path, columns: list[str], schema: Any, kinds: dict[str, type]) -> None:
        numbers = {int: pa.int64(), float: pa.float64()}
        given = {field.name: field for field in schema or ()}
        self._schema = pa.schema([given.get(c) or pa.field(c, numbers.get(kinds.get(c, str), pa.string())) for c in columns])
        self._writer = pq.ParquetWriter(path, self._schema)

    def write(self, rows: Iterable[Row]) -> None:
        columns = list(zip(*rows, strict=True)) or [()] * len(self._schema)
        arrays = [_array(cells, field.type) for cells, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _array(cells: Iterable[Any], kind: pa.DataType) -> pa.Array:
    values = [None if cell is MISSING else cell for cell in cells]
    if kind == pa.string():
        values = [v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False, default=str) for v in values]
    return pa.array(values, kind)
