"""MariaDB's two-phase ALTER: it stands in the log twice, and other transactions between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext, suppress

import pymysql
import pytest

from tests import servers
from tests.integration.mysql_capture import capturing
from tests.servers import Database

#: So many rows make an ALTER last long enough for others to get in between.
_ROWS = 400_000


@pytest.fixture
def database(mariadb: servers.MariaDB) -> Iterator[Database]:
    with mariadb.database() as found:
        found.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT, pad CHAR(100))")
        found.execute(f"INSERT INTO t SELECT seq, seq, 'x' FROM seq_1_to_{_ROWS}")
        found.execute("CREATE TABLE u (id INT PRIMARY KEY)")
        yield found


def alter_logged(database: Database, since: int) -> Callable[[], bool]:
    """Whether an ALTER has begun in the log."""

    def found() -> bool:
        file = database.server.query("SHOW BINARY LOGS")[-1][0]
        events = database.server.query(f"SHOW BINLOG EVENTS IN '{file}' FROM {since}")
        return any("ALTER TABLE" in str(event[5]) for event in events)

    return found


def alter_beside_changes(
    database: Database, alter: str, fails: bool = False, between: Callable[[], object] = lambda: None
) -> None:
    """An ALTER that cannot end before a transaction that began after it, and writes the same table, has ended."""
    since = int(database.server.query("SHOW MASTER STATUS")[0][1])

    def run() -> None:
        with closing(database.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION binlog_alter_two_phase = ON")
            with suppress(pymysql.MySQLError) if fails else nullcontext():
                cursor.execute(alter)

    thread = threading.Thread(target=run)
    thread.start()
    servers.wait_until(alter_logged(database, since), 30, "the ALTER has begun", pause=0.005)
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO t (id, a, pad) VALUES (0, 1, 'between')")
        database.execute("INSERT INTO u VALUES ((SELECT COUNT(*) FROM u x) + 1)")
        cursor.execute("UPDATE t SET a = 5 WHERE id = 0")
        between()
    thread.join()


@pytest.mark.parametrize("backlog", [False, True], ids=["live", "backlog"])
def test_an_alter_holds_from_its_end_in_the_log_on(database: Database, backlog: bool) -> None:
    with capturing(database) as capture:
        capture.flush()
        if backlog:
            capture.close()
        alter_beside_changes(database, "ALTER TABLE t ADD COLUMN n INT NOT NULL DEFAULT 7 FIRST, LOCK = NONE, FORCE")
        database.execute("INSERT INTO t VALUES (1, -1, 1, 'behind')")
        if backlog:
            capture.open()
        assert capture.brief() == [
            ("u", "c", None, {"id": 1}),
            ("t", "c", None, {"id": 0, "a": 1, "pad": "between"}),
            ("t", "u", {"id": 0, "a": 1, "pad": "between"}, {"id": 0, "a": 5, "pad": "between"}),
            ("t", "s", None, None),
            ("t", "c", None, {"n": 1, "id": -1, "a": 1, "pad": "behind"}),
        ]
        assert not capture.suspension("t")


def test_an_alter_that_fails_changes_nothing(database: Database) -> None:
    database.execute("UPDATE t SET a = 1 WHERE id < 10")
    with capturing(database) as capture:
        alter_beside_changes(database, "ALTER TABLE t ADD COLUMN n INT FIRST, ADD UNIQUE (a), LOCK = NONE", fails=True)
        database.execute("INSERT INTO t VALUES (-1, 1, 'behind')")
        assert [(table, op) for table, op, _, _ in capture.brief()] == [("u", "c"), ("t", "c"), ("t", "u"), ("t", "c")]
        assert capture.events[-1].brief()[3] == {"id": -1, "a": 1, "pad": "behind"}
        assert not capture.suspension("t")
        log = "".join(
            str(row[5])
            for row in database.server.query(
                f"SHOW BINLOG EVENTS IN '{database.server.query('SHOW BINARY LOGS')[-1][0]}'"
            )
        )
        assert "ROLLBACK ALTER" in log


def test_a_restart_between_beginning_and_end(database: Database) -> None:
    with capturing(database) as capture:
        found = []

        def restart() -> None:
            found.extend(capture.brief())
            capture.reopen()

        alter = "ALTER TABLE t DROP COLUMN a, ADD COLUMN b INT, LOCK = NONE, FORCE"
        alter_beside_changes(database, alter, between=restart)
        assert found == [("u", "c", None, {"id": 1})]
        found += capture.brief()
        capture.reopen()
        database.execute("INSERT INTO t VALUES (-1, 'behind', 2)")
        found += capture.brief()
        assert [op for _, op, _, _ in found] == ["c", "c", "u", "s", "c"]
        assert found[-1][3] == {"id": -1, "pad": "behind", "b": 2}
