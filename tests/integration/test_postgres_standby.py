"""Capturing from a standby, and across its promotion (PostgreSQL 16 and later decode on standbys)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.errors import DataLossError, RefusedError, UnreachableError
from tailrace_postgres.connection import Connection
from tailrace_postgres.continuity import Identity
from tailrace_postgres.settings import PostgresSourceSettings
from tests.capture.chunks import read_chunk
from tests.capture.postgres import Capture
from tests.servers import Database, Postgres, start, wait_until
from tests.servers.postgres import Postgres16, Postgres18
from tests.servers.process import run


def standby_of(primary: Postgres, kind: type[Postgres], *options: str) -> Postgres:
    """A hot standby that streams from the primary, not started yet; `options` are more of pg_basebackup's."""

    class Standby(kind):  # type: ignore[misc, valid-type]
        def prepare(self) -> None:
            run(
                [
                    self._reachable(self.folder) / "pg_basebackup",
                    f"--dbname=host=127.0.0.1 port={primary.port} user=postgres dbname=postgres",
                    *options,
                    f"--pgdata={self.folder}/data",
                    "--write-recovery-conf",
                    "--checkpoint=fast",
                    "--no-sync",
                ],
                cwd=self.folder,
                account=self.account,
            )

        def command(self) -> list[str | Path]:
            return [*super().command(), "-c", "hot_standby_feedback=on"]

    made: Postgres = Standby()
    return made


@pytest.fixture(params=[("postgres16", Postgres16), ("postgres18", Postgres18)], ids=["16", "18"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Database, Database]]:
    """The same database on a primary and on its standby."""
    name, kind = request.param
    with (
        start(name, {"max_replication_slots": 20}) as primary,
        primary.database("pg") as database,
        standby_of(primary, kind).start() as standby,
    ):
        yield database, Database(standby, database.name)


@contextlib.contextmanager
def snapshots_logged(primary: Any) -> Iterator[None]:
    """A standby can only make a slot when the primary logs its running transactions, every 15 s or when told to."""
    ended = threading.Event()

    def log() -> None:
        while not ended.wait(0.2):
            primary.query("SELECT pg_log_standby_snapshot()")

    thread = threading.Thread(target=log)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def captured(database: Database, replica: Database) -> Iterator[Capture]:
    """The standby, through a publication that the primary has."""
    capture = Capture(replica)
    # A standby takes no publication: the error has the statement for the primary.
    with pytest.raises(RefusedError, match=r"read-only transaction.*CREATE PUBLICATION") as caught:
        capture.open()
    database.execute(str(caught.value).partition("run: ")[2])
    await_replay(database, replica)
    with snapshots_logged(database.server):
        capture.open()
    try:
        yield capture
    finally:
        capture.close()
        replica.disconnect()


