"""The first sheet of an XLSX workbook."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from zipfile import BadZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from servicenlp.errors import DataError
from servicenlp.formats.table import Options, Row, Table, distinct


def read(path: Path, options: Options) -> Table:
    """Open a workbook; formulas come as their text, since nothing here computes them."""
    del options
    rows = _rows(path)
    header = next(rows, [])
    names = [str(cell) if cell is not None else "" for cell in header]
    columns = distinct(names)
    n_rows = sum(1 for _ in rows)
    if not columns:
        raise DataError(f"{path}: the first sheet is empty. Found no header. Put the table on the first sheet.")

    def walk() -> Iterator[tuple[Row, str | None]]:
        for row in islice(_rows(path), 1, None):
            yield (row + [None] * len(columns))[: len(columns)], None

    return Table(str(path), "XLSX, first sheet", columns, n_rows, walk, header=names)


def _rows(path: Path) -> Iterator[Row]:
    try:
        book = load_workbook(path, read_only=True)
    except (BadZipFile, InvalidFileException, KeyError) as error:
        raise DataError(f"{path}: not an XLSX workbook. Found: {error}. Save it again as .xlsx.") from error
    try:
        for row in book.worksheets[0].iter_rows(values_only=True):
            yield [getattr(cell, "text", cell) for cell in row]  # an array formula is an object with its text
    finally:
        book.close()
