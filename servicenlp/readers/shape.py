"""How the rows of an export become interactions: what every reader returns."""

import ast
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from dateutil import parser

from servicenlp.formats import MISSING, Options
from servicenlp.interactions import Message

_YES = frozenset("true t yes y 1 1.0 ja oui si sí sim tak".split())
_NO = frozenset("false f no n 0 0.0 nein non nee não nie".split())
Record = dict[str, Any]  # a row by its column names; what a row lacks is not in it


class Sample(NamedTuple):
    """What a reader sees of a table in order to recognise it.

    Attributes
    ----------
    name : str
        The file.
    columns : list of str
        Names, each once; a repeated one ends in ".2", ".3" ...
    rows : list of dict
        The first rows, by column.
    beside : dict
        What a JSON document holds beside its rows.
    walk : callable or None
        Returns all rows, for what the first ones cannot tell; see `every_row`.
    """

    name: str
    columns: list[str]
    rows: list[Record]
    beside: dict[str, Any] = {}
    walk: Callable[[], Iterator[Record]] | None = None

    def every_row(self) -> Iterator[Record]:
        """Walk the whole table: only where the first rows are not enough, for that takes time."""
        return self.walk() if self.walk else iter(self.rows)

    def has(self, *names: str) -> bool:
        """Tell whether all these columns are there, whatever their case."""
        return {name.lower() for name in names} <= {column.strip().lower() for column in self.columns}

    def column(self, *names: str) -> str | None:
        """Return the first of these columns that is there, as it is spelt there."""
        known = {column.strip().lower(): column for column in reversed(self.columns)}
        return next((known[name.lower()] for name in names if name.lower() in known), None)


@dataclass(frozen=True)
class Shape:
    """How rows become interactions.

    Attributes
    ----------
    title : str
        The export's name, for people: "Zendesk tickets".
    uses : dict of str to str
        Which columns were chosen for what, for people: {"text": "Description"}.
    text_column : str
        The column whose cell is the interaction; empty where `messages` tells it.
    messages : callable or None
        Returns the messages of a row, in any order if they bear times.
    id_column : str
        The column that names the interaction; empty if there is none.
    key : callable or None
        Where each row is a message or some messages: returns the id of the interaction that a row
        belongs to. None where each row is an interaction.
    reader : str
        The module that recognised it; set by `servicenlp.readers.recognise`.
    settle : callable or None
        Where a message's speaker may be an author's id, whose role only the interaction tells: takes
        the interaction's row and its messages, returns them with speakers that are roles.
    people : callable or None
        Where each row is a person: returns the person's id and role ("" if unknown). Such a table is
        no interactions, but tells who speaks in those of other tables.
    fill : tuple of str
        Columns in which an empty cell stands for the one above it, as reports leave out what repeats.
    """

    title: str
    uses: dict[str, str] = field(default_factory=dict)
    text_column: str = ""
    messages: Callable[[Record], Iterable[Message]] | None = None
    id_column: str = ""
    key: Callable[[Record], str] | None = None
    reader: str = ""
    settle: Callable[[Record, list[Message]], list[Message]] | None = None
    people: Callable[[Record], tuple[str, str]] | None = None
    fill: tuple[str, ...] = ()


def record(columns: list[str], row: list[Any]) -> Record:
    """Return a row by its column names, without what it lacks."""
    return {name: cell for name, cell in zip(columns, row, strict=True) if cell is not MISSING}


def lowered(told: Record) -> Record:
    """Return a row by its column names in lower case, for names that vary from export to export."""
    return {name.strip().lower(): cell for name, cell in told.items()}


def words(value: Any) -> str:
    """Return a cell's text; "" for what is no text."""
    return value if isinstance(value, str) else ""


def truth(value: Any) -> bool | None:
    """Return yes or no however it was written; None for what is neither.

    Examples
    --------
    >>> truth(True), truth("FALSE"), truth(1), truth("no"), truth("t"), truth(None)
    (True, False, True, False, True, None)
    """
    text = str(value).strip().lower()
    return True if text in _YES else False if text in _NO else None


def is_hidden(visibility: Any) -> bool:
    """Tell whether a message's visibility makes it a note: for agents only, or 1 where 0 is for all.

    Examples
    --------
    >>> is_hidden("private"), is_hidden("agents"), is_hidden(1), is_hidden("all"), is_hidden(None)
    (True, True, True, False, False)
    """
    return ident(visibility).lower() in {"private", "internal", "agents", "agent", "staff", "team", "1"}


def ident(value: Any) -> str:
    """Return an id as text; one that a spreadsheet made a decimal number as it was; "" for none.

    Examples
    --------
    >>> ident(17), ident("17.0"), ident(17.0), ident(" A-17 "), ident(None), ident(float("nan"))
    ('17', '17', '17', 'A-17', '', '')
    """
    text = str(value).strip() if isinstance(value, str | int | float) and value == value else ""
    return text[:-2] if text.endswith(".0") and text[:-2].isdigit() else text


def mapping(value: Any) -> dict[str, Any]:
    """Return an object nested in a cell, also one written out as text; {} for what is none.

    Examples
    --------
    >>> mapping({"id": 1}), mapping('{"id": 1}'), mapping("{'id': None}"), mapping([1])
    ({'id': 1}, {'id': 1}, {'id': None}, {})
    """
    found = unfold(value)
    return found if isinstance(found, dict) else {}


def listing(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list nested in a cell, also one written out as text; [] for what is none.

    Examples
    --------
    >>> listing([{"id": 1}, None]), listing('[{"id": 1}]'), listing({"id": 1})
    ([{'id': 1}], [{'id': 1}], [])
    """
    found = unfold(value)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def unfold(value: Any) -> Any:
    """Read what stands in a cell of CSV as JSON or, as pandas writes it, as Python."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def from_agent(address: Any, options: Options) -> bool:
    """Tell whether a mail address is of a domain that was said to be the agents'.

    Examples
    --------
    >>> from_agent("Ann@Shop.example", Options(agent_domains=("shop.example",)))
    True
    """
    domains = {domain.lower().lstrip("@") for domain in options.agent_domains}
    return words(address).rpartition("@")[2].strip(" >").lower() in domains - {""}


def _date(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)  # many times as fast as the parser of all other ways
    except ValueError:
        return parser.parse(text, tzinfos=lambda _, offset: offset)  # the names of zones mean several


def seconds(value: Any) -> float | None:
    """Return a time as seconds, or None if it is none.

    Parameters
    ----------
    value : object
        ISO 8601, any common way of writing a date, a datetime, or a number since 1970, whose unit
        (seconds to nanoseconds) is told by its size.

    Examples
    --------
    >>> seconds("1970-01-01T00:01:00Z"), seconds("01/Jan/1970 00:01"), seconds(1_700_000_000_000), seconds("soon")
    (60.0, 60.0, 1700000000.0, None)
    >>> seconds("1 Jan 1970 00:01 EST"), seconds("1 Jan 1970 00:01 UTC"), seconds("1 Jan 1970 01:01 +0100")
    (60.0, 60.0, 60.0)
    """
    try:
        if isinstance(value, str) and not value.strip().replace(".", "", 1).isdigit():
            value = _date(value.strip())
        if isinstance(value, datetime):
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
        number = float(value)
    except (ValueError, TypeError, OverflowError):
        return None
    while number > 1e11:  # the year 5138 in seconds
        number /= 1000
    return number
