"""CSV, TSV and their kin: delimiter and header detected, every cell kept as it is."""

import csv
import io
import re
import sys
from collections import Counter, deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from servicenlp.errors import DataError
from servicenlp.formats.encodings import check_encoding, detect_encoding, open_text
from servicenlp.formats.headless import is_headless
from servicenlp.formats.preamble import LOOKED_AT, End, find_header, problem_below
from servicenlp.formats.quotes import MendedRows
from servicenlp.formats.table import Options, Row, Table, distinct

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_PART = 1024  # rows that are looked at together
csv.field_size_limit(sys.maxsize)  # a ticket may hold more than the module's 131,072 characters


def read(path: Path, options: Options) -> Table:
    """Open a delimited file; the whole of it is read once to count rows and the widest one."""
    encoding = options.encoding or detect_encoding(path)
    check_encoding(encoding)
    with path.open("rb") as file:
        head = file.read(1 << 18).decode(encoding, "replace")
    delimiter = options.delimiter or detect_delimiter(head)

    def open_rows(text: IO[str]) -> tuple[Any, list[str]]:
        """Return the rows below the header, and the header."""
        rows = MendedRows(text, delimiter) if stray else csv.reader(text, delimiter=delimiter, strict=True)
        if headless:
            deque(islice(rows, skip), 0)
            return rows, unnamed
        return rows, next(islice(rows, skip, None), [])

    def count() -> tuple[list[str], Counter[int], End]:
        """Return the header, how many rows have how many cells, and where the table ends."""
        widths, end = Counter[int](), End()
        with open_text(path, encoding) as text:
            rows, header = open_rows(text)
            while part := list(islice(rows, _PART)):
                widths.update(map(len, part))
                end.see_all(part, len(header))
        return header, widths, end

    try:
        # A field that the sample cuts in two may be read to its end as one row.
        sample = list(islice(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), LOOKED_AT))
        skip = find_header(sample)
        headless = is_headless(sample[skip : skip + 100])
        unnamed = distinct([""] * len(sample[skip])) if headless else []
        stray = False
        try:
            header, widths, end = count()
        except csv.Error:
            stray = True  # a quotation mark is not closed, or ends within a cell
            header, widths, end = count()
    except (csv.Error, LookupError, TypeError) as error:
        raise DataError(f"{path}: cannot be read as a delimited file. Found: {error}. Name --encoding or --delimiter.") from error
    if not header:
        raise DataError(f"{path}: the file is empty. Found no header. Export it again.")
    columns = distinct(header) + [f"(column {i + 1})" for i in range(len(header), max(widths, default=0))]
    begin = end.begin
    named = _named(len(header), widths, delimiter)

    def walk() -> Iterator[tuple[Row, str | None]]:
        with open_text(path, encoding) as file:
            rows = open_rows(file)[0]
            if len(widths) == 1 and len(columns) == len(header) and len(header) in widths and begin == widths.total():
                yield from ((row, None) for row in rows)
                return
            for number, row in enumerate(rows):
                if len(row) == len(columns) == len(header):
                    yield row, problem_below(number, begin)
                    continue
                surplus = f"{len(row)} cells under {len(header)} headers" if len(row) > named else None
                yield row + [""] * (len(columns) - len(row)), problem_below(number, begin) or surplus

    def lines() -> Iterator[int]:
        with open_text(path, encoding) as file:
            rows, _ = open_rows(file)
            at = rows.line_num
            for _ in rows:
                yield at + 1
                at = rows.line_num

    form = f"{path.suffix[1:].upper() or 'delimited text'}, {encoding}, {DELIMITERS.get(delimiter, repr(delimiter))}"
    if above := _lines_above(head, delimiter, skip):
        form += f", header in line {above + 1}"
    form += ", no header" if headless else ""
    return Table(str(path), form, columns, widths.total(), walk, header=header + columns[len(header) :], lines=lines)


def _named(header: int, widths: Counter[int], delimiter: str) -> int:
    """Return how many cells a row may have: one more than the header if all rows do, as where a program added a column.

    Not where cells are set apart by commas, for a comma more is rather one of a text without quotation marks.
    """
    rows = widths.total() - widths[0]
    return header + 1 if delimiter != "," and rows > 1 and widths[header + 1] == rows else header


def _lines_above(head: str, delimiter: str, skip: int) -> int:
    """Return how many lines stand above the header; 0 if they are all blank."""
    rows = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    return rows.line_num if any(list(islice(rows, skip))) else 0


def detect_delimiter(head: str) -> str:
    """Return the delimiter whose rows agree best in width with the header."""
    if told := re.match(r"\ufeff?sep=(.)\r?\n", head, re.IGNORECASE):
        return told[1]

    def agreement(delimiter: str) -> tuple[float, int]:
        rows = list(islice(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), LOOKED_AT))
        rows = [row for row in rows[find_header(rows) :] if row][:100]
        if len(rows) > 2:
            rows = rows[:-1]  # the sample may end within it
        width = len(rows[0]) if rows else 0
        return (sum(len(row) == width for row in rows) / len(rows) if width > 1 else 0.0), width

    return max(DELIMITERS, key=agreement)


def looks_delimited(head: bytes) -> bool:
    """Tell whether some bytes look like a table with a header rather than a letter."""
    text = head.decode("utf-8", "replace")
    rows = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=detect_delimiter(text)), LOOKED_AT))
    if any(rows[: find_header(rows)]):
        return True
    widths = Counter(len(row) for row in rows[:20] if row)
    return len(widths) == 1 and len(rows) > 1 and len(rows[0]) > 1 and all(len(cell.split()) < 5 for cell in rows[0])
