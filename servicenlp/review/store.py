"""What reviewers decide: handed out one by one, kept as events, never changed; what counts is derived."""

import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import IntegrityError

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
    Verdict,
    predicted,
)
from servicenlp.review.items import Item, digest
from servicenlp.review.leasing import STANDING, Claim
from servicenlp.review.log import Log, telling
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
    name = where.set(drivername=where.get_backend_name()).render_as_string(hide_password=True)
    if not create and where.get_backend_name() == "sqlite" and not Path(str(where.database)).is_file():
        raise DataError(
            f"{where.database}: no store. Found no such file. Make one: servicenlp review SCORED --store sqlite:///{where.database}."
        )
    store = Store(open_engine(where), name)
    with telling(name):
        make_tables(store.engine)
    return store


class Store(Log):
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
                cells |= {"before": before, "after": after if action in DECIDING else before, "token": token or None}
                return event_of(connection.execute(insert(events).values(**cells).returning(events)).one())
        except IntegrityError:
            if not token:
                raise
            return self._save(reviewer, item, action, context, after, why, token)  # a twin of it was saved just now

    def accept_all(
        self, reviewer: str, chosen: Iterable[Item], context: Context = NOWHERE, *, why: str = "", token: str | None = None
    ) -> Bulk:
        """Accept the predictions of many items, each as an event of its own; those decided or in others' hands are left out.

        The same `token` once more accepts nothing more, and tells what was accepted.
        """
        batch = digest(reviewer, token) if token else uuid.uuid4().hex
        given = list({item.key: item for item in chosen}.values())
        n_items = 0
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("LOCK TABLE leases IN EXCLUSIVE MODE"))  # nobody gets or decides anything meanwhile
            if n_before := self._count(connection, batch, events.c.action != UNDO):
                return Bulk(batch, n_before)
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

    def undo(self, reviewer: str, event: int | None = None, *, token: str | None = None) -> list[Event]:
        """Take back an event, and the whole of its bulk decision if it belongs to one.

        Parameters
        ----------
        reviewer : str
            Who takes back. They get the item again, unless another has it.
        event : int, optional
            Which; by default the reviewer's last one that still stands.
        token : str, optional
            As in `decide`.

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
            if token and (row := connection.execute(select(events).where(events.c.token == token)).first()):
                twin = events.c.id == row.id if row.batch is None else (events.c.batch == row.batch) & (events.c.action == UNDO)
                return [event_of(row) for row in connection.execute(select(events).where(twin).order_by(events.c.id))]
            event = self._undoable(connection, reviewer) if event is None else event
            if event is None:
                return []
            row = connection.execute(select(events).where(events.c.id == event, events.c.action != UNDO)).first()
            if row is None:
                raise DataError(f"{self.name}: nothing to undo. Found no event {event} that decides. Choose one that history shows.")
            which = events.c.id == event if row.batch is None else (events.c.batch == row.batch) & (events.c.action != UNDO)
            if row.batch is None:  # leases before items, as everywhere, so that nobody waits for each other
                now = self._now(connection)
                leasing.hold(connection, Claim(reviewer, row.population, now, now + LEASE), [row.item])
            undone = self._undo(connection, reviewer, which, token)
            if not undone:
                raise DataError(f"{self.name}: event {event} is undone already. Found its undoing. Decide anew.")
        return undone

    def undo_batch(self, reviewer: str, batch: str) -> int:
        """Take back what still stands of a bulk decision; return how many items of it are taken back by now."""
        with self._writing() as connection:
            self._undo(connection, reviewer, (events.c.batch == batch) & (events.c.action != UNDO))
            return self._count(connection, batch, events.c.action == UNDO)

    def _count(self, connection: Connection, batch: str, which: Any) -> int:
        return int(connection.execute(select(func.count()).where(events.c.batch == batch, which)).scalar_one())

    def _undo(self, connection: Connection, reviewer: str, which: Any, token: str | None = None) -> list[Event]:
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
            if not made:
                cells[0]["token"] = token or None
            made += map(event_of, connection.execute(insert(events).returning(events, sort_by_parameter_order=True), cells))
        return made
