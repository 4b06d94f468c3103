"""The PostgreSQL sink on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailrace.connectors import Context
from tailrace.errors import (
    StuckError,
    ValueRefusedError,
)
from tailrace.schema import Column, Kind, Type
from tailrace_postgres import sink_merge
from tailrace_postgres.settings import PostgresSinkSettings
from tailrace_postgres.sink import PostgresSink
from tests import servers
from tests.integration.sink_rig import (
    ID,
    MYSQL_KINDS,
    POSTGRES_KINDS,
    Rig,
    Values,
    differences,
    table_of_kinds,
)
from tests.servers import Database

A = Column(2, "a", Type(Kind.TEXT, "text"))
B = Column(3, "b", Type(Kind.INTEGER, "int", 32))
USERS = "SELECT id, a FROM users ORDER BY id"


def sink_at(url: str, mode: str = "full-load-and-cdc", **keys: Any) -> PostgresSink:
    settings = PostgresSinkSettings.model_validate({"name": "target", "connector": "postgres", "url": url, **keys})
    return PostgresSink(settings, Context("shop", mode, Path()))


@pytest.fixture
def database(postgres15: servers.Postgres) -> Iterator[Database]:
    with postgres15.database() as database:
        yield database


@pytest.fixture
def rig(database: Database) -> Rig:
    return Rig(lambda: sink_at(database.url))


@pytest.fixture(params=[sink_merge.FEW_ROWS, 0], ids=["few rows", "set-wise"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways in which rows are written."""
    monkeypatch.setattr(sink_merge, "FEW_ROWS", request.param)


# ---- values


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("server", ["postgres15", "postgres18"])
@pytest.mark.parametrize(
    ("name", "kinds", "connector"),
    [("shop.kinds", MYSQL_KINDS, "mysql"), ("public.kinds", POSTGRES_KINDS, "postgresql")],
)
def test_every_kind_comes_back_as_it_went_in(
    request: pytest.FixtureRequest, server: str, name: str, kinds: list[tuple[Type, list[Any]]], connector: str
) -> None:
    with request.getfixturevalue(server).database() as database:
        database.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
        rig = Rig(lambda: sink_at(database.url))
        table, rows = table_of_kinds(rig.script, name, kinds, connector)
        table.load(rows)
        rig.apply()
        assert differences(rig.rows(table), rows) == []
        for row in rows:
            table.update(row, row)
            names = [column.name for column in table.schema.columns[1:]]
            table.update(row, {name: row[name] for name in ["id", *names[::2]]}, unchanged=tuple(names[1::2]))
        rig.apply()
        assert differences(rig.rows(table), rows) == []


def test_types_of_postgresql_stay_what_they_are_and_others_become_the_nearest(database: Database, rig: Rig) -> None:
    database.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    table, rows = table_of_kinds(rig.script, "public.kinds", POSTGRES_KINDS, "postgresql")
    other, others = table_of_kinds(rig.script, "shop.mysql_kinds", MYSQL_KINDS, "mysql")
    table.load(rows)
    other.load(others)
    rig.apply()
    found = dict(
        database.query(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = 'kinds'::regclass AND attnum > 0"
        )
    )
    for column in table.schema.columns:
        expected = "text" if column.type.name == "no_such_type" else column.type.name
        assert found[column.name] == expected
    mapped = dict(
        database.query(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = 'mysql_kinds'::regclass AND attnum > 0"
        )
    )
    names = {column.type.name: mapped[column.name] for column in other.schema.columns}
    assert names["bigint unsigned"] == "numeric(20,0)"
    assert names["int unsigned"] == "bigint"
    assert names["time(6)"] == "interval"
    assert names["timestamp(6)"] == "timestamp(6) with time zone"
    assert names["varchar(40)"] == "character varying(40)"
    assert names["longtext"] == "text"
    assert names["geometry"] == "text"
    assert names["json"] == "json"


