"""A table that cannot be read for the full load just now: the log is read on, and the load goes on when it can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tailrace.capture import load
from tailrace.source import Source
from tailrace_postgres.keyset import order
from tests.capture.postgres import Capture
from tests.capture.session import Running, running
from tests.integration import mysql_capture
from tests.pipelines.daemon import until
from tests.servers import Database, MySQL, Postgres

#: While the table is locked, a change of another one is in the stream within this time.
SOON_SECONDS = 4.0


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "VIEW_ROWS", 2)


@pytest.fixture(params=["postgres15", "postgres18"])
def postgres(request: pytest.FixtureRequest) -> Iterator[Database]:
    server: Postgres = request.getfixturevalue(request.param)
    with server.database("delays") as database:
        yield database


def create(database: Database) -> None:
    database.script(
        "CREATE TABLE t (id int PRIMARY KEY)",
        "CREATE TABLE u (id int PRIMARY KEY)",
        "INSERT INTO t VALUES (1), (2), (3), (4), (5)",
    )


def streams_on(session: Running, database: Database, reason: str) -> None:
    """Other tables' changes come while `t` cannot be read, and the report says why it is not."""
    until(lambda: reason in session.report.error, 30, f"the report says {reason!r}")
    assert session.report.state == "loading"
    for number in range(1, 4):
        database.execute(f"INSERT INTO u VALUES ({number})")

        def arrived(event: object = ("c", {"id": number})) -> bool:
            return event in session.events("u")

        until(arrived, SOON_SECONDS, "the change is in the stream")
    assert not session.events("t")


def loads_on(session: Running) -> None:
    until(lambda: session.report.state == "streaming", 30, "the load is done")
    assert session.report.error == ""
    assert session.events("t") == [("r", {"id": number}) for number in range(1, 6)]


def test_a_locked_table_of_postgres_does_not_hold_up_the_others(postgres: Database) -> None:
    create(postgres)
    capture = Capture(postgres, tables=("public.t", "public.u"))
    with closing(postgres.connect(autocommit=False)) as holder, removed(capture):
        session = Running()
        session.control.stop.set()  # it opens, and has read no chunk yet
        session.run(capture.create())
        holder.cursor().execute("LOCK TABLE t")
        with running(capture.create(), session.stream) as session:
            streams_on(session, postgres, "lock timeout")
            holder.rollback()
            loads_on(session)


def test_a_table_that_waits_for_older_transactions_does_not_hold_up_the_others(postgres: Database) -> None:
    """Added to the publication while a transaction writes to it, whose early rows are in no publication."""
    postgres.execute("CREATE TABLE u (id int PRIMARY KEY)")
    first = Capture(postgres, tables=("public.u",))
    capture = Capture(postgres, tables=("public.t", "public.u"))
    with removed(capture):
        session = Running()
        session.control.finish.set()
        session.run(first.create())
        postgres.execute("CREATE TABLE t (id int PRIMARY KEY)")
        with closing(postgres.connect(autocommit=False)) as holder:
            holder.cursor().execute("INSERT INTO t VALUES (1), (2), (3), (4), (5)")
            with running(capture.create(), session.stream) as session:
                streams_on(session, postgres, "older than the table's capture")
                holder.commit()
                loads_on(session)


def test_a_sort_longer_than_the_server_waits_for_us_does_not_end_the_stream(
    postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server hears of us while a chunk keeps us waiting for its first row."""
    create(postgres)
    monkeypatch.setattr(load, "VIEW_ROWS", 100)  # one sort, of 3.5 s
    monkeypatch.setattr("tailrace_postgres.connection._REPLICATION", {"wal_sender_timeout": "2s"})
    monkeypatch.setattr("tailrace_postgres.chunks.order", lambda key: f"pg_sleep(0.7)::text, {order(key)}")
    capture = Capture(postgres, tables=("public.t",))
    with removed(capture), running(capture.create()) as session:
        until(lambda: session.error is not None or session.report.state == "streaming", 30, "the load is done")
        loads_on(session)


def test_a_table_of_mysql_without_gtids_behind_a_long_transaction_does_not_hold_up_the_others(
    mysql_defaults: MySQL,
) -> None:
    with mysql_defaults.database("delays") as database:
        create(database)
        with closing(database.connect(autocommit=False)) as holder:
            holder.cursor().execute("UPDATE t SET id = 6 WHERE id = 5")
            with running(mysql_source(database)) as session:
                streams_on(session, database, "Lock wait timeout")
                holder.rollback()
                loads_on(session)


def test_a_table_of_mysql_that_somebody_writes_alone_does_not_hold_up_the_others(mysql: MySQL) -> None:
    with mysql.database("delays") as database:
        create(database)
        with closing(database.connect()) as holder:
            holder.cursor().execute("LOCK TABLES t WRITE")
            with running(mysql_source(database)) as session:
                streams_on(session, database, "Lock wait timeout")
                holder.cursor().execute("UNLOCK TABLES")
                loads_on(session)


def mysql_source(database: Database) -> Source:
    return mysql_capture.Capture(database).create()


@contextmanager
def removed(capture: Capture) -> Iterator[None]:
    """Drops the slot and the publication at the end."""
    try:
        yield
    finally:
        with closing(capture.create()) as source:
            source.teardown(None, dry_run=False)
