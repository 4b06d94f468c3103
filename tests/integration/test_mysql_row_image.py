"""Row images without all columns (``binlog_row_image`` MINIMAL and NOBLOB, of one connection)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tailrace.emitter import UNCHANGED_PLACEHOLDER
from tests import servers
from tests.integration.mysql_capture import Capture, capturing
from tests.servers import Database

MYSQL = ["mysql", "mysql_defaults"]


@pytest.fixture(params=MYSQL)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database() as found:
        yield found


@pytest.fixture(params=["mariadb", *MYSQL])
def any_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database() as found:
        yield found


COLUMNS = """(
    id INT NOT NULL, sub VARCHAR(20) NOT NULL, n INT DEFAULT 5, a VARCHAR(20) NOT NULL DEFAULT 'it''s',
    nothing DECIMAL(6,2), body TEXT, bin BLOB, at DATETIME(3) NOT NULL DEFAULT '2024-01-31 01:02:03',
    touched TIMESTAMP(6) NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    e ENUM('p','q') NOT NULL DEFAULT 'q', doubled INT AS (n * 2) STORED,
    PRIMARY KEY (sub, id))"""
WORK = [
    "INSERT INTO t (id, sub) VALUES (1, 'one'), (2, 'two')",
    "INSERT INTO t (id, sub, body, bin) VALUES (3, 'three', 'text', x'00ff')",
    "INSERT INTO t (id, sub, n, a, nothing, at, e) VALUES (4, 'four', NULL, '', 1, '2025-01-01', 'p')",
    "UPDATE t SET n = 6 WHERE id = 1",
    "UPDATE t SET body = 'b', a = 'c' WHERE id < 3",
    "UPDATE t SET bin = NULL, body = NULL WHERE id = 3",
    "UPDATE t SET bin = x'01', body = 'to be replaced' WHERE id = 2",
    "INSERT INTO t (id, sub, n) VALUES (4, 'four', 7) ON DUPLICATE KEY UPDATE n = 8",
    "REPLACE INTO t (id, sub, n) VALUES (2, 'two', 77)",
    "REPLACE INTO t (id, sub, body) VALUES (1, 'one', 'replaced')",
    "UPDATE t SET id = id + 10, n = n + 1 WHERE id < 3",
    "UPDATE t SET sub = 'vier' WHERE id = 4",
    "DELETE FROM t WHERE id = 3",
    "INSERT IGNORE INTO t (id, sub, n) VALUES (4, 'vier', 9), (5, 'five', 1)",
    "UPDATE t SET nothing = 2.5",
]


@pytest.mark.parametrize("image", ["MINIMAL", "NOBLOB"])
def test_rows_come_out_as_the_source_has_them(database: Database, image: str) -> None:
    database.execute(f"CREATE TABLE t {COLUMNS}")
    with capturing(database) as capture:
        database.execute(f"SET SESSION binlog_row_image = {image}")
        for statement in WORK:
            database.execute(statement)
            capture.catch_up()
            assert not capture.suspension("t"), statement
            assert capture.replayed("t") == capture.stored("t"), statement
        database.execute("SET SESSION binlog_row_image = FULL")
        database.execute("UPDATE t SET n = 0")
        capture.catch_up()
        assert capture.replayed("t") == capture.stored("t")


@pytest.mark.parametrize("image", ["MINIMAL", "NOBLOB"])
def test_a_backlog_with_restarts(database: Database, image: str) -> None:
    database.execute(f"CREATE TABLE t {COLUMNS}")
    with capturing(database) as capture:
        database.execute(f"SET SESSION binlog_row_image = {image}")
        database.script(
            "BEGIN", *WORK, "COMMIT", *[f"{work}" for work in WORK if work.startswith(("UPDATE", "DELETE"))]
        )
        assert capture.source is not None
        goal = capture.source.log_end()
        while capture.position is not None and capture.position.mark < goal:
            if capture.read(limit_bytes=1) is not None:
                capture.reopen()
        assert not capture.suspension("t")
        assert capture.replayed("t") == capture.stored("t")
        sequences = [event.source["tailrace_seq"] for event in capture.events if event.value is not None]
        assert sequences == sorted(set(sequences))


def create(database: Database) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20), body TEXT, n INT)")
    database.execute("INSERT INTO t VALUES (1, 'x', 'body', 1), (2, 'y', 'other', 2)")


def briefs(capture: Capture) -> list[tuple[Any, ...]]:
    """Operation, before, after and unchanged columns."""
    return [
        (event.op, *event.brief()[2:], event.source["unchanged"])
        for event in capture.catch_up()
        if event.value is not None
    ]


def test_events_say_what_is_unchanged(database: Database) -> None:
    create(database)
    with capturing(database) as capture:
        database.execute("SET SESSION binlog_row_image = NOBLOB")
        database.execute("UPDATE t SET a = 'z' WHERE id = 1")
        database.execute("UPDATE t SET id = 3 WHERE id = 2")
        database.execute("SET SESSION binlog_row_image = MINIMAL")
        database.execute("UPDATE t SET n = NULL WHERE id = 1")
        database.execute("DELETE FROM t WHERE id = 1")
        gone = UNCHANGED_PLACEHOLDER
        assert briefs(capture) == [
            ("u", None, {"id": 1, "a": "z", "body": gone, "n": 1}, ["body"]),
            ("d", {"id": 2}, None, []),
            ("c", None, {"id": 3, "a": "y", "body": "other", "n": 2}, []),
            ("u", None, {"id": 1, "a": gone, "body": gone, "n": None}, ["a", "body"]),
            ("d", {"id": 1}, None, []),
        ]


def test_a_row_that_is_gone_under_its_new_key_stays_incomplete(database: Database) -> None:
    create(database)
    with capturing(database) as capture:
        capture.flush()
        capture.close()
        database.execute("SET SESSION binlog_row_image = NOBLOB")
        database.execute("UPDATE t SET id = 3 WHERE id = 2")
        database.execute("DELETE FROM t WHERE id = 3")
        capture.open()
        assert briefs(capture) == [
            ("d", {"id": 2}, None, []),
            ("u", None, {"id": 3, "a": "y", "body": UNCHANGED_PLACEHOLDER, "n": 2}, ["body"]),
            ("d", {"id": 3}, None, []),
        ]


def test_keys_of_many_types_are_looked_for(database: Database) -> None:
    database.execute(
        "CREATE TABLE t (t VARCHAR(20) CHARACTER SET latin1, d DATETIME(2), s TIMESTAMP(3) NOT NULL DEFAULT NOW(3),"
        " b VARBINARY(9), m DECIMAL(8,3), e ENUM('ä','ö'), y YEAR, u BIGINT UNSIGNED, c TIME(1), a DATE, body TEXT,"
        " PRIMARY KEY (t, d, s, b, m, e, y, u, c, a))"
    )
    with capturing(database) as capture:
        database.execute(
            "INSERT INTO t VALUES ('é\\'', '2024-01-31 01:02:03.4', '2024-01-31 01:02:03.456', x'00ff27', -1.5, 'ö',"
            " 1999, 18446744073709551615, '-100:00:01.5', '2024-02-29', 'the body')"
        )
        database.execute("SET SESSION binlog_row_image = NOBLOB")
        for column, value in {
            "t": "'ü\"'",
            "m": "m - 1",
            "b": "x''",
            "e": "'ä'",
            "u": "u - 1",
            "c": "'10:00:00'",
        }.items():
            database.execute(f"UPDATE t SET {column} = {value}")
            capture.catch_up()
            assert capture.replayed("t") == capture.stored("t"), column
        assert [event.source["unchanged"] for event in capture.events if event.op == "u"] == []


def test_a_changed_key_whose_columns_may_have_changed_since_suspends_its_table(database: Database) -> None:
    create(database)
    with capturing(database) as capture:
        capture.flush()
        capture.close()
        database.execute("SET SESSION binlog_row_image = NOBLOB")
        database.execute("UPDATE t SET id = 3 WHERE id = 2")
        database.execute("ALTER TABLE t DROP COLUMN body, ADD COLUMN body TEXT")
        capture.open()
        assert briefs(capture) == []
        assert "unchanged body" in capture.suspension("t")


def test_a_default_that_changed_is_that_of_its_place_in_the_log(any_database: Database) -> None:
    database = any_database
    create(database)
    with capturing(database) as capture:
        database.execute("SET SESSION binlog_row_image = MINIMAL")
        for default in (5, 6, None):
            database.execute(f"ALTER TABLE t ALTER COLUMN n SET DEFAULT {default if default is not None else 'NULL'}")
            database.execute(f"INSERT INTO t (id) VALUES ({10 + (default or 0)})")
            ((op, _, after, _),) = briefs(capture)
            assert (op, after["n"]) == ("c", default)


def test_a_default_that_is_not_certain_suspends_its_table(any_database: Database) -> None:
    database = any_database
    create(database)
    with capturing(database) as capture:
        capture.flush()
        capture.close()
        database.execute("SET SESSION binlog_row_image = MINIMAL")
        database.execute("INSERT INTO t (id) VALUES (10)")
        database.execute("ALTER TABLE t ALTER COLUMN n SET DEFAULT 7")
        capture.open()
        assert briefs(capture) == []
        assert "DEFAULT" in capture.suspension("t")


def test_computed_columns_come_with_the_columns_that_they_depend_on(database: Database) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT, m INT, v INT AS (n + 1) VIRTUAL, b TEXT)")
    with capturing(database) as capture:
        database.execute("INSERT INTO t (id, n) VALUES (1, 1), (2, 2)")
        for image in ("NOBLOB", "MINIMAL"):
            database.execute(f"SET SESSION binlog_row_image = {image}")
            for change in ("n = n + 1", "m = 1", "b = 'b'", "id = id + 10"):
                database.execute(f"UPDATE t SET {change}")
                capture.catch_up()
                assert capture.replayed("t") == capture.stored("t"), change


def test_cascades_are_logged_whole(mysql: servers.MySQL) -> None:
    with mysql.database() as database:
        database.execute("CREATE TABLE parents (id INT PRIMARY KEY, n INT UNIQUE)")
        database.execute(
            "CREATE TABLE t (id INT PRIMARY KEY, n INT, m INT, b TEXT, w INT AS (n + 1),"
            " FOREIGN KEY (n) REFERENCES parents (n) ON UPDATE CASCADE ON DELETE SET NULL,"
            " FOREIGN KEY (m) REFERENCES parents (n) ON DELETE CASCADE)"
        )
        with capturing(database) as capture:
            for image in ("MINIMAL", "NOBLOB"):
                database.execute(f"SET SESSION binlog_row_image = {image}")
                database.script(
                    "INSERT INTO parents VALUES (1, 10), (2, 20), (3, 30)",
                    "INSERT INTO t (id, n, m, b) VALUES (1, 10, 30, 'b'), (2, 10, NULL, 'c'), (3, 20, 20, 'd')",
                    "UPDATE parents SET n = 11 WHERE id = 1",
                    "DELETE FROM parents WHERE id > 1",
                )
                capture.catch_up()
                for table in ("parents", "t"):
                    assert capture.replayed(table) == capture.stored(table)
                assert capture.stored("t") != {}
                database.script("DELETE FROM t", "DELETE FROM parents")


# ---- all servers


@pytest.mark.parametrize("image", ["MINIMAL", "NOBLOB"])
def test_new_and_deleted_rows(any_database: Database, image: str) -> None:
    database = any_database
    database.execute(f"CREATE TABLE t {COLUMNS}")
    database.execute(
        "CREATE TABLE numbered (id INT AUTO_INCREMENT PRIMARY KEY, n INT, u VARCHAR(40) DEFAULT (UUID()), b TEXT)"
    )
    database.execute(
        "CREATE TRIGGER filled BEFORE INSERT ON numbered FOR EACH ROW SET NEW.b = IF(NEW.n = 2, 'by a trigger', NEW.b)"
    )
    with capturing(database) as capture:
        database.execute(f"SET SESSION binlog_row_image = {image}")
        database.script(
            *[statement for statement in WORK if statement.startswith("INSERT") and "UPDATE" not in statement],
            "REPLACE INTO t (id, sub, body) VALUES (9, 'nine', 'new')",
            "DELETE FROM t WHERE id IN (3, 4)",
            "INSERT INTO numbered (n) VALUES (1), (2)",
            "INSERT INTO numbered () VALUES ()",
            "INSERT INTO numbered (n, b) SELECT n, a FROM t",
            "DELETE FROM numbered WHERE n = 1",
        )
        events = [event for event in capture.catch_up() if event.op == "d"]
        for table in ("t", "numbered"):
            assert not capture.suspension(table)
            assert capture.replayed(table) == capture.stored(table)
        assert {event.table for event in events} == {"t", "numbered"}
        for event in events:
            before = event.brief()[2]
            assert set(before) == ({"id", "sub"} if event.table == "t" else {"id"})


def test_updates_on_mariadb_suspend_where_columns_are_missing(mariadb: servers.MariaDB) -> None:
    """Its log has not what a REPLACE sets back to the DEFAULT, nor virtual columns that change."""
    with mariadb.database() as database:
        for table in ("whole", "t", "u", "v"):
            database.execute(f"CREATE TABLE {table} (id INT PRIMARY KEY, n INT, a VARCHAR(9) DEFAULT 'a', b TEXT)")
            database.execute(f"INSERT INTO {table} VALUES (1, 1, 'b', 'b'), (2, 2, 'b', 'b')")
        database.execute("ALTER TABLE whole DROP COLUMN b")
        with capturing(database) as capture:
            known = capture.stored("whole")
            database.execute("SET SESSION binlog_row_image = NOBLOB")
            database.script("UPDATE whole SET n = 3", "REPLACE INTO whole (id) VALUES (1)")
            database.execute("REPLACE INTO t (id, n) VALUES (1, 3)")
            database.execute("UPDATE u SET b = 'c'")
            database.execute("SET SESSION binlog_row_image = MINIMAL")
            database.script("REPLACE INTO v (id, n) VALUES (1, 3)", "UPDATE u SET b = 'c', n = 1")
            capture.catch_up()
            assert capture.replayed("whole", known) == capture.stored("whole")
            assert not capture.suspension("whole")
            for table in ("t", "u", "v"):
                assert "REPLACE" in capture.suspension(table)
                assert "binlog_row_image=FULL" in capture.suspension(table)
            assert {event.table for event in capture.events} >= {"whole"}


def test_a_keyless_table_is_suspended_where_its_images_are_not_whole(any_database: Database) -> None:
    """MariaDB logs all columns of such tables."""
    database = any_database
    database.execute("CREATE TABLE t (a INT, body TEXT)")
    database.execute("INSERT INTO t VALUES (1, 'x')")
    with capturing(database) as capture:
        database.execute("SET SESSION binlog_row_image = NOBLOB")
        database.execute("UPDATE t SET a = 2")
        database.execute("INSERT INTO t (a) VALUES (3)")
        database.execute("SET SESSION binlog_row_image = MINIMAL")
        database.execute("UPDATE t SET a = 4 WHERE body = 'x'")
        found = briefs(capture)
        if database.server.kind == "mariadb":
            one, two = {"a": 1, "body": "x"}, {"a": 2, "body": "x"}
            assert found == [
                ("u", one, two, []),
                ("c", None, {"a": 3, "body": None}, []),
                ("u", two, {"a": 4, "body": "x"}, []),
            ]
            assert not capture.suspension("t")
        else:
            assert found == []
            assert "binlog_row_image" in capture.suspension("t")
