"""Compressed transactions (MySQL) and compressed events (MariaDB) of real servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import servers
from tests.integration.mysql_capture import Capture, capturing, create_t, log_events, log_place
from tests.servers import Database

ROWS = 4000


@pytest.fixture(scope="module")
def compressing() -> Iterator[servers.MariaDB]:
    """MariaDB that compresses whatever it can."""
    with servers.start("mariadb", {"log-bin-compress": "ON", "log-bin-compress-min-len": 10}) as server:
        yield server


@pytest.fixture(params=["mysql", "mysql_defaults", "compressing"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database() as found:
        compress(found, True)
        yield found


def compress(database: Database, on: bool) -> None:
    """Of this session; both kinds of servers have sessions' own settings, but MariaDB's is global alone."""
    if database.server.kind == "mariadb":
        database.execute(f"SET GLOBAL log_bin_compress = {int(on)}")
    else:
        database.execute(f"SET SESSION binlog_transaction_compression = {int(on)}")


def work(database: Database) -> None:
    """Changes of every kind."""
    text = "word " * 200
    database.execute(f"INSERT INTO t VALUES (1, 'x', 1.5), (2, NULL, -2), (3, '{text[:20]}', 3)")
    database.script(
        "BEGIN",
        "UPDATE t SET a = 'y', b = b + 1 WHERE id < 3",
        f"INSERT INTO texts VALUES (1, '{text}'), (2, '')",
        "UPDATE t SET id = 30 WHERE id = 3",
        "DELETE FROM t WHERE id = 2",
        "UPDATE texts SET body = CONCAT(body, body)",
        "COMMIT",
    )
    database.execute("DELETE FROM texts WHERE id = 2")


def create(database: Database) -> None:
    create_t(database)
    database.execute("CREATE TABLE texts (id INT PRIMARY KEY, body LONGTEXT)")


def briefs(capture: Capture) -> list[tuple[Any, ...]]:
    """What does not depend on when and where."""
    return [(*event.brief(), event.key, event.value and event.source["tx_end"]) for event in capture.catch_up()]


def test_compressed_changes_give_the_events_of_plain_ones(database: Database) -> None:
    create(database)
    with capturing(database) as capture:
        since = log_place(database)
        work(database)
        kinds = {"Transaction_payload"}
        if database.server.kind == "mariadb":
            kinds = {"Write_rows_compressed_v1", "Update_rows_compressed_v1", "Delete_rows_compressed_v1"}
        assert kinds <= log_events(database, since)
        compressed = briefs(capture)
        assert capture.replayed("t") == capture.stored("t")
        assert capture.replayed("texts") == capture.stored("texts")
        database.script("DELETE FROM t", "DELETE FROM texts")
        briefs(capture)
        compress(database, False)
        try:
            work(database)
        finally:
            compress(database, True)
        assert compressed == briefs(capture)
        assert len(compressed) == 3 + 10 + 2


def test_a_resume_goes_on_inside_a_compressed_transaction(database: Database) -> None:
    create(database)
    with capturing(database) as capture:
        values = ", ".join(f"({number}, REPEAT('abc', {number % 50}))" for number in range(ROWS))
        database.script("BEGIN", f"INSERT INTO texts VALUES {values}", "UPDATE texts SET id = id + 100000", "COMMIT")
        database.execute("INSERT INTO t VALUES (1, 'x', 1)")
        goal = capture.source.log_end() if capture.source else ""
        restarts = set()
        while capture.position is not None and capture.position.mark < goal:
            if capture.read(limit_bytes=200_000) is not None:
                restarts.add(capture.position.restart)
                capture.reopen()
        assert len(capture.batches) > 5
        assert len(restarts) <= 4  # none lies inside the transaction
        events = [event for event in capture.events if event.value is not None]
        assert len(events) == 3 * ROWS + 1
        sequences = [event.source["tailrace_seq"] for event in events]
        assert sequences == sorted(set(sequences))
        assert [event.source["tx_end"] for event in events].count(True) == 2
        assert events[-2].source["tx_end"]
        assert capture.replayed("texts") == capture.stored("texts")


def test_statements_are_followed_where_they_are_compressed(database: Database) -> None:
    create(database)
    with capturing(database) as capture:
        database.execute("INSERT INTO t VALUES (1, 'x', 1)")
        database.execute("ALTER TABLE t ADD COLUMN c VARCHAR(30) NOT NULL DEFAULT 'a rather long default' AFTER id")
        database.execute("INSERT INTO t VALUES (2, 'c', 'y', 2)")
        # Its columns come from the catalogue, if no statement up to the log's end can have changed them.
        database.execute("CREATE TABLE copied (PRIMARY KEY (id)) AS SELECT id, a FROM t")
        database.execute("ALTER TABLE texts ADD COLUMN something_else INT")
        database.execute("INSERT INTO copied VALUES (5, 'z')")
        rows = [(table, after) for table, op, _, after in capture.brief() if op == "c"]
        assert rows == [
            ("t", {"id": 1, "a": "x", "b": "1.00"}),
            ("t", {"id": 2, "c": "c", "a": "y", "b": "2.00"}),
            ("copied", {"id": 1, "a": "x"}),
            ("copied", {"id": 2, "a": "y"}),
            ("copied", {"id": 5, "a": "z"}),
        ]
        assert not any(capture.suspension(table) for table in ("t", "copied", "texts"))


def test_nothing_refuses_a_server_that_compresses(database: Database) -> None:
    create(database)
    if database.server.kind != "mariadb":
        database.server.query("SET GLOBAL binlog_transaction_compression = ON")
    try:
        with capturing(database) as capture:
            assert capture.source is not None
            assert [finding for finding in capture.source.check() if finding.ok is False] == []
    finally:
        if database.server.kind != "mariadb":
            database.server.query("SET GLOBAL binlog_transaction_compression = OFF")


def test_a_transaction_far_larger_than_its_compressed_form(mysql: servers.MySQL) -> None:
    """64 MB of a table that nobody wants, in one transaction, and a row of one that is wanted."""
    with mysql.database() as database:
        create(database)
        compress(database, True)
        with capturing(database, settings={"tables": [f"{database.name}.t"]}) as capture:
            since = log_place(database)
            database.script(
                "BEGIN",
                "INSERT INTO texts WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 64)"
                " SELECT i, REPEAT('a', 1000000) FROM n",
                "INSERT INTO t VALUES (1, 'x', 1)",
                "COMMIT",
            )
            assert "Transaction_payload" in log_events(database, since)
            assert log_place(database)[1] - since[1] < 1 << 20
            assert capture.brief() == [("t", "c", None, {"id": 1, "a": "x", "b": "1.00"})]
