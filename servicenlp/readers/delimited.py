"""CSV, TSV and their kin: encoding and delimiter detected, every cell kept as it is."""

import codecs
import csv
import io
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from charset_normalizer import from_bytes

from servicenlp.errors import DataError
from servicenlp.readers.table import Options, Row, Table, distinct

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
csv.field_size_limit(sys.maxsize)  # a ticket may hold more than the module's 131,072 characters


def read(path: Path, options: Options) -> Table:
    """Open a delimited file; the whole of it is read once to count rows and the widest one."""
    encoding = options.encoding or detect_encoding(path)
    check_encoding(encoding)
    with path.open("rb") as file:
        head = file.read(1 << 18).decode(encoding, "replace")
    delimiter = options.delimiter or detect_delimiter(head)
    try:
        n_rows, width = -1, 0
        with open_text(path, encoding) as text:
            rows = csv.reader(text, delimiter=delimiter)
            header = next((row for row in rows if row), None)
            for n_rows, row in enumerate(rows):  # noqa: B007
                width = max(width, len(row))
    except (csv.Error, LookupError, TypeError) as error:
        raise DataError(f"{path}: cannot be read as a delimited file. Found: {error}. Name --encoding or --delimiter.") from error
    if not header:
        raise DataError(f"{path}: the file is empty. Found no header. Export it again.")
    columns = distinct(header) + [f"(column {i + 1})" for i in range(len(header), width)]

    def walk() -> Iterator[tuple[Row, str | None]]:
        with open_text(path, encoding) as file:
            rows = csv.reader(file, delimiter=delimiter)
            next(row for row in rows if row)
            for row in rows:
                if len(row) == len(columns) == len(header):
                    yield row, None
                    continue
                surplus = f"{len(row)} cells under {len(header)} headers" if len(row) > len(header) else None
                yield row + [""] * (len(columns) - len(row)), surplus

    def lines() -> Iterator[int]:
        with open_text(path, encoding) as file:
            rows = csv.reader(file, delimiter=delimiter)
            next(row for row in rows if row)
            at = rows.line_num
            for _ in rows:
                yield at + 1
                at = rows.line_num

    form = f"{path.suffix[1:].upper() or 'delimited text'}, {encoding}, {DELIMITERS.get(delimiter, repr(delimiter))}"
    return Table(str(path), form, columns, n_rows + 1, walk, header=header + columns[len(header) :], lines=lines)


def check_encoding(encoding: str) -> None:
    """Raise DataError if there is no such encoding."""
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise DataError(f"--encoding: no such encoding. Found {encoding!r}. Try utf-8, utf-16 or cp1252.") from error


def open_text(path: Path, encoding: str) -> IO[str]:
    """Open a text file so that no byte stops the reading."""
    return path.open(encoding=encoding, errors="replace", newline="")


def detect_encoding(path: Path) -> str:
    """Return utf-8 if the whole file is that, else what its marks or its letters suggest."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
        for mark, encoding in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
            if head.startswith(mark):
                return encoding
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            chunk = head
            while chunk:
                decoder.decode(chunk)
                chunk = file.read(1 << 20)
            decoder.decode(b"", final=True)
            return "utf-8"
        except UnicodeDecodeError:
            best = from_bytes(head).best()
    # Office programs write Windows-1252; every byte has a meaning there.
    return best.encoding if best and best.encoding.startswith("utf_16") else "cp1252"


def detect_delimiter(head: str) -> str:
    """Return the delimiter whose rows agree best in width with the header."""

    def agreement(delimiter: str) -> tuple[float, int]:
        rows = [row for row in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter) if row][:100]
        if len(rows) > 2:
            rows = rows[:-1]  # the sample may end within it
        width = len(rows[0]) if rows else 0
        return (sum(len(row) == width for row in rows) / len(rows) if width > 1 else 0.0), width

    return max(DELIMITERS, key=agreement)


def looks_delimited(head: bytes) -> bool:
    """Tell whether some bytes look like a table with a header rather than a letter."""
    text = head.decode("utf-8", "replace")
    delimiter = detect_delimiter(text)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[:20]
    widths = Counter(len(row) for row in rows if row)
    return len(widths) == 1 and len(rows) > 1 and len(rows[0]) > 1 and all(len(cell.split()) < 5 for cell in rows[0])
