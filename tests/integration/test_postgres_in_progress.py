"""Large transactions that PostgreSQL sends before their commit: events, resumes and slots as without."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tailrace.errors import UnreachableError
from tailrace_postgres import source
from tailrace_postgres.connection import Connection
from tailrace_postgres.wal import log_end
from tests.capture.postgres import VERSIONS, Capture, Event
from tests.capture.session import Running
from tests.servers import Database, wait_until


@pytest.fixture(params=VERSIONS)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Its transactions of more than 64 KiB are sent while they are in progress."""
    with request.getfixturevalue(request.param).database("pg") as found:
        found.execute(f"ALTER DATABASE \"{found.name}\" SET logical_decoding_work_mem = '64kB'")
        yield found


def tables(database: Database) -> None:
    database.script(
        "CREATE TABLE t (id int PRIMARY KEY, v text)",
        "CREATE TABLE u (id int PRIMARY KEY, n int, doc text)",
        "ALTER TABLE u ALTER doc SET STORAGE EXTERNAL",
        "CREATE TABLE f (a int, b text)",
        "ALTER TABLE f REPLICA IDENTITY FULL",
        "CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (500)",
        "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (500) TO (100000)",
        "CREATE TABLE outside (id int PRIMARY KEY, v text)",
    )


def rows(table: str, first: int, count: int) -> str:
    """More than what a transaction may take before it is sent."""
    return f"INSERT INTO {table} SELECT g, repeat('v', 300) FROM generate_series({first}, {first + count - 1}) g"


def counts(capture: Capture) -> dict[str, int]:
    """What the server says of the slot, in its own words; it says so after a transaction or a block."""
    names = ("stream_txns", "stream_count", "spill_txns")
    columns = ", ".join(f"coalesce({name}, 0)" for name in names)
    found = capture.database.query(
        f"SELECT {columns} FROM pg_stat_replication_slots WHERE slot_name = %s", (capture.slot,)
    )
    return dict(zip(names, found[0], strict=True))


def end_session(capture: Capture) -> None:
    query = "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = %s"
    capture.database.execute(query, (capture.slot,))


def plain(events: list[Event]) -> list[tuple[Any, ...]]:
    """All that an event is but for when it was made."""
    return [
        (event.topic, event.key, event.value and {name: part for name, part in event.value.items() if name != "ts_ms"})
        for event in events
    ]


def work(database: Database, tick: Callable[[], object]) -> None:
    """Transactions of many shapes; `tick` is called while they are in progress."""
    doc = random.Random(1).randbytes(4000).hex()
    database.execute("INSERT INTO u VALUES (1, 1, %s), (2, 2, %s)", (doc, doc))

    # Several at a time, which do not commit in the order in which they began; and small ones between.
    first, second = database.connect(autocommit=False), database.connect(autocommit=False)
    with first.cursor() as one, second.cursor() as two:
        one.execute(rows("t", 0, 600))
        tick()
        two.execute(rows("t", 1_000, 600))
        two.execute(rows("outside", 0, 100))
        tick()
        database.execute("INSERT INTO t VALUES (2000, 'small')")
        one.execute("UPDATE u SET n = 3 WHERE id = 1")
        one.execute("DELETE FROM t WHERE id % 3 = 0 AND id < 600")
        tick()
        second.commit()
        tick()
        one.execute("UPDATE u SET id = 10 WHERE id = 1")
        one.execute(rows("f", 1, 400))
        one.execute("UPDATE f SET a = a + 1 WHERE a < 50")
        one.execute(rows("p", 300, 400))
        one.execute("UPDATE p SET id = id + 5000 WHERE id < 400")
        first.commit()
    tick()

    # Savepoints: rolled back, released, one in another, with columns that come and go with them.
    with database.transaction() as cursor:
        for number, statement in enumerate(
            (
                "SAVEPOINT a",
                rows("t", 3_000, 300),
                "SAVEPOINT b",
                rows("t", 3_300, 300),
                "ALTER TABLE t ADD COLUMN gone int DEFAULT 5",
                rows("t (id, v)", 3_600, 300),
                "ROLLBACK TO SAVEPOINT b",
                rows("t", 3_900, 300),
                "RELEASE SAVEPOINT a",
                "SAVEPOINT c",
                rows("t", 4_200, 300),
                "TRUNCATE f, p",
                "ROLLBACK TO SAVEPOINT c",
                "ALTER TABLE t ADD COLUMN stays int DEFAULT 7",
                rows("t (id, v)", 4_500, 300),
                "TRUNCATE f, outside",
                rows("f", 1, 10),
            )
        ):
            cursor.execute(statement)
            if number % 4 == 2:
                tick()
    tick()

    # A sub-transaction for each row, of which every third is rolled back.
    database.execute(
        "DO $$ BEGIN FOR i IN 5000..5599 LOOP BEGIN INSERT INTO t VALUES (i, repeat('w', 500)); PERFORM 1 / (i % 3);"
        " EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$"
    )
    # Nothing is left of these.
    with contextlib.suppress(ZeroDivisionError), database.transaction() as cursor:
        cursor.execute(rows("t (id, v)", 6_000, 600))
        tick()
        raise ZeroDivisionError
    with database.transaction() as cursor:
        cursor.execute("SAVEPOINT a")
        cursor.execute(rows("t (id, v)", 6_000, 600))
        tick()
        cursor.execute("ROLLBACK TO SAVEPOINT a")
    with database.transaction() as cursor:
        cursor.execute("SELECT pg_logical_emit_message(true, 'app', repeat('m', 1000)) FROM generate_series(1, 500)")
        cursor.execute(rows("p", 20_000, 600))
    database.execute("UPDATE t SET v = 'last' WHERE id = 5000")


