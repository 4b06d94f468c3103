"""Savepoints on real servers where several engines meet in one transaction: the log holds what was taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.mysql_capture import Capture, capturing, log_place
from tests.servers import Database

ENGINES = ["mariadb", "mysql", "mysql_defaults"]
#: MySQL with GTIDs refuses such transactions.
MIXED = ["mariadb", "mysql_defaults"]


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database on each kind of server, with a table that takes changes back and one that keeps them."""
    with request.getfixturevalue(request.param).database() as found:
        found.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT)")
        found.execute("CREATE TABLE m (id INT PRIMARY KEY) ENGINE = MyISAM")
        if found.server.kind == "mariadb":
            found.execute("CREATE TABLE a (id INT PRIMARY KEY) ENGINE = Aria")
        yield found


def transaction(database: Database, *statements: str) -> None:
    connection = database.connect(autocommit=False)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def state(capture: Capture) -> dict[str, set[int]]:
    """The rows that the events leave, by table."""
    capture.catch_up()
    rows: dict[str, set[int]] = {}
    for event in capture.events:
        if event.value is None:
            continue
        for side, put in (("before", False), ("after", True)):
            if (row := event.value[side]) is not None:
                keys = rows.setdefault(event.table, set())
                keys.add(row["id"]) if put else keys.discard(row["id"])
    return rows


def logged(database: Database) -> str:
    """What the log holds, for the message of a failed test."""
    file = database.server.query("SHOW BINARY LOGS")[-1][0]
    events = database.server.query(f"SHOW BINLOG EVENTS IN '{file}'")[-60:]
    return "\n".join(f"{event[2]} {event[5][:60]}" for event in events)


def rows(database: Database) -> dict[str, set[int]]:
    tables = ["t", "m", "a"] if database.server.kind == "mariadb" else ["t", "m"]
    found = {table: {row[0] for row in database.query(f"SELECT id FROM {table}")} for table in tables}
    return {table: keys for table, keys in found.items() if keys}


@pytest.mark.parametrize("database", MIXED, indirect=True)
def test_rolled_back_parts_of_transactions_of_several_engines(database: Database) -> None:
    """Nested savepoints, one released, a name given twice, and rows that stay though their part was taken back."""
    with capturing(database) as capture:
        transaction(
            database,
            "INSERT INTO t VALUES (1, 0)",
            "INSERT INTO m VALUES (1)",
            "SAVEPOINT s",
            "INSERT INTO t VALUES (2, 0)",
            "INSERT INTO m VALUES (2)",
            "SAVEPOINT `in``ner`",
            "INSERT INTO t VALUES (3, 0)",
            "UPDATE t SET id = 30 WHERE id = 3",
            "ROLLBACK TO `IN``ner`",
            "INSERT INTO t VALUES (4, 0)",
            "RELEASE SAVEPOINT `in``ner`",
            "SAVEPOINT s",
            "INSERT INTO t VALUES (5, 0)",
            "INSERT INTO m VALUES (5)",
            "ROLLBACK TO s",
            "DELETE FROM t WHERE id = 1",
            "COMMIT",
        )
        assert rows(database)["t"] == {2, 4}
        assert state(capture) == rows(database), logged(database)
        # One statement that changes both, by a trigger.
        database.execute("CREATE TRIGGER both_engines AFTER INSERT ON t FOR EACH ROW INSERT INTO m VALUES (NEW.id)")
        transaction(
            database,
            "INSERT INTO t VALUES (10, 0)",
            "SAVEPOINT x",
            "INSERT INTO t VALUES (11, 0)",
            "ROLLBACK TO x",
            "INSERT INTO t VALUES (12, 0)",
            "COMMIT",
        )
        assert {10, 12} <= rows(database)["t"]
        assert state(capture) == rows(database), logged(database)
        # All of it taken back.
        transaction(
            database,
            "INSERT INTO m VALUES (21)",
            "INSERT INTO t VALUES (22, 0)",
            "SAVEPOINT x",
            "INSERT INTO t VALUES (23, 0)",
            "ROLLBACK TO x",
            "INSERT INTO t VALUES (24, 0)",
            "ROLLBACK",
        )
        assert not {22, 23, 24} & rows(database)["t"]
        assert state(capture) == rows(database), logged(database)
        assert not capture.suspension("t")


