import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sqlalchemy", reason="the extra 'review' is not installed")

from reviewing import an_item
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError

from servicenlp.errors import DataError
from servicenlp.review.decisions import ACCEPT, CORRECT, NOTE, SKIP, UNDO, UNUSABLE, Context, Verdict
from servicenlp.review.scored import ScoredFile
from servicenlp.review.store import Store, open_store

BAD = Verdict(1, delivery="failed")
N = 60


def a_file(n: int) -> ScoredFile:
    keys = [f"k{i:04}" for i in range(n)]
    level = np.array([1 + i % 6 for i in range(n)])
    proba = np.eye(6)[level - 1]
    return ScoredFile("scored.csv", [], keys, keys, [f"The words of {key}." for key in keys], level, proba, 0, "", "", [[]] * n, [], {})


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path) -> str:
    """A database, or a schema, of its own for each test."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/review.db"
    server = request.getfixturevalue("postgresql")
    name = f"t{uuid.uuid4().hex}"
    engine = create_engine(server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    engine.dispose()
    return f"{server}&options=-csearch_path%3D{name}"


@pytest.fixture
def store(url) -> Store:
    store = open_store(url)
    yield store
    store.close()


@pytest.fixture
def queue(store) -> tuple[str, list[str]]:
    scored = a_file(N)
    return store.remember(scored), scored.keys


def start_client(url, reviewer, population, n, limit=10**6):
    command = [sys.executable, str(Path(__file__).parent / "reviewing.py"), url, reviewer, population, str(n), str(limit)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_claim_gives_the_first_free_item_and_the_same_until_it_is_decided(store, queue):
    population, keys = queue
    assert store.claim("ann", population, keys) == keys[:1]
    assert store.claim("ann", population, keys) == keys[:1]
    assert store.claim("bob", population, keys, 2) == keys[1:3]
    store.decide("ann", an_item(keys[0]), BAD)
    assert store.claim("ann", population, keys) == keys[3:4]


def test_claim_gives_what_was_left_lying_to_others(store, queue):
    population, keys = queue
    assert store.claim("ann", population, keys, lease=0.05) == keys[:1]
    time.sleep(0.1)
    assert store.claim("bob", population, keys) == keys[:1]
    assert store.claim("ann", population, keys) == keys[1:2]


def test_store_tells_who_has_something_in_hand(store, queue):
    population, keys = queue
    assert not store.holds("ann")
    store.claim("ann", population, keys)
    assert (store.holds("ann"), store.holds("bob")) == (True, False)
    store.release("ann")
    store.claim("ann", population, keys, lease=-1)
    assert not store.holds("ann")


def test_release_lets_go_of_all(store, queue):
    population, keys = queue
    store.claim("ann", population, keys, 3)
    store.release("ann")
    assert store.claim("bob", population, keys) == keys[:1]


def test_skip_passes_an_item_to_others_only(store, queue):
    population, keys = queue
    store.skip("ann", an_item(keys[0]))
    assert store.claim("ann", population, keys) == keys[1:2]
    assert store.claim("bob", population, keys) == keys[:1]


def test_second_reading_gives_what_others_decided(store, queue):
    population, keys = queue
    store.decide("ann", an_item(keys[0]), BAD)
    assert store.claim("bob", population, keys) == keys[1:2]
    store.release("bob")
    assert store.claim("bob", population, keys, second=True) == keys[:1]
    assert store.claim("ann", population, keys, second=True) == keys[1:2]


def test_claim_beyond_the_first_part_of_a_long_queue(store):
    scored = a_file(1200)
    population = store.remember(scored)
    store.accept_all("ann", [an_item(key) for key in scored.keys[:1100]], Context(population))
    assert store.claim("bob", population, scored.keys, 2) == scored.keys[1100:1102]


def test_claim_is_empty_when_all_is_decided(store, queue):
    population, keys = queue
    store.accept_all("ann", map(an_item, keys), Context(population))
    assert store.claim("bob", population, keys) == []


def test_decide_tells_who_when_what_and_why(store, queue):
    population, keys = queue
    context = Context(population, "mixed", 7, ("risk", "random"), True, 4.5)
    event = store.decide("ann", an_item(keys[0], 2, p_level_2=0.6), BAD, context, why="two dates missed")
    assert (event.reviewer, event.item, event.action, event.before, event.verdict) == ("ann", keys[0], CORRECT, None, BAD)
    assert (event.why, event.model, event.prediction["p_level_2"], event.context) == ("two dates missed", "m-1", 0.6, context)
    assert abs(time.time() - datetime.fromisoformat(event.at).timestamp()) < 60
    assert store.history(keys[0]) == [event] == store.history(keys[0].upper())


def test_decide_as_predicted_is_an_acceptance(store, queue):
    item = an_item(queue[1][0], 1, delivery="failed")
    assert store.decide("ann", item, BAD).action == ACCEPT
    assert store.decide("ann", item, BAD._replace(level=2)).action == CORRECT


def test_last_verdict_counts_and_knows_the_one_before(store, queue):
    item = an_item(queue[1][0])
    store.decide("ann", item, BAD)
    event = store.decide("bob", item, Verdict(4))
    assert event.before == BAD._asdict()
    assert store.verdicts()[item.key].verdict == Verdict(4)
    assert store.verdicts("ann")[item.key].verdict == BAD


def test_same_token_is_saved_once(store, queue):
    item = an_item(queue[1][0])
    first = store.decide("ann", item, BAD, token="t-1")
    assert store.decide("ann", item, BAD, token="t-1") == first
    assert len(store.history(item.key)) == 1


def test_same_token_at_once_is_saved_once(store, queue):
    item = an_item(queue[1][0])
    with ThreadPoolExecutor(8) as pool:
        saved = list(pool.map(lambda _: store.decide("ann", item, BAD, token="t-1"), range(16)))
    assert len({event.id for event in saved}) == len(store.events()) == 1


def test_bulk_and_undo_sent_again_count_once(store, queue):
    population, keys = queue
    chosen = [an_item(key) for key in keys[:40]]
    bulk = store.accept_all("ann", chosen, Context(population), token="t-1")
    assert store.accept_all("ann", [*chosen, an_item(keys[50])], Context(population), token="t-1") == bulk
    assert store.accept_all("bob", [an_item(keys[50])], Context(population), token="t-1").n_items == 1
    assert len(store.events()) == 41
    undone = store.undo("ann", token="t-2")
    assert store.undo("ann", token="t-2") == undone
    assert len(undone) == 40
    first = store.decide("ann", chosen[0], BAD)
    assert store.undo("ann", first.id, token="t-3") == store.undo("ann", first.id, token="t-3")
    assert len(store.events()) == 41 + 40 + 2


def test_bulk_sent_twice_at_once_counts_once(store, queue):
    population, keys = queue
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: store.accept_all("ann", map(an_item, keys), Context(population), token="t-1"), range(8)))
    assert {bulk.n_items for bulk in done} == {N}
    assert len(store.events()) == N


def test_undo_brings_back_what_counted_before_and_the_item(store, queue):
    population, keys = queue
    item = an_item(keys[5])
    store.decide("ann", item, Verdict(4), Context(population))
    store.decide("ann", item, BAD, Context(population))
    [event] = store.undo("ann")
    assert (event.action, event.before, event.after) == (UNDO, BAD._asdict(), Verdict(4)._asdict())
    [event] = store.undo("ann")
    assert event.after is None
    assert store.verdicts() == {}
    assert store.claim("ann", population, keys) == [keys[5]]
    assert store.undo("ann") == []
    assert [event.action for event in store.history(item.key)] == [CORRECT, CORRECT, UNDO, UNDO]


def test_undo_of_an_event_twice_is_refused(store, queue):
    event = store.decide("ann", an_item(queue[1][0]), BAD)
    store.undo("bob", event.id)
    with pytest.raises(DataError, match=rf"event {event.id} is undone already\. Found its undoing\. Decide anew\.$"):
        store.undo("ann", event.id)
    with pytest.raises(DataError, match=r"nothing to undo\. Found no event 999 that decides\. Choose one that history shows\.$"):
        store.undo("ann", 999)


def test_undo_at_once_undoes_once(store, queue):
    event = store.decide("ann", an_item(queue[1][0]), BAD)

    def undo(_) -> int:
        try:
            return len(store.undo("ann", event.id))
        except DataError:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(undo, range(8))) == 1
    assert len(store.events()) == 2


def test_undo_of_a_skip_and_of_a_note(store, queue):
    population, keys = queue
    store.skip("ann", an_item(keys[0]))
    store.note("ann", an_item(keys[0]), "ask billing")
    assert [event.action for event in store.events()] == [SKIP, NOTE]
    store.undo("ann")
    store.undo("ann")
    assert store.claim("ann", population, keys) == keys[:1]


def test_note_leaves_the_item_and_its_verdict(store, queue):
    population, keys = queue
    store.decide("ann", an_item(keys[0]), BAD)
    store.claim("ann", population, keys)
    event = store.note("ann", an_item(keys[1]), "ask billing")
    assert (event.action, event.why, event.after) == (NOTE, "ask billing", None)
    assert store.claim("ann", population, keys) == [keys[1]]


def test_unusable_needs_a_reason_and_counts_as_decided(store, queue):
    population, keys = queue
    event = store.mark_unusable("ann", an_item(keys[0]), "not a customer")
    assert (event.action, event.after, event.verdict) == (UNUSABLE, {"unusable": "not a customer"}, None)
    assert store.claim("bob", population, keys) == keys[1:2]
    with pytest.raises(DataError, match=r"^Unusable: no reason\. Found an empty one\. Say why, such as: not a customer\.$"):
        store.mark_unusable("ann", an_item(keys[0]), " ")


def test_accept_all_leaves_out_what_is_decided_or_in_hand(store, queue):
    population, keys = queue
    store.decide("bob", an_item(keys[0]), BAD)
    store.claim("bob", population, keys, 2)
    bulk = store.accept_all("ann", [an_item(key, level=3) for key in keys], Context(population, "audit"))
    assert bulk.n_items == N - 3
    assert store.verdicts()[keys[0]].verdict == BAD
    assert store.verdicts()[keys[9]].verdict == Verdict(3)
    assert {keys[1], keys[2]}.isdisjoint(store.verdicts())


@pytest.mark.parametrize("by_batch", [True, False])
def test_bulk_is_undone_as_a_whole(store, queue, by_batch):
    population, keys = queue
    bulk = store.accept_all("ann", map(an_item, keys), Context(population))
    store.decide("bob", an_item(keys[0]), BAD)
    count = store.undo_batch("ann", bulk.batch) if by_batch else len(store.undo("ann"))
    assert count == bulk.n_items == N
    assert list(store.verdicts()) == [keys[0]]
    assert store.undo_batch("ann", bulk.batch) == N  # asked once more: still all of it, and nothing new
    assert len(store.events()) == 2 * N + 1


def test_long_bulk_and_its_undoing(store):
    scored = a_file(1300)
    population = store.remember(scored)
    bulk = store.accept_all("ann", map(an_item, scored.keys), Context(population))
    assert (bulk.n_items, len(store.undo("ann")), store.verdicts()) == (1300, 1300, {})


def test_progress_tells_how_far_the_queue_is(store, queue):
    population, keys = queue
    store.decide("ann", an_item(keys[0]), BAD)
    store.mark_unusable("bob", an_item(keys[1]), "not a customer")
    last = store.skip("ann", an_item(keys[2]))
    store.claim("bob", population, keys[3:])
    progress = store.progress(keys, "ann")
    assert progress[:6] == (N, 2, 1, 1, 1, N - 4)
    assert progress.undoable == last.id


def test_verdict_with_an_unknown_label_is_refused(store, queue):
    item = an_item(queue[1][0])
    with pytest.raises(DataError, match=r"^Verdict: level 7 is not a level\. Levels are 1 to 6\. Choose one of them\.$"):
        store.decide("ann", item, Verdict(7))
    with pytest.raises(DataError, match=r"^Verdict: mindset 'bad' is not an outcome\. Outcomes are none, failed, delighted\. Choose one"):
        store.decide("ann", item, Verdict(2, mindset="bad"))
    assert store.events() == []


def test_odd_characters_are_stored(store):
    item = an_item("k")._replace(text="nul \0, half \ud83d, whole 😀, '; DROP TABLE events", fields={"a\0": "\ud83d", "n": 1})
    store.decide("ann", item, BAD, why="'); DROP TABLE events; --\0")
    assert store.items()["k"]["text"] == "nul \ufffd, half ?, whole 😀, '; DROP TABLE events"
    assert store.items()["k"]["fields"] == {"a\ufffd": "?", "n": 1}
    assert store.history("k")[0].why == "'); DROP TABLE events; --\ufffd"


@pytest.mark.parametrize("statement", ["DELETE FROM events", "UPDATE events SET reviewer = 'eve'"])
def test_events_cannot_be_changed(store, queue, statement):
    store.decide("ann", an_item(queue[1][0]), BAD)
    with pytest.raises(DatabaseError, match="events are append-only"), store.engine.begin() as connection:
        connection.execute(text(statement))
    assert [event.reviewer for event in store.events()] == ["ann"]


def test_history_of_an_unknown_item(store):
    with pytest.raises(DataError, match=r"no such item\. Found nothing decided of 'x'\. Give its key, or its id in the scored file\.$"):
        store.history("x")


def test_remember_knows_a_file_again_in_any_order(store):
    scored = a_file(30)
    name = store.remember(scored)
    turned = ScoredFile(
        "other.csv", [], scored.keys[::-1], scored.ids[::-1], scored.texts[::-1], scored.level[::-1], scored.proba[::-1], 0, "", "",
        [[]] * 30, [], {},
    )  # fmt: skip
    assert store.remember(turned) == name
    assert [row["n_items"] for row in store.populations()] == [30]
    assert store.members(name) == dict(zip(scored.keys, scored.level.tolist(), strict=True))


def test_reviewers_in_processes_never_get_the_same_item_nor_lose_a_decision(store, queue, url):
    population, keys = queue
    clients = [start_client(url, f"r{i}", population, N) for i in range(3)]
    told = [client.communicate(timeout=120)[0].split() for client in clients]
    assert [client.returncode for client in clients] == [0, 0, 0]
    assert sorted(key for one in told for key in one) == keys
    events = store.events()
    assert sorted(event.item for event in events) == keys
    assert {f"r{i}": sorted(one) for i, one in enumerate(told)} == {
        f"r{i}": sorted(event.item for event in events if event.reviewer == f"r{i}") for i in range(3)
    }


def test_reviewers_in_threads_never_have_the_same_item(store, queue):
    population, keys = queue
    in_hand: dict[str, str] = {}
    twice, lock = [], threading.Lock()

    def work(reviewer: str) -> int:
        done = 0
        while claimed := store.claim(reviewer, population, keys, 2):
            with lock:
                twice.extend(key for key in claimed if in_hand.setdefault(key, reviewer) != reviewer)
            for key in claimed:
                store.decide(reviewer, an_item(key), Verdict(3))
                done += 1
        return done

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, [f"r{i}" for i in range(8)])) == N
    assert twice == []
    assert len(store.events()) == N


def test_bulk_beside_reviewers_overrides_none_of_them(store, queue):
    population, keys = queue

    def work(reviewer: str) -> set[str]:
        decided = set()
        while claimed := store.claim(reviewer, population, keys):
            store.decide(reviewer, an_item(claimed[0]), Verdict(6))
            decided |= set(claimed)
        return decided

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(work, f"r{i}") for i in range(3)]
        time.sleep(0.05)
        bulk = pool.submit(store.accept_all, "lead", [an_item(key) for key in keys], Context(population)).result()
        single = set().union(*(job.result() for job in jobs))
    assert bulk.n_items + len(single) == N
    counting = store.verdicts()
    assert {key for key, event in counting.items() if event.verdict == Verdict(6)} == single


def test_stores_opened_at_once_make_their_tables_once(url):
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: open_store(url), range(6)))
    assert [store.events() for store in stores] == [[]] * 6
    for store in stores:
        store.close()


def test_killed_client_has_lost_nothing_that_it_told_as_saved(store, url):
    scored = a_file(3000)
    population = store.remember(scored)
    client = start_client(url, "ann", population, 3000)
    told = [client.stdout.readline().strip() for _ in range(25)]
    os.kill(client.pid, signal.SIGKILL)
    told += client.communicate()[0].split()
    saved = [event.item for event in store.events()]
    assert saved[: len(told)] == told
    assert len(saved) <= len(told) + 1  # the one that it had no time to tell
    assert store.claim("bob", population, scored.keys, 2)[0] not in told


def test_killed_sqlite_file_is_whole(tmp_path):
    url = f"sqlite:///{tmp_path}/review.db"
    store = open_store(url)
    population = store.remember(a_file(3000))
    store.close()
    client = start_client(url, "ann", population, 3000)
    for _ in range(10):
        client.stdout.readline()
    client.kill()
    client.communicate()
    connection = sqlite3.connect(tmp_path / "review.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_open_store_syncs_each_commit(store):
    with store.engine.connect() as connection:
        if store.engine.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
        else:
            assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"


def test_open_store_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"no\.db: no store\. Found no such file\. Make one: servicenlp review SCORED"):
        open_store(f"sqlite:///{tmp_path}/no.db", create=False)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://a@b/c", r"^--store: no such database\. Found 'mysql'\. Give sqlite:///FILE or postgresql://user@host/base\.$"),
        ("sqlite://", r"^--store: no file\. Found a database in memory, which would be lost\. Give sqlite:///FILE\.$"),
        ("postgresql://a:b:c@d:e/f", r"^--store: not a database's URL\. Found one that cannot be read\."),
    ],
)
def test_open_store_with_a_url_of_no_use(url, message):
    with pytest.raises(DataError, match=message):
        open_store(url)


def test_open_store_of_a_file_that_is_none(tmp_path):
    (tmp_path / "a.db").write_text("not a database, but long enough to be looked at as one" * 20)
    with pytest.raises(DataError, match=r"the store cannot be used\. Found: file is not a database\."):
        open_store(str(tmp_path / "a.db"))


def test_open_store_of_another_programs_database(tmp_path):
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE events (name TEXT)")
    with pytest.raises(DataError, match=r"other\.db: the store cannot be used\. Found: no such column: events\.id\."):
        open_store(f"sqlite:///{tmp_path}/other.db")


def test_messages_do_not_show_a_password(tmp_path):
    with pytest.raises(DataError, match="the store cannot be used") as error:
        open_store(f"postgresql://ann:secret@/qa?host={tmp_path}")
    assert "secret" not in str(error.value)
