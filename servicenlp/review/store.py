"""What reviewers decide: handed out one by one, kept as events, never changed; what counts is derived."""

import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, func, insert, or_, select, text
from sqlalchemy.exc import DatabaseError, IntegrityError

from servicenlp.errors import DataError
from servicenlp.review import leasing
from servicenlp.review.decisions import (
    ACCEPT,
    CORRECT,
    DECIDING,
    NOTE,
    NOWHERE,
    SKIP,
    UNDO,
    UNUSABLE,
    Bulk,
    Context,
    Event,
    Progress,
    Verdict,
    items_per_hour,
    predicted,
)
from servicenlp.review.items import Item
from servicenlp.review.leasing import DECIDED, STANDING, Claim
from servicenlp.review.records import event_of, new_event, parts, stamp, storable_item
from servicenlp.review.tables import events, insert_or, items, make_tables, members, open_engine, parse_url, populations

if TYPE_CHECKING:
    from servicenlp.review.scored import ScoredFile

LEASE = 900.0  # seconds an item stays with a reviewer who does nothing


def open_store(url: str, *, create: bool = True) -> "Store":
    """Open a store of decisions.

    Parameters
    ----------
    url : str
        ``sqlite:///review.db``, the path of such a file, or ``postgresql://user@host/base``.
    create : bool
        Whether to make it if it is not there.

    Raises
    ------
    DataError
        If there is none, or it cannot be used.
    """
    where = parse_url(url)
    name = where.render_as_string(hide_password=True)
    if not create and where.get_backend_name() == "sqlite" and not Path(str(where.database)).is_file():
        raise DataError(
            f"{where.database}: no store. Found no such file. Make one: servicenlp review SCORED --store sqlite:///{where.database}."
        )
    store = Store(open_engine(where), name)
    with _telling(name):
        make_tables(store.engine)
    return store


@contextmanager
def _telling(name: str) -> Iterator[None]:
    """Turn the database's errors into ours."""
    try:
        yield
    except IntegrityError:
        raise
    except DatabaseError as error:
        cause = str(error.orig).strip().splitlines()[0]
        raise DataError(f"{name}: the store cannot be used. Found: {cause}. Check the name, the rights and the space.") from error