REFUSED: list[tuple[Type, Any]] = [
    (Type(Kind.DATE, "date"), "0000-00-00"),
    (Type(Kind.TIMESTAMP, "datetime(3)", 3), "2024-00-10T00:00:00.000"),
    (Type(Kind.DECIMAL, "numeric(4,2)", 4, 2), "Infinity"),
    (Type(Kind.TEXT, "text"), "zero\0byte"),
    (Type(Kind.TEXT, "varchar(3)", 3), "secret"),
    (Type(Kind.INTEGER, "smallint", 16), 70000),
]


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(("type_", "value"), REFUSED, ids=lambda value: getattr(value, "name", None))
def test_a_value_that_cannot_be_held_is_refused_by_table_and_column(rig: Rig, type_: Type, value: Any) -> None:
    table = rig.script.table("shop.users", [ID, replace(B, name="good"), Column(9, "the bad", type_)], "mysql")
    table.insert({"id": 1, "good": 2, "the bad": None})
    rig.apply()
    table.insert({"id": 2, "good": 2, "the bad": value})
    with pytest.raises(ValueRefusedError, match=r"table shop\.users, column the bad: ") as raised:
        rig.apply()
    assert str(value) not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert rig.rows(table) == [{"id": 1, "good": 2, "the bad": None}]


def test_a_value_is_refused_by_column_in_the_batch_that_makes_the_table_too(rig: Rig) -> None:
    table = rig.script.table("shop.users", [ID, Column(9, "the bad", Type(Kind.DATE, "date"))], "mysql")
    table.insert({"id": 1, "the bad": "0000-00-00"})
    with pytest.raises(ValueRefusedError, match=r"table shop\.users, column the bad: "):
        rig.apply()


# ---- keyless tables


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("kinds", [MYSQL_KINDS, POSTGRES_KINDS], ids=["mysql", "postgresql"])
def test_a_keyless_table_finds_rows_of_every_kind_again(rig: Rig, kinds: list[tuple[Type, list[Any]]]) -> None:
    connector = "mysql" if kinds is MYSQL_KINDS else "postgresql"
    keyed, rows = table_of_kinds(rig.script, "public.keyed", kinds, connector)
    table = rig.script.table("public.log", [replace(c, key=0) for c in keyed.schema.columns], connector)
    rows = rows[:4]
    for row in [*rows, *rows]:
        table.insert(row)
    for row in rows:
        table.delete(row)
    table.update(rows[0], {**rows[0], "id": 99})
    rig.apply()
    assert sorted(row["id"] for row in rig.rows(table)) == [1, 2, 3, 99]


def test_rows_that_are_equal_but_not_the_same_are_told_apart(rig: Rig) -> None:
    columns = [
        Column(1, "n", Type(Kind.DECIMAL, "numeric")),
        Column(2, "i", Type(Kind.INTERVAL, "interval")),
        Column(3, "f", Type(Kind.FLOAT, "double precision", 64)),
    ]
    table = rig.script.table("public.log", columns)
    rows: list[Values] = [
        {"n": "1.0", "i": None, "f": None},
        {"n": "1.00", "i": None, "f": None},
        {"n": None, "i": "P1M", "f": None},
        {"n": None, "i": "P30D", "f": None},
        {"n": None, "i": None, "f": 0.0},
        {"n": None, "i": None, "f": -0.0},
        {"n": None, "i": None, "f": "NaN"},
    ]
    table.load(rows)
    for row in rows[1::2]:
        table.delete(row)
    rig.apply()
    assert sorted(map(str, rig.rows(table))) == sorted(map(str, rows[::2]))


def test_a_composite_of_nulls_is_not_null(database: Database, rig: Rig) -> None:
    database.execute("CREATE TYPE pair AS (a integer, b text)")
    table = rig.script.table("public.log", [Column(1, "p", Type(Kind.OTHER, "public.pair")), B])
    rows: list[Values] = [{"p": "(,)", "b": 1}, {"p": None, "b": 1}, {"p": "(1,)", "b": 1}]
    table.load(rows)
    rig.apply()
    assert sorted(map(str, rig.rows(table))) == sorted(map(str, rows))
    table.delete(rows[1])
    rig.apply()
    assert sorted(map(str, rig.rows(table))) == sorted(map(str, rows[::2]))


def test_a_keyless_row_that_is_missing_is_an_error_unless_there_was_no_load(database: Database, rig: Rig) -> None:
    table = rig.script.table("public.log", [A, B])
    table.insert({"a": "x", "b": 1})
    table.update({"a": "y", "b": 2}, {"a": "z", "b": 3})
    table.delete({"a": "q", "b": 2})
    with pytest.raises(StuckError, match=r"table public\.log: no row of the target"):
        rig.apply()
    rig.create = lambda: sink_at(database.url, "cdc")
    rig.apply()
    assert sorted(map(str, rig.rows(table))) == [str({"a": "x", "b": 1}), str({"a": "z", "b": 3})]