@pytest.mark.parametrize("live", [True, False], ids=["as it happens", "as a backlog"])
def test_events_are_those_of_transactions_that_come_whole(database: Database, live: bool) -> None:
    tables(database)
    whole = Capture(database, exclude=("public.outside",), options={"slot": f"{database.name}_w", "streaming": False})
    parts = Capture(database, exclude=("public.outside",))
    if live and database.server.kind != "postgres15":
        # Each change is sent at once, in a block of its own.
        database.execute(f"ALTER DATABASE \"{database.name}\" SET debug_logical_replication_streaming = 'immediate'")
    with whole, parts:
        for capture in (whole, parts):
            capture.catch_up()
        database.execute("INSERT INTO t VALUES (-1, 'before')")  # where one begins to read differs
        for capture in (whole, parts):
            capture.catch_up()
            capture.events.clear()
        work(database, (lambda: parts.step(0.05)) if live else (lambda: None))
        for capture in (whole, parts):
            capture.catch_up()
        assert len(whole.events) > 4_000
        assert {event.op for event in whole.events} == {"c", "u", "d", "t", "s", "tombstone"}
        for expected, found in zip(plain(whole.events), plain(parts.events), strict=True):
            assert found == expected
        assert counts(parts)["stream_txns"] >= 5
        assert counts(whole)["stream_txns"] == 0


def test_a_resume_inside_a_transaction_may_change_the_way_in_which_it_comes(database: Database) -> None:
    """Also from the position of a release that read transactions whole only, and back to it."""
    tables(database)
    capture = Capture(database)
    for number in range(400):
        capture.options = {"streaming": number % 2 == 1}
        capture.open()
        if not number:
            capture.catch_up()
            with database.transaction() as cursor:
                cursor.execute(rows("t", 0, 300))
                cursor.execute("SAVEPOINT a")
                cursor.execute(rows("t", 300, 300))
                cursor.execute("ROLLBACK TO SAVEPOINT a")
                cursor.execute(rows("t", 600, 300))
            database.execute("INSERT INTO t VALUES (1000, 'after')")
        capture.step(1.0, limit_bytes=40_000)
        capture.close()
        if capture.events and capture.events[-1].key == {"id": 1000}:
            break
    assert [event.key["id"] for event in capture.events] == [*range(300), *range(600, 900), 1000]
    assert len(capture.batches) > 8
    sequences = [event.source["tailrace_seq"] for event in capture.events]
    assert sequences == sorted(set(sequences))


