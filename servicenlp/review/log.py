"""What is in a store: events, what counts now, how far a queue is. Nothing is written here."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, func, or_, select, text, true
from sqlalchemy.exc import DatabaseError, IntegrityError

from servicenlp.errors import DataError
from servicenlp.review.decisions import DECIDING, SKIP, UNDO, UNUSABLE, Event, Progress, items_per_hour
from servicenlp.review.leasing import DECIDED, STANDING
from servicenlp.review.records import event_of, parts
from servicenlp.review.tables import events, items, leases, members, populations

_FEW = 2000  # keys that are asked for one by one


@contextmanager
def telling(name: str) -> Iterator[None]:
    """Turn the database's errors into ours."""
    try:
        yield
    except IntegrityError:
        raise
    except DatabaseError as error:
        cause = str(error.orig).strip().splitlines()[0]
        raise DataError(f"{name}: the store cannot be used. Found: {cause}. Check the name, the rights and the space.") from error


class Log:
    """The events of a store and what they come to.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Connected to a database with our tables.
    name : str
        What it is called in messages.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine, self.name = engine, name

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with telling(self.name), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with telling(self.name), self.engine.connect().execution_options(reads=True) as connection, connection.begin():
            yield connection

    def _now(self, connection: Connection) -> float:
        """Return the time: the database's where several machines share one."""
        if self.engine.dialect.name == "sqlite":
            return time.time()
        return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())

    def verdicts(self, reviewer: str | None = None) -> dict[str, Event]:
        """Return by key the event that counts now: an accepted or corrected verdict, or why the item is unusable.

        Parameters
        ----------
        reviewer : str, optional
            Whose; by default the last one's, whoever it was.
        """
        mine = DECIDED if reviewer is None else DECIDED & (events.c.reviewer == reviewer)
        last = select(func.max(events.c.id)).where(mine).group_by(events.c.item)
        return {event.item: event for event in self._events(events.c.id.in_(last))}

    def events(self) -> list[Event]:
        """Return the whole log, from the oldest on."""
        return self._events(events.c.id > 0)

    def history(self, item: str) -> list[Event]:
        """Return what was done to an item, from the oldest on.

        Parameters
        ----------
        item : str
            Its key, or its own id; all items of that id are meant.

        Raises
        ------
        DataError
            If nothing was decided of any such item.
        """
        named = select(items.c.key).where(or_(items.c.key == item, items.c.id == item))
        found = self._events(events.c.item.in_(named))
        if not found:
            raise DataError(f"{self.name}: no such item. Found nothing decided of {item!r}. Give its key, or its id in the scored file.")
        return found

    def _events(self, which: Any) -> list[Event]:
        with self._reading() as connection:
            return [event_of(row) for row in connection.execute(select(events).where(which).order_by(events.c.id))]

    def items(self) -> dict[str, dict[str, Any]]:
        """Return by key the id, text and fields of every item of which anything was decided."""
        with self._reading() as connection:
            return {row.key: row._asdict() for row in connection.execute(select(items))}

    def holds(self, reviewer: str) -> bool:
        """Tell whether a reviewer has an item in hand, as when a page of theirs is open elsewhere."""
        with self._reading() as connection:
            held = select(leases.c.item).where(leases.c.reviewer == reviewer, leases.c.until > self._now(connection))
            return connection.execute(held).first() is not None

    def reviewers(self) -> list[str]:
        """Return who decided anything, by name."""
        with self._reading() as connection:
            return list(connection.scalars(select(events.c.reviewer).distinct().order_by(events.c.reviewer)))

    def populations(self) -> list[dict[str, Any]]:
        """Return id, name, time, model and number of items of the files reviewed, from the oldest on."""
        with self._reading() as connection:
            return [row._asdict() for row in connection.execute(select(populations).order_by(populations.c.at, populations.c.id))]

    def members(self, population: str) -> dict[str, int]:
        """Return the predicted level of every item of a file that was reviewed, by key."""
        with self._reading() as connection:
            rows = select(members.c.item, members.c.level).where(members.c.population == population).order_by(members.c.item)
            return {row.item: row.level for row in connection.execute(rows)}

    def progress(self, keys: Sequence[str], reviewer: str) -> Progress:
        """Tell how far a queue is, and a reviewer in it."""
        with self._reading() as connection:
            now = self._now(connection)
            decided: dict[str, str] = {}
            skipped: set[str] = set()
            wanted = set(keys)
            # The whole log is sooner read than thousands of keys are asked for.
            for part in parts(keys) if len(keys) <= _FEW else (None,):
                ours = true() if part is None else events.c.item.in_(part)
                found = select(events.c.item, events.c.action).where(ours, DECIDED).order_by(events.c.id)
                decided |= {row.item: row.action for row in connection.execute(found) if row.item in wanted}
                skips = select(events.c.item).where(ours, events.c.action == SKIP, events.c.reviewer == reviewer, STANDING)
                skipped |= set(connection.scalars(skips)) & wanted - decided.keys()
            held = select(leases.c.item).where(leases.c.reviewer != reviewer, leases.c.until > now)
            leased = set(connection.scalars(held)) & wanted - decided.keys() - skipped
            own = (events.c.reviewer == reviewer) & events.c.batch.is_(None) & events.c.action.in_(DECIDING)
            times = list(connection.scalars(select(events.c.at).where(own).order_by(events.c.id)))
            undoable = self._undoable(connection, reviewer)
        return Progress(
            total=len(keys),
            decided=len(decided),
            unusable=sum(action == UNUSABLE for action in decided.values()),
            skipped=len(skipped),
            leased=len(leased),
            left=len(keys) - len(decided) - len(skipped) - len(leased),
            per_hour=items_per_hour(times),
            undoable=undoable,
        )

    def _counting(self, connection: Connection, keys: Sequence[str], without: Sequence[int] = ()) -> dict[str, Any]:
        """Return what counts of each item that is decided, as if the events `without` were not."""
        last = select(func.max(events.c.id)).where(events.c.item.in_(keys), events.c.id.not_in(without), DECIDED).group_by(events.c.item)
        return {row.item: row.after for row in connection.execute(select(events.c.item, events.c.after).where(events.c.id.in_(last)))}

    def _undoable(self, connection: Connection, reviewer: str) -> int | None:
        own = (events.c.reviewer == reviewer) & (events.c.action != UNDO) & STANDING
        return connection.execute(select(func.max(events.c.id)).where(own)).scalar()
