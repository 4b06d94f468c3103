"""Names in PostgreSQL's SQL, the order of statements, and catalogs under other names."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.conversion.catalog import (
    Catalog,
    Check,
    Column,
    Counter,
    Dialect,
    Domain,
    Identity,
    ObjectKind,
    ObjectName,
    Other,
    Partition,
    Partitioning,
    Routine,
    Sequence,
    Table,
    View,
)
from tailrace.conversion.expressions.chains import chains
from tailrace.conversion.target import Stage
from tailrace.schema import Kind, Type
from tailrace_postgres.schema.ddl import render
from tailrace_postgres.schema.ddl_tables import counter_options, setval
from tailrace_postgres.schema.partitioning import bound_clause, bounds, partitioning
from tailrace_postgres.schema.renaming import in_schemas, objects, restricted
from tailrace_postgres.schema.sql_text import ident, in_schema, listed, literal, plainer


def table(name: str, *columns: Column, schema: str = "", **given: Any) -> Table:
    return Table(ObjectName(schema, name), columns or (column("id"),), **given)


def column(name: str, type_: str = "bigint", **given: Any) -> Column:
    return Column(name, Type(Kind.INTEGER, type_, 64), type_, **given)


def view(name: str, query: str, schema: str = "", **given: Any) -> View:
    return View(ObjectName(schema, name), query, **given)


def function(name: str, body: str = "SELECT 1", **given: Any) -> Routine:
    words = {"returns": "bigint", "language": "sql", **given}
    return Routine(
        ObjectName("", name), ObjectKind.FUNCTION, (), body=body, definition=f"CREATE FUNCTION {name}() …", **words
    )


def order(*, stage: Stage | None = None, **kinds: Any) -> list[str]:
    statements = render(Catalog(Dialect.POSTGRESQL, **kinds))
    return [each.name.name for each in statements if stage is None or each.stage is stage]


def test_names_are_quoted_where_the_server_would_quote_them() -> None:
    names = ("orders", "Orders", "order", "user", "a b", 'a"b', "1a", "a1", "ä", "value", "text", "timestamp")
    assert [ident(name) for name in names] == [
        "orders",
        '"Orders"',
        '"order"',
        '"user"',
        '"a b"',
        '"a""b"',
        '"1a"',
        "a1",
        '"ä"',
        "value",
        "text",
        '"timestamp"',
    ]
    assert [literal(text) for text in ("a", "it's", "a\\b")] == ["'a'", "'it''s'", "E'a\\\\b'"]


def test_names_are_found_in_sql_but_not_in_what_only_looks_like_it() -> None:
    sql = """SELECT Shop.Orders.id, "Odd ""one".f (1e5), nextval('shop."My seq"'::regclass), 'shop.not'::text
      -- shop.comment
      /* shop.other */ , $$ shop.body $$, $q$ $$ shop.body $q$, E'\\' shop.escaped' || 'it''s shop.string' FROM x"""
    found = [(chain.parts, chain.quoted, chain.called) for chain in chains(sql)]
    assert (("shop", "orders", "id"), False, False) in found
    assert (('Odd "one', "f"), False, True) in found
    assert (("shop", "My seq"), True, False) in found
    assert [parts for parts, _, _ in found if parts[0] == "shop"] == [("shop", "orders", "id"), ("shop", "My seq")]
    changed = in_schema(sql, lambda parts: "It's new" if parts[0] == "shop" else None)
    assert 'SELECT "It\'s new".Orders.id' in changed
    assert "nextval('\"It''s new\".\"My seq\"'::regclass)" in changed
    assert in_schema(changed, lambda parts: "" if parts[0] == "It's new" else None) == sql.replace("Shop.", "").replace(
        "'shop.\"My", "'\"My"
    )


def test_quotes_that_no_name_needs_are_left_out_of_expressions() -> None:
    sql = """("status" = 'a "b"') AND "Order"."id" > "user" AND "a b" IS NULL AND x::"char" <> "f"("year", "left"(y))"""
    assert plainer(sql) == (
        """(status = 'a "b"') AND "Order".id > "user" AND "a b" IS NULL AND x::"char" <> f(year, "left"(y))"""
    )


