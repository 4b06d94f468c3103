"""Positions in MySQL and MariaDB, and servers that fail or refuse."""

from __future__ import annotations

import gc
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from tailrace import answers
from tailrace.errors import DataLossError, OwnershipLostError, RefusedError, TransactionConflictError, UnreachableError
from tailrace.stream import Partition
from tailrace_mysql import sink as sink_module
from tailrace_mysql import sink_connection, sink_sleepers
from tailrace_mysql.connection import Connector
from tailrace_mysql.settings import MySQLSinkSettings, MySQLSourceSettings
from tailrace_mysql.sink_tables import Tables
from tests.faults import proxy
from tests.servers import unique_name, wait_until
from tests.servers.sql import Database
from tests.sinks import PARTITION, STREAM, Applied, target, upserts
from tests.sinks.mysql import USERS, MakeSink, is_mariadb
from tests.sinks.sharing import (
    a_worker_that_sleeps_in_a_transaction_gives_way,
    every_table_that_was_written_must_be_its_worker_s,
    workers_own_their_topics,
)


def test_rows_and_positions_are_one_transaction(make_sink: MakeSink, database: Database) -> None:
    first = Applied(make_sink())
    first.ensure(USERS)
    first(upserts(USERS, {"id": 1, "name": "a", "age": 1}))
    first.sink.apply([upserts(USERS, {"id": 2, "name": "b", "age": 2})])
    with closing(make_sink()) as second:
        first.sink.close()  # as in a crash
        assert second.open(STREAM) == {PARTITION: 2}
        assert [row["id"] for row in second.rows(USERS)] == [1]


def test_a_worker_that_was_replaced_rolls_back(make_sink: MakeSink) -> None:
    old = Applied(make_sink())
    old.ensure(USERS)
    new = Applied(make_sink())
    assert new.offset == old.offset
    new.ensure(USERS)
    old.sink.apply([upserts(USERS, {"id": 1, "name": "old", "age": 1})])
    with pytest.raises(OwnershipLostError, match="sink wh of pipeline shop"):
        old.commit()
    new(upserts(USERS, {"id": 2, "name": "new", "age": 1}))
    assert [row["name"] for row in new.rows(USERS)] == ["new"]


def test_two_workers_that_start_with_nothing(make_sink: MakeSink) -> None:
    old, new = make_sink(), make_sink()
    assert old.open(STREAM) == {} == new.open(STREAM)
    with pytest.raises(OwnershipLostError):
        old.commit({Partition("a", 0): 5})
    new.commit({Partition("b", 0): 7})
    new.commit({})
    assert make_sink().open(STREAM) == {Partition("b", 0): 7}


def test_positions_of_another_stream_are_refused(make_sink: MakeSink) -> None:
    Applied(make_sink()).commit()
    with pytest.raises(DataLossError, match="another stream"):
        make_sink().open("stream-2")
    assert make_sink().open(STREAM) == {PARTITION: 1}


def test_sinks_have_their_own_positions_and_teardown(make_sink: MakeSink, database: Database) -> None:
    one, two = Applied(make_sink(name="one")), Applied(make_sink(name="two"))
    one.commit()
    two.commit()
    with closing(make_sink(name="one")) as sink:
        assert len(sink.teardown(dry_run=True)) == 1
        assert len(sink.teardown(dry_run=False)) == 1
        assert sink.teardown(dry_run=False) == []
    two.commit()
    assert database.value("SELECT COUNT(*) FROM _tailrace_positions") == 2
    with closing(make_sink(name="two")) as sink:
        assert "sink two" in sink.teardown(dry_run=False)[0]
    assert database.query("SHOW TABLES") == []


def test_another_database_by_schema(make_sink: MakeSink, database: Database) -> None:
    with database.server.database("other") as other:
        applied = Applied(make_sink(url=database.url, schema=other.name))
        applied.ensure(USERS)
        applied(upserts(USERS, {"id": 1, "name": "a", "age": 1}))
        assert other.value("SELECT name FROM users") == "a"
        assert database.query("SHOW TABLES") == []
        applied.sink.close()


