"""Schema conversion towards SQLite: what is made is what is read back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tailrace.connectors import Context, find_sink
from tailrace.conversion.catalog import (
    Catalog,
    Check,
    Column,
    Counter,
    Dialect,
    ForeignKey,
    Identity,
    ObjectKind,
    ObjectName,
    Table,
    Trigger,
    View,
)
from tailrace.conversion.target import Stage
from tailrace.errors import RefusedError
from tailrace.schema import Kind, Type
from tailrace.sink import TableWork
from tailrace.structure import MADE, MYSQL, PRESENT, TO_MAKE, Index, Numbering, Part, TableStructure
from tailrace_sqlite.schema.target import SQLiteSchemaTarget
from tailrace_sqlite.settings import SQLiteSinkSettings
from tailrace_sqlite.sink import SQLiteSink
from tests.sinks import Applied, column, integer, rows, target, text


def named(name: str) -> ObjectName:
    return ObjectName("", name)


def made(name: str, sql_type: str, nullable: bool = True, **more: object) -> Column:
    return Column(name, Type(Kind.OTHER), sql_type, nullable, **more)  # type: ignore[arg-type]


def primary(*names: str) -> Index:
    return Index("", tuple(Part(name) for name in names), unique=True, primary=True)


CUSTOMERS = Table(
    named("customers"),
    (
        made("id", "INTEGER", nullable=False, identity=Identity(Counter(next=42))),
        made("e mail", "TEXT", nullable=False, collation="NOCASE"),
        made("bonus, in (cents)", "INTEGER", default="0"),
        made("since", "TEXT", default="CURRENT_TIMESTAMP"),
        made("say", "TEXT", default="'it''s, (ok)'"),
        made("half", "", default="1 + 1"),
        made("total", "INTEGER", generated='"bonus, in (cents)" * 2'),
        made("seen", "BOOLEAN", generated="\"say\" <> 'CHECK (a, b)'", stored=False),
        made("referrer", "INTEGER"),
    ),
    (
        primary("id"),
        Index("mail", (Part("e mail"),), unique=True, constraint=True),
        Index(
            "late",
            (Part("since", descending=True), Part("", 'lower("e mail")')),
            where="\"half\" > 0 AND 'WHERE' <> ''",
        ),
        Index("rough", (Part("say", collation="RTRIM"),)),
    ),
    checks=(Check("positive", '"bonus, in (cents)" >= 0 AND "say" <> \')\''), Check("", 'length("e mail") > 0')),
    foreign_keys=(ForeignKey("referred", ("referrer",), named("customers"), ("id",), on_delete="SET NULL"),),
)
ORDERS = Table(
    named("orders"),
    (made("customer", "INTEGER", nullable=False), made("nr", "INTEGER", nullable=False), made("item", "TEXT")),
    (primary("customer", "nr"), Index("late", (Part("item"),))),
    foreign_keys=(
        ForeignKey("of", ("customer",), named("customers"), ("id",), "CASCADE", "RESTRICT", deferrable="deferred"),
        ForeignKey("", ("customer", "nr"), named("lines"), ("customer", "nr")),
    ),
)
LINES = Table(
    named("lines"),
    (made("customer", "INTEGER", nullable=False), made("nr", "INTEGER", nullable=False), made("x", "BLOB")),
    (primary("nr", "customer"),),
    foreign_keys=(ForeignKey("back", ("customer", "nr"), named("orders"), ("customer", "nr")),),
)
CATALOG = Catalog(
    Dialect.SQLITE,
    tables=(ORDERS, LINES, CUSTOMERS),
    views=(View(named("recent"), 'SELECT "id" AS "i", \'AS (x)\' AS t FROM "customers"', ("i", "t")),),
    triggers=(
        Trigger(
            named("touch"),
            named("orders"),
            "AFTER",
            ("UPDATE",),
            True,
            "",
            columns=("item", "nr"),
            when="NEW.item IS NOT OLD.item",
            body="UPDATE orders SET item = 'BEGIN; END' WHERE nr = NEW.nr;\nDELETE FROM lines",
        ),
    ),
)


@pytest.fixture
def settings(tmp_path: Path) -> SQLiteSinkSettings:
    url = f"sqlite:///{tmp_path / 'target.db'}"
    return SQLiteSinkSettings.model_validate({"name": "lite", "connector": "sqlite", "url": url})


def test_what_is_read_back_is_what_was_meant(settings: SQLiteSinkSettings) -> None:
    create = find_sink("sqlite").schema
    assert create is not None
    made_target = create(settings, Context("shop", "full-load-and-cdc", Path()))
    assert made_target.read().tables == ()
    made_target.apply(made_target.render(CATALOG))
    found = made_target.read()
    assert replace(found, origin="") == made_target.canonical(CATALOG)

    by_name = {table.name.name: table for table in found.tables}
    customers = by_name["customers"]
    for wanted, column_ in zip(CUSTOMERS.columns, customers.columns, strict=True):
        assert (column_.name, column_.sql_type, column_.nullable) == (wanted.name, wanted.sql_type, wanted.nullable)
        assert (column_.default, column_.generated, column_.stored) == (wanted.default, wanted.generated, wanted.stored)
        assert (column_.collation, column_.identity) == (wanted.collation, wanted.identity)
    assert customers.checks == CUSTOMERS.checks
    assert customers.foreign_keys == CUSTOMERS.foreign_keys
    assert [index.columns for index in customers.indexes if index.primary] == [("id",)]
    assert {index.name for index in customers.indexes if not index.primary} == {"mail", "customers_late", "rough"}
    late = next(index for index in customers.indexes if index.name == "customers_late")
    assert (late.parts, late.where) == (CUSTOMERS.indexes[2].parts, CUSTOMERS.indexes[2].where)
    assert next(index for index in customers.indexes if index.name == "rough").parts == CUSTOMERS.indexes[3].parts
    # Indexes of two tables may have one name at the source.
    assert [index.name for index in by_name["orders"].indexes if not index.primary] == ["late"]
    assert set(by_name["orders"].foreign_keys) == set(ORDERS.foreign_keys)
    assert by_name["lines"].primary_key == primary("nr", "customer")
    assert found.views == CATALOG.views
    (trigger,) = found.triggers
    assert (trigger.timing, trigger.events, trigger.columns) == ("AFTER", ("UPDATE",), ("item", "nr"))
    assert trigger.when == "NEW.item IS NOT OLD.item"
    assert made_target.read([named("LINES")]).tables == (by_name["lines"],)

    statements = made_target.render(CATALOG)
    assert {s.stage for s in statements if s.kind is ObjectKind.TRIGGER} == {Stage.CUTOVER}
    assert {s.stage for s in statements if s.kind is ObjectKind.TABLE} == {Stage.TABLES}
    again = made_target.canonical(found)
    assert replace(again, origin="") == replace(found, origin="")


def test_a_refused_statement_leaves_nothing(settings: SQLiteSinkSettings) -> None:
    sqlite_target = SQLiteSchemaTarget(settings)
    broken = replace(CATALOG, views=(View(named("v"), "SELECT FROM"),))
    with pytest.raises(RefusedError, match="refuses the view v"):
        sqlite_target.apply(sqlite_target.render(broken))
    assert sqlite_target.read().tables == ()
    with pytest.raises(RefusedError, match="refuses the view v"):
        sqlite_target.canonical(broken)


def test_the_sink_writes_tables_that_were_made_so(settings: SQLiteSinkSettings, tmp_path: Path) -> None:
    sqlite_target = SQLiteSchemaTarget(settings)
    table = Table(
        named("sums"),
        (
            made("id", "INTEGER", nullable=False, identity=Identity(Counter(next=10))),
            made("a", "INTEGER", nullable=False),
            made("name", "TEXT"),
            made("twice", "INTEGER", generated="a * 2"),
        ),
        (primary("id"), Index("one_name", (Part("name"),), unique=True)),
    )
    sqlite_target.apply(sqlite_target.render(Catalog(Dialect.SQLITE, tables=(table,))))
    columns = [integer(1, "id", key=1), integer(2, "a", size=32), text(3, "name"), integer(4, "twice", size=32)]
    sums = target("sums", columns)
    applied = Applied(SQLiteSink(settings, Context("shop", "full-load-and-cdc", tmp_path)))
    applied.ensure(sums)
    data = [{"id": n, "a": n, "name": f"n{n}", "twice": n * 2} for n in range(1, 4)]
    applied(TableWork(sums, upserts=rows(data)))
    # Values of a unique index that change places go through a copy of the table.
    swapped = [{**data[0], "name": "n2"}, {**data[1], "name": "n1"}]
    applied(TableWork(sums, upserts=rows(swapped), updates=rows([{"id": 3, "a": 7, "twice": 14}])))
    assert applied.rows(sums) == [*swapped, {"id": 3, "a": 7, "name": "n3", "twice": 14}]
    dropped = target("sums", [columns[0], columns[2], columns[3]], version=2, retained=[columns[1]])
    applied.ensure(dropped, sums)
    applied(TableWork(dropped, upserts=rows([{"id": 8, "name": "n8", "twice": None}])))
    applied.sink.close()
    with closing(sqlite3.connect(settings.path)) as connection:
        connection.execute("INSERT INTO sums (a) VALUES (1)")
        assert connection.execute("SELECT max(id) FROM sums").fetchone() == (10,)
        connection.commit()
        # At cut-over it goes on behind what the source has given.
        structure = TableStructure(MYSQL, numberings=(Numbering("id", next=50),))
        states = [next(iter(applied.sink.complete([(sums, structure)], dry))).state for dry in (True, False, False)]
        assert states == [TO_MAKE, MADE, PRESENT]
        connection.execute("INSERT INTO sums (a) VALUES (1)")
        assert connection.execute("SELECT max(id) FROM sums").fetchone() == (50,)


def test_types_are_those_that_the_sink_makes() -> None:
    table = Table(
        named("t"),
        (
            Column("f", column(1, "f", Kind.FLOAT).type, "double"),
            Column("b", column(2, "b", Kind.BYTES).type, "bytea"),
            Column("d", column(3, "d", Kind.DECIMAL, size=10, scale=2).type, "numeric(10,2)"),
        ),
    )
    found = SQLiteSchemaTarget(None).types(table, Dialect.POSTGRESQL)
    assert found == {"f": "", "b": "BLOB", "d": "TEXT"}
