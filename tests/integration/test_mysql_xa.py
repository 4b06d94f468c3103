"""Transactions prepared by XA on real servers: held until their outcome, over restarts, and at a first start."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import orjson
import pymysql
import pytest

from tailrace.errors import DataLossError, UnreachableError
from tailrace_mysql import first_start, xa
from tailrace_mysql import source as source_module
from tailrace_mysql.restart import Restart
from tailrace_mysql.views import open_view
from tests import servers
from tests.capture.chunks import read_chunk
from tests.integration.mysql_capture import Capture, capturing, create_t, log_events, log_place
from tests.servers import Database

ENGINES = ["mariadb", "mysql", "mysql_defaults"]


class Branches:
    """Transactions of XA on one database, each on a connection of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._open: dict[str, Any] = {}

    def run(self, name: str, *statements: str) -> None:
        """On the connection of `name`; ``{x}`` is the transaction's name in SQL."""
        connection = self._open.get(name)
        if connection is None:
            connection = self._open[name] = self.database.connect()
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement.replace("{x}", f"'{self.database.name}','{name}'"))

    def prepare(self, name: str, *statements: str) -> None:
        self.run(name, "XA START {x}", *statements, "XA END {x}", "XA PREPARE {x}")

    def commit(self, name: str) -> None:
        self.run(name, "XA COMMIT {x}")

    def rollback(self, name: str) -> None:
        self.run(name, "XA ROLLBACK {x}")

    def detach(self, name: str) -> None:
        """The client goes away; the transaction stays."""
        self._open.pop(name).close()

    def commit_detached(self, name: str) -> None:
        """From another connection, which has to wait until the server has seen that the client went away."""

        def committed() -> bool:
            self.database.execute(f"XA COMMIT '{self.database.name}','{name}'")
            return True

        servers.wait_until(committed, 30, "the server gives the transaction to another client")

    def close(self) -> None:
        """Whatever is undecided ends, so that the database can be dropped."""
        for name in list(self._open):
            with suppress(pymysql.MySQLError):
                self.rollback(name)
            self.detach(name)
        with suppress(pymysql.MySQLError):
            for _, first, _, data in self.database.query("XA RECOVER"):
                text = data.decode() if isinstance(data, bytes) else str(data)
                if text.startswith(self.database.name):
                    self.database.execute(f"XA ROLLBACK '{text[:first]}','{text[first:]}'")


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database on each kind of server: MariaDB, MySQL with GTIDs and full metadata, MySQL with neither."""
    with request.getfixturevalue(request.param).database() as found:
        yield found


@pytest.fixture
def branches(database: Database) -> Iterator[Branches]:
    create_t(database)
    found = Branches(database)
    try:
        yield found
    finally:
        found.close()


def keys(capture: Capture) -> list[int]:
    return [after["id"] for _, _, _, after in capture.brief() if after]


def insert(*ids: int) -> str:
    return "INSERT INTO t VALUES " + ", ".join(f"({number}, 'x', 1)" for number in ids)


def go_on(capture: Capture) -> None:
    """MySQL's lack of a log is found when the source is opened, MariaDB's when the log is asked for."""
    capture.open()
    capture.catch_up()


def held(capture: Capture) -> Restart | None:
    assert capture.position is not None
    return Restart.from_text(capture.position.restart).held


def test_changes_come_when_they_are_committed(database: Database, branches: Branches) -> None:
    database.execute("CREATE TABLE other (id INT PRIMARY KEY)")
    database.execute(insert(100))
    with capturing(database, settings={"exclude": [f"{database.name}.other"]}) as capture:
        branches.prepare("elsewhere", "INSERT INTO other VALUES (1)")
        assert keys(capture) == []
        assert held(capture) is None
        branches.prepare(
            "a", insert(1, 2), "INSERT INTO other VALUES (2)", "UPDATE t SET a = 'y' WHERE id = 2", insert(3)
        )
        branches.prepare("b", insert(4), "DELETE FROM t WHERE id = 100")
        branches.prepare("c", insert(5))
        database.execute(insert(6))
        assert keys(capture) == [6]
        branches.rollback("b")
        branches.commit("elsewhere")
        branches.commit("c")
        database.execute(insert(7))
        assert keys(capture) == [5, 7]
        assert held(capture) is not None
        branches.detach("a")
        branches.commit_detached("a")
        events = [event for event in capture.catch_up() if event.value]
        assert [(event.op, event.value["after"]["id"]) for event in events if event.value] == [
            *(("c", 1), ("c", 2), ("u", 2), ("c", 3)),
        ]
        assert held(capture) is None
        ordinals = [int(event.source["tailrace_seq"].split("-")[2], 16) >> 26 for event in events]
        assert ordinals == [1, 1, 3, 4]
        assert [event.source["tx_end"] for event in events] == [False, False, False, True]
        assert len({event.source["gtid"] for event in events}) == 1
        sequences = [event.source["tailrace_seq"] for event in capture.events if event.value]
        assert sequences == sorted(set(sequences))
        branches.run("d", "XA START {x}", insert(8), "XA END {x}", "XA COMMIT {x} ONE PHASE")
        branches.run("d", "XA START {x}", insert(9), "XA END {x}", "XA ROLLBACK {x}")
        assert keys(capture) == [8]


def test_restarts_while_transactions_wait(database: Database, branches: Branches) -> None:
    """Wherever capture stops, what comes is what would have come."""
    database.execute("CREATE TABLE u (id INT PRIMARY KEY)")
    with capturing(database) as capture:
        capture.flush()
        database.execute(insert(10))
        branches.prepare("a", insert(1))
        database.execute(insert(11))
        branches.prepare("b", insert(2))
        assert keys(capture) == [10, 11]
        capture.reopen()
        assert keys(capture) == []
        database.execute("ALTER TABLE u ADD COLUMN n INT")
        database.execute("INSERT INTO u VALUES (50, 1)")
        branches.commit("b")
        assert keys(capture)[-1] == 2
        versions = {key for key in capture.state if key.startswith("schema:")}
        capture.reopen()
        assert capture.brief() == []
        assert {key for key in capture.state if key.startswith("schema:")} == versions
        capture.close()
        database.execute(insert(12))
        branches.prepare("c", insert(3))
        branches.commit("a")
        capture.open()
        assert keys(capture) == [12, 1]
        capture.reopen()
        database.server.query("FLUSH BINARY LOGS")
        branches.rollback("c")
        database.execute(insert(13))
        assert keys(capture) == [13]
        assert held(capture) is None
        ids = [event.value["after"]["id"] for event in capture.events if event.value and event.op == "c"]
        assert sorted(ids) == sorted(set(ids))


def test_a_large_one_is_held_on_disk_and_leaves_in_batches(
    database: Database, branches: Branches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "_HELD_BYTES", 10_000)
    rows = [f"({number}, 'xxxxxxxxxxxxxxxx', 1)" for number in range(6000)]
    inserts = [f"INSERT INTO t VALUES {', '.join(rows[at : at + 1000])}" for at in range(0, 6000, 1000)]
    with capturing(database) as capture:
        branches.prepare("a", *inserts)
        assert keys(capture) == []
        branches.commit("a")
        database.execute(insert(7000))
        batch = None
        while batch is None or not batch.events:
            batch = capture.read(limit_bytes=200_000)
        assert 500 < batch.events < 3000
        capture.reopen()
        capture.catch_up()
        ids = [event.value["after"]["id"] for event in capture.events if event.value]
        assert ids == [*range(6000), 7000]
        assert [event.source["tx_end"] for event in capture.events][-2:] == [True, True]


def test_a_first_start_waits_for_what_was_prepared_before_it(
    database: Database, branches: Branches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are in the log before the start, and no view sees them."""
    monkeypatch.setattr(xa, "WAIT_SECONDS", 0.2)
    branches.prepare("a", insert(1))
    capture = Capture(database)
    with pytest.raises(UnreachableError, match=r"prepared by XA before capture began.*XA COMMIT"):
        capture.open()
    capture.close()
    findings = {finding.name: finding for finding in capture.create().check()}
    assert findings["XA"].ok is None
    assert "XA COMMIT" in findings["XA"].fix
    monkeypatch.setattr(xa, "WAIT_SECONDS", 30.0)
    commit = threading.Timer(0.3, branches.commit, ["a"])
    commit.start()
    with capturing(database) as capture:
        commit.join()
        with closing(capture.reader()) as reader:
            chunk = read_chunk(reader, capture.topic("t"), None, 10, 1 << 20)
        assert [orjson.loads(row)["id"] for _, row in chunk.rows] == [1]
        assert keys(capture) == []
        findings = {finding.name: finding for finding in capture.create().check()}
        assert findings["XA"].ok is True


