"""What every format comes to: a table whose rows can be walked as often as wanted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Row = list[Any]


class _Missing:
    """A cell that its row never had (a JSON object without the key)."""

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> str:
        return "MISSING"  # sent to another process it stays the one that `is` knows


MISSING = _Missing()


class Options(NamedTuple):
    """What the user says instead of leaving it to detection.

    Attributes
    ----------
    text_column, id_column, customer_column : str or None
        The column of the words, of the interaction's id, and of the customer's own words where
        agents' words stand in others.
    encoding, delimiter : str or None
        Of a text file.
    reader : str or None
        The export's shape, a module of `servicenlp.readers`.
    agent_domains : tuple of str
        Mail domains whose senders are agents.
    """

    text_column: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    reader: str | None = None
    id_column: str | None = None
    customer_column: str | None = None
    agent_domains: tuple[str, ...] = ()


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
    schema : object
        The format's own schema, where it has one (Parquet).
    header : list of str
        The names as they stand in the file, where they differ from `columns`.
    lines : callable or None
        Returns an iterator over the line of the file at which each row begins, where there are lines.
    beside : dict
        What a JSON document holds beside its rows, such as a table of users.
    """

    name: str
    form: str
    columns: list[str]
    n_rows: int
    walk: Callable[[], Iterator[tuple[Row, str | None]]] = field(repr=False)
    schema: Any = None
    header: list[str] = field(default_factory=list)
    lines: Callable[[], Iterator[int]] | None = field(default=None, repr=False)
    beside: dict[str, Any] = field(default_factory=dict, repr=False)


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
