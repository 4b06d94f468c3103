"""Prepared transactions (PREPARE TRANSACTION): they leave when they are committed, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tailrace.errors import RefusedError
from tailrace_postgres.connection import Connection
from tailrace_postgres.lsn import parse_lsn
from tailrace_postgres.settings import PostgresSourceSettings
from tests.capture.postgres import VERSIONS, Capture
from tests.servers import Database, wait_until


@pytest.fixture(params=VERSIONS)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("pg") as found:
        found.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        found.execute(f"ALTER DATABASE \"{found.name}\" SET logical_decoding_work_mem = '64kB'")
        yield found
        for (gid,) in found.query("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"):
            found.execute(f"ROLLBACK PREPARED '{gid}'")


def prepare(database: Database, gid: str, rows: str) -> int:
    """Its transaction id."""
    with database.connect().cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"INSERT INTO t {rows}")
        cursor.execute("SELECT pg_current_xact_id()::text")
        xid = int(cursor.fetchone()[0])
        cursor.execute(f"PREPARE TRANSACTION '{database.name}_{gid}'")
    return xid


def finish(database: Database, how: str, gid: str) -> None:
    database.execute(f"{how} PREPARED '{database.name}_{gid}'")


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
def test_a_prepared_transaction_leaves_with_its_commit_and_never_with_its_rollback(
    database: Database, restarted: bool, large: bool
) -> None:
    rows = "SELECT g + {}, repeat('v', 300) FROM generate_series(0, " + ("599" if large else "1") + ") g"
    count = 600 if large else 2
    with Capture(database) as capture:
        capture.catch_up()
        xid = prepare(database, "kept", rows.format(1000))
        prepare(database, "dropped", rows.format(2000))
        prepared = int(database.value("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"))
        database.execute("INSERT INTO t VALUES (1, 'between')")
        assert [event.key["id"] for event in capture.catch_up()] == [1]
        # Acknowledged beyond both, which stay in the log all the same.
        capture.until(lambda: capture.confirmed() > prepared)
        if restarted:
            capture.reopen()
            assert capture.catch_up() == []
        finish(database, "ROLLBACK", "dropped")
        assert capture.catch_up() == []
        if restarted:
            capture.reopen()
        begun = capture.position.mark
        finish(database, "COMMIT", "kept")
        database.execute("INSERT INTO t VALUES (2, 'after')")
        events = capture.catch_up()
        assert [event.key["id"] for event in events] == [*range(1000, 1000 + count), 2]
        assert {event.source["txId"] for event in events[:-1]} == {xid}
        assert [event.source["tx_end"] for event in events[-3:]] == [False, True, True]
        sequences = [event.source["tailrace_seq"] for event in events]
        assert sequences == sorted(set(sequences))
        # In its place: that of COMMIT PREPARED.
        assert sequences[0].split("-")[1] >= begun


def test_the_log_of_a_prepared_transaction_is_kept_while_others_are_freed(database: Database) -> None:
    with Capture(database) as capture:
        capture.catch_up()
        prepare(database, "kept", "VALUES (1, 'a')")
        capture.catch_up()
        capture.until(lambda: capture.confirmed() >= parse_lsn(capture.position.restart))
        query = "SELECT restart_lsn < confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = %s"
        assert database.value(query, (capture.slot,))
        finish(database, "COMMIT", "kept")
        assert [event.key["id"] for event in capture.catch_up()] == [1]


def test_a_slot_made_with_two_phase_is_refused_by_check_and_at_a_first_start(database: Database) -> None:
    capture = Capture(database)
    source = capture.create()
    database.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput', false, true)", (source._slot,))
    findings = {finding.name: finding for finding in source.check()}
    source.close()
    assert findings["slot"].ok is False
    assert "prepared transactions" in findings["slot"].detail
    assert "drop it" in findings["slot"].fix
    with pytest.raises(RefusedError, match=rf"{source._slot} was made with two_phase.*drop it"):
        capture.open()
    database.execute("SELECT pg_drop_replication_slot(%s)", (source._slot,))
    with capture:
        database.execute("INSERT INTO t VALUES (1, 'a')")
        assert [event.key["id"] for event in capture.catch_up()] == [1]


def test_a_slot_that_got_two_phase_later_is_refused_until_it_is_taken_back(postgres18: Any) -> None:
    with postgres18.database("pg") as database:
        database.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        settings = PostgresSourceSettings.model_validate({"connector": "postgres", "url": database.url})

        def alter(value: str) -> None:
            connection = Connection(settings, replication=True)
            connection.query(f"ALTER_REPLICATION_SLOT {capture.slot} (TWO_PHASE {value})")
            connection.close()

        capture = Capture(database)
        capture.open()
        capture.catch_up()
        capture.close()
        free = "SELECT NOT active FROM pg_replication_slots WHERE slot_name = %s"
        wait_until(lambda: database.value(free, (capture.slot,)), 10, "the slot is free")
        alter("true")
        database.execute("INSERT INTO t VALUES (1, 'a')")
        state = dict(capture.state)
        with pytest.raises(RefusedError, match="ALTER_REPLICATION_SLOT"):
            capture.open()
        assert capture.state == state
        alter("false")
        with capture:
            assert [event.key["id"] for event in capture.catch_up()] == [1]