def test_an_update_of_a_partitioned_keyless_table_changes_one_row(database: Database, rig: Rig) -> None:
    database.execute("CREATE TABLE log (a text, b integer) PARTITION BY LIST (a)")
    database.execute("CREATE TABLE log_x PARTITION OF log FOR VALUES IN ('x')")
    database.execute("CREATE TABLE log_y PARTITION OF log FOR VALUES IN ('y')")
    table = rig.script.table("public.log", [A, B])
    for a in "xy":
        for _ in range(2):
            table.insert({"a": a, "b": 1})
    table.update({"a": "x", "b": 1}, {"a": "x", "b": 2})
    rig.apply()
    assert database.query("SELECT a, b FROM log ORDER BY a, b") == [("x", 1), ("x", 2), ("y", 1), ("y", 1)]


# ---- keyed tables


@pytest.mark.usefixtures("either_way")
def test_composite_keys_partial_updates_and_deletes(rig: Rig) -> None:
    second = Column(2, "part", Type(Kind.TEXT, "text"), nullable=False, key=2)
    body, note = Column(3, "body", Type(Kind.TEXT, "text")), Column(4, "note", Type(Kind.TEXT, "text"))
    table = rig.script.table("public.pieces", [ID, second, body, note])
    rows = [{"id": n, "part": p, "body": "b", "note": "n"} for n in range(3) for p in "xy"]
    table.load(rows)
    rig.apply()
    table.update(rows[0], {"id": 0, "part": "x", "note": "it's new"}, unchanged=("body",))
    table.update({"id": 77, "part": "x"}, {"id": 77, "part": "x", "note": "new"}, unchanged=("body",))
    table.update(rows[4], {"id": 2, "part": "x"}, unchanged=("body", "note"))
    table.delete(rows[1])
    table.delete({"id": 88, "part": "x"})
    table.update(rows[2], {**rows[2], "id": 50})
    rig.apply()
    assert rig.rows(table) == [
        {"id": 0, "part": "x", "body": "b", "note": "it's new"},
        {"id": 1, "part": "y", "body": "b", "note": "n"},
        {"id": 2, "part": "x", "body": "b", "note": "n"},
        {"id": 2, "part": "y", "body": "b", "note": "n"},
        {"id": 50, "part": "x", "body": "b", "note": "n"},
    ]


@pytest.mark.usefixtures("either_way")
def test_a_table_of_keys_alone_and_a_truncate(rig: Rig) -> None:
    table = rig.script.table("public.tags", [ID])
    for key in (1, 1, 2):
        table.insert({"id": key})
    rig.apply()
    assert rig.rows(table) == [{"id": 1}, {"id": 2}]
    table.truncate()
    table.insert({"id": 3})
    rig.apply()
    assert rig.rows(table) == [{"id": 3}]


def test_many_rows_of_a_load_and_then_of_the_stream(database: Database, rig: Rig) -> None:
    table = rig.script.table("public.users", [ID, A])
    table.load([{"id": key, "a": "loaded"} for key in range(1000)])
    rig.apply()
    table.load([{"id": key, "a": "again"} for key in range(500, 1500)])  # some are there already
    with rig.script.transaction():
        for key in range(1400, 1600):
            table.insert({"id": key, "a": "new"})
        for key in range(100):
            table.delete({"id": key, "a": "loaded"})
    rig.apply()
    assert database.query("SELECT a, count(*) FROM users GROUP BY a ORDER BY a") == [
        ("again", 900),
        ("loaded", 400),
        ("new", 200),
    ]


@pytest.mark.usefixtures("either_way")
def test_created_rows_that_the_target_has_are_overwritten(database: Database, rig: Rig) -> None:
    table = rig.script.table("public.users", [ID, A])
    table.load([{"id": key, "a": "loaded"} for key in range(100)])
    rig.apply()
    for turn in ("first", "second"):
        with rig.script.transaction():
            for key in range(50, 150):
                table.insert({"id": key, "a": turn})
            table.update({"id": 1, "a": "loaded"}, {"id": 1, "a": turn})
            table.delete({"id": 2, "a": "loaded"})
        rig.apply()
        assert dict(database.query("SELECT a, count(*) FROM users GROUP BY a")) == {turn: 101, "loaded": 48}


