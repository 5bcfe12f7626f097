"""The store's tables, and connections on which a commit is on disk: SQLite and PostgreSQL."""

import json
import sqlite3
import time
from functools import partial
from typing import Any

from sqlalchemy import (
    DDL,
    JSON,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    event,
    select,
    text,
)
from sqlalchemy import create_engine as connect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from servicenlp.errors import DataError

WAIT = 30  # seconds that a writer waits for another
_LOCK = 7_305_541  # of PostgreSQL's advisory locks, while tables are made

metadata = MetaData()

populations = Table(
    "populations", metadata,
    Column("id", String(40), primary_key=True),
    Column("name", Text, nullable=False),
    Column("at", String(32), nullable=False),
    Column("model", Text, nullable=False),
    Column("n_items", Integer, nullable=False),
)  # fmt: skip
members = Table(
    "members", metadata,
    Column("population", ForeignKey("populations.id"), primary_key=True),
    Column("item", String(40), primary_key=True),
    Column("level", Integer, nullable=False),
)  # fmt: skip
items = Table(
    "items", metadata,
    Column("key", String(40), primary_key=True),
    Column("id", Text, nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("fields", JSON, nullable=False),
)  # fmt: skip
events = Table(
    "events", metadata,
    Column("id", Integer, primary_key=True),
    Column("at", String(32), nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("item", ForeignKey("items.key"), nullable=False),
    Column("action", String(16), nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Column("why", Text, nullable=False),
    Column("prediction", JSON, nullable=False),
    Column("model", Text, nullable=False),
    Column("population", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("blind", Boolean, nullable=False),
    Column("seconds", Float),
    Column("batch", String(40)),
    Column("undoes", ForeignKey("events.id"), unique=True),  # nothing is undone twice
    Column("token", String(80), unique=True),  # nothing is saved twice
    Index("events_item", "item"),
    Index("events_batch", "batch"),
    sqlite_autoincrement=True,
)  # fmt: skip
leases = Table(
    "leases", metadata,
    Column("item", String(40), primary_key=True),  # nobody else's while it is
    Column("reviewer", Text, nullable=False, index=True),
    Column("until", Float, nullable=False),
)  # fmt: skip

_FUNCTION = """
CREATE OR REPLACE FUNCTION servicenlp_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'events are append-only'; END $$
"""
for _verb in ("UPDATE", "DELETE"):
    _lite = f"CREATE TRIGGER events_no_{_verb.lower()} BEFORE {_verb} ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END"
    _post = f"CREATE TRIGGER events_no_{_verb.lower()} BEFORE {_verb} ON events FOR EACH ROW EXECUTE FUNCTION servicenlp_refuse()"
    event.listen(events, "after_create", DDL(_lite).execute_if(dialect="sqlite"))
    event.listen(events, "after_create", DDL(_FUNCTION).execute_if(dialect="postgresql"))
    event.listen(events, "after_create", DDL(_post).execute_if(dialect="postgresql"))


def parse_url(url: str) -> URL:
    """Return a database's URL; a bare path is that of a SQLite file.

    Raises
    ------
    DataError
        If it names another database.

    Examples
    --------
    >>> parse_url("review.db").drivername, parse_url("postgresql://ann@host/qa").drivername
    ('sqlite', 'postgresql+psycopg')
    """
    try:
        found = make_url(url if "://" in url else f"sqlite:///{url}")
    except (ArgumentError, ValueError) as error:
        raise DataError("--store: not a database's URL. Found one that cannot be read. Give sqlite:///FILE or postgresql://...") from error
    kind = found.get_backend_name()
    if kind in ("postgres", "postgresql"):
        return found.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise DataError(f"--store: no such database. Found {kind!r}. Give sqlite:///FILE or postgresql://user@host/base.")
    if found.database in (None, "", ":memory:"):
        raise DataError("--store: no file. Found a database in memory, which would be lost. Give sqlite:///FILE.")
    return found


def open_engine(url: URL) -> Engine:
    """Return an engine whose transactions are on disk once committed."""
    as_json = partial(json.dumps, default=str)
    if url.get_backend_name() == "postgresql":
        engine = connect(url, json_serializer=as_json, pool_pre_ping=True)
        event.listen(engine, "connect", _prepare_postgresql)
        return engine
    engine = connect(url, json_serializer=as_json, connect_args={"timeout": WAIT})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def make_tables(engine: Engine) -> None:
    """Make the tables that are not there, one process at a time; fail where one is not ours."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        metadata.create_all(connection)
        for table in metadata.sorted_tables:  # one of this name may be another program's
            connection.execute(select(table).limit(0))


def insert_or(connection: Connection, table: Table) -> Any:
    """Return an insertion that can be told what to do where the row is there already."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say
    for pragma in (f"busy_timeout={WAIT * 1000}", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()
    until = time.monotonic() + WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()  # readers do not wait for writers
            return
        except sqlite3.OperationalError as error:  # another just does the same; for this SQLite does not wait
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Any) -> None:
    # A transaction that reads first and writes later would fail if another wrote between.
    reads = connection.get_execution_options().get("reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    connection.autocommit = True
    for setting in ("synchronous_commit = on", f"lock_timeout = '{WAIT}s'"):
        connection.execute(f"SET {setting}")
    connection.autocommit = False
