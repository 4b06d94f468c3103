"""The PostgreSQL source on real servers: what it delivers, where it resumes, what it acknowledges, when it refuses."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tailrace.errors import DataLossError, RefusedError, TailraceError, UnreachableError
from tailrace_postgres import opening
from tailrace_postgres import slot as slot_module
from tailrace_postgres.connection import Connection
from tailrace_postgres.lsn import parse_lsn
from tailrace_postgres.settings import PostgresSourceSettings
from tests.capture.postgres import VERSIONS, Capture
from tests.servers import Database, start, wait_until


@pytest.fixture(params=VERSIONS)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("pg") as found:
        yield found


@pytest.fixture
def capture(database: Database) -> Iterator[Capture]:
    """Of a table `t (id, name)`, opened."""
    database.execute("CREATE TABLE t (id int PRIMARY KEY, name text)")
    with Capture(database) as found:
        yield found


# ---- what is delivered


def test_changes_leave_in_order_with_keys_and_tombstones(database: Database, capture: Capture) -> None:
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO t VALUES (1, 'one'), (2, NULL)")
        cursor.execute("UPDATE t SET name = 'uno' WHERE id = 1")
    database.execute("UPDATE t SET id = 20 WHERE id = 2")
    database.execute("DELETE FROM t WHERE id = 1")
    events = capture.catch_up()
    assert [event.short for event in events] == [
        ("c", {"id": 1}, None, {"id": 1, "name": "one"}),
        ("c", {"id": 2}, None, {"id": 2, "name": None}),
        ("u", {"id": 1}, None, {"id": 1, "name": "uno"}),
        ("d", {"id": 2}, {"id": 2}, None),
        ("tombstone", {"id": 2}),
        ("c", {"id": 20}, None, {"id": 20, "name": None}),
        ("d", {"id": 1}, {"id": 1}, None),
        ("tombstone", {"id": 1}),
    ]
    changes = [event for event in events if event.value is not None]
    assert [event.source["tx_end"] for event in changes] == [False, False, True, False, True, True]
    sequences = [event.source["tailrace_seq"] for event in changes]
    assert sequences == sorted(set(sequences))
    first = changes[0].source
    assert first["connector"] == "postgresql"
    assert (first["db"], first["schema"], first["table"]) == (database.name, "public", "t")
    assert first["xmin"] is None
    assert isinstance(first["txId"], int)
    assert isinstance(first["lsn"], int)
    assert abs(first["ts_ms"] / 1000 - time.time()) < 60
    assert changes[0].source["txId"] == changes[2].source["txId"] != changes[3].source["txId"]


def test_rolled_back_and_foreign_changes_leave_nothing_but_count(database: Database, capture: Capture) -> None:
    """Ordinals are counted before any filter: a table that is not captured takes its part."""
    database.execute("CREATE TABLE later (id int PRIMARY KEY)")
    with contextlib.suppress(ZeroDivisionError), database.transaction() as cursor:
        cursor.execute("INSERT INTO t VALUES (1, 'rolled back')")
        raise ZeroDivisionError
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO t VALUES (2, 'a')")
        cursor.execute("SAVEPOINT s")
        cursor.execute("INSERT INTO t VALUES (3, 'to the savepoint')")
        cursor.execute("ROLLBACK TO SAVEPOINT s")
        cursor.execute("INSERT INTO t VALUES (4, 'b')")
    assert capture.changes() == [
        ("c", {"id": 2}, None, {"id": 2, "name": "a"}),
        ("c", {"id": 4}, None, {"id": 4, "name": "b"}),
    ]
    assert [event.source["tailrace_seq"].rpartition("-")[2] for event in capture.events] == [
        f"{1 << 2 | 1:016x}",
        f"{2 << 2 | 1:016x}",
    ]


def test_transactions_leave_in_commit_order(database: Database, capture: Capture) -> None:
    early, late = database.connect(autocommit=False), database.connect(autocommit=False)
    with early.cursor() as cursor:
        cursor.execute("INSERT INTO t VALUES (1, 'began first')")
    with late.cursor() as cursor:
        cursor.execute("INSERT INTO t VALUES (2, 'committed first')")
    late.commit()
    early.commit()
    assert [event.key["id"] for event in capture.catch_up()] == [2, 1]


def test_messages_and_origins_in_the_log_are_no_changes(database: Database, capture: Capture) -> None:
    """Of applications that write messages, and of changes that came to the source from another server."""
    emit = "SELECT pg_logical_emit_message({}, 'app', repeat('x', 100000))"
    origin = f"from_{database.name}"
    with database.connect().cursor() as cursor:
        cursor.execute("SELECT pg_replication_origin_create(%s)", (origin,))
        cursor.execute("SELECT pg_replication_origin_session_setup(%s)", (origin,))
        cursor.execute(emit.format("false"))
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO t VALUES (1, 'of another server')")
        cursor.execute(emit.format("true"))
        cursor.execute("SELECT pg_replication_origin_xact_setup('0/1234', now())")
        cursor.execute("INSERT INTO t VALUES (2, 'of another server')")
        cursor.execute(emit.format("false"))
        cursor.execute("COMMIT")
        cursor.execute(emit.format("true"))
        cursor.execute("SELECT pg_replication_origin_session_reset()")
        cursor.execute("SELECT pg_replication_origin_drop(%s)", (origin,))
    database.execute("INSERT INTO t VALUES (3, 'of ours')")
    events = capture.catch_up()
    assert [event.key["id"] for event in events] == [1, 2, 3]
    ordinals = [event.source["tailrace_seq"].rpartition("-")[2] for event in events]
    assert ordinals == [f"{1 << 2 | 1:016x}", f"{2 << 2 | 1:016x}", f"{1 << 2 | 1:016x}"]
    assert capture.catch_up() == []


def test_truncate_of_several_tables_and_cascade(database: Database) -> None:
    database.script(
        "CREATE TABLE parent (id int PRIMARY KEY)",
        "CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent)",
        "CREATE TABLE other (id int PRIMARY KEY)",
        "CREATE TABLE outside (id int PRIMARY KEY)",
    )
    with Capture(database, exclude=("public.outside",)) as capture:
        database.script("INSERT INTO parent VALUES (1)", "INSERT INTO child VALUES (1, 1)")
        capture.catch_up()
        with database.transaction() as cursor:
            cursor.execute("TRUNCATE parent, other, outside RESTART IDENTITY CASCADE")
            cursor.execute("INSERT INTO other VALUES (7)")
        events = capture.catch_up()
        assert sorted(event.table for event in events if event.op == "t") == ["child", "other", "parent"]
        assert [event.short for event in events if event.op != "t"] == [("c", {"id": 7}, None, {"id": 7})]
        assert all(event.key is None for event in events if event.op == "t")
        sequences = [event.source["tailrace_seq"] for event in events]
        assert sequences == sorted(set(sequences))


def test_keyless_table_carries_whole_old_rows(database: Database) -> None:
    database.script("CREATE TABLE k (a int, b text)", "ALTER TABLE k REPLICA IDENTITY FULL")
    with Capture(database) as capture:
        assert capture.opened.tables[0].keyless
        database.script(
            "INSERT INTO k VALUES (1, 'x'), (1, 'x')", "UPDATE k SET b = 'y' WHERE ctid = '(0,1)'", "DELETE FROM k"
        )
        assert capture.changes() == [
            ("c", None, None, {"a": 1, "b": "x"}),
            ("c", None, None, {"a": 1, "b": "x"}),
            ("u", None, {"a": 1, "b": "x"}, {"a": 1, "b": "y"}),
            ("d", None, {"a": 1, "b": "x"}, None),
            ("d", None, {"a": 1, "b": "y"}, None),
        ]
        assert "tombstone" not in {event.op for event in capture.events}


def test_a_transaction_of_100000_rows_leaves_in_bounded_batches(postgres18: Any) -> None:
    with postgres18.database("pg") as database:
        database.execute("CREATE TABLE t (id int PRIMARY KEY, name text)")
        with Capture(database) as capture:
            database.execute("INSERT INTO t SELECT g, repeat('x', 50) FROM generate_series(1, 100000) g")
            limit = 256 << 10
            events = capture.catch_up(limit)
            assert [event.key["id"] for event in events] == list(range(1, 100_001))
            assert [event.source["tx_end"] for event in events[-2:]] == [False, True]
            assert not any(event.source["tx_end"] for event in events[:-1])
            assert len(capture.batches) > 100
            assert max(capture.batches) < limit + 1000


# ---- where it resumes


@pytest.mark.parametrize("way", ["insert", "copy"])
def test_resume_in_the_middle_of_a_transaction(database: Database, capture: Capture, way: str) -> None:
    """Also where rows have one place in the log: COPY logs a page of them at once."""
    if way == "insert":
        database.execute("INSERT INTO t SELECT g, 'x' FROM generate_series(1, 300) g")
    else:
        with database.transaction() as cursor:
            cursor.copy_expert("COPY t FROM STDIN", io.StringIO("".join(f"{g}\tx\n" for g in range(1, 301))))
    database.execute("INSERT INTO t VALUES (1000, 'after')")
    goal = capture.source.log_end()
    while capture.position.mark < goal:
        capture.step(limit_bytes=20_000)
        capture.reopen()  # forgets everything but what was stored
    assert [event.key["id"] for event in capture.events] == [*range(1, 301), 1000]
    assert (len({event.source["lsn"] for event in capture.events}) < 100) == (way == "copy")
    assert len(capture.batches) > 5
    sequences = [event.source["tailrace_seq"] for event in capture.events]
    assert sequences == sorted(set(sequences))


def test_what_was_not_stored_is_delivered_again(database: Database, capture: Capture) -> None:
    database.execute("INSERT INTO t VALUES (1, 'a')")
    state = dict(capture.state)
    capture.catch_up()
    again = Capture(database, state=state)
    capture.close()
    with again:
        assert [event.raw for event in again.catch_up()] != []
        first, second = capture.events[0].value, again.events[0].value
        assert first is not None
        assert second is not None
        assert (first["source"], first["after"]) == (second["source"], second["after"])


def test_a_killed_and_a_restarted_server_are_waited_for() -> None:
    with start("postgres15", {"max_wal_senders": 5}) as server, server.database("pg") as database:
        database.execute("CREATE TABLE t (id int PRIMARY KEY)")
        capture = Capture(database)
        capture.open()
        database.execute("INSERT INTO t VALUES (1)")
        capture.catch_up()
        server.kill()
        with pytest.raises(UnreachableError):
            capture.until(lambda: False)
        capture.close()
        with pytest.raises(UnreachableError):
            capture.open()
        server.relaunch()
        database.execute("INSERT INTO t VALUES (2)")
        capture.open()
        capture.catch_up()
        assert [event.key["id"] for event in capture.events] == [1, 2]

        # An orderly shutdown waits until all that was sent is acknowledged: an idle capture must not hold it up.
        failure: list[Exception] = []
        reading = threading.Thread(target=_read_until_error, args=(capture, failure))
        reading.start()
        begun = time.monotonic()
        server.shut_down(seconds=20)
        assert time.monotonic() - begun < 15
        reading.join(20)
        assert isinstance(failure[0], UnreachableError)
        capture.close()
        server.relaunch()
        capture.open()  # the position that the server has is not beyond ours
        database.execute("INSERT INTO t VALUES (3)")
        assert [event.key["id"] for event in capture.catch_up()] == [3]
        capture.close()


def _read_until_error(capture: Capture, failure: list[Exception]) -> None:
    try:
        capture.until(lambda: False)
    except Exception as error:
        failure.append(error)


def test_a_server_that_hangs_is_noticed() -> None:
    with start("postgres15", {"max_wal_senders": 5}) as server, server.database("pg") as database:
        database.execute("CREATE TABLE t (id int PRIMARY KEY)")
        with Capture(database) as capture:
            capture.catch_up()
            server.pause()
            try:
                with pytest.raises(UnreachableError):
                    capture.until(lambda: False)
            finally:
                server.resume()


# ---- what it acknowledges (I1)


def test_nothing_is_acknowledged_that_is_not_stored(database: Database, capture: Capture) -> None:
    """Neither with changes nor idle, and not when the server asks, however long the stream does not store."""
    capture.catch_up()
    stored = parse_lsn(capture.position.restart)
    capture.acknowledges = False
    database.execute("INSERT INTO t VALUES (1, 'a')")
    capture.catch_up()
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        database.execute("SELECT pg_logical_emit_message(true, 'somebody', 'else')")
        capture.source.read(0.2, 1 << 20)
        assert capture.confirmed() <= stored
    capture.acknowledges = True
    database.execute("INSERT INTO t VALUES (2, 'b')")
    capture.until(lambda: capture.confirmed() > stored)
    assert capture.confirmed() <= parse_lsn(capture.position.restart)


def test_an_idle_database_beside_a_busy_one_frees_the_log(database: Database, capture: Capture) -> None:
    capture.catch_up()
    before = capture.confirmed()
    with database.server.database("busy") as busy:
        busy.execute("CREATE TABLE noise (n int)")
        for _ in range(3):
            busy.execute("INSERT INTO noise SELECT generate_series(1, 5000)")
            capture.step(timeout=0.3)
        end = int(database.value("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"))
        capture.until(lambda: capture.confirmed() >= end)
    assert capture.confirmed() > before + 100_000
    assert capture.events == []
    # Not only what was acknowledged, but what the server keeps, which follows it from checkpoint to checkpoint.
    query = "SELECT restart_lsn - '0/0'::pg_lsn FROM pg_replication_slots WHERE slot_name = %s"

    def freed() -> bool:
        database.execute("CHECKPOINT")
        capture.step()
        return int(database.value(query, (capture.slot,))) >= end

    wait_until(freed, 60, "the server has freed its log")
    assert capture.source.lag_bytes(capture.position.mark) < 100_000


def test_log_end_is_reached_and_lag_is_measured(database: Database, capture: Capture) -> None:
    mark = capture.position.mark
    database.execute("INSERT INTO t SELECT g, 'x' FROM generate_series(1, 1000) g")
    assert capture.source.lag_bytes(mark) > 50_000
    end = capture.source.end()
    assert end > mark
    begun = time.monotonic()
    capture.catch_up()
    assert time.monotonic() - begun < 5
    assert capture.source.lag_bytes(capture.position.mark) < 10_000
    assert capture.position.mark >= end


# ---- when it refuses


def _free(capture: Capture) -> None:
    """The server has noticed that the capture is closed."""
    query = "SELECT NOT active FROM pg_replication_slots WHERE slot_name = %s"
    wait_until(lambda: capture.database.value(query, (capture.slot,)), 10, "the slot is free")


def test_a_dropped_slot_is_data_loss(database: Database, capture: Capture) -> None:
    capture.close()
    _free(capture)
    database.execute("SELECT pg_drop_replication_slot(%s)", (capture.slot,))
    with pytest.raises(DataLossError, match=r"slot .* is gone.*reload FILE --all --resync"):
        capture.open()


def test_a_moved_or_recreated_slot_is_data_loss(database: Database, capture: Capture) -> None:
    capture.catch_up()
    capture.close()
    _free(capture)
    database.execute("INSERT INTO t VALUES (1, 'lost')")
    database.execute("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (capture.slot,))
    with pytest.raises(DataLossError, match="beyond our position"):
        capture.open()
    database.execute("SELECT pg_drop_replication_slot(%s)", (capture.slot,))
    database.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (capture.slot,))
    with pytest.raises(DataLossError, match="beyond our position"):
        capture.open()


def test_another_server_or_database_is_data_loss(database: Database, capture: Capture, postgres15: Any) -> None:
    capture.close()
    with database.server.database("other") as other:
        stranger = Capture(other, url=other.url, state=capture.state)
        with pytest.raises(DataLossError, match="another server or database"):
            stranger.open()


def test_a_server_restored_from_a_copy_of_its_disk_is_data_loss() -> None:
    """Same system, same timeline, and the slot is in the copy: only the log's end tells."""
    with start("postgres15") as server, server.database("pg") as database:
        database.execute("CREATE TABLE t (id int PRIMARY KEY)")
        capture = Capture(database)
        capture.open()
        capture.catch_up()
        capture.close()
        _free(capture)
        server.shut_down()
        data, copy = server.folder / "data", server.folder / "copy"
        subprocess.run(["cp", "-a", data, copy], check=True)
        server.relaunch()
        capture.open()
        database.execute("INSERT INTO t SELECT generate_series(1, 5000)")
        assert len(capture.catch_up()) == 5000
        capture.close()
        server.shut_down()
        shutil.rmtree(data)
        copy.rename(data)
        server.relaunch()
        database.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(DataLossError, match=r"log ends at .*, before our position .*--resync"):
            capture.open()


