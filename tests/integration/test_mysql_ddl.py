"""The MySQL source on real servers: statements that change rows without row events, or columns in unusual ways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import servers
from tests.integration.mysql_capture import capturing, create_t
from tests.servers import Database

ENGINES = ["mariadb", "mysql", "mysql_defaults"]


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database on each kind of server: MariaDB, MySQL with GTIDs and full metadata, MySQL with neither."""
    with request.getfixturevalue(request.param).database() as found:
        yield found


def create_partitioned(database: Database) -> None:
    database.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, a INT) PARTITION BY RANGE (id)"
        " (PARTITION p1 VALUES LESS THAN (10), PARTITION p2 VALUES LESS THAN (20))"
    )
    database.execute("INSERT INTO t VALUES (1, 1), (11, 11)")


# ---- rows that go without row events


@pytest.mark.parametrize("clause", ["DROP PARTITION p1", "TRUNCATE PARTITION p1"])
def test_partitions_that_go_with_their_rows_suspend_the_table(database: Database, clause: str) -> None:
    create_partitioned(database)
    database.execute("CREATE TABLE other (id INT PRIMARY KEY)")
    with capturing(database) as capture:
        database.execute(f"ALTER TABLE t {clause}")
        database.execute("INSERT INTO t VALUES (12, 12)")
        database.execute("INSERT INTO other VALUES (1)")
        assert capture.brief() == [("other", "c", None, {"id": 1})]
        assert "without row events" in capture.suspension("t")
        assert clause in capture.suspension("t")


def test_partitions_exchanged_suspend_both_tables(database: Database) -> None:
    create_partitioned(database)
    database.execute("CREATE TABLE u (id INT PRIMARY KEY, a INT)")
    with capturing(database) as capture:
        database.execute("ALTER TABLE t EXCHANGE PARTITION p1 WITH TABLE u")
        assert capture.brief() == []
        assert "EXCHANGE PARTITION" in capture.suspension("t")
        assert "EXCHANGE PARTITION" in capture.suspension("u")


def test_a_tablespace_that_goes_suspends_its_table(database: Database) -> None:
    create_t(database)
    with capturing(database) as capture:
        database.execute("ALTER TABLE t DISCARD TABLESPACE")
        assert capture.brief() == []
        assert "DISCARD TABLESPACE" in capture.suspension("t")


def test_partitions_that_keep_their_rows_are_no_change(database: Database) -> None:
    create_partitioned(database)
    with capturing(database) as capture:
        database.execute("ALTER TABLE t ADD PARTITION (PARTITION p3 VALUES LESS THAN (30))")
        database.execute("ALTER TABLE t REORGANIZE PARTITION p1, p2 INTO (PARTITION p VALUES LESS THAN (20))")
        database.execute("ALTER TABLE t REMOVE PARTITIONING")
        database.execute("INSERT INTO t VALUES (2, 2)")
        assert capture.brief() == [("t", "c", None, {"id": 2, "a": 2})]


def test_rows_that_mariadb_drops_for_a_key_suspend_the_table(mariadb: servers.MariaDB) -> None:
    with mariadb.database() as database:
        create_t(database)
        database.execute("INSERT INTO t VALUES (1, 'x', 1), (2, 'x', 2)")
        with capturing(database) as capture:
            database.execute("ALTER IGNORE TABLE t ADD UNIQUE (a)")
            assert database.query("SELECT id FROM t") == [(1,)]
            assert capture.brief() == []
            assert "IGNORE" in capture.suspension("t")


# ---- columns


def test_a_column_dropped_and_added_in_one_statement_is_another(database: Database) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT)")
    database.execute("INSERT INTO t VALUES (1, 1)")
    with capturing(database) as capture:
        database.execute("ALTER TABLE t DROP COLUMN a, ADD COLUMN a INT DEFAULT 5")
        database.execute("INSERT INTO t VALUES (2, 2)")
        assert capture.brief() == [("t", "s", None, None), ("t", "c", None, {"id": 2, "a": 2})]
        column = capture.schema("t", 2).by_name["a"]
        assert (column.id, column.initial) == (3, 5)
        assert database.query("SELECT id, a FROM t ORDER BY id") == [(1, 5), (2, 2)]


# ---- tables that cannot be captured any more


def test_an_added_default_that_cannot_be_known_suspends_its_table_alone(database: Database) -> None:
    """The statement is not understood, and the catalogue has a DEFAULT whose value in old rows nobody knows."""
    create_t(database)
    database.execute("CREATE TABLE other (id INT PRIMARY KEY)")
    with capturing(database) as capture:
        database.execute("ALTER TABLE t ADD COLUMN c TEXT(1000) DEFAULT (CONCAT('a', 'b'))")
        database.execute("INSERT INTO other VALUES (1)")
        assert capture.brief() == [("other", "c", None, {"id": 1})]
        assert "column c" in capture.suspension("t")


# ---- names


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_names_in_another_case_where_the_server_folds_them(kind: str) -> None:
    with servers.start(kind, {"lower-case-table-names": 1}) as server, server.database() as database:
        create_t(database)
        database.execute("CREATE TABLE u (id INT PRIMARY KEY)")
        with capturing(database) as capture:
            database.execute("INSERT INTO T VALUES (1, 'x', 1)")
            database.execute("TRUNCATE TABLE T")
            database.execute(f"ALTER TABLE {database.name.upper()}.T ADD COLUMN c INT DEFAULT 5")
            database.execute("INSERT INTO t VALUES (2, 'y', 2, 3)")
            database.execute("CREATE TABLE _U_new LIKE U")
            database.execute("RENAME TABLE U TO _U_old, _U_NEW TO U")
            database.execute("INSERT INTO u VALUES (1)")
            database.execute("CREATE TABLE Born (id INT PRIMARY KEY)")
            database.execute("INSERT INTO born VALUES (1)")
            assert capture.brief() == [
                ("t", "c", None, {"id": 1, "a": "x", "b": "1.00"}),
                ("t", "t", None, None),
                ("t", "s", None, None),
                ("t", "c", None, {"id": 2, "a": "y", "b": "2.00", "c": 3}),
                ("u", "c", None, {"id": 1}),
                ("born", "c", None, {"id": 1}),
            ]
            assert capture.suspension("u") == ""
            database.execute(f"DROP DATABASE {database.name.upper()}")
            capture.catch_up()
            assert capture.state[f"dropped:{capture.topic('t')}"] == b"1"
            database.server.query(f"CREATE DATABASE {database.name}")