def test_a_lost_deadlock_is_a_conflict(applied: Applied, database: Database) -> None:
    applied.ensure(USERS)
    applied(upserts(USERS, *({"id": n, "name": "a", "age": n} for n in range(10))))
    rival = database.connect(autocommit=False)
    with rival.cursor() as cursor:
        # Heavier, so that the sink is the victim.
        cursor.execute("UPDATE users SET name = 'rival' WHERE id BETWEEN 2 AND 9")
        applied.sink.apply([upserts(USERS, {"id": 1, "name": "sink", "age": 1})])
        rival._execute_command(3, "UPDATE users SET name = 'rival' WHERE id = 1")  # sent, not awaited
        wait_for_lock(database)
        with pytest.raises(TransactionConflictError):
            applied.sink.apply([upserts(USERS, {"id": 2, "name": "sink", "age": 2})])
        applied.sink.rollback()
        rival._read_query_result()
    rival.commit()
    applied(upserts(USERS, {"id": 2, "name": "sink", "age": 2}))
    assert [row["name"] for row in applied.rows(USERS)][:3] == ["a", "rival", "sink"]


def wait_for_lock(database: Database) -> None:
    def waiting() -> bool:
        return bool(database.value("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"))

    wait_until(waiting, 20, "the rival waits for the sink's row")


def test_what_no_peer_acknowledges_ends_the_connection_soon(applied: Applied, database: Database) -> None:
    sink: Any = applied.sink
    settings = MySQLSourceSettings.model_validate({"connector": "mysql", "url": database.url})
    with closing(Connector(settings).connect()) as source:
        for connection in (sink._work, sink._ddl, source):
            milliseconds = connection._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert milliseconds == 30_000


def test_a_killed_connection_is_unreachable(applied: Applied, database: Database) -> None:
    applied.ensure(USERS)
    for (number,) in database.query(
        "SELECT id FROM information_schema.processlist WHERE db = %s AND id <> CONNECTION_ID()", (database.name,)
    ):
        database.execute(f"KILL {number}")
    with pytest.raises(UnreachableError):
        applied(upserts(USERS, {"id": 1, "name": "a", "age": 1}))
    applied.sink.rollback()
    again = Applied(applied.sink)
    again.ensure(USERS)
    again(upserts(USERS, {"id": 1, "name": "a", "age": 1}))
    assert len(again.rows(USERS)) == 1


def test_an_abandoned_read_leaves_nothing_behind(applied: Applied) -> None:
    applied.ensure(USERS)
    applied(upserts(USERS, *({"id": n, "name": "x" * 100, "age": n} for n in range(20_000))))
    reading = applied.sink.rows(USERS)
    assert next(reading)["id"] == 0
    del reading
    gc.collect()
    assert sum(1 for _ in applied.sink.rows(USERS)) == 20_000
    assert list(applied.sink.rows(target("missing", USERS.columns))) == []


def test_refusals_are_one_clear_line(make_sink: MakeSink, database: Database) -> None:
    user, password = unique_name("u")[:30], "s3cr'et\\ü𝄞"
    database.execute(f"CREATE USER {user}@'%%' IDENTIFIED BY %s", (password,))
    try:
        good, wrong = database.url_as(user, password), database.url_as(user, "wrong-secret")
        with pytest.raises(RefusedError, match="password") as caught:
            make_sink(url=wrong).open(STREAM)
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)
        with pytest.raises(RefusedError, match="may not use the database"):
            make_sink(url=good).open(STREAM)
        database.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON `{database.name}`.* TO {user}@'%'")
        with pytest.raises(RefusedError, match="privilege"):
            make_sink(url=good).open(STREAM)
        findings = {finding.name: finding for finding in make_sink(url=good).check()}
        assert findings["connection"].ok
        assert findings["grants"].ok is False
        assert "CREATE, ALTER, DROP" in findings["grants"].fix
        database.execute(findings["grants"].fix.replace(user + "@%", user + "@'%'"))
        assert all(finding.ok for finding in make_sink(url=good).check())
        assert make_sink(url=good).open(STREAM) == {}
    finally:
        database.execute(f"DROP USER {user}@'%'")
    with pytest.raises(RefusedError, match="does not exist"):
        make_sink(url=database.url + "_missing").open(STREAM)
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1/"):
        make_sink(url="mysql://root@127.0.0.1:1/x").open(STREAM)
    assert [finding.ok for finding in make_sink(url="mysql://root@127.0.0.1:1/x").check()] == [False]


def test_connections_are_encrypted_and_checked_as_the_file_says(make_sink: MakeSink, database: Database) -> None:
    if is_mariadb(database):  # the distribution's server has no certificate
        with pytest.raises(RefusedError, match="TLS failed"):
            make_sink(tls={"mode": "require"}).open(STREAM)
        return
    sink = make_sink(tls={"mode": "require"})
    sink.open(STREAM)
    ciphers = database.query(
        "SELECT variable_value FROM performance_schema.status_by_thread "
        "JOIN performance_schema.threads USING (thread_id) "
        "WHERE variable_name = 'Ssl_cipher' AND processlist_db = %s AND processlist_id <> CONNECTION_ID()",
        (database.name,),
    )
    assert len(ciphers) == 2
    assert all(cipher for (cipher,) in ciphers)
    with pytest.raises(RefusedError, match="CERTIFICATE_VERIFY_FAILED"):
        make_sink(tls={"mode": "verify-full"}).open(STREAM)