def test_a_lost_slot_is_data_loss() -> None:
    with (
        start("postgres18", {"max_slot_wal_keep_size": "1MB", "max_wal_size": "32MB"}) as server,
        server.database("pg") as database,
    ):
        database.execute("CREATE TABLE t (id int PRIMARY KEY)")
        capture = Capture(database)
        capture.open()
        capture.close()
        database.execute("CREATE TABLE noise (n text)")

        def lost() -> bool:
            database.execute("INSERT INTO noise SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
            database.execute("SELECT pg_switch_wal()")
            database.execute("CHECKPOINT")
            return bool(
                database.value(
                    "SELECT wal_status = 'lost' FROM pg_replication_slots WHERE slot_name = %s", (capture.slot,)
                )
            )

        wait_until(lost, 60, "the server gives the slot up")
        with pytest.raises(DataLossError, match="given up"):
            capture.open()


def test_a_slot_left_from_an_unfinished_start_is_made_anew(database: Database, capture: Capture) -> None:
    """Without a stored position nothing was delivered from it."""
    capture.close()
    database.execute("INSERT INTO t VALUES (1, 'a')")
    again = Capture(database)
    _free(capture)
    with again:
        assert again.load("t") == [({"id": 1}, {"id": 1, "name": "a"})]
        assert again.changes() == []


def test_a_slot_in_use_is_refused(database: Database, capture: Capture) -> None:
    with pytest.raises(RefusedError, match="in use by server process"):
        Capture(database).open()


def test_a_slot_that_a_cut_off_session_still_holds_is_waited_for(
    database: Database, capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server does not see that the network was cut."""
    monkeypatch.setattr(opening, "SLOT_SECONDS", 0.5)
    capture.catch_up()
    database.execute("INSERT INTO t VALUES (1, 'a')")
    again = Capture(database, state=dict(capture.state))
    with pytest.raises(UnreachableError, match=r"in use by server process.*is ended after a minute"):
        again.open()
    monkeypatch.setattr(opening, "SLOT_SECONDS", 10)
    freeing = threading.Timer(0.5, capture.close)
    freeing.start()
    with again:
        freeing.join()
        assert [event.key["id"] for event in again.catch_up()] == [1]


def test_a_slot_whose_reader_sleeps_is_taken(
    database: Database, capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "SLOT_SECONDS", 0.5)
    capture.catch_up()
    database.execute("INSERT INTO t VALUES (1, 'a')")
    monkeypatch.setattr(slot_module, "SILENT_SECONDS", 1)
    silent = (
        "SELECT reply_time < clock_timestamp() - interval '1.2 s' FROM pg_stat_replication JOIN pg_replication_slots"
    )
    query = f"{silent} ON pid = active_pid WHERE slot_name = %s"
    wait_until(lambda: database.value(query, (capture.slot,)), 10, "nothing is heard of the reader")
    with Capture(database, state=dict(capture.state)) as again:
        assert [event.key["id"] for event in again.catch_up()] == [1]
    with pytest.raises(UnreachableError):
        capture.catch_up()


def test_a_slot_of_another_database_is_refused(database: Database, capture: Capture) -> None:
    capture.close()
    _free(capture)
    database.execute("SELECT pg_drop_replication_slot(%s)", (capture.slot,))
    with database.server.database("other") as other:
        other.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (capture.slot,))
        with pytest.raises(RefusedError, match="another's"):
            Capture(database).open()


def test_wrong_logins_are_one_clear_line(database: Database) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    role = f"poor_{database.name}"
    database.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'right'")
    try:
        cases: list[tuple[str, type[TailraceError], str]] = [
            (database.url_as(role, "wrong-secret"), RefusedError, "password authentication failed"),
            (database.url_as(role, "right"), RefusedError, "(?i)replication"),
            ("postgresql://nobody@127.0.0.1:1/x", UnreachableError, "refused"),
            (database.url.replace(database.name, "nosuch"), RefusedError, "does not exist"),
        ]
        for url, kind, text in cases:
            with pytest.raises(kind, match=text) as caught:
                Capture(database, url=url).open()
            assert "\n" not in str(caught.value)
            assert "secret" not in str(caught.value)
        for bad, text in (({"tls": {"mode": "require"}}, "SSL"), ({"tls": {"mode": "verify-full"}}, "SSL")):
            with pytest.raises(RefusedError, match=text):
                Capture(database, options=bad).open()
    finally:
        database.execute(f"DROP ROLE {role}")


def test_a_server_without_a_free_slot_is_refused_and_one_without_a_free_sender_is_waited_for() -> None:
    with (
        start("postgres15", {"max_replication_slots": 1, "max_wal_senders": 1}) as server,
        server.database("pg") as database,
        server.database("other") as other,
    ):
        for each in (database, other):
            each.execute("CREATE TABLE t (id int PRIMARY KEY)")
        first, second = Capture(database), Capture(other)
        with first, pytest.raises(UnreachableError, match=r"max_wal_senders.*once another replication connection ends"):
            second.open()
        _free(first)
        with pytest.raises(RefusedError, match=r"slots are in use.*drop a slot.*max_replication_slots"):
            second.open()
        database.execute("SELECT pg_drop_replication_slot(%s)", (first.slot,))
        with second:
            other.execute("INSERT INTO t VALUES (1)")
            assert [event.key["id"] for event in second.catch_up()] == [1]


def test_a_transaction_timeout_of_the_servers_ends_no_session_of_ours(postgres18: Any) -> None:
    with postgres18.database("pg") as database:
        database.execute(f"ALTER DATABASE \"{database.name}\" SET transaction_timeout = '10min'")
        settings = PostgresSourceSettings.model_validate({"connector": "postgres", "url": database.url})
        for replication in (False, True):
            connection = Connection(settings, replication=replication)
            assert connection.value("SHOW transaction_timeout") == "0"
            connection.close()


def test_wal_level_replica_is_refused_with_its_fix() -> None:
    with start("postgres15", {"wal_level": "replica"}) as server, server.database("pg") as database:
        database.execute("CREATE TABLE t (id int PRIMARY KEY)")
        with pytest.raises(RefusedError, match="ALTER SYSTEM SET wal_level"):
            Capture(database).open()


def test_teardown_names_and_drops_what_open_made(database: Database, capture: Capture) -> None:
    with pytest.raises(RefusedError, match="in use"):
        capture.create().teardown(None, dry_run=False)
    capture.close()
    source = capture.create()
    _free(capture)
    expected = [
        f"replication slot {capture.slot}",
        f"publication {capture.publication}",
        f"publication {capture.publication}_inserts",
    ]
    assert source.teardown(None, dry_run=True) == expected
    assert database.value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s", (capture.slot,)) == 1
    assert source.teardown(None, dry_run=False) == expected
    assert source.teardown(None, dry_run=False) == []
    assert database.value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s", (capture.slot,)) == 0
    assert database.value("SELECT count(*) FROM pg_publication") == 0
    source.close()


def test_acknowledging_alone_keeps_the_session(database: Database, capture: Capture) -> None:
    """Nobody reads for a while (a publish that waits): the session is kept by acknowledging alone."""
    capture.catch_up()
    database.execute("INSERT INTO t VALUES (1, 'a')")
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        capture.source.acknowledge(capture.position)
        time.sleep(0.2)
    assert [event.key["id"] for event in capture.catch_up()] == [1]
