"""Scored files, read in parts, and read on where the last reading ended."""

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from servicenlp.errors import DataError
from servicenlp.formats import MISSING, Options, read_table
from servicenlp.formats.delimited import detect_delimiter
from servicenlp.formats.encodings import detect_encoding

_SIZE = 20_000
_HEAD = 1 << 16
_LINES = (".jsonl", ".ndjson")
_FIRST = 200  # rows that tell what the columns mean


class Part(NamedTuple):
    """Some rows, their number before the first of them, and how far in the file they end (None: not known)."""

    rows: pd.DataFrame
    first: int
    position: int | None


@dataclass
class ScoredFile:
    """A scored file that can be read on where the last reading ended.

    Text formats (CSV, TSV, JSON lines) go on at a byte; of the others all rows are read.
    """

    path: Path

    @property
    def grows(self) -> bool:
        """Whether rows can be appended to the file."""
        return self.path.suffix.lower() in (".csv", ".tsv", *_LINES)

    def digest(self, position: int) -> str:
        """Return what tells whether the file is still the same up to `position`: its start and what stands before that place."""
        with self.path.open("rb") as file:
            head = file.read(min(_HEAD, position))
            file.seek(max(0, position - _HEAD))
            return hashlib.sha256(head + file.read(min(_HEAD, position))).hexdigest()

    def head(self) -> pd.DataFrame:
        """Return the first rows, with all their columns; none if there are none."""
        part = next(self.parts(size=_FIRST), None)
        return pd.DataFrame() if part is None else part.rows

    def parts(self, first: int = 0, position: int = 0, wanted: Sequence[str] | None = None, size: int = 0) -> Iterator[Part]:
        """Yield the rows after `position`, of which `first` rows came before; of `wanted` columns only, where they are named."""
        if not self.path.is_file():
            raise DataError(f"{self.path}: no such file. Found nothing there. Check the name.")
        walk = (self._json if self.path.suffix.lower() in _LINES else self._csv) if self.grows else self._other
        for columns, rows, end in walk(position, wanted, size or _SIZE):
            yield Part(pd.DataFrame(rows, columns=columns, dtype=object), first, end)
            first += len(rows)

    def _csv(self, position: int, wanted: Sequence[str] | None, size: int) -> Iterator[tuple[list[str], list[Any], int]]:
        encoding = detect_encoding(self.path)
        with self.path.open("rb") as file:
            delimiter = detect_delimiter(file.read(1 << 18).decode(encoding, "replace"))
        if encoding == "utf-16":
            raise DataError(f"{self.path}: UTF-16. Found a file that was saved anew. Give the one that servicenlp score wrote.")
        with self.path.open("rb") as file:
            header = next(csv.reader(_lines(file, encoding), delimiter=delimiter), [])
            columns, pick = _chooser(header, wanted)
            if position:
                file.seek(position)
            rows = csv.reader(_lines(file, encoding), delimiter=delimiter)
            try:
                while part := list(islice(rows, size)):
                    # A file appended to with its header, as by "cat", holds it in the middle.
                    yield columns, [pick(row) for row in part if row and row != header], file.tell()
            except csv.Error as error:
                raise DataError(f"{self.path}: cannot be read as a delimited file. Found: {error}. Score it again.") from error

    def _json(self, position: int, wanted: Sequence[str] | None, size: int) -> Iterator[tuple[list[str], list[Any], int]]:
        with self.path.open("rb") as file:
            file.seek(position)
            while lines := list(islice(iter(file.readline, b""), size)):
                try:
                    items = [json.loads(line) for line in lines if line.strip()]
                    columns = list(wanted or dict.fromkeys(key for item in items for key in item))
                    rows = [[item.get(column) for column in columns] for item in items]
                except (ValueError, AttributeError, TypeError) as error:
                    raise DataError(f"{self.path}: not an object a line. Found {type(error).__name__}. Score it again.") from error
                yield columns, rows, file.tell()

    def _other(self, position: int, wanted: Sequence[str] | None, size: int) -> Iterator[tuple[list[str], list[Any], None]]:
        del position  # such a file is never appended to, but written anew
        table = read_table(self.path, Options())
        columns, pick = _chooser(table.columns, wanted)
        rows = (pick(row) for row, _ in table.walk())
        while part := list(islice(rows, size)):
            yield columns, [[None if cell is MISSING else cell for cell in row] for row in part], None


def _chooser(header: Sequence[str], wanted: Sequence[str] | None) -> tuple[list[str], Callable[[Sequence[Any]], Sequence[Any]]]:
    """Return the wanted columns that are there, and what takes their cells from a row, which may be too short."""
    width, columns = len(header), [name for name in wanted if name in header] if wanted is not None else list(header)
    if len(columns) < 2:  # whatever it is, it was not scored
        return list(header), lambda row: [*row, *[""] * width][:width]
    cells = itemgetter(*([header.index(name) for name in columns] if wanted is not None else range(width)))
    return columns, lambda row: cells(row if len(row) >= width else [*row, *[""] * width])


def _lines(file: Any, encoding: str) -> Iterator[str]:
    """Yield decoded lines; unlike a text file's, the place of a binary one can be told at any time."""
    read: Callable[[], bytes] = file.readline
    for line in iter(read, b""):
        yield line.decode(encoding, "replace")
