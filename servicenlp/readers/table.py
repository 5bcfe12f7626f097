"""What every reader returns: a table whose rows can be walked in batches, as often as wanted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple

from servicenlp.errors import DataError

Row = list[Any]


class _Missing:
    """A cell that its row never had (a JSON object without the key)."""

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> str:
        return "MISSING"  # one and the same in every process


MISSING = _Missing()

# Names that help desks, survey tools and review sites give to the customer's words, best first.
TEXT_NAMES = (
    "text|transcript|conversation|description|ticket description|body|message|comment|comments|review|review text|"
    "review_text|feedback|content|verbatim|answer|response|interaction|email|note|notes|tweet|chat|customer comment"
).split("|")


class Options(NamedTuple):
    """What the user says instead of leaving it to detection."""

    text_column: str | None = None
    encoding: str | None = None
    delimiter: str | None = None


class Batch(NamedTuple):
    """Some rows, and, by index, what is wrong with those that could not be read."""

    rows: list[Row]
    problems: dict[int, str]


@dataclass(frozen=True)
class Table:
    """An opened file.

    Attributes
    ----------
    name : str
        The file.
    form : str
        What was detected, for people: "CSV, utf-8, comma".
    columns : list of str
        The file's columns, in order, each name once: a repeated one is numbered, a column of
        surplus cells is named "(column 7)".
    n_rows : int
        How many rows there are.
    walk : callable
        Returns a new iterator over (row, problem); a problem is None or says what is wrong.
    text_column : str
        The column that holds the customer's words.
    schema : object
        The format's own schema, where it has one (Parquet).
    header : list of str
        The names as they stand in the file, where they differ from `columns`.
    lines : callable or None
        Returns an iterator over the line of the file at which each row begins, where there are lines.
    """

    name: str
    form: str
    columns: list[str]
    n_rows: int
    walk: Callable[[], Iterator[tuple[Row, str | None]]] = field(repr=False)
    text_column: str = ""
    schema: Any = None
    header: list[str] = field(default_factory=list)
    lines: Callable[[], Iterator[int]] | None = field(default=None, repr=False)

    @property
    def text_index(self) -> int:
        """Position of the text column."""
        return self.columns.index(self.text_column)

    def batches(self, size: int, skip: int = 0) -> Iterator[Batch]:
        """Walk the rows in batches, after the first `skip` rows."""
        walk = islice(self.walk(), skip, None)
        while part := list(islice(walk, size)):
            yield Batch([row for row, _ in part], {i: problem for i, (_, problem) in enumerate(part) if problem})

    def with_text_column(self, wanted: str | None) -> "Table":
        """Return the table with its text column chosen; see `choose_text_column`."""
        sample = [row for row, _ in islice(self.walk(), 200)]
        return replace(self, text_column=choose_text_column(self.name, self.columns, sample, wanted))


def choose_text_column(name: str, columns: list[str], sample: list[Row], wanted: str | None = None) -> str:
    """Choose the column of the customer's words: the one wanted, a known name, or the wordiest.

    Raises
    ------
    DataError
        If the wanted column is not there, or no column holds sentences.
    """
    found = ", ".join(map(repr, columns[:8])) + (" ..." if len(columns) > 8 else "")
    if wanted:
        if wanted not in columns:
            raise DataError(f"{name}: no column {wanted!r}. Found {found}. Name one of them with --text-column.")
        return wanted
    words = {column: _mean_words([row[i] for row in sample]) for i, column in enumerate(columns)}
    known = {column.strip().lower(): column for column in reversed(columns)}
    for text_name in TEXT_NAMES:
        # A known name counts if it holds words: a "comment" column may be empty, a "text" column codes.
        if text_name in known and (words[known[text_name]] >= 2 or not sample or len(columns) == 1):
            return known[text_name]
    if words and max(words.values()) >= 3:
        return max(words, key=lambda column: words[column])
    for text_name in TEXT_NAMES:
        if text_name in known:
            return known[text_name]
    raise DataError(f"{name}: no text column. Found {found or 'no columns'}. Name it with --text-column.")


def _mean_words(cells: list[Any]) -> float:
    texts = [cell for cell in cells if isinstance(cell, str) and cell.strip()]
    return sum(len(text.split()) for text in texts) / len(texts) if texts else 0.0


def distinct(header: list[str]) -> list[str]:
    """Return the header with repeated and empty names numbered, so that each names one column."""
    columns: list[str] = []
    taken = set(header)
    for i, name in enumerate(header):
        fresh = name or f"(column {i + 1})"
        number = 2
        while fresh in columns or (fresh != name and fresh in taken):
            fresh = f"{name or '(column)'}.{number}"
            number += 1
        columns.append(fresh)
    return columns