class Store:
    """Decisions in a database; made by `open_store`.

    Whatever a method wrote is on disk when it returns. All methods may be called by many threads
    and processes at once.

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
        with _telling(self.name), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _telling(self.name), self.engine.connect().execution_options(reads=True) as connection, connection.begin():
            yield connection

    def _now(self, connection: Connection) -> float:
        """Return the time: the database's where several machines share one."""
        if self.engine.dialect.name == "sqlite":
            return time.time()
        return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())

    # Who gets what.

    def remember(self, scored: "ScoredFile") -> str:
        """Note which items a file holds and what was predicted, for estimates of the whole; return the population's name."""
        population = scored.population
        row = {"id": population, "name": scored.name, "model": ", ".join(sorted(scored.models)), "n_items": len(scored)}
        levels = zip(scored.keys, scored.level.tolist(), strict=True)
        with self._writing() as connection:
            row["at"] = stamp(self._now(connection))
            fresh = insert_or(connection, populations).values(**row).on_conflict_do_nothing().returning(populations.c.id)
            if connection.execute(fresh).first() is not None:
                connection.execute(insert(members), [{"population": population, "item": key, "level": level} for key, level in levels])
        return population

    def claim(
        self, reviewer: str, population: str, keys: Sequence[str], count: int = 1, *, second: bool = False, lease: float = LEASE
    ) -> list[str]:
        """Hand out the next items of a queue; nobody else gets them while the reviewer has them.

        Parameters
        ----------
        reviewer : str
            Who asks. The items that they have already come first, so that a page may be loaded anew.
        population : str
            What `remember` returned.
        keys : sequence of str
            The queue.
        count : int
            How many at most.
        second : bool
            Whether to hand out what others have decided too, for a second reading.
        lease : float
            Seconds after which an item is free again if nothing is decided.

        Returns
        -------
        list of str
            Keys, in the queue's order; empty if there is nothing left.
        """
        with self._writing() as connection:
            now = self._now(connection)
            return leasing.claim(connection, Claim(reviewer, population, now, now + lease, second), keys, count)

    def release(self, reviewer: str) -> None:
        """Let go of all that a reviewer has, as when the page is closed."""
        with self._writing() as connection:
            leasing.let_go(connection, reviewer)

    # What they say.

    def decide(
        self, reviewer: str, item: Item, verdict: Verdict, context: Context = NOWHERE, *, why: str = "", token: str | None = None
    ) -> Event:
        """Save a verdict.

        Parameters
        ----------
        reviewer : str
            Who.
        item : Item
            With the prediction as it was seen.
        verdict : Verdict
            What they say.
        context : Context
            The circumstances.
        why : str
            Their words.
        token : str, optional
            A name of this decision that its maker chose; the same once more is not saved again.

        Returns
        -------
        Event
            What was saved. `before` is what counted until now: another's verdict, if the lease ran out.
        """
        action = ACCEPT if verdict.check() == predicted(item.prediction) else CORRECT
        return self._save(reviewer, item, action, context, verdict._asdict(), why, token)

    def mark_unusable(self, reviewer: str, item: Item, why: str, context: Context = NOWHERE, *, token: str | None = None) -> Event:
        """Save that an item cannot be judged, and why; it is not exported."""
        if not why.strip():
            raise DataError("Unusable: no reason. Found an empty one. Say why, such as: not a customer.")
        return self._save(reviewer, item, UNUSABLE, context, {"unusable": why}, why, token)

    def skip(self, reviewer: str, item: Item, context: Context = NOWHERE, *, why: str = "", token: str | None = None) -> Event:
        """Save that this reviewer passes an item by; others still get it."""
        return self._save(reviewer, item, SKIP, context, None, why, token)

    def note(self, reviewer: str, item: Item, why: str, context: Context = NOWHERE, *, token: str | None = None) -> Event:
        """Save a remark on an item; the item stays with the reviewer."""
        return self._save(reviewer, item, NOTE, context, None, why, token)

    def _save(
        self, reviewer: str, item: Item, action: str, context: Context, after: dict[str, Any] | None, why: str, token: str | None
    ) -> Event:
        try:
            with self._writing() as connection:
                known = select(events).where(events.c.token == token)
                if token and (row := connection.execute(known).first()):
                    return event_of(row)
                if action != NOTE:
                    leasing.let_go(connection, reviewer, item.key)
                connection.execute(insert_or(connection, items).values(**storable_item(item)).on_conflict_do_nothing())
                connection.execute(select(items.c.key).where(items.c.key == item.key).with_for_update())  # one after the other
                before = self._counting(connection, [item.key]).get(item.key)
                cells = new_event(reviewer, item, action, context, stamp(self._now(connection)), why)
                cells |= {"before": before, "after": after if action in DECIDING else before, "token": token}
                return event_of(connection.execute(insert(events).values(**cells).returning(events)).one())
        except IntegrityError:
            if token is None:
                raise
            return self._save(reviewer, item, action, context, after, why, token)  # a twin of it was saved just now

    def _counting(self, connection: Connection, keys: Sequence[str], without: Sequence[int] = ()) -> dict[str, Any]:
        """Return what counts of each item that is decided, as if the events `without` were not."""
        last = select(func.max(events.c.id)).where(events.c.item.in_(keys), events.c.id.not_in(without), DECIDED).group_by(events.c.item)
        return {row.item: row.after for row in connection.execute(select(events.c.item, events.c.after).where(events.c.id.in_(last)))}

    def accept_all(self, reviewer: str, chosen: Iterable[Item], context: Context = NOWHERE, *, why: str = "") -> Bulk:
        """Accept the predictions of many items, each as an event of its own; those decided or in others' hands are left out."""
        batch = uuid.uuid4().hex
        given = list({item.key: item for item in chosen}.values())
        n_items = 0
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("LOCK TABLE leases IN EXCLUSIVE MODE"))  # nobody gets or decides anything meanwhile
            now = self._now(connection)
            wanted = Claim(reviewer, context.population, now, now)
            for part in parts(given):
                keys = [item.key for item in part]
                taken = set(self._counting(connection, keys)) | leasing.others(connection, wanted, keys)
                part = [item for item in part if item.key not in taken]
                if part:
                    connection.execute(insert_or(connection, items).on_conflict_do_nothing(), [storable_item(item) for item in part])
                    rows = [new_event(reviewer, item, ACCEPT, context, stamp(now), why) for item in part]
                    labels = [predicted(item.prediction)._asdict() for item in part]
                    connection.execute(
                        insert(events), [row | {"after": label, "batch": batch} for row, label in zip(rows, labels, strict=True)]
                    )
                n_items += len(part)
        return Bulk(batch, n_items)

    def undo(self, reviewer: str, event: int | None = None) -> list[Event]:
        """Take back an event, and the whole of its bulk decision if it belongs to one.

        Parameters
        ----------
        reviewer : str
            Who takes back. They get the item again, unless another has it.
        event : int, optional
            Which; by default the reviewer's last one that still stands.

        Returns
        -------
        list of Event
            The events that undo; of a bulk decision as many as still stood. Empty if there is nothing to undo.

        Raises
        ------
        DataError
            If the event is not there, or undone already.
        """
        with self._writing() as connection:
            event = self._undoable(connection, reviewer) if event is None else event
            if event is None:
                return []
            row = connection.execute(select(events).where(events.c.id == event, events.c.action != UNDO)).first()
            if row is None:
                raise DataError(f"{self.name}: nothing to undo. Found no event {event} that decides. Choose one that history shows.")
            undone = self._undo(
                connection,
                reviewer,
                events.c.id == event if row.batch is None else (events.c.batch == row.batch) & (events.c.action != UNDO),
            )
            if not undone:
                raise DataError(f"{self.name}: event {event} is undone already. Found its undoing. Decide anew.")
            if row.batch is None:
                now = self._now(connection)
                leasing.hold(connection, Claim(reviewer, row.population, now, now + LEASE), [row.item])
        return undone

    def undo_batch(self, reviewer: str, batch: str) -> int:
        """Take back what still stands of a bulk decision; return how many items."""
        with self._writing() as connection:
            return len(self._undo(connection, reviewer, (events.c.batch == batch) & (events.c.action != UNDO)))

    def _undoable(self, connection: Connection, reviewer: str) -> int | None:
        own = (events.c.reviewer == reviewer) & (events.c.action != UNDO) & STANDING
        return connection.execute(select(func.max(events.c.id)).where(own)).scalar()

    def _undo(self, connection: Connection, reviewer: str, which: Any) -> list[Event]:
        """Write the undoing of all standing events that are chosen; another who does the same at once waits, and finds none."""
        standing = select(events).where(which, STANDING).order_by(events.c.id)
        made: list[Event] = []
        touched = connection.scalars(select(events.c.item).where(which).distinct()).all()
        for keys in parts(sorted(touched)):
            connection.execute(select(items.c.key).where(items.c.key.in_(keys)).order_by(items.c.key).with_for_update())
        now = stamp(self._now(connection))
        for rows in parts(connection.execute(standing).all()):
            keys = [row.item for row in rows]
            before = self._counting(connection, keys)
            after = self._counting(connection, keys, [row.id for row in rows])
            changed = {"at": now, "reviewer": reviewer, "action": UNDO, "why": "", "seconds": None, "token": None}
            cells = [
                row._asdict() | changed | {"undoes": row.id, "before": before.get(row.item), "after": after.get(row.item)} for row in rows
            ]
            for row in cells:
                del row["id"]
            made += map(event_of, connection.execute(insert(events).returning(events, sort_by_parameter_order=True), cells))
        return made

    # What it comes to.

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
            anyone = Claim(reviewer, "", now, now)
            decided: dict[str, str] = {}
            skipped: set[str] = set()
            leased: set[str] = set()
            for part in parts(keys):
                ours = events.c.item.in_(part)
                found = select(events.c.item, events.c.action).where(ours, DECIDED).order_by(events.c.id)
                decided |= {row.item: row.action for row in connection.execute(found)}
                skips = select(events.c.item).where(ours, events.c.action == SKIP, events.c.reviewer == reviewer, STANDING)
                skipped |= set(connection.scalars(skips)) - decided.keys()
                leased |= leasing.others(connection, anyone, part) - decided.keys() - skipped
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
