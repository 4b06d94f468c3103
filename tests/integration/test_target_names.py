"""Two tables or columns of the source never become one of the target because of their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.connectors import Context
from tailrace.errors import StuckError
from tailrace.schema import Column, Kind, Type
from tailrace.sink import Sink
from tailrace_mysql.settings import MySQLSinkSettings
from tailrace_mysql.sink import MySQLSink
from tailrace_sqlite.settings import SQLiteSinkSettings
from tailrace_sqlite.sink import SQLiteSink
from tests.integration.sink_rig import ID, Rig
from tests.integration.test_postgres_sink import sink_at

TEXT = Type(Kind.TEXT, "text")
#: 63 bytes that two longer names begin with.
CUT = "x" * 63


@pytest.fixture
def sqlite(tmp_path: Path) -> Rig:
    settings = SQLiteSinkSettings.model_validate(
        {"name": "lite", "connector": "sqlite", "url": f"sqlite:///{tmp_path}/t.db"}
    )
    return Rig(lambda: SQLiteSink(settings, Context("shop", "full-load-and-cdc", tmp_path)))


@pytest.fixture
def postgres(postgres15: Any) -> Iterator[Rig]:
    with postgres15.database() as database:
        yield Rig(lambda: sink_at(database.url))


@pytest.fixture
def mysql_rig(mysql: Any) -> Iterator[Rig]:
    with mysql.database("names") as database:
        settings = MySQLSinkSettings.model_validate({"name": "my", "connector": "mysql", "url": database.url})
        create: Callable[[], Sink] = lambda: MySQLSink(  # noqa: E731
            settings, Context("shop", "full-load-and-cdc", Path("/nonexistent"))
        )
        yield Rig(create)


def insert(rig: Rig, name: str, column: str = "a") -> None:
    rig.script.table(f"public.{name}", [ID, Column(2, column, TEXT)]).insert({"id": 1, column: name})


def test_names_that_sqlite_does_not_tell_apart_are_refused(sqlite: Rig) -> None:
    insert(sqlite, "ÄB")
    insert(sqlite, "äB")  # two tables
    sqlite.apply()
    insert(sqlite, "Users")
    insert(sqlite, "users")
    with pytest.raises(StuckError, match=r"public\.users and public\.Users would both go to the table users"):
        sqlite.apply()


def test_names_that_differ_by_case_alone_are_two_tables_in_postgresql(postgres: Rig) -> None:
    insert(postgres, "Users")
    insert(postgres, "users")
    postgres.apply()


@pytest.mark.parametrize(("table", "column"), [(CUT + "1", "a"), ("t", CUT + "1"), ("ä" * 32, "a")])
def test_names_that_postgresql_would_cut_are_refused(postgres: Rig, table: str, column: str) -> None:
    insert(postgres, CUT, CUT)
    postgres.apply()
    insert(postgres, table, column)
    with pytest.raises(StuckError, match=r"has 64 bytes, and PostgreSQL takes 63.*rename it"):
        postgres.apply()


@pytest.mark.parametrize(("table", "column"), [("x" * 65, "a"), ("t", "x" * 65)])
def test_names_that_mysql_does_not_take_are_refused(mysql_rig: Rig, table: str, column: str) -> None:
    insert(mysql_rig, "ä" * 32, "ä" * 32)
    mysql_rig.apply()
    insert(mysql_rig, table, column)
    with pytest.raises(StuckError, match=r"has 65 characters, and MySQL takes 64.*rename it"):
        mysql_rig.apply()