@pytest.mark.usefixtures("either_way")
def test_a_created_row_takes_a_unique_value_that_another_one_gives_up(database: Database, rig: Rig) -> None:
    database.execute("CREATE TABLE users (id bigint PRIMARY KEY, a text UNIQUE)")
    table = rig.script.table("public.users", [ID, A])
    table.load([{"id": key, "a": f"{key}"} for key in range(100)])
    rig.apply()
    with rig.script.transaction():
        for key in range(100):
            table.update({"id": key, "a": f"{key}"}, {"id": key, "a": None})
            table.insert({"id": 1000 + key, "a": f"{key}"})
    rig.apply()
    assert database.query("SELECT count(*), count(a) FROM users WHERE a IS NULL OR id >= 1000") == [(200, 100)]


@pytest.mark.usefixtures("either_way")
def test_rows_that_exchange_a_unique_value(database: Database, rig: Rig) -> None:
    database.execute("CREATE TABLE users (id bigint PRIMARY KEY, a text UNIQUE)")
    table = rig.script.table("public.users", [ID, A])
    table.load([{"id": 1, "a": "x"}, {"id": 2, "a": "y"}])
    rig.apply()
    with rig.script.transaction():
        table.update({"id": 1, "a": "x"}, {"id": 1, "a": None})
        table.update({"id": 2, "a": "y"}, {"id": 2, "a": "x"})
        table.update({"id": 1, "a": None}, {"id": 1, "a": "y"})
    rig.apply()
    assert database.query(USERS) == [(1, "y"), (2, "x")]
    table.insert({"id": 3, "a": "x"})
    with pytest.raises(StuckError, match="users_a_key") as raised:
        rig.apply()
    assert "(x)" not in str(raised.value)


def test_odd_names_stay_names(database: Database, rig: Rig) -> None:
    odd = 'x"; DROP TABLE y; -- 100% %s'
    columns = [replace(ID, name="ctid_"), replace(A, name=odd), replace(B, name="select", key=0)]
    table = rig.script.table(f"public.{odd}", columns)
    table.insert({"ctid_": 1, odd: "100% 'v' %s", "select": 2})
    table.update({"ctid_": 1}, {"ctid_": 1, "select": 3}, unchanged=(odd,))
    keyless = rig.script.table("public.none", [replace(column, key=0) for column in columns])
    keyless.insert({"ctid_": 1, odd: "v", "select": 2})
    keyless.delete({"ctid_": 1, odd: "v", "select": 2})
    rig.apply()
    assert rig.rows(table) == [{"ctid_": 1, odd: "100% 'v' %s", "select": 3}]
    assert rig.rows(keyless) == []


# ---- tables


def test_the_configured_schema_is_made_and_used(database: Database) -> None:
    rig = Rig(lambda: sink_at(database.url, schema="Mirror of shop"))
    table = rig.script.table("public.users", [ID, A])
    table.insert({"id": 1, "a": "x"})
    rig.apply()
    assert database.query('SELECT id, a FROM "Mirror of shop".users') == [(1, "x")]
    assert database.value('SELECT count(*) FROM "Mirror of shop"._tailrace_positions') == 2
    assert rig.rows(table) == [{"id": 1, "a": "x"}]


def test_columns_come_go_and_change_names_and_types(database: Database, rig: Rig) -> None:
    table = rig.script.table("public.users", [ID, A, B])
    table.load([{"id": key, "a": "old", "b": key} for key in range(100)])
    rig.apply()
    table.alter([ID, replace(A, name="title"), B, Column(4, "note", Type(Kind.TEXT, "text"), initial="it's 100%")])
    table.insert({"id": 200, "title": "t", "b": 1, "note": "n"})
    rig.apply()
    assert database.query("SELECT title, note FROM users WHERE id IN (1, 200) ORDER BY id") == [
        ("old", "it's 100%"),
        ("t", "n"),
    ]
    assert database.value("SELECT count(*) FROM pg_attrdef WHERE adrelid = 'users'::regclass") == 0
    # The title is gone, another takes its name; b becomes a decimal, as at the source.
    wide = replace(B, type=Type(Kind.DECIMAL, "numeric(12,2)", 12, 2))
    table.alter([ID, wide])
    table.alter([ID, wide, Column(9, "title", Type(Kind.INTEGER, "integer", 32))])
    table.load([{"id": key, "b": "1.50", "title": 7} for key in range(300, 400)])
    rig.apply()
    assert database.query("SELECT id, b::text, title, title_dropped_2 FROM users WHERE id IN (1, 300)") == [
        (1, "1.00", None, "old"),
        (300, "1.50", 7, None),
    ]


