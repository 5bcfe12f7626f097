"""CSV, TSV and their kin: delimiter and header detected, every cell kept as it is."""

import csv
import io
import re
import sys
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

from servicenlp.errors import DataError
from servicenlp.formats.encodings import check_encoding, detect_encoding, open_text
from servicenlp.formats.headless import is_headless
from servicenlp.formats.preamble import LOOKED_AT, End, find_header, problem_below
from servicenlp.formats.quotes import MendedRows
from servicenlp.formats.table import Options, Row, Table, distinct

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_PART = 1024  # rows that are looked at together
csv.field_size_limit(sys.maxsize)  # a ticket may hold more than the module's 131,072 characters


@dataclass(frozen=True)
class _Form:
    """How a file is to be read.

    `skip` rows stand above the header; `unnamed` are the columns of a file without a header, else
    empty. `stray` says that some quotation marks are not closed, or end within a cell.
    """

    path: Path
    encoding: str
    delimiter: str
    skip: int
    unnamed: list[str]
    stray: bool = False

    def rows(self, text: IO[str]) -> tuple[Any, list[str]]:
        """Return the rows below the header, and the header."""
        rows = MendedRows(text, self.delimiter) if self.stray else csv.reader(text, delimiter=self.delimiter, strict=True)
        header = self.unnamed or next(islice(rows, self.skip, None), [])
        if self.unnamed:
            deque(islice(rows, self.skip), 0)
        return rows, header

    def lines(self) -> Iterator[int]:
        """Walk the lines at which the rows begin."""
        with open_text(self.path, self.encoding) as file:
            rows, _ = self.rows(file)
            at = rows.line_num
            for _ in rows:
                yield at + 1
                at = rows.line_num

    def title(self, head: str) -> str:
        """Return what was detected, for people."""
        parts = [self.path.suffix[1:].upper() or "delimited text", self.encoding, DELIMITERS.get(self.delimiter, repr(self.delimiter))]
        if above := _lines_above(head, self.delimiter, self.skip):
            parts.append(f"header in line {above + 1}")
        return ", ".join([*parts, "no header"] if self.unnamed else parts)


class _Counts(NamedTuple):
    """What a first reading tells: the header, how many rows have how many cells, and the first row below the table."""

    header: list[str]
    widths: Counter[int]
    end: int


def read(path: Path, options: Options) -> Table:
    """Open a delimited file; the whole of it is read once to count rows and the widest one."""
    encoding = options.encoding or detect_encoding(path)
    check_encoding(encoding)
    with path.open("rb") as file:
        head = file.read(1 << 18).decode(encoding, "replace")
    try:
        form = _detect(path, encoding, options.delimiter or detect_delimiter(head), head)
        try:
            counts = _count(form)
        except csv.Error:
            form = replace(form, stray=True)
            counts = _count(form)
    except (csv.Error, LookupError, TypeError) as error:
        raise DataError(f"{path}: cannot be read as a delimited file. Found: {error}. Name --encoding or --delimiter.") from error
    header, widths, _ = counts
    if not header:
        raise DataError(f"{path}: the file is empty. Found no header. Export it again.")
    surplus = [f"(column {i + 1})" for i in range(len(header), max(widths, default=0))]
    columns = distinct(header) + surplus
    walk = partial(_walk, form, counts, len(columns))
    return Table(str(path), form.title(head), columns, widths.total(), walk, header=header + surplus, lines=form.lines)


def _detect(path: Path, encoding: str, delimiter: str, head: str) -> _Form:
    """Find the header in a file's beginning."""
    # A field that the sample cuts in two may be read to its end as one row.
    sample = list(islice(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), LOOKED_AT))
    skip = find_header(sample)
    headless = is_headless(sample[skip : skip + 100])
    return _Form(path, encoding, delimiter, skip, distinct([""] * len(sample[skip])) if headless else [])


def _count(form: _Form) -> _Counts:
    widths, end = Counter[int](), End()
    with open_text(form.path, form.encoding) as text:
        rows, header = form.rows(text)
        while part := list(islice(rows, _PART)):
            widths.update(map(len, part))
            end.see_all(part, len(header))
    return _Counts(header, widths, end.begin)


def _walk(form: _Form, counts: _Counts, width: int) -> Iterator[tuple[Row, str | None]]:
    """Walk the rows, all as wide as the widest, and what is wrong with each."""
    header, widths, end = counts
    most = _named(len(header), widths, form.delimiter)
    with open_text(form.path, form.encoding) as file:
        rows = form.rows(file)[0]
        if set(widths) == {len(header)} and end == widths.total():  # nearly every file, with little ado
            yield from ((row, None) for row in rows)
            return
        for number, row in enumerate(rows):
            surplus = f"{len(row)} cells under {len(header)} headers" if len(row) > most else None
            yield row + [""] * (width - len(row)), problem_below(number, end) or surplus


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
