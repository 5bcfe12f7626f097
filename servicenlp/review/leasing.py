"""Who has which item in hand: nobody gets what another has, or what is decided."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, exists, or_, select, text

from servicenlp.review.decisions import DECIDING, SKIP
from servicenlp.review.tables import events, insert_or, leases

_PART = 500  # keys in one statement
_undoing = events.alias("undoing")
STANDING = ~exists().where(_undoing.c.undoes == events.c.id)  # not undone
DECIDED = events.c.action.in_(DECIDING) & STANDING

# Locks the first free ones only, and passes over those that another is just about to get.
_LOCK_FIRST = text(
    "SELECT members.item FROM unnest(CAST(:keys AS text[])) WITH ORDINALITY AS wanted(item, place)"
    " JOIN members ON members.item = wanted.item AND members.population = :population"
    " ORDER BY wanted.place LIMIT :count FOR UPDATE OF members SKIP LOCKED"
)


class Claim(NamedTuple):
    """Who wants items, and how.

    Attributes
    ----------
    reviewer : str
        Who.
    population : str
        Of which file.
    now, until : float
        From when to when, in seconds.
    second : bool
        Whether what others have decided is wanted too.
    """

    reviewer: str
    population: str
    now: float
    until: float
    second: bool = False


def claim(connection: Connection, wanted: Claim, keys: Sequence[str], count: int) -> list[str]:
    """Return at most `count` keys, leased; those that the reviewer has come first."""
    own = select(leases.c.item).where(leases.c.reviewer == wanted.reviewer, leases.c.until > wanted.now)
    mine = set(connection.scalars(own)) & set(keys)
    if mine:
        keys = [*(key for key in keys if key in mine), *(key for key in keys if key not in mine)]
    got: list[str] = []
    for start in range(0, len(keys), _PART):
        got += _claim_of(connection, wanted, keys[start : start + _PART], count - len(got))
        if len(got) >= count:
            break
    return got


def _claim_of(connection: Connection, wanted: Claim, keys: Sequence[str], count: int) -> list[str]:
    taken = done(connection, wanted, keys) | others(connection, wanted, keys)
    free = [key for key in keys if key not in taken]
    got: list[str] = []
    while free and len(got) < count:
        tried = free[: count - len(got)]
        if connection.dialect.name == "postgresql":
            locked = {"keys": free, "population": wanted.population, "count": count - len(got)}
            tried = list(connection.execute(_LOCK_FIRST, locked).scalars())
        if not tried:
            break
        held = hold(connection, wanted, tried)
        # Another may have decided and let go between our look and our lease.
        held -= done(connection, wanted, tried)
        got += [key for key in tried if key in held]
        free = [key for key in free if key not in tried]
    return got


def hold(connection: Connection, wanted: Claim, keys: Sequence[str]) -> set[str]:
    """Lease items; return which of them were to be had."""
    rows = [{"item": key, "reviewer": wanted.reviewer, "until": wanted.until} for key in keys]
    statement = insert_or(connection, leases).values(rows)
    statement = statement.on_conflict_do_update(
        index_elements=["item"],
        set_={"reviewer": statement.excluded.reviewer, "until": statement.excluded.until},
        where=or_(leases.c.until <= wanted.now, leases.c.reviewer == wanted.reviewer),
    )
    return set(connection.scalars(statement.returning(leases.c.item)))


def let_go(connection: Connection, reviewer: str, key: str | None = None) -> None:
    """End a reviewer's lease of an item, or of all."""
    own = leases.c.reviewer == reviewer
    connection.execute(delete(leases).where(own if key is None else own & (leases.c.item == key)))


def done(connection: Connection, wanted: Claim, keys: Sequence[str]) -> set[str]:
    """Return which keys this reviewer is not to get again: decided, or passed by."""
    decided = DECIDED & (events.c.reviewer == wanted.reviewer) if wanted.second else DECIDED
    skipped = (events.c.action == SKIP) & (events.c.reviewer == wanted.reviewer) & STANDING
    return set(connection.scalars(select(events.c.item).where(events.c.item.in_(keys), decided | skipped)))


def others(connection: Connection, wanted: Claim, keys: Sequence[str]) -> set[str]:
    """Return which keys are in other reviewers' hands."""
    held = select(leases.c.item).where(leases.c.item.in_(keys), leases.c.reviewer != wanted.reviewer, leases.c.until > wanted.now)
    return set(connection.scalars(held))