def test_lists_are_parted_at_their_own_commas() -> None:
    assert listed("a, f(b, c), ARRAY[1, 2], 'x, y', \"d,e\"") == ("a", "f(b, c)", "ARRAY[1, 2]", "'x, y'", '"d,e"')
    assert listed("") == ()


@pytest.mark.parametrize(
    ("text", "partition"),
    [
        ("DEFAULT", Partition("p", default=True)),
        ("FOR VALUES IN ('a', NULL, 'b, c')", Partition("p", members=(("'a'",), ("NULL",), ("'b, c'",)))),
        ("FOR VALUES WITH (MODULUS 4, REMAINDER 3)", Partition("p", modulus=4, remainder=3)),
        ("FOR VALUES FROM ('2024-01-01') TO (MAXVALUE)", Partition("p", ("'2024-01-01'",), None)),
        ("FOR VALUES FROM (MINVALUE, MINVALUE) TO (1, MINVALUE)", Partition("p", None, ("1", "MINVALUE"))),
    ],
)
def test_bounds_of_partitions_are_read_and_written(text: str, partition: Partition) -> None:
    assert bounds("p", text.replace("MODULUS", "modulus").replace("REMAINDER", "remainder"), None) == partition
    assert bound_clause(partition, 2 if "MINVALUE, MINVALUE" in text else 1) == text


def test_partitioning_by_expressions() -> None:
    assert partitioning("RANGE (date_trunc('month', a), b)", ()).expressions == ("date_trunc('month', a)", "b")


def test_views_come_after_what_they_read() -> None:
    assert order(
        tables=(table("z"),),
        views=(
            view("a", "SELECT * FROM b"),
            view("b", "WITH a AS (SELECT * FROM c) SELECT (SELECT max(id) FROM a) FROM z"),
            view("c", "WITH c AS (SELECT 1 AS id), b AS (SELECT * FROM c) SELECT * FROM b"),
            view("Mixed", 'SELECT * FROM d UNION SELECT * FROM "Later"'),
            view("Later", "SELECT 1"),
            view("d", "SELECT * FROM (SELECT * FROM a) c"),
        ),
    ) == ["z", "c", "b", "a", "Later", "d", "Mixed"]


def test_views_that_cannot_be_parsed_are_ordered_by_the_names_in_them() -> None:
    assert order(views=(view("a", "SELECT !! ^^ FROM b WHERE ((("), view("b", "SELECT 1"))) == ["b", "a"]
    assert order(
        views=(view("a", "SELECT x.y FROM s.b x", "s"), view("b", "SELECT 1", "s")),
    ) == ["b", "a"]


def test_functions_stand_before_what_calls_them_and_after_the_types_they_take() -> None:
    assert order(
        domains=(Domain(ObjectName("", "d"), Type(Kind.INTEGER), "integer", checks=(Check("", "f(VALUE) > 0"),)),),
        tables=(
            table("needs_g", column("id", default="g()"), column("d", "d")),
            table("plain"),
        ),
        routines=(function("f"), function("g", "SELECT max(id) FROM plain"), function("h", returns="SETOF needs_g")),
    ) == ["f", "d", "plain", "g", "needs_g", "h"]


def test_circles_are_entered_where_the_kinds_have_their_order() -> None:
    assert order(
        tables=(table("t", column("id", default="f()")),),
        routines=(function("f", "SELECT max(id) FROM t"),),
    ) == ["f", "t"]


def test_a_stage_waits_for_what_it_needs_and_tables_take_theirs_along() -> None:
    kinds: dict[str, Any] = {
        "tables": (
            table("t", column("id", default="f()"), column("n", identity=Identity(sequence=ObjectName("", "s")))),
        ),
        "sequences": (
            Sequence(ObjectName("", "s"), Counter(next=5)),
            Sequence(ObjectName("", "free"), Counter(next=5)),
        ),
        "routines": (function("f"), function("g")),
        "views": (
            view("v", "SELECT * FROM m"),
            view("m", "SELECT * FROM t", materialized=True),
            view("w", "SELECT * FROM t"),
        ),
    }
    assert order(stage=Stage.TABLES, **kinds) == ["s", "free", "f", "t", "s", "free"]
    assert order(stage=Stage.REST, **kinds) == ["g", "w"]
    assert order(stage=Stage.CUTOVER, **kinds) == ["m", "v"]