@pytest.mark.parametrize("memory", ["in memory", "in files"])
def test_a_transaction_in_progress_keeps_its_place_in_the_slot(
    database: Database, memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others are acknowledged meanwhile; after a lost session the server sends all of it again."""
    if memory == "in files":
        monkeypatch.setattr(source, "_IN_PROGRESS_SHARE", 1 << 40)
    tables(database)
    with Capture(database) as capture:
        capture.catch_up()
        with database.transaction() as cursor, database.transaction() as other:
            other.execute(rows("t", 2_000, 500))
            cursor.execute(rows("t", 0, 500))
            begun = int(database.value("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"))

            def sent() -> bool:
                capture.step()
                return counts(capture)["stream_count"] > 0

            wait_until(sent, 20, "a block was sent")
            assert capture.events == []
            database.execute("INSERT INTO t VALUES (1000, 'other')")
            # The position passes what is in progress, which the server keeps for us all the same.
            capture.until(lambda: capture.confirmed() > begun)
            assert [event.key["id"] for event in capture.events] == [1000]
            end_session(capture)
            with pytest.raises(UnreachableError):
                capture.until(lambda: False)
            capture.reopen()
            capture.catch_up()
            moved = capture.confirmed()
            other.connection.rollback()
            assert capture.catch_up() == []
            cursor.execute(rows("t", 500, 100))
        assert [event.key["id"] for event in capture.catch_up()] == list(range(600))
        assert capture.confirmed() >= moved


def test_a_session_that_is_ended_amid_a_replay_goes_on_inside_the_transaction(database: Database) -> None:
    tables(database)
    with Capture(database) as capture:
        capture.catch_up()
        database.execute(rows("t", 0, 5_000))
        capture.until(lambda: len(capture.events) > 1_000, limit_bytes=20_000)
        assert len(capture.events) < 4_000
        end_session(capture)
        with pytest.raises(UnreachableError, match="terminating connection"):
            capture.until(lambda: False, limit_bytes=20_000)
        capture.reopen()
        capture.catch_up()
        assert [event.key["id"] for event in capture.events] == list(range(5_000))


def test_a_chunk_gives_way_to_a_transaction_that_was_in_progress_when_it_was_read(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its blocks came before the chunk was read, its commit after."""
    database.script("CREATE TABLE t (id int PRIMARY KEY, v text)", rows("t", 0, 1_000))
    capture = Capture(database, tables=("public.t",))
    session = Running()
    session.control.stop.set()  # it opens, and has read no chunk yet
    session.run(capture.create())
    writer = database.connect(autocommit=False)
    writer.cursor().execute("UPDATE t SET v = 'new' || v WHERE id < 500")
    writer.cursor().execute("DELETE FROM t WHERE id >= 900")

    def late(connection: Connection) -> int:
        wait_until(lambda: counts(capture)["stream_count"] > 0, 20, "blocks were sent")
        writer.commit()
        return log_end(connection)

    monkeypatch.setattr("tailrace_postgres.chunks.log_end", late)
    reading = capture.source = capture.create()
    again = Running(session.stream)
    again.control.finish.set()
    try:
        again.run(reading)
        found = again.events("t")
        assert sorted(row["id"] for op, row in found if op == "r") == list(range(500, 900))
        assert [row["id"] for op, row in found if op == "u"] == list(range(500))
        assert [row["id"] for op, row in found if op == "d"] == list(range(900, 1_000))
        assert counts(capture)["stream_txns"] == 1
    finally:
        capture.create().teardown(None, dry_run=False)


def test_the_server_keeps_large_transactions_where_streaming_is_off(database: Database) -> None:
    tables(database)
    with Capture(database, options={"streaming": False}) as capture:
        database.execute(rows("t", 0, 1_000))
        assert len(capture.catch_up()) == 1_000
        wait_until(lambda: counts(capture)["spill_txns"] == 1, 10, "the server has said so")
        assert counts(capture)["stream_txns"] == 0