@pytest.mark.parametrize("database", ["mysql_defaults"], indirect=True)
def test_what_a_first_start_finds_in_the_log_and_not_yet_listed_is_waited_for(
    database: Database, branches: Branches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server logs what is prepared a moment before XA RECOVER shows it: here it waits for others in between."""
    server = database.server
    waiting = threading.Thread(target=branches.prepare, args=["a", insert(1)])

    def commit() -> None:
        waiting.join()
        branches.commit("a")

    committing = threading.Thread(target=commit)

    def late(*arguments: Any, **options: Any) -> Any:
        """Between what the start looks at first and the place where it begins."""
        if waiting.ident is None:
            since = log_place(database)
            server.query("SET GLOBAL binlog_group_commit_sync_delay = 1000000")
            waiting.start()
            servers.wait_until(lambda: "XA_prepare" in log_events(database, since), 10, "it is logged", pause=0.001)
            assert server.query("XA RECOVER") == []
            assert waiting.is_alive()
            server.query("SET GLOBAL binlog_group_commit_sync_delay = 0")
            committing.start()
        return open_view(*arguments, **options)

    monkeypatch.setattr(first_start, "open_view", late)
    try:
        with capturing(database, mode="cdc") as capture:
            there = [row[0] for row in database.query("SELECT id FROM t")]
            committing.join()
            assert there + keys(capture) == [1]
    finally:
        server.query("SET GLOBAL binlog_group_commit_sync_delay = 0")


def test_a_restart_behind_one_that_concerns_nobody_loses_nothing(database: Database, branches: Branches) -> None:
    """A server that is told where to begin passes over what it has sent, to the end of its last group."""
    database.execute("CREATE TABLE other (id INT PRIMARY KEY)")
    with capturing(database, settings={"exclude": [f"{database.name}.other"]}) as capture:
        capture.flush()
        for number in range(3):
            branches.prepare("elsewhere", f"INSERT INTO other VALUES ({number})")
            assert keys(capture) == []
            capture.reopen()
            database.execute(insert(10 * number, 10 * number + 1))
            assert keys(capture) == [10 * number, 10 * number + 1]
            branches.rollback("elsewhere")
            assert keys(capture) == []
            capture.reopen()
            database.execute(insert(10 * number + 2))
            assert keys(capture) == [10 * number + 2]


def test_a_view_of_mariadb_does_not_count_what_was_undecided_when_it_was_opened(mariadb: servers.MariaDB) -> None:
    with mariadb.database() as database, closing(Branches(database)) as branches, capturing(database) as capture:
        create_t(database)
        assert capture.opened is not None
        capture.opened.emitter.traced = frozenset({capture.topic("t")})
        capture.catch_up()
        reader = capture.reader()
        branches.prepare("one", "INSERT INTO t VALUES (1, 'one', 1)")
        before = read_chunk(reader, capture.topic("t"), None, 10, 1 << 20)
        branches.commit("one")
        capture.catch_up()
        (touch,) = [touch for batch in capture.batches for touch in batch.touched]
        assert not before.view.sees(touch.transaction)
        after = read_chunk(reader, capture.topic("t"), None, 10, 1 << 20)
        assert after.view.sees(touch.transaction)
        # Undecided under the same name: the engine may still be at the commit that the log has.
        branches.prepare("one", "INSERT INTO t VALUES (2, 'two', 2)")
        again = read_chunk(reader, capture.topic("t"), None, 10, 1 << 20)
        assert not again.view.sees(touch.transaction)
        reader.close()


@pytest.mark.parametrize("mode", ["cdc", "full-load-and-cdc"])
def test_a_start_at_an_exact_place_has_nothing_prepared_there(
    database: Database, branches: Branches, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a load, or with a keyless table, whoever is prepared at the start would be lost."""
    monkeypatch.setattr(xa, "WAIT_SECONDS", 30.0)
    if mode != "cdc":
        database.execute("CREATE TABLE keyless (a INT)")
    branches.prepare("a", insert(1) if mode == "cdc" else "INSERT INTO keyless VALUES (1)")
    commit = threading.Timer(0.3, branches.commit, ["a"])
    commit.start()
    with capturing(database, mode=mode) as capture:
        commit.join()
        if mode != "cdc":
            reader = capture.reader()
            (chunk,) = reader.whole(capture.topic("keyless"), 1 << 20)
            reader.close()
            assert [row for _, row in chunk.rows] == [b'{"a":1}']
        assert keys(capture) == []
        database.execute(insert(2))
        assert keys(capture) == [2]


def test_a_table_that_comes_later_waits_too(
    database: Database, branches: Branches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xa, "WAIT_SECONDS", 0.2)
    database.execute("CREATE TABLE later (id INT PRIMARY KEY)")
    with capturing(database, settings={"exclude": [f"{database.name}.later"]}) as capture:
        capture.flush()
        branches.prepare("a", "INSERT INTO later VALUES (1)")
        assert capture.brief() == []
        capture.close()
        capture.settings = {}
        with pytest.raises(UnreachableError, match="prepared by XA"):
            capture.open()
        capture.close()
        branches.commit("a")
        capture.open()


def test_who_may_not_see_them_is_told_when_it_matters(mysql: servers.MySQL) -> None:
    """MySQL shows prepared transactions only to who may decide them."""
    with mysql.database() as database:
        create_t(database)
        branches = Branches(database)
        user = f"u_{database.name}"[:30]
        database.execute(f"CREATE USER '{user}'@'%%' IDENTIFIED BY 'p'", ())
        database.execute(f"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '{user}'@'%%'", ())
        database.execute(f"GRANT SELECT ON {database.name}.* TO '{user}'@'%%'", ())
        try:
            branches.prepare("before", insert(1))
            with capturing(database, url=database.url_as(user, "p")) as capture:
                assert capture.source is not None
                findings = {finding.name: finding for finding in capture.source.check()}
                assert findings["XA"].ok is None
                assert "XA_RECOVER_ADMIN" in findings["XA"].fix
                branches.prepare("after", insert(2))
                assert keys(capture) == []
                capture.reopen()
                branches.commit("after")
                assert keys(capture) == [2]
                branches.commit("before")
                with pytest.raises(DataLossError, match="XA_RECOVER_ADMIN"):
                    capture.catch_up()
        finally:
            branches.close()
            database.execute(f"DROP USER '{user}'@'%%'", ())


def test_a_purged_log_that_is_still_needed_is_data_loss(database: Database, branches: Branches) -> None:
    with capturing(database) as capture:
        capture.flush()
        branches.prepare("a", insert(1))
        assert keys(capture) == []
        database.server.query("FLUSH BINARY LOGS")
        database.execute(insert(2))
        assert keys(capture) == [2]
        capture.close()
        last = database.server.query("SHOW BINARY LOGS")[-1][0]
        deadline = time.monotonic() + 20
        while database.server.query("SHOW BINARY LOGS")[0][0] != last and time.monotonic() < deadline:
            database.server.query(f"PURGE BINARY LOGS TO '{last}'")  # kept for as long as a connection reads it
        with pytest.raises(DataLossError):
            go_on(capture)


def test_compressed_ones_are_held_too(mysql: servers.MySQL) -> None:
    with mysql.database() as database:
        create_t(database)
        branches = Branches(database)
        try:
            with capturing(database) as capture:
                for name in ("kept", "dropped"):
                    branches.run(name, "SET SESSION binlog_transaction_compression = ON")
                rows = range(100, 2000)
                branches.prepare("kept", insert(1), "SAVEPOINT s", insert(*rows))
                branches.prepare("dropped", insert(2))
                assert keys(capture) == []
                capture.reopen()
                branches.rollback("dropped")
                branches.commit("kept")
                assert keys(capture) == [1, *rows]
                assert held(capture) is None
        finally:
            branches.close()