def test_what_belongs_to_a_view_waits_for_it() -> None:
    other = Other(ObjectKind.OTHER, ObjectName("", "v options"), "ALTER VIEW v SET (security_barrier=true)")
    assert order(views=(view("v", "SELECT 1"),), others=(other,), stage=Stage.REST) == ["v", "v options"]
    assert order(views=(view("v", "SELECT 1", materialized=True),), others=(other,), stage=Stage.REST) == []


def test_a_partition_elsewhere_takes_its_schema_along() -> None:
    parted = table("t", partitioning=Partitioning("hash", ("id",), (Partition("p", modulus=1, remainder=0),)))
    moved = Other(ObjectKind.OTHER, ObjectName("", "p schema"), 'ALTER TABLE p SET SCHEMA "Else"', ObjectName("", "t"))
    catalog = Catalog(Dialect.POSTGRESQL, tables=(parted,), others=(moved,))
    assert [each.sql.partition(" (")[0] for each in render(catalog)] == [
        'CREATE SCHEMA IF NOT EXISTS "Else"',
        "CREATE TABLE t",
        "CREATE TABLE p PARTITION OF t FOR VALUES WITH",
        'ALTER TABLE p SET SCHEMA "Else"',
    ]


def test_what_has_no_statement_is_not_rendered() -> None:
    other = Other(ObjectKind.OTHER, ObjectName("s", "o"), "", reason="an operator")
    assert render(Catalog(Dialect.POSTGRESQL, others=(other,))) == []


def test_counters_go_on_where_they_stood() -> None:
    assert setval("'s'", Counter(next=1), "bigint") is None
    assert setval("'s'", Counter(next=9), "bigint") == "SELECT setval('s', 9, false)"
    assert setval("'s'", Counter(next=32768), "smallint") == "SELECT setval('s', 32767)"
    assert setval("'s'", Counter(-1, -1, minimum=-3, next=-4), "bigint") == "SELECT setval('s', -3)"
    assert counter_options(Counter(-1, -1)) == ["INCREMENT BY -1"]
    assert counter_options(Counter(5, minimum=5, cycle=True)) == ["MINVALUE 5", "CYCLE"]


def test_a_child_repeats_no_column_of_its_parent() -> None:
    parent, child = (
        table("p", column("a"), column("b")),
        table("c", column("a"), column("b", nullable=False), column("c")),
    )
    child = Table(child.name, child.columns, options={"inherits": "p"})
    sql = next(
        each.sql for each in render(Catalog(Dialect.POSTGRESQL, tables=(child, parent))) if "INHERITS" in each.sql
    )
    assert sql == "CREATE TABLE c (\n    b bigint NOT NULL,\n    c bigint\n) INHERITS (p)"


def test_catalogs_move_to_other_schemas_with_all_that_names_them() -> None:
    source = Catalog(
        Dialect.POSTGRESQL,
        schemas=("shop",),
        tables=(table("t", column("id", default="shop.f(lib.g(1))"), schema="shop", comment="see shop.t"),),
        views=(view("v", 'SELECT "shop".t.id FROM shop.t', "shop"),),
        routines=(function("f", "SELECT shop.t"),),
        others=(Other(ObjectKind.OTHER, ObjectName("shop", "o"), "ALTER TABLE shop.p SET SCHEMA shop"),),
    )
    moved = in_schemas(source, {"shop": "New"})
    assert moved.tables[0].name == ObjectName("New", "t")
    assert moved.tables[0].columns[0].default == '"New".f(lib.g(1))'
    assert moved.tables[0].comment == "see shop.t"
    assert moved.views[0].query == 'SELECT "New".t.id FROM "New".t'
    assert moved.routines[0].body == "SELECT shop.t"
    assert moved.others[0].definition == 'ALTER TABLE "New".p SET SCHEMA "New"'
    assert moved.schemas == ("New",)
    kept = in_schemas(source, {"shop": ""}, keep={ObjectName("shop", "f")})
    assert kept.tables[0].columns[0].default == "shop.f(lib.g(1))"
    assert kept.views[0].query == "SELECT t.id FROM t"
    assert objects(source) >= {ObjectName("shop", "t"), ObjectName("shop", "v"), ObjectName("shop", "p")}
    assert restricted(source, [ObjectName("shop", "v")]).tables == ()