def await_replay(database: Database, replica: Database) -> None:
    end = database.value("SELECT pg_current_wal_flush_lsn()::text")
    wait_until(
        lambda: bool(replica.value("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (end,))),
        30,
        "the standby has replayed",
    )


def test_a_view_of_a_standby_sees_no_running_transaction(pair: tuple[Database, Database]) -> None:
    database, replica = pair
    database.script("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    await_replay(database, replica)
    with captured(database, replica) as capture:
        running = database.connect(autocommit=False)
        with running.cursor() as cursor:
            cursor.execute("INSERT INTO t VALUES (2)")
            cursor.execute("SELECT txid_current()")
            (transaction,) = cursor.fetchone()
        database.execute("INSERT INTO t VALUES (3)")
        await_replay(database, replica)
        reader = capture.reader()
        chunk = read_chunk(reader, capture.topic("t"), None, 10, 1000)
        assert [row for _, row in chunk.rows] == [b'{"id":1}', b'{"id":3}']
        assert not chunk.view.sees(str(transaction))
        assert not reader.sees_all([str(transaction)])
        running.commit()
        await_replay(database, replica)
        assert reader.sees_all([str(transaction)])
        reader.close()


def test_capture_from_a_standby_and_across_its_promotion(pair: tuple[Database, Database]) -> None:
    database, replica = pair
    database.script("CREATE TABLE t (id int PRIMARY KEY, v text)", "INSERT INTO t VALUES (1, 'a')")

    await_replay(database, replica)
    with captured(database, replica) as capture:
        assert capture.load("t") == [({"id": 1}, {"id": 1, "v": "a"})]
        database.execute("INSERT INTO t VALUES (2, 'b')")
        await_replay(database, replica)
        assert capture.changes() == [("c", {"id": 2}, None, {"id": 2, "v": "b"})]
        assert Identity.parse(capture.position.identity).timeline == 1

        database.execute("INSERT INTO t VALUES (3, 'c')")
        await_replay(database, replica)
        database.server.kill()
        replica.execute("SELECT pg_promote()")
        replica.execute("INSERT INTO t VALUES (4, 'd')")
        with contextlib.suppress(UnreachableError):
            capture.catch_up()  # the promotion may end the session
        capture.reopen()
        capture.catch_up()
        assert [event.key["id"] for event in capture.events] == [2, 3, 4]
        assert Identity.parse(capture.opened.position.identity).timeline == 2
        sequences = [event.source["tailrace_seq"] for event in capture.events]
        assert sequences == sorted(set(sequences))


def test_a_slot_that_the_standby_has_goes_on_there_and_what_it_lacks_is_data_loss() -> None:
    """Failover slots (PostgreSQL 17 and later) are copied to the standby by the server; other slots are not."""
    with (
        start("postgres18", {"max_replication_slots": 20}) as primary,
        primary.database("pg") as database,
        standby_of(primary, Postgres18, "--slot=physical", "--create-slot").start() as standby,
    ):
        replica = Database(standby, database.name)
        database.execute("CREATE TABLE t (id int PRIMARY KEY)")
        capture, lost = Capture(database), Capture(database, options={"slot": "lost", "publication": "lost"})
        lost.open()
        lost.close()
        capture.open()
        capture.close()
        settings = PostgresSourceSettings.model_validate({"connector": "postgres", "url": database.url})
        wait_until(lambda: not database.value(_ACTIVE, (capture.slot,)), 10, "the slot is free")
        with contextlib.closing(Connection(settings, replication=True)) as connection:
            connection.query(f"ALTER_REPLICATION_SLOT {capture.slot} (FAILOVER true)")
        capture.open()
        database.execute("INSERT INTO t VALUES (1)")
        capture.catch_up()

        def copied() -> bool:
            """The slot must have come as far as the standby, which gives out no transaction ids that are used up."""
            database.execute("SELECT pg_log_standby_snapshot()")
            capture.step()
            await_replay(database, replica)
            replica.execute("SELECT pg_sync_replication_slots()")
            query = "SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s AND synced AND NOT temporary"
            return bool(replica.value(query, (capture.slot,)))

        wait_until(copied, 30, "the standby has the slot")
        database.execute("INSERT INTO t VALUES (1000)")
        await_replay(database, replica)
        before = dict(capture.state)
        # What follows never reaches the standby; one that reads it is ahead of it.
        replica.script("ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
        wait_until(lambda: not replica.query("SELECT 1 FROM pg_stat_wal_receiver"), 10, "the standby receives no more")
        database.execute("INSERT INTO t VALUES (2000)")
        assert [event.key["id"] for event in capture.catch_up()] == [1000, 2000]
        capture.close()
        primary.kill()
        replica.execute("SELECT pg_promote()")
        replica.execute("INSERT INTO t VALUES (3000)")

        for ahead, words in ((capture, "lacks changes that were captured already"), (lost, "slot lost is gone")):
            ahead.database = replica
            with pytest.raises(DataLossError, match=words):
                ahead.open()
        behind = Capture(replica, state=before)
        with behind:
            assert [event.key["id"] for event in behind.catch_up()] == [1000, 3000]
            assert Identity.parse(behind.opened.position.identity).timeline == 2
        replica.disconnect()


_ACTIVE = "SELECT active FROM pg_replication_slots WHERE slot_name = %s"
