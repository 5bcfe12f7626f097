"""XLSX and its kin: the first sheet that holds a table."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, time
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from lxml import html
from lxml.etree import ParserError
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from servicenlp.errors import DataError
from servicenlp.formats.preamble import LOOKED_AT, End, find_header, is_known, problem_below
from servicenlp.formats.table import Options, Row, Table, distinct

Sheets = dict[str, Callable[[], Iterator[Row]]]  # by name, what opens a sheet's rows


def read(path: Path, options: Options) -> Table:
    """Open a workbook; formulas of an XLSX come as their text, since nothing here computes them."""
    form, sheets = _open(path, options)
    if isinstance(sheets, Table):
        return sheets
    name, skip, first = _choose(sheets)
    rows = sheets.get(name, lambda: iter([]))
    header = next(islice(rows(), skip, None), [])
    while header and header[-1] is None:
        header.pop()
    if not header:
        raise DataError(f"{path}: the first sheet is empty. Found no header. Put the table on the first sheet.")
    names = [str(cell) if cell is not None else "" for cell in header]
    n_rows, width, end = 0, 0, End()
    for number, row in enumerate(islice(rows(), skip + 1, None)):
        end.see(row, True)
        if any(cell is not None for cell in row):
            n_rows = number + 1  # blank rows at the end are none
            width = max(width, max(i + 1 for i, cell in enumerate(row) if cell is not None))
    columns = distinct(names + [""] * (width - len(names)))
    begin = end.begin

    def walk() -> Iterator[tuple[Row, str | None]]:
        for number, row in enumerate(islice(rows(), skip + 1, skip + 1 + n_rows)):
            yield (row + [None] * len(columns))[: len(columns)], problem_below(number, begin)

    form += ", first sheet" if name == next(iter(sheets)) else f", sheet {name!r}"
    if skip > first:
        form += f", header in row {skip + 1}"
    return Table(str(path), form, columns, n_rows, walk, header=names + columns[len(names) :])


def _choose(sheets: Sheets) -> tuple[str, int, int]:
    """Return the first sheet that holds a table, the row of its header, and its first row."""
    found = []
    for name, rows in sheets.items():
        head = list(islice(rows(), LOOKED_AT))
        first = next((i for i, row in enumerate(head) if any(cell is not None for cell in row)), None)
        if first is None:
            continue
        header = find_header(head)
        found.append((name, header, first))
        names = [str(cell) for cell in head[header] if cell is not None]
        below = sum(any(cell is not None for cell in row) for row in head[header + 1 :])
        # A cover sheet has a title, and some lines of one cell or two.
        if below and (len(names) > 2 or header > first or below > 20 or all(map(is_known, names))):
            return found[-1]
    return found[0] if found else ("", 0, 0)


def _open(path: Path, options: Options) -> tuple[str, Sheets | Table]:
    with path.open("rb") as file:
        head = file.read(1024)
    if path.suffix.lower() in (".ods", ".xlsb") or head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return _open_other(path)
    # Many programs call a page or a text .xls so that Excel opens it.
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return _open_page(path)
    if path.suffix.lower() == ".xls" and head[:4] != b"PK\x03\x04":
        from servicenlp.formats import delimited

        return "", delimited.read(path, options)
    return _open_xlsx(path)


def _open_xlsx(path: Path) -> tuple[str, Sheets]:
    # Given a file rather than a name, the library does not mind the suffix.
    try:
        with path.open("rb") as file:
            book = load_workbook(file, read_only=True)
            names = [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"] or [s.title for s in book.worksheets]
    except (BadZipFile, InvalidFileException, KeyError) as error:
        raise DataError(f"{path}: not an XLSX workbook. Found: {error}. Save it again as .xlsx.") from error

    def rows(name: str) -> Iterator[Row]:
        with path.open("rb") as file:
            sheet = load_workbook(file, read_only=True)[name]
            sheet.reset_dimensions()  # some programs write a wrong one
            for row in sheet.iter_rows(values_only=True):
                yield [getattr(cell, "text", cell) for cell in row]  # an array formula is an object with its text

    return "XLSX", _by_name(names, rows)


def _open_other(path: Path) -> tuple[str, Sheets]:
    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            names = [sheet.name for sheet in book.sheets_metadata if sheet.visible == SheetVisibleEnum.Visible] or book.sheet_names
    except CalamineError as error:
        raise DataError(f"{path}: not a workbook. Found: {error}. Save it again as .xlsx.") from error

    def rows(name: str) -> Iterator[Row]:
        with CalamineWorkbook.from_path(str(path)) as book:
            for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False):
                yield [_cell(cell) for cell in row]

    return path.suffix[1:].upper() or "XLS", _by_name(names, rows)


def _open_page(path: Path) -> tuple[str, Sheets]:
    """Open the tables of an HTML page."""
    try:
        tables = html.fromstring(path.read_bytes()).xpath("//table[not(.//table)]")
    except (ParserError, ValueError) as error:
        raise DataError(f"{path}: a page that cannot be read. Found: {error}. Save it again as .xlsx.") from error

    def rows(number: str) -> Iterator[Row]:
        for row in tables[int(number)].iter("tr"):
            yield [cell.text_content().strip() or None for cell in row.iter("td", "th")]

    return f"HTML named {path.suffix.lower()}", _by_name(map(str, range(len(tables))), rows)


def _by_name(names: Iterable[str], rows: Callable[[str], Iterator[Row]]) -> Sheets:
    return {name: (lambda name=name: rows(name)) for name in names}  # type: ignore[misc]


def _cell(cell: Any) -> Any:
    """Return a cell as openpyxl would."""
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, str):
        return cell or None
    if type(cell).__name__ == "date":
        return datetime.combine(cell, time())
    return cell
