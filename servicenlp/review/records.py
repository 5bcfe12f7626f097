"""Items and events to rows of the store, and back."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Row

from servicenlp.review.decisions import Context, Event
from servicenlp.review.items import Item

_PART = 500  # rows in one statement
T = TypeVar("T")


def parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Walk rows in parts that one statement can take."""
    return (rows[start : start + _PART] for start in range(0, len(rows), _PART))


def stamp(seconds: float) -> str:
    """Return a time in UTC as text that sorts.

    Examples
    --------
    >>> stamp(0.25)
    '1970-01-01T00:00:00.250000Z'
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def storable(text: str) -> str:
    """Return a text as any database takes it: without NUL and without half emojis.

    Examples
    --------
    >>> storable("a\\0b\\ud83d")
    'a\ufffdb?'
    """
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def storable_item(item: Item) -> dict[str, Any]:
    """Return an item's row."""
    fields = {storable(name): storable(cell) if isinstance(cell, str) else cell for name, cell in item.fields.items()}
    return {"key": item.key, "id": storable(item.id), "text": storable(item.text), "fields": fields}


def new_event(reviewer: str, item: Item, action: str, context: Context, at: str, why: str) -> dict[str, Any]:
    """Return an event's row, but for what counted before and after."""
    prediction = {name: storable(cell) if isinstance(cell, str) else cell for name, cell in item.prediction.items()}
    return {
        "at": at, "reviewer": reviewer, "item": item.key, "action": action, "before": None, "after": None, "why": storable(why),
        "prediction": prediction, "model": prediction.get("model") or "",
        **context._asdict(), "reasons": "|".join(context.reasons), "batch": None, "undoes": None, "token": None,
    }  # fmt: skip


def event_of(row: Row[Any]) -> Event:
    """Return a row's event."""
    cells = row._asdict()
    del cells["token"]
    context = {name: cells.pop(name) for name in Context._fields}
    context["reasons"] = tuple(filter(None, context["reasons"].split("|")))
    return Event(**cells, context=Context(**context))
