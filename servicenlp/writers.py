"""Scored rows to a file or to standard output, the format known by the suffix."""

import csv
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from servicenlp.errors import DataError
from servicenlp.formats import MISSING, Row

FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".xlsx")


class Writer(Protocol):
    """Takes rows, in order."""

    def write(self, rows: Iterable[Row]) -> None:
        """Write some rows."""


class Layout(NamedTuple):
    """What the rows look like.

    Attributes
    ----------
    header : list of str
        The names of the columns.
    kinds : dict of str to type
        Columns of int or float; all others are text, but for those of `schema`.
    schema : pyarrow.Schema or None
        Types of the columns that were in a Parquet input.
    textual : bool
        Whether cells are strings, numbers or None only, so that CSV can hold them as they are.
    """

    header: list[str]
    kinds: dict[str, type]
    schema: Any = None
    textual: bool = False


@contextmanager
def open_writer(path: Path | None, layout: Layout, stdout: IO[str]) -> Iterator[Writer]:
    """Open a writer; a file appears under its name only when all is written.

    Parameters
    ----------
    path : Path or None
        Where to; None is standard output, as CSV.
    layout : Layout
        What the rows look like.
    stdout : text file
        Standard output.
    """
    if path is None:
        yield _Csv(stdout, layout, ",")
        return
    if path.suffix.lower() not in FORMATS:
        raise DataError(f"{path}: no such output format. Found {path.suffix!r}. End the name in {', '.join(FORMATS)}.")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise DataError(f"{path}: cannot be written. Found: {error.strerror}. Choose a folder that you may write to.") from error
    os.close(handle)
    try:
        with _open_format(path.suffix.lower(), Path(name), layout) as writer:
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
def _open_format(suffix: str, path: Path, layout: Layout) -> Iterator[Writer]:
    if suffix == ".parquet":
        rows = _Parquet(path, layout)
        yield rows
        rows.close()
    elif suffix == ".xlsx":
        book = _Xlsx(layout)
        try:
            yield book
        except BaseException:
            book.abandon()
            raise
        book.save(path)
    else:
        with path.open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            if suffix in (".jsonl", ".ndjson"):
                yield _JsonLines(file, layout)
            else:
                yield _Csv(file, layout, "\t" if suffix == ".tsv" else ",")


class _Csv:
    def __init__(self, file: IO[str], layout: Layout, delimiter: str) -> None:
        self._textual = layout.textual
        # RFC 4180's line end; with "\n" alone the writer would leave a lone "\r" in a cell unquoted.
        self._rows = csv.writer(file, delimiter=delimiter, lineterminator="\r\n")
        self._rows.writerow(layout.header)

    def write(self, rows: Iterable[Row]) -> None:
        self._rows.writerows(rows if self._textual else map(_flat, rows))


def _flat(row: Row) -> Row:
    """Return a row as CSV can hold it: nested values as JSON."""
    if any(cell is MISSING or isinstance(cell, dict | list | bool) for cell in row):
        return ["" if cell is MISSING else _json(cell) if isinstance(cell, dict | list | bool) else cell for cell in row]
    return row


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


class _JsonLines:
    def __init__(self, file: IO[str], layout: Layout) -> None:
        self._file, self._columns = file, layout.header

    def write(self, rows: Iterable[Row]) -> None:
        for row in rows:
            item = {name: cell for name, cell in zip(self._columns, row, strict=True) if cell is not MISSING}
            line = _json(item)
            # Half an emoji has no place in UTF-8; escaped it comes back as it was.
            self._file.write((line if _is_unicode(line) else json.dumps(item, default=str)) + "\n")


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


class _Xlsx:
    """A workbook; cells that look like formulas are written as text, so that nothing in them runs."""

    def __init__(self, layout: Layout) -> None:
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet("scored")
        self.write([list(layout.header)])

    def write(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._sheet.append([self._cell(cell) for cell in _flat(row)])

    def _cell(self, value: Any) -> Any:
        if not isinstance(value, str):
            return str(value) if getattr(value, "tzinfo", None) is not None else value
        cell = WriteOnlyCell(self._sheet, ILLEGAL_CHARACTERS_RE.sub("\ufffd", _told(value))[:32767])  # Excel's limit
        if value.startswith("="):
            cell.data_type = "s"
        return cell

    def save(self, path: Path) -> None:
        self._book.save(path)

    def abandon(self) -> None:
        self._sheet.close()


class _Parquet:
    """Columns of a Parquet input keep their types; ours are numbers or text."""

    def __init__(self, path: Path, layout: Layout) -> None:
        numbers = {int: pa.int64(), float: pa.float64()}
        given = {field.name: field for field in layout.schema or ()}
        self._schema = pa.schema(
            [given.get(name) or pa.field(name, numbers.get(layout.kinds.get(name, str), pa.string())) for name in layout.header]
        )
        self._writer = pq.ParquetWriter(path, self._schema)

    def write(self, rows: Iterable[Row]) -> None:
        columns = list(zip(*rows, strict=True)) or [()] * len(self._schema)
        arrays = [_array(cells, field.type) for cells, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _told(value: Any) -> str:
    """Return a value as text that Parquet can hold."""
    text = value if isinstance(value, str) else _json(value) if isinstance(value, dict | list | bool) else str(value)
    return text if _is_unicode(text) else text.encode("utf-8", "replace").decode()


def _array(cells: Iterable[Any], kind: pa.DataType) -> pa.Array:
    values = [None if cell is MISSING else cell for cell in cells]
    if kind == pa.string():
        values = [None if v is None else _told(v) for v in values]
    return pa.array(values, kind)
