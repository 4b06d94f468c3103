"""What a killed `tailrace schema` left behind on MySQL and MariaDB: the next one drops it, but nothing of another's."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tailrace.connectors import Context, find_sink
from tailrace.conversion.catalog import Catalog, Column, Dialect, ObjectName, Table
from tailrace.schema import Kind, Type
from tests import servers
from tests.servers import Database


def compare(database: Database, url: str) -> None:
    """Has a catalog made where nobody looks."""
    connector = find_sink("mysql")
    assert connector.schema is not None
    settings = connector.config.model_validate({"name": "t", "connector": "mysql", "url": url})
    target = connector.schema(settings, Context("p", "cdc", Path()))
    table = Table(ObjectName(database.name, "t"), (Column("id", Type(Kind.INTEGER), "int", nullable=False),))
    dialect = Dialect.MARIADB if "mariadb" in url else Dialect.MYSQL
    found = target.canonical(Catalog(dialect, default_schema=database.name, tables=(table,)))
    assert [column.name for column in found.tables[0].columns] == ["id"]


@pytest.mark.parametrize("kind", ["mysql", "mariadb"])
def test_what_nobody_holds_is_dropped(kind: str, request: pytest.FixtureRequest) -> None:
    server: servers.MySQL = request.getfixturevalue(kind)
    left, held, other = "_tailrace_schema_0123456789ab", "_tailrace_schema_ba9876543210", "_tailrace_schema_mine"
    with server.database("dst") as database:
        database.script(*(f"CREATE DATABASE {name}" for name in (left, held, other)))
        try:
            with closing(database.connect()) as owner:
                _lock(owner, held)
                compare(database, database.url)
                assert _databases(database) == [held, other]
            compare(database, database.url)
            assert _databases(database) == [other]
        finally:
            database.script(*(f"DROP DATABASE IF EXISTS {name}" for name in (left, held, other)))


@pytest.mark.parametrize("kind", ["mysql", "mariadb"])
def test_objects_beside_the_sinks_own_are_dropped(kind: str, request: pytest.FixtureRequest) -> None:
    server: servers.MySQL = request.getfixturevalue(kind)
    user = servers.unique_name("u")[:30]
    with server.database("dst") as database, closing(database.connect()) as owner:
        database.script(
            f"CREATE USER {user} IDENTIFIED BY 'pw'",
            f"GRANT ALL PRIVILEGES ON `{database.name}`.* TO {user}",
            "CREATE TABLE _tailrace_schema_01234567_1 (id INT)",
            f"CREATE DEFINER = {user} VIEW _tailrace_schema_01234567_2 AS SELECT 1",
            f"CREATE DEFINER = {user} PROCEDURE _tailrace_schema_01234567_3 () SELECT 1",
            "CREATE TABLE _tailrace_schema_76543210_1 (id INT)",
            "CREATE TABLE _tailrace_schema_notes (id INT)",
        )
        try:
            _lock(owner, "_tailrace_schema_76543210")
            compare(database, database.url_as(user, "pw"))
            tables = [str(name) for (name,) in database.query("SHOW TABLES")]
            assert tables == ["_tailrace_schema_76543210_1", "_tailrace_schema_notes"]
            assert not database.query(f"SHOW PROCEDURE STATUS WHERE Db = '{database.name}'")
        finally:
            database.execute(f"DROP USER {user}")


def _lock(connection: Any, mark: str) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute("SELECT GET_LOCK(%s, 0)", (mark,))


def _databases(database: Database) -> list[str]:
    return [str(name) for (name,) in database.query("SHOW DATABASES LIKE '\\_tailrace\\_schema%'")]
