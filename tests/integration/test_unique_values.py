"""Targets with a unique index of their own: its values move between rows, and nothing else gets lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tailrace.connectors import Context
from tailrace.errors import StuckError
from tailrace.schema import Column, Kind, Type
from tailrace.sink import Sink
from tailrace_mysql.settings import MySQLSinkSettings
from tailrace_mysql.sink import MySQLSink
from tailrace_postgres import sink_merge
from tailrace_sqlite.settings import SQLiteSinkSettings
from tailrace_sqlite.sink import SQLiteSink
from tests.integration.sink_rig import ID, Rig
from tests.integration.test_postgres_sink import sink_at
from tests.servers import Database

EMAIL = Column(2, "email", Type(Kind.TEXT, "varchar(40)", 40), nullable=False)
NOTE = Column(3, "note", Type(Kind.TEXT, "varchar(40)", 40))
COLUMNS = (ID, EMAIL, NOTE)


@dataclass
class Target:
    rig: Rig
    query: Callable[[str], list[tuple[Any, ...]]]
    execute: Callable[[str], object]

    def users(self, columns: str = "id, email, note") -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.query(f"SELECT {columns} FROM users ORDER BY id")]


def made(database: Database, create: Callable[[], Sink]) -> Target:
    text = "VARCHAR(40)"
    if database.server.kind.startswith(("mysql", "mariadb")):
        text += f" COLLATE {'utf8mb4_0900_bin' if database.server.kind.startswith('mysql') else 'utf8mb4_nopad_bin'}"
    database.execute(
        f"CREATE TABLE users (id BIGINT PRIMARY KEY, email {text} NOT NULL UNIQUE, note {text}, own INT DEFAULT 7)"
    )
    return Target(Rig(create), database.query, database.execute)


@pytest.fixture(params=["sqlite", "few rows", "set-wise", "mysql", "mariadb"])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    context = Context("shop", "full-load-and-cdc", tmp_path)
    kind = request.param
    if kind == "sqlite":
        path = tmp_path / "t.db"
        lite = SQLiteSinkSettings.model_validate({"name": "s", "connector": "sqlite", "url": f"sqlite:///{path}"})
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, note TEXT, own INTEGER DEFAULT 7)"
        )
        query: Callable[[str], list[tuple[Any, ...]]] = lambda sql: connection.execute(sql).fetchall()  # noqa: E731
        yield Target(Rig(lambda: SQLiteSink(lite, context)), query, connection.execute)
        connection.close()
    elif kind in ("mysql", "mariadb"):
        with request.getfixturevalue(kind).database("dst") as database:
            my = MySQLSinkSettings.model_validate({"name": "s", "connector": "mysql", "url": database.url})
            yield made(database, lambda: MySQLSink(my, context))
    else:
        monkeypatch.setattr(sink_merge, "FEW_ROWS", 50 if kind == "few rows" else 0)
        with request.getfixturevalue("postgres15").database("dst") as database:
            yield made(database, lambda: sink_at(database.url))


def row(key: int, email: str, note: str | None = "n") -> dict[str, Any]:
    return {"id": key, "email": email, "note": note}


def test_a_value_that_a_partial_update_gives_up_goes_to_a_new_row(target: Target) -> None:
    table = target.rig.script.table("public.users", COLUMNS)
    table.insert(row(1, "x1"))
    target.rig.apply()
    with target.rig.script.transaction():
        table.update({"id": 1}, {"id": 1, "email": "x2"}, unchanged=("note",))
        table.insert(row(2, "x1"))
    target.rig.apply()
    assert target.users() == [(1, "x2", "n"), (2, "x1", "n")]


@pytest.mark.parametrize("partial", [False, True], ids=["whole rows", "partial updates"])
def test_rows_that_swap_a_value_keep_what_only_the_target_has(target: Target, partial: bool) -> None:
    table = target.rig.script.table("public.users", COLUMNS)
    table.load([row(1, "a"), row(2, "b"), row(3, "c")])
    target.rig.apply()
    target.execute("UPDATE users SET own = id")
    with target.rig.script.transaction():
        for key, email in ((1, "z"), (2, "a"), (1, "b")):
            if partial:
                table.update({"id": key}, {"id": key, "email": email}, unchanged=("note",))
            else:
                table.update({"id": key}, row(key, email, "m"))
    target.rig.apply()
    note = "n" if partial else "m"
    expected = [(1, "b", note, 1), (2, "a", note, 2), (3, "c", "n", 3)]
    assert target.users("id, email, note, own") == expected


def test_rows_keep_the_values_of_dropped_columns(target: Target) -> None:
    table = target.rig.script.table("public.users", COLUMNS)
    table.load([row(1, "a", "one"), row(2, "b", "two")])
    target.rig.apply()
    table.alter([ID, EMAIL])
    table.update({"id": 1, "email": "a"}, {"id": 1, "email": "a2"})
    target.rig.apply()
    assert target.users() == [(1, "a2", "one"), (2, "b", "two")]
    with target.rig.script.transaction():
        table.update({"id": 1, "email": "a2"}, {"id": 1, "email": "z"})
        table.update({"id": 2, "email": "b"}, {"id": 2, "email": "a2"})
        table.update({"id": 1, "email": "z"}, {"id": 1, "email": "b"})
        table.insert({"id": 3, "email": "c"})
    target.rig.apply()
    assert target.users() == [(1, "b", "one"), (2, "a2", "two"), (3, "c", None)]


def test_two_rows_with_one_value_are_an_error_all_the_same(target: Target) -> None:
    table = target.rig.script.table("public.users", COLUMNS)
    table.insert(row(1, "a"))
    table.insert(row(2, "a"))
    with pytest.raises(StuckError, match="users"):
        target.rig.apply()
    assert target.users() == []
