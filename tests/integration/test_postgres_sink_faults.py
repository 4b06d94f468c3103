"""The PostgreSQL sink when transactions fail, servers go away, and somebody is not allowed to."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.apply.targets import target_of
from tailrace.errors import (
    DataLossError,
    OwnershipLostError,
    RefusedError,
    TailraceError,
    TransactionConflictError,
    UnreachableError,
    ValueRefusedError,
)
from tailrace.schema import Column, Kind, Type
from tailrace.stream import Partition
from tailrace.testing import MemoryStream
from tailrace_postgres import sink_connection, sink_sleepers
from tests import servers
from tests.faults import proxy
from tests.integration.sink_rig import (
    ID,
    POSTGRES_KINDS,
    Rig,
    differences,
    table_of_kinds,
    upserts,
)
from tests.integration.test_postgres_sink import A, B, sink_at
from tests.servers import Database, wait_until
from tests.sinks.sharing import (
    a_worker_that_sleeps_in_a_transaction_gives_way,
    every_table_that_was_written_must_be_its_worker_s,
    workers_own_their_topics,
)

USERS = "SELECT id, a FROM users ORDER BY id"


@pytest.fixture
def database(postgres15: servers.Postgres) -> Iterator[Database]:
    with postgres15.database() as database:
        yield database


@pytest.fixture
def rig(database: Database) -> Rig:
    return Rig(lambda: sink_at(database.url))


# ---- transactions and positions


def test_nothing_of_a_failed_transaction_stays_not_even_its_table(database: Database, rig: Rig) -> None:
    table = rig.script.table("shop.users", [ID, Column(2, "d", Type(Kind.DATE, "date"))], "mysql")
    with rig.script.transaction():
        table.insert({"id": 1, "d": None})
        table.insert({"id": 2, "d": "0000-00-00"})
    with pytest.raises(ValueRefusedError):
        rig.apply()
    assert database.value("SELECT to_regclass('users')") is None
    assert database.query("SELECT topic, partition FROM _tailrace_positions") == [("", -1)]


def test_two_owners_and_a_moved_position_are_noticed(database: Database) -> None:
    first, second = sink_at(database.url), sink_at(database.url)
    first.open("one")
    second.open("one")
    with pytest.raises(OwnershipLostError):
        first.commit({Partition("", 0): 1})
    second.commit({Partition("t", 0): 1, Partition("t", 1): 1})
    second.commit({Partition("t", 1): 2, Partition("u", 0): 1})
    database.execute("UPDATE _tailrace_positions SET next_offset = 7 WHERE topic = 't' AND partition = 0")
    with pytest.raises(OwnershipLostError):
        second.commit({Partition("t", 0): 2})
    first.close()
    second.close()
    third = sink_at(database.url)
    assert third.open("one") == {Partition("t", 0): 7, Partition("t", 1): 2, Partition("u", 0): 1}
    third.close()
    with contextlib.closing(sink_at(database.url)) as other, pytest.raises(DataLossError, match="another stream"):
        other.open("two")


def test_teardown_takes_the_positions_and_leaves_the_rows(database: Database, rig: Rig) -> None:
    rig.script.table("public.users", [ID, A]).insert({"id": 1, "a": "x"})
    rig.apply()
    sink = sink_at(database.url)
    assert len(sink.teardown(dry_run=True)) == 1
    assert len(sink.teardown(dry_run=False)) == 1
    assert sink.teardown(dry_run=False) == []
    assert database.value("SELECT to_regclass('_tailrace_positions')") is None
    assert database.query(USERS) == [(1, "x")]


def test_work_applied_again_changes_nothing(database: Database, rig: Rig) -> None:
    target = target_of(rig.script.table("public.users", [ID, A]).versions)
    for _ in range(2):
        sink = sink_at(database.url)
        sink.open("one")
        sink.ensure(target, None)
        sink.apply([upserts(target, *({"id": key, "a": "x"} for key in range(100)))])
        sink.commit({})
        sink.close()
    assert database.value("SELECT count(*) FROM users") == 100


def test_a_deadlock_applies_the_transaction_again(database: Database, rig: Rig) -> None:
    database.execute(f"ALTER DATABASE {database.name} SET deadlock_timeout = '1s'")
    table = rig.script.table("public.users", [ID, A])
    table.load([{"id": key, "a": "x"} for key in range(2)])
    rig.apply()
    other = database.connect(autocommit=False)
    cursor = other.cursor()
    cursor.execute("SET deadlock_timeout = '60s'")  # the sink looks first, and so is the one to give way
    cursor.execute("UPDATE users SET a = 'mine' WHERE id = 1")
    with rig.script.transaction():
        table.update({"id": 0, "a": "x"}, {"id": 0, "a": "y"})
        table.update({"id": 1, "a": "x"}, {"id": 1, "a": "y"})
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with rig.running():
        wait_until(lambda: database.value(waiting) == 1, 10, "the sink waits for our row")
        cursor.execute("UPDATE users SET a = 'mine' WHERE id = 0")
        other.rollback()
        wait_until(lambda: database.query(USERS) == [(0, "y"), (1, "y")], 20, "the sink's transaction is there")
    lost = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    wait_until(lambda: database.value(lost) == 1, 10, "the server has counted a deadlock")
    assert not any(report.state == "retrying" for report in rig.reports.all)


def test_locks_of_an_earlier_session_that_was_cut_off_are_let_go(
    database: Database, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sink_connection._OWN, "lock_timeout", "500ms")
    monkeypatch.setattr(sink_sleepers, "ASLEEP_SECONDS", 0.2)
    target = target_of(rig.script.table("public.users", [ID, A]).versions)
    cut_off, sink = sink_at(database.url), sink_at(database.url)
    for each in (cut_off, sink):
        each.open("one")
        each.ensure(target, None)
        each.commit({})
    cut_off.apply([upserts(target, {"id": 1, "a": "x"})])
    with pytest.raises(TransactionConflictError):
        sink.apply([upserts(target, {"id": 1, "a": "x"})])
    sink.rollback()
    sink.apply([upserts(target, {"id": 1, "a": "x"})])
    sink.commit({})
    assert database.query(USERS) == [(1, "x")]
    with pytest.raises(UnreachableError):
        cut_off.commit({})
    cut_off.close()
    sink.close()


def test_an_answer_that_will_not_come_is_given_up_and_a_long_statement_is_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tailrace import answers
    from tailrace_postgres import sink_connection

    monkeypatch.setattr(answers, "LONG_SECONDS", 0.5)
    monkeypatch.setattr(sink_connection, "_DOUBT", sink_connection._DOUBT.replace("30 s", "1 s"))
    # What a firewall does that has forgotten the connection.
    with proxy.start("127.0.0.1", database.server.port) as link:
        sink: Any = sink_at(database.url.replace(f":{database.server.port}/", f":{link.port}/"))
        sink.open("one")
        sink._cursor.execute("SELECT pg_sleep(3)")
        sink.rollback()
        link.mode("forgotten")
        with pytest.raises(UnreachableError, match=r"no answer for .* s, and the server has nothing left to do"):
            sink.commit({})
        sink.close()


def test_a_locked_table_is_tried_again(database: Database, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    from tailrace_postgres import sink_connection

    monkeypatch.setitem(sink_connection._OWN, "lock_timeout", "100ms")
    target = target_of(rig.script.table("public.users", [ID, A]).versions)
    sink = sink_at(database.url)
    sink.open("one")
    sink.ensure(target, None)
    sink.commit({})
    other = database.connect(autocommit=False)
    with contextlib.closing(other), other.cursor() as cursor:
        cursor.execute("LOCK TABLE users")
        with pytest.raises(TransactionConflictError):
            sink.apply([upserts(target, {"id": 1, "a": "x"})])
    sink.close()


# ---- servers that go away, and refusals


def test_a_server_that_restarts_or_ends_the_session_is_waited_for() -> None:
    with servers.start("postgres15", {"max_connections": "20"}) as server, server.database() as database:
        rig = Rig(lambda: sink_at(database.url))
        table = rig.script.table("public.users", [ID, A])
        with rig.running():
            table.insert({"id": 1, "a": "x"})
            wait_until(lambda: database.query(USERS) == [(1, "x")], 15, "the first row")
            database.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'tailrace%'"
            )
            table.insert({"id": 2, "a": "x"})
            wait_until(lambda: database.query("SELECT count(*) FROM users") == [(2,)], 15, "the second row")
            server.kill()
            table.insert({"id": 3, "a": "x"})
            wait_until(lambda: rig.reports.all[-1].state == "retrying", 15, "it says so")
            server.relaunch()
            wait_until(lambda: database.query("SELECT count(*) FROM users") == [(3,)], 60, "the third row")
            wait_until(lambda: rig.reports.all[-1].state == "streaming", 15, "well again")
        assert rig.reports.all[-1].error == ""


def wrong_password(database: Database) -> str:
    database.execute("CREATE ROLE tailrace_wrong LOGIN PASSWORD 'right'")
    return database.url_as("tailrace_wrong", "s3cret-wrong")


def no_database(database: Database) -> str:
    return database.url + "_missing"


def no_privilege(database: Database) -> str:
    database.execute("CREATE ROLE tailrace_poor LOGIN PASSWORD 'poor'")
    database.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    return database.url_as("tailrace_poor", "poor")


@pytest.mark.parametrize(
    ("prepare", "error", "message"),
    [
        (wrong_password, RefusedError, "password authentication failed"),
        (no_database, RefusedError, "does not exist"),
        (no_privilege, RefusedError, "permission denied for schema public"),
    ],
)
def test_refusals_are_one_clear_line(
    database: Database, prepare: Callable[[Database], str], error: type[TailraceError], message: str
) -> None:
    url = prepare(database)
    try:
        rig = Rig(lambda: sink_at(url))
        with pytest.raises(error, match=message) as raised:
            rig.apply()
        assert "s3cret" not in str(raised.value)
        assert "\n" not in str(raised.value)
        assert [finding for finding in sink_at(url).check() if finding.ok is False]
    finally:
        database.execute("DROP ROLE IF EXISTS tailrace_wrong")
        database.execute("DROP ROLE IF EXISTS tailrace_poor")


def test_nobody_at_that_address_is_unreachable() -> None:
    with pytest.raises(UnreachableError, match="refused"):
        Rig(lambda: sink_at("postgresql://app@127.0.0.1:1/x")).apply()
    assert [finding.ok for finding in sink_at("postgresql://app@127.0.0.1:1/x").check()] == [False]


def test_a_user_who_may_only_make_tables_suffices(database: Database) -> None:
    database.execute("CREATE ROLE tailrace_plain LOGIN PASSWORD 'plain'")
    try:
        database.execute("GRANT CREATE, USAGE ON SCHEMA public TO tailrace_plain")
        url = database.url_as("tailrace_plain", "plain")
        rig = Rig(lambda: sink_at(url))
        table = rig.script.table("public.users", [ID, A])
        table.load([{"id": key, "a": "x"} for key in range(100)])
        table.truncate()
        table.load([{"id": key, "a": "x"} for key in range(3)])
        rig.apply()
        assert len(rig.rows(table)) == 3
        assert all(finding.ok for finding in sink_at(url).check())
        database.execute("CREATE TABLE other (id bigint REFERENCES users)")
        assert [finding.name for finding in sink_at(url).check() if not finding.ok] == ["triggers"]
    finally:
        database.execute("DROP OWNED BY tailrace_plain CASCADE")
        database.execute("DROP ROLE tailrace_plain")


def test_check_of_a_good_target_makes_nothing(database: Database) -> None:
    findings = sink_at(database.url, schema="new").check()
    assert [finding for finding in findings if not finding.ok] == []
    assert database.value("SELECT to_regnamespace('new')") is None


def test_settings_of_role_and_database_do_not_change_values(database: Database) -> None:
    for setting in (
        "DateStyle = 'German'",
        "IntervalStyle = 'sql_standard'",
        "TimeZone = 'Asia/Kathmandu'",
        "bytea_output = 'escape'",
        "extra_float_digits = -10",
        "standard_conforming_strings = off",
        "default_transaction_read_only = on",
    ):
        database.execute(f"ALTER DATABASE {database.name} SET {setting}")
    rig = Rig(lambda: sink_at(database.url))
    table, rows = table_of_kinds(rig.script, "public.kinds", POSTGRES_KINDS, "postgresql")
    table.load(rows)
    rig.apply()
    assert differences(rig.rows(table), rows) == []


def test_topics_of_several_partitions(database: Database) -> None:
    rig = Rig(lambda: sink_at(database.url), MemoryStream(partitions=3, markers=True))
    table = rig.script.table("public.users", [ID, A])
    for key in range(50):
        table.insert({"id": key, "a": "x"})
    table.truncate()
    table.alter([ID, A, B])
    for key in range(50):
        table.insert({"id": key, "a": "x", "b": key})
    rig.apply()
    assert database.query("SELECT count(*), sum(b) FROM users") == [(50, 1225)]


KILLED = """
import sys
from tests.integration.sink_rig import ID, Rig
from tests.integration.test_postgres_sink import A, sink_at
rig = Rig(lambda: sink_at(sys.argv[1]))
rig.stream.stream_id = "fixed"
users = rig.script.table("public.users", [ID, A])
for start in range(0, 200_000, 100):
    with rig.script.transaction():
        for key in range(start, start + 100):
            users.insert({"id": key, "a": "x"})
rig.memory = 1
rig.apply()
"""


def test_a_killed_worker_leaves_whole_transactions_and_their_position(database: Database) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, database.url], cwd=Path(__file__).parents[2])

    def some() -> bool:
        return (
            bool(database.value("SELECT to_regclass('users')")) and database.value("SELECT count(*) FROM users") > 1000
        )

    try:
        wait_until(some, 30, "rows arrive")
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    # Its last commit may still be under way in the server.
    sink = sink_at(database.url)
    position = sink.open("fixed")[Partition("", 0)]
    sink.close()
    count = database.value("SELECT count(*) FROM users")
    assert count == position
    assert count % 100 == 0
    assert 0 < count < 200_000


def test_workers_that_share_the_sink_own_their_topics(database: Database) -> None:
    workers_own_their_topics(lambda: sink_at(database.url))
    every_table_that_was_written_must_be_its_worker_s(lambda: sink_at(database.url))


def test_a_worker_that_sleeps_in_a_transaction_gives_way(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sink_connection._OWN, "lock_timeout", "1s")
    monkeypatch.setattr(sink_sleepers, "ASLEEP_SECONDS", 0.5)
    a_worker_that_sleeps_in_a_transaction_gives_way(lambda: sink_at(database.url))
