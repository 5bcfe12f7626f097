"""Rows whose cells are objects, as interfaces of programs give them: each object's fields are read as columns."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.interactions import CUSTOMER, Message, split_turns
from servicenlp.readers import generic, messages
from servicenlp.readers.guess import text_rank
from servicenlp.readers.shape import Record, Sample, Shape, ident, words

# What says nothing of its fields but that there are some.
_AROUND = {"attributes", "relationships", "properties", "fields", "values", "data", "snippet", "payload", "node"}
_DEEP = 4


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Take a table whose words, or who wrote them, stand within objects."""
    if not any(isinstance(cell, dict) for row in sample.rows for cell in row.values()):
        return None
    rows = [spread(row) for row in sample.rows]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    flat = sample._replace(columns=columns, rows=rows, walk=lambda: map(spread, sample.every_row()))
    try:
        shape = messages.recognise(flat, options) or generic.recognise(flat, options)
    except DataError:
        return None  # the plain table's message names the columns that people see
    used = {column for use in shape.uses.values() for column in use.split(", ")}
    if used <= set(sample.columns) or (not shape.key and not _is_better(sample, options, used)):
        return None
    return _of_objects(shape)


def spread(told: Record) -> Record:
    """Return a row with the fields of its objects beside its other cells.

    Examples
    --------
    >>> spread({"id": 1, "attributes": {"body": "Late."}, "author": {"type": "user"}})
    {'id': 1, 'body': 'Late.', 'author.type': 'user'}
    """
    flat: Record = {}
    for path, cell in _fields(told, ()):
        name = ".".join(part for part in path if part not in _AROUND) or path[-1]
        flat[".".join(path) if name in flat or (len(path) > 1 and name in told) else name] = cell
    return flat


def _fields(told: Record, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, cell in told.items():
        path = (*above, str(name))
        if isinstance(cell, dict) and cell and len(path) < _DEEP:
            yield from _fields(cell, path)
        else:
            yield path, cell


def _is_better(sample: Sample, options: Options, used: set[str]) -> bool:
    """Tell whether the text is not a cell that tells as much without a look into objects."""
    try:
        plain = generic.choose_text_column(sample.name, sample.columns, sample.rows, options.customer_column or options.text_column)
    except DataError:
        return True
    return plain in used or text_rank(plain) is None or not any(isinstance(row.get(plain), str) for row in sample.rows)


def _of_objects(shape: Shape) -> Shape:
    """Return a shape that reads rows with objects as `shape` reads them spread out."""
    inner, key, settle, column = shape.messages, shape.key, shape.settle, shape.text_column

    def said(told: Record) -> Iterable[Message]:
        flat = spread(told)
        if inner:
            return inner(flat)
        text = words(flat.get(column))
        return [Message(turn.speaker or CUSTOMER, text[turn.start : turn.end]) for turn in split_turns(text)]

    return replace(
        shape,
        text_column="",
        messages=said,
        key=(lambda told: ident(key(spread(told)))) if key else None,
        settle=(lambda told, given: settle(spread(told), given)) if settle else None,
    )
