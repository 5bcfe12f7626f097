"""Which tables belong together: files that are parts of one table, and messages of another table's conversations."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from servicenlp.errors import DataError
from servicenlp.formats import MISSING, Row, Table
from servicenlp.interactions import CUSTOMER, Message
from servicenlp.readers.guess import plain_name, text_rank
from servicenlp.readers.shape import Shape, ident, record, words

Found = Shape | DataError

_NAMES_IDS = re.compile(
    r"id$|^id|number|nummer|numero|\bno\b|nr$|key|ref|ticket|case|conversation|chat|thread|session|dialog|call|uuid|guid|code|#",
    re.IGNORECASE,
)
_TELLING = re.compile(r"\D.*\d|\d.*\D|\d{7}|\w{8}")  # an id that is hardly another one's too


@dataclass(frozen=True)
class Plan:
    """Which table is joined to which.

    Attributes
    ----------
    guests : dict of int to list of int
        By the index of a table of conversations: those of the tables with its messages.
    columns : dict of int to str
        By the index of a table of conversations: the column of their ids.
    lost : dict of int to set of str
        By the index of a table of messages that is joined: the conversations that no table names.
    """

    guests: dict[int, list[int]] = field(default_factory=dict)
    columns: dict[int, str] = field(default_factory=dict)
    lost: dict[int, set[str]] = field(default_factory=dict)


def match(tables: Sequence[Table], found: Sequence[Found]) -> Plan:
    """Find out which tables of messages belong to which tables of conversations.

    A table may hold messages of the conversations in several others, as where both were exported
    by month.
    """
    plan = Plan()
    for guest, shape in enumerate(found):
        if not isinstance(shape, Shape) or shape.key is None:
            continue
        keys = set(_keys(tables[guest], shape)) - {""}
        hosted: set[str] = set()
        for host, other in enumerate(found):
            if host == guest or (isinstance(other, Shape) and (other.key or other.people)):
                continue
            if chosen := _host_column(tables[host], other, tables[guest], shape, keys):
                plan.columns[host], named = chosen
                plan.guests.setdefault(host, []).append(guest)
                hosted |= named
        if hosted and (lost := keys - hosted):
            plan.lost[guest] = lost
    return plan


def host_shape(shape: Found, column: str, guests: Sequence[Shape]) -> Shape:
    """Return the shape of a table whose messages stand in others."""
    if isinstance(shape, DataError):
        uses = {"id": column} | {role: name for role, name in guests[0].uses.items() if role != "id"}
        return Shape("conversations", uses, id_column=column, reader=guests[0].reader)
    shape = replace(shape, id_column=column, reader=guests[0].reader if shape.reader == "generic" else shape.reader)
    if shape.messages or not shape.text_column:
        return shape
    text = shape.text_column
    if text_rank(text) is None:  # the wordiest column of a table that need not hold any words of the customer
        return Shape("conversations", {"id": column}, id_column=column, reader=guests[0].reader)
    return replace(shape, text_column="", messages=lambda told: [Message(CUSTOMER, words(told.get(text)), float("-inf"))])


def only(table: Table, shape: Shape, keys: set[str]) -> Table:
    """Return the rows of a table that are messages of some conversations."""

    def walk() -> Iterator[tuple[Row, str | None]]:
        for row, problem in table.walk():
            if not problem and shape.key and ident(shape.key(record(table.columns, row))) in keys:
                yield row, problem

    return replace(table, n_rows=sum(1 for _ in walk()), walk=walk, lines=None)


def merge(tables: Sequence[Table], found: Sequence[Found], recognise: Callable[[Table], Shape]) -> tuple[list[Table], list[Found]]:
    """Make one table of those that are parts of one: mails in files of their own, messages by month.

    A conversation may go on in the next file. Only tables of messages with the same columns are
    parts of one; the order is that of the files.
    """
    groups: dict[Any, list[int]] = {}
    for i, (table, shape) in enumerate(zip(tables, found, strict=True)):
        part = isinstance(shape, Shape) and shape.key is not None and not table.beside
        groups.setdefault(_kind(table, shape) if part and isinstance(shape, Shape) else i, []).append(i)
    merged: list[Table] = []
    shapes: list[Found] = []
    for group in groups.values():
        if len(group) == 1:
            merged.append(tables[group[0]])
            shapes.append(found[group[0]])
        else:
            merged.append(_concatenate([tables[i] for i in group]))
            shapes.append(recognise(merged[-1]))
    return merged, shapes


def _kind(table: Table, shape: Shape) -> Any:
    """Return what tables that are parts of one have in common; objects need not have all their fields."""
    same = tuple(shape.uses.items()) if table.form.startswith("JSON") else tuple(table.columns)
    return table.form.startswith("JSON"), shape.reader, same


def _concatenate(tables: Sequence[Table]) -> Table:
    columns = list(dict.fromkeys(column for table in tables for column in table.columns))

    def walk() -> Iterator[tuple[Row, str | None]]:
        for table in tables:
            place = [table.columns.index(c) if c in table.columns else -1 for c in columns]
            yield from (([row[i] if i >= 0 else MISSING for i in place], problem) for row, problem in table.walk())

    first = tables[0]
    name = f"{Path(first.name)} and {len(tables) - 1} more"
    same = all(table.schema == first.schema for table in tables)
    n_rows = sum(table.n_rows for table in tables)
    return replace(first, name=name, columns=columns, n_rows=n_rows, walk=walk, lines=None, schema=first.schema if same else None)


def _keys(table: Table, shape: Shape) -> Iterator[str]:
    for row, problem in table.walk():
        if not problem and shape.key:
            yield ident(shape.key(record(table.columns, row)))


def _host_column(table: Table, shape: Found, guest: Table, messages: Shape, keys: set[str]) -> tuple[str, set[str]] | None:
    """Return the column that names the messages' conversations, and those that it names."""
    known = shape.id_column if isinstance(shape, Shape) else ""
    theirs = messages.id_column or messages.uses.get("id", "")
    columns = [c for c in table.columns if c == known or plain_name(c) == plain_name(theirs) or _NAMES_IDS.search(c)]
    hits: dict[str, set[str]] = {column: set() for column in columns}
    for row, _ in table.walk():
        told = record(table.columns, row)
        for column in columns:
            if (name := ident(told.get(column))) in keys:
                hits[column].add(name)
    ranked = sorted(
        (column for column in columns if hits[column]),
        key=lambda c: (c != known or plain_name(c) != plain_name(theirs), c != known, not _same_name(c, table, theirs), -len(hits[c])),
    )
    for column in ranked:
        sure = _same_name(column, table, theirs) or isinstance(shape, DataError) or (column == known and shape.reader == messages.reader)
        if sure or sum(bool(_TELLING.search(name)) for name in hits[column]) * 2 > len(hits[column]):
            return column, hits[column]
    return None


def _same_name(column: str, table: Table, theirs: str) -> bool:
    """Tell whether a column's name says that it is what another table calls `theirs`."""
    mine, other = plain_name(column), plain_name(theirs)
    if mine == other:
        return True
    # "id" in conversations.csv is "conversation_id" elsewhere; so is "source_id" "conversation_source_id".
    stem = other.removesuffix(mine)
    return stem not in ("", other) and (stem in plain_name(Path(table.name).stem) or mine != "id" and len(mine) > 3)
