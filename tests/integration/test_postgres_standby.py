"""Capturing from a standby, and across its promotion (PostgreSQL 16 and later decode on standbys)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.errors import RefusedError, UnreachableError
from tailrace_postgres.continuity import Identity
from tests.capture.postgres import Capture
from tests.servers import Database, Postgres, start, wait_until
from tests.servers.postgres import Postgres16, Postgres18
from tests.servers.process import run


def standby_of(primary: Postgres, kind: type[Postgres]) -> Postgres:
    """A hot standby that streams from the primary, not started yet."""

    class Standby(kind):  # type: ignore[misc, valid-type]
        def prepare(self) -> None:
            run(
                [
                    self._reachable(self.folder) / "pg_basebackup",
                    "--host=127.0.0.1",
                    f"--port={primary.port}",
                    "--username=postgres",
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


def test_capture_from_a_standby_and_across_its_promotion(pair: tuple[Database, Database]) -> None:
    database, replica = pair
    database.script("CREATE TABLE t (id int PRIMARY KEY, v text)", "INSERT INTO t VALUES (1, 'a')")

    def replayed() -> bool:
        end = database.value("SELECT pg_current_wal_lsn()::text")
        return bool(replica.value("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (end,)))

    wait_until(replayed, 30, "the standby has replayed")
    capture = Capture(replica)
    # A standby takes no publication: the error has the statement for the primary.
    with pytest.raises(RefusedError, match=r"read-only transaction.*CREATE PUBLICATION") as caught:
        capture.open()
    database.execute(str(caught.value).partition("run: ")[2])
    wait_until(replayed, 30, "the standby has the publication")
    with snapshots_logged(database.server):
        capture.open()
    try:
        assert capture.load("t") == [({"id": 1}, {"id": 1, "v": "a"})]
        database.execute("INSERT INTO t VALUES (2, 'b')")
        wait_until(replayed, 30, "the standby has replayed")
        assert capture.changes() == [("c", {"id": 2}, None, {"id": 2, "v": "b"})]
        assert Identity.parse(capture.position.identity).timeline == 1

        database.execute("INSERT INTO t VALUES (3, 'c')")
        wait_until(replayed, 30, "the standby has replayed")
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
    finally:
        capture.close()
        replica.disconnect()
