"""Scored rows to a file or to standard output, the format known by the suffix."""

import json
import os
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from servicenlp.errors import DataError
from servicenlp.formats import MISSING, Row
from servicenlp.journal import Journal

Cells = Sequence[Any]

_NESTED = (dict, list, bool)  # what JSON says best

ROW_GROUP = 4096  # rows that a Parquet file holds together
# What Excel, LibreOffice and Google Sheets begin a formula with; a number may begin so too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*%?")
FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".xlsx")


class Writer(ABC):
    """Takes rows, in order.

    Attributes
    ----------
    textual : bool
        Whether numbers may come as text as well.
    """

    textual = False

    def prepare(self, columns: Sequence[Cells]) -> Any:
        """Return the cells of some rows, column by column, as `put` takes them; any forked process can do that."""
        return columns

    @abstractmethod
    def put(self, prepared: Any) -> None:
        """Write rows that were prepared."""

    def write(self, rows: Iterable[Row]) -> None:
        """Write some rows."""
        self.put(self.prepare(list(zip(*rows, strict=True))))

    def position(self) -> int:
        """Return how many bytes are written, where more can be added to them; else 0."""
        return 0


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
    excel_safe : bool
        Whether CSV cells that a spreadsheet would run as a formula are written as text.
    """

    header: list[str]
    kinds: dict[str, type]
    schema: Any = None
    excel_safe: bool = False


@contextmanager
def open_writer(path: Path | None, layout: Layout, stdout: IO[str], journal: Journal | None = None) -> Iterator[Writer]:
    """Open a writer; a file appears under its name only when all is written.

    Parameters
    ----------
    path : Path or None
        Where to; None is standard output, as CSV.
    layout : Layout
        What the rows look like.
    stdout : text file
        Standard output.
    journal : Journal, optional
        Of this output: the file grows where the journal says, from where the journal has come to,
        and is kept if the writing ends early.

    Raises
    ------
    DataError
        If the format is unknown, or the file cannot be written.
    """
    if path is None:
        yield _Csv(stdout, layout, ",", True)
        return
    if path.suffix.lower() not in FORMATS:
        raise DataError(f"{path}: no such output format. Found {path.suffix!r}. End the name in {', '.join(FORMATS)}.")
    part = journal.part if journal else _temporary(path)
    try:
        if journal:
            journal.open()
        with _open_format(path.suffix.lower(), part, layout, journal.bytes if journal else 0) as writer:
            yield writer
        mask = os.umask(0)
        os.umask(mask)
        part.chmod(0o666 & ~mask)  # as any new file, not as a private temporary one
        os.replace(part, path)
        if journal:
            journal.finish()
    except OSError as error:
        kept = " What is done is kept: go on with --resume." if journal and journal.rows else ""
        raise DataError(
            f"{path}: cannot be written. Found: {error.strerror}. Free some space, or choose a folder that you may write to.{kept}"
        ) from error
    finally:
        if journal:
            journal.close()
        else:
            part.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise DataError(f"{path}: cannot be written. Found: {error.strerror}. Choose a folder that you may write to.") from error
    os.close(handle)
    return Path(name)


@contextmanager
def _open_format(suffix: str, path: Path, layout: Layout, done: int) -> Iterator[Writer]:
    """Open a writer that goes on after `done` bytes."""
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
        if done:
            os.truncate(path, done)
        with path.open("a" if done else "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            if suffix in (".jsonl", ".ndjson"):
                yield _JsonLines(file, layout)
            else:
                yield _Csv(file, layout, "\t" if suffix == ".tsv" else ",", not done)


class _Growing(Writer):
    """A file of lines, to which more can be added."""

    _file: IO[str]

    def put(self, prepared: str) -> None:
        self._file.write(prepared)

    def position(self) -> int:
        self._file.flush()
        return os.fstat(self._file.fileno()).st_size


class _Csv(_Growing):
    textual = True

    def __init__(self, file: IO[str], layout: Layout, delimiter: str, begin: bool) -> None:
        self._file, self._delimiter, self._excel_safe = file, delimiter, layout.excel_safe
        self._special = re.compile(f'[{delimiter}"\r\n]')
        if begin:
            self.write([layout.header])

    def prepare(self, columns: Sequence[Cells]) -> str:
        rows = zip(*map(self._quoted, columns), strict=True)
        return "".join([self._delimiter.join(row) + "\r\n" for row in rows])  # RFC 4180's line end

    def _quoted(self, cells: Cells) -> Cells:
        """Return a column's cells as they stand in the file."""
        try:
            together = "".join(cells)
        except TypeError:  # not all of them are text
            cells = list(map(_flat, cells))
            together = "".join(cells)
        if self._excel_safe:
            cells = [_harmless(cell) for cell in cells]
        if not self._special.search(together):
            return cells
        return ['"' + cell.replace('"', '""') + '"' if self._special.search(cell) else cell for cell in cells]