@pytest.mark.parametrize("database", ["mariadb"], indirect=True)
def test_rolled_back_transactions_with_temporary_tables(database: Database) -> None:
    """MariaDB logs the changes with a ROLLBACK at the end, or within."""
    created = "CREATE TEMPORARY TABLE temporary (id INT)"
    with capturing(database) as capture:
        transaction(database, "INSERT INTO t VALUES (1, 0)", created, "INSERT INTO t VALUES (2, 0)", "ROLLBACK")
        assert "ROLLBACK" in logged(database)
        transaction(database, created, "INSERT INTO t VALUES (3, 0)", "DROP TEMPORARY TABLE temporary", "ROLLBACK")
        transaction(database, created, "INSERT INTO t VALUES (4, 0)", "DROP TEMPORARY TABLE temporary", "COMMIT")
        many = ", ".join(f"({number}, 0)" for number in range(1000, 3000))
        transaction(
            database,
            "SAVEPOINT unlogged",
            "INSERT INTO t VALUES (5, 0)",
            created,
            "SAVEPOINT s",
            f"INSERT INTO t VALUES {many}",
            "ROLLBACK TO s",
            "INSERT INTO t VALUES (6, 0)",
            "COMMIT",
        )
        transaction(
            database,
            "SAVEPOINT unlogged",
            "INSERT INTO t VALUES (7, 0)",
            created,
            "INSERT INTO a VALUES (1)",
            "ROLLBACK TO unlogged",
            "INSERT INTO t VALUES (8, 0)",
            "COMMIT",
        )
        database.execute("CREATE TABLE selected AS SELECT id FROM t")
        assert rows(database)["t"] == {4, 5, 6, 8}
        found = state(capture)
        assert found.pop("selected") == {4, 5, 6, 8}
        assert found == rows(database), logged(database)
        assert not capture.suspension("t")


def test_savepoints_inside_xa(database: Database) -> None:
    with capturing(database) as capture:
        name = f"'{database.name}'"
        transaction(
            database,
            f"XA START {name}",
            "INSERT INTO t VALUES (1, 0)",
            "SAVEPOINT s",
            "INSERT INTO t VALUES (2, 0)",
            "ROLLBACK TO s",
            "INSERT INTO t VALUES (3, 0)",
            f"XA END {name}",
            f"XA PREPARE {name}",
            f"XA COMMIT {name}",
        )
        assert state(capture) == {"t": {1, 3}}, logged(database)


@pytest.mark.parametrize("database", MIXED, indirect=True)
def test_a_large_part_behind_a_savepoint_is_taken_back_from_disk(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tailrace_mysql.source._HELD_BYTES", 5_000)
    with capturing(database) as capture:
        many = [", ".join(f"({at + number}, 0)" for number in range(1000)) for at in range(1000, 5000, 1000)]
        transaction(
            database,
            "INSERT INTO m VALUES (1)",
            "INSERT INTO t VALUES (1, 0)",
            "SAVEPOINT s",
            f"INSERT INTO t VALUES {many[0]}",
            "SAVEPOINT r",
            *(f"INSERT INTO t VALUES {part}" for part in many[1:]),
            "ROLLBACK TO r",
            "INSERT INTO t VALUES (2, 0)",
            "COMMIT",
        )
        assert state(capture) == {"m": {1}, "t": {1, 2, *range(1000, 2000)}}


def test_changes_behind_a_savepoint_have_their_own_places(database: Database) -> None:
    with capturing(database) as capture:
        file, since = log_place(database)
        transaction(
            database,
            "INSERT INTO t VALUES (1, 1)",
            "SAVEPOINT one",
            "INSERT INTO t VALUES (2, 2)",
            "UPDATE t SET n = 3 WHERE id = 2",
            "COMMIT",
        )
        events = database.server.query(f"SHOW BINLOG EVENTS IN '{file}' FROM {since}")
        places = [int(event[1]) for event in events if str(event[2]).lower().startswith(("write_rows", "update_rows"))]
        assert len(places) == 3
        assert [event.source["pos"] for event in capture.catch_up() if event.value] == places