def test_a_dropped_column_that_was_not_null_takes_null(database: Database, rig: Rig) -> None:
    database.execute("CREATE TABLE users (id bigint PRIMARY KEY, a text NOT NULL, b integer)")
    table = rig.script.table("public.users", [ID, A, B])
    table.insert({"id": 1, "a": "x", "b": 1})
    table.alter([ID, B])
    table.insert({"id": 2, "b": 2})
    rig.apply()
    assert database.query("SELECT id, a, b FROM users ORDER BY id") == [(1, "x", 1), (2, None, 2)]


def test_a_primary_key_that_moves_is_followed(database: Database, rig: Rig) -> None:
    table = rig.script.table("public.users", [ID, A, B])
    table.load([{"id": 1, "a": "x", "b": 1}, {"id": 2, "a": "y", "b": 1}])
    table.alter([replace(ID, key=0), replace(A, key=1), B])
    table.insert({"id": 1, "a": "z", "b": 2})
    table.update({"id": 1, "a": "x"}, {"id": 5, "a": "x", "b": 3})
    rig.apply()
    assert database.query("SELECT id, a, b FROM users ORDER BY a") == [(5, "x", 3), (2, "y", 1), (1, "z", 2)]
    table.alter([replace(ID, key=0), replace(A, key=0), B])
    table.insert({"id": 1, "a": "z", "b": 2})
    rig.apply()
    assert database.value("SELECT count(*) FROM users WHERE a = 'z'") == 2


def test_a_users_own_table_is_used_where_it_suffices(database: Database, rig: Rig) -> None:
    database.execute(
        "CREATE TABLE users (extra text DEFAULT 'mine', a text, b bigint,"
        " twice integer GENERATED ALWAYS AS (b * 2) STORED, id bigint GENERATED ALWAYS AS IDENTITY UNIQUE)"
    )
    table = rig.script.table("public.users", [ID, A, B, Column(4, "twice", Type(Kind.INTEGER, "integer", 32))])
    table.insert({"id": 1, "a": "x", "b": 2, "twice": 4})
    table.insert({"id": 1, "a": "y", "b": 3, "twice": 6})
    rig.apply()
    assert database.query("SELECT extra, id, a, b, twice FROM users") == [("mine", 1, "y", 3, 6)]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("CREATE TABLE users (a text PRIMARY KEY, id bigint)", r"primary key is not the source's.*CREATE UNIQUE INDEX"),
        ("CREATE VIEW users AS SELECT 1 AS id, 'x' AS a", "something of this name that is no table"),
    ],
)
def test_what_does_not_suffice_is_refused_with_what_to_do(
    database: Database, rig: Rig, statement: str, message: str
) -> None:
    database.execute(statement)
    rig.script.table("public.users", [ID, A]).insert({"id": 1, "a": "x"})
    with pytest.raises(StuckError, match=rf"table public\.users: .*{message}"):
        rig.apply()


def test_triggers_and_foreign_keys_of_the_target_stay_silent(database: Database, rig: Rig) -> None:
    database.execute("CREATE TABLE parents (id bigint PRIMARY KEY)")
    database.execute(
        "CREATE TABLE children (id bigint PRIMARY KEY, parent bigint REFERENCES parents ON DELETE CASCADE)"
    )
    parents = rig.script.table("public.parents", [ID])
    children = rig.script.table("public.children", [ID, Column(2, "parent", Type(Kind.INTEGER, "bigint", 64))])
    with rig.script.transaction():
        children.insert({"id": 1, "parent": None})
        parents.insert({"id": 7})
        children.insert({"id": 2, "parent": 7})
    parents.truncate()
    rig.apply()
    assert rig.rows(children) == [{"id": 1, "parent": None}, {"id": 2, "parent": 7}]
    assert rig.rows(parents) == []