def _harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: an apostrophe before it says that it is text."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


def _flat(cell: Any) -> str:
    """Return a cell as CSV can hold it: nested values as JSON."""
    if isinstance(cell, _NESTED):
        return _json(cell)
    return "" if cell is None or cell is MISSING else str(cell)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


class _JsonLines(_Growing):
    def __init__(self, file: IO[str], layout: Layout) -> None:
        self._file, self._columns = file, layout.header

    def prepare(self, columns: Sequence[Cells]) -> str:
        return "".join(map(self._line, zip(*columns, strict=True)))

    def _line(self, row: Cells) -> str:
        item = {name: cell for name, cell in zip(self._columns, row, strict=True) if cell is not MISSING}
        line = _json(item)
        # Half an emoji has no place in UTF-8; escaped it comes back as it was.
        return (line if _is_unicode(line) else json.dumps(item, default=str)) + "\n"


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


class _Xlsx(Writer):
    """A workbook; cells that look like formulas are written as text, so that nothing in them runs."""

    def __init__(self, layout: Layout) -> None:
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet("scored")
        self.write([list(layout.header)])

    def put(self, prepared: Sequence[Cells]) -> None:
        for row in zip(*prepared, strict=True):
            self._sheet.append([self._cell(cell) for cell in row])

    def _cell(self, value: Any) -> Any:
        if value is MISSING or isinstance(value, _NESTED):
            value = _flat(value)
        if not isinstance(value, str):
            return str(value) if getattr(value, "tzinfo", None) is not None else value
        cell = WriteOnlyCell(self._sheet, _NO_XML.sub("\ufffd", _told(value))[:32767])  # Excel's limit
        if value.startswith("="):
            cell.data_type = "s"
        return cell

    def save(self, path: Path) -> None:
        self._book.save(path)

    def abandon(self) -> None:
        self._sheet.close()


class _Parquet(Writer):
    """Columns of a Parquet input keep their types; ours are numbers or text."""

    def __init__(self, path: Path, layout: Layout) -> None:
        numbers = {int: pa.int64(), float: pa.float64()}
        given = {field.name: field for field in layout.schema or ()}
        self._schema = pa.schema(
            [given.get(name) or pa.field(name, numbers.get(layout.kinds.get(name, str), pa.string())) for name in layout.header]
        )
        self._writer = pq.ParquetWriter(path, self._schema)
        self._waiting: list[pa.Table] = []

    def prepare(self, columns: Sequence[Cells]) -> pa.Table:
        arrays = [_array(cells, field.type) for cells, field in zip(columns, self._schema, strict=True)]
        return pa.Table.from_arrays(arrays, schema=self._schema)

    def put(self, prepared: pa.Table) -> None:
        self._waiting.append(prepared)
        if sum(map(len, self._waiting)) >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting))
        self._waiting = []

    def close(self) -> None:
        self._flush()
        self._writer.close()


def _told(value: Any) -> str:
    """Return a value as text that Parquet can hold."""
    text = value if isinstance(value, str) else _json(value) if isinstance(value, _NESTED) else str(value)
    return text if _is_unicode(text) else text.encode("utf-8", "replace").decode()


def _array(cells: Iterable[Any], kind: pa.DataType) -> pa.Array:
    values = [None if cell is MISSING else cell for cell in cells]
    if kind == pa.string():
        values = [None if v is None else _told(v) for v in values]
    return pa.array(values, kind)