def test_workers_that_share_the_sink_own_their_topics(make_sink: MakeSink) -> None:
    workers_own_their_topics(make_sink)
    every_table_that_was_written_must_be_its_worker_s(make_sink)


@pytest.fixture
def _soon_asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_module, "_LOCK_SECONDS", 1)
    monkeypatch.setattr(sink_sleepers, "ASLEEP_SECONDS", 1)


@pytest.mark.usefixtures("_soon_asleep")
def test_a_worker_that_sleeps_in_a_transaction_gives_way(make_sink: MakeSink) -> None:
    a_worker_that_sleeps_in_a_transaction_gives_way(make_sink)


@pytest.mark.usefixtures("_soon_asleep")
def test_a_worker_that_wakes_up_before_a_ddl_statement_does_not_send_it(
    make_sink: MakeSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper, late, successor = make_sink(), make_sink(), make_sink()
    with monkeypatch.context() as patched:
        patched.setattr(sink_sleepers, "ASLEEP_SECONDS", 60)  # a slow machine: the late one is not taken for asleep
        late.open(STREAM, {USERS.topic})
        sleeper.open(STREAM, {USERS.topic})
        sleeper.ensure(USERS, None)
        sleeper.commit({})
        with pytest.raises(OwnershipLostError):
            late.drop(USERS)

    asleep, awake = threading.Event(), threading.Event()
    drop = Tables.drop

    def dropped_later(tables: Tables, name: str) -> None:
        asleep.set()
        assert awake.wait(60)
        drop(tables, name)

    with monkeypatch.context() as patched, ThreadPoolExecutor(1) as threads:
        patched.setattr(Tables, "drop", dropped_later)
        dropping = threads.submit(sleeper.drop, USERS)
        try:
            assert asleep.wait(10)

            def opened() -> bool:
                try:
                    successor.open(STREAM, {USERS.topic})
                except TransactionConflictError:
                    return False
                return True

            wait_until(opened, 20, "the successor has the topic")
            successor.ensure(USERS, None)
            successor.apply([upserts(USERS, {"id": 1, "name": "a", "age": 1})])
            successor.commit({Partition(USERS.topic, 0): 1})
        finally:
            awake.set()
        with pytest.raises(UnreachableError):
            dropping.result(10)
    assert len(list(successor.rows(USERS))) == 1
    # Outside of a transaction the check for it holds no lock.
    successor.drop(USERS)
    assert make_sink().open(STREAM, {USERS.topic}) == {Partition(USERS.topic, 0): 1}


@pytest.mark.usefixtures("_soon_asleep")
def test_locks_of_an_earlier_session_that_was_cut_off_are_let_go(make_sink: MakeSink) -> None:
    """The server itself would keep them for hours."""
    row = upserts(USERS, {"id": 1, "name": "a", "age": 1})
    cut_off = Applied(make_sink())
    cut_off.ensure(USERS)
    cut_off.sink.apply([row])
    again = Applied(make_sink())
    again.ensure(USERS)
    with pytest.raises(TransactionConflictError):
        again.sink.apply([row])
    again.sink.rollback()
    again(row)
    assert len(again.rows(USERS)) == 1
    with pytest.raises(UnreachableError):
        cut_off.commit()


def test_an_answer_that_will_not_come_is_given_up_and_a_long_statement_is_not(
    applied: Applied, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "LONG_SECONDS", 0.5)
    monkeypatch.setattr(sink_connection, "_ANSWERED_SECONDS", 1)
    sink: Any = applied.sink
    sink._execute("DO SLEEP(3)")
    # What a firewall does that has forgotten the connection.
    with proxy.start("127.0.0.1", database.server.port) as link:
        through = database.url.replace(f":{database.server.port}/", f":{link.port}/")
        target = sink_connection.Target(
            MySQLSinkSettings.model_validate({"name": "wh", "connector": "mysql", "url": through})
        )
        with closing(target.connect()) as querying, closing(target.connect()) as committing:
            for session in (querying, committing):
                session.watch(target)
                session.query("DO 1")
            link.mode("forgotten")
            will_not_come = r"no answer for .* s, and the server has nothing left to do"
            with pytest.raises(UnreachableError, match=will_not_come):
                querying.query("DO 2")
            with pytest.raises(UnreachableError, match=will_not_come):
                committing.commit()
