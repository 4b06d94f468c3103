"""What becomes of views, functions and triggers, and what is left to a person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tailrace.conversion.catalog import (
    Argument,
    Catalog,
    Column,
    Dialect,
    ObjectKind,
    ObjectName,
    Routine,
    Table,
    Trigger,
    View,
)
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.programs import Program, on_update, routine, trigger, view
from tailrace.conversion.rules import load
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part

MYSQL, POSTGRES, SQLITE = Dialect.MYSQL, Dialect.POSTGRESQL, Dialect.SQLITE
ORACLE, TSQL = Dialect.ORACLE, Dialect.TSQL
SCHEMAS = {MYSQL: "shop", Dialect.MARIADB: "shop", POSTGRES: "public", ORACLE: "HR", TSQL: "dbo", SQLITE: ""}
RULES = load()
KEY = Index("PRIMARY", (Part("id"),), unique=True, primary=True)


def column(name: str, kind: Kind, size: int = 0, scale: int = 0, nullable: bool = True) -> Column:
    exact = "utf8mb4_0900_bin" if kind is Kind.TEXT else ""
    return Column(name, Type(kind, "", size, scale), "", nullable, charset="utf8mb4", collation=exact)


def catalog(dialect: Dialect) -> Catalog:
    schema = SCHEMAS[dialect]
    orders = (
        column("id", Kind.INTEGER, 32, nullable=False),
        column("cid", Kind.INTEGER, 32),
        column("total", Kind.DECIMAL, 10, 2),
        column("status", Kind.TEXT, 10),
        column("made", Kind.TIMESTAMPTZ, 0),
        column("qty", Kind.INTEGER, 32),
    )
    customers = (column("id", Kind.INTEGER, 32, nullable=False), column("name", Kind.TEXT, 50, nullable=False))
    return Catalog(
        dialect,
        default_schema=schema,
        tables=(
            Table(ObjectName(schema, "orders"), orders, (KEY,)),
            Table(ObjectName(schema, "customers"), customers, (KEY,)),
        ),
        views=(View(ObjectName(schema, "names"), "select id, name from customers"),),
    )


def names(source: Dialect, target: Dialect, schema: str | None = None) -> Names:
    there = SCHEMAS[target] if schema is None else schema
    things = ("orders", "customers", "names", "v", "f", "seq")
    return Names({ObjectName(SCHEMAS[source], thing): ObjectName(there, thing) for thing in things})


def viewed(sql: str, source: Dialect, target: Dialect, schema: str | None = None) -> Program:
    given = View(ObjectName(SCHEMAS[source], "v"), sql)
    return view(given, catalog(source), target, names(source, target, schema), RULES)


def query(program: Program) -> str:
    made = program.objects[0]
    assert isinstance(made, View)
    return " ".join(made.query.split())


VIEWS = [
    (MYSQL, POSTGRES,
     "select `shop`.`o`.`id` AS `id`,count(0) AS `n` from (`shop`.`orders` `o` join `shop`.`customers` `c` "
     "on((`o`.`cid` = `c`.`id`))) where (`o`.`total` > 1) group by `o`.`id` having (`n` > 1) "
     "order by `o`.`id` desc limit 5,10",
     'SELECT "o"."id", COUNT(0) AS "n" FROM ("public"."orders" AS "o" JOIN "public"."customers" AS "c" '
     'ON "o"."cid" = "c"."id") WHERE "o"."total" > 1 GROUP BY "o"."id" HAVING COUNT(0) > 1 '
     'ORDER BY "o"."id" DESC LIMIT 10 OFFSET 5'),
    # where NULLs stand in the order; a column that an outer join may leave out
    (MYSQL, POSTGRES,
     "select `o`.`id` AS `id` from (`shop`.`orders` `o` left join `shop`.`customers` `c` on((`o`.`cid` = `c`.`id`))) "
     "order by `c`.`id`",
     'SELECT "o"."id" FROM ("public"."orders" AS "o" LEFT JOIN "public"."customers" AS "c" ON "o"."cid" = "c"."id") '
     'ORDER BY "c"."id" NULLS FIRST'),
    (POSTGRES, MYSQL, " SELECT id\n   FROM orders\n  ORDER BY qty DESC;",
     "SELECT `orders`.`id` FROM `shop`.`orders` ORDER BY `orders`.`qty` IS NOT NULL, `orders`.`qty` DESC"),
    # decided by the primary key that is grouped by
    (MYSQL, POSTGRES, "select `o`.`id` AS `id`,`o`.`cid` AS `cid`,count(0) AS `n` from `shop`.`orders` `o` "
     "group by `o`.`id`",
     'SELECT "o"."id", "o"."cid", COUNT(0) AS "n" FROM "public"."orders" AS "o" GROUP BY "o"."id"'),
    (MYSQL, POSTGRES, "select (`o`.`qty` > 5) AS `big` from `shop`.`orders` `o`",
     'SELECT CAST("o"."qty" > 5 AS integer) AS "big" FROM "public"."orders" AS "o"'),
    (MYSQL, POSTGRES, "select `o`.`id` AS `id` from `shop`.`orders` `o` where exists(select 1 from "
     "`shop`.`customers` `c` "
     "where (`c`.`id` = `o`.`cid`))",
     'SELECT "o"."id" FROM "public"."orders" AS "o" WHERE EXISTS ( SELECT 1 AS "column1" FROM '
      '"public"."customers" AS "c" '
     'WHERE "c"."id" = "o"."cid" )'),
    (MYSQL, POSTGRES, "select `n`.`name` AS `name` from `shop`.`names` `n`", 'SELECT "n"."name" FROM '
     '"public"."names" AS "n"'),
    (MYSQL, SQLITE, "select `o`.`id` AS `id` from `shop`.`orders` `o` union select `c`.`id` AS `id` from "
     "`shop`.`customers` `c`",
     'SELECT "o"."id" FROM "orders" AS "o" UNION SELECT "c"."id" FROM "customers" AS "c"'),
    (POSTGRES, MYSQL, " SELECT cid,\n    sum(total) FILTER (WHERE (qty > 1)) AS s\n   FROM orders\n  GROUP BY cid;",
     "SELECT `orders`.`cid`, SUM(CASE WHEN `orders`.`qty` > 1 THEN `orders`.`total` END) AS `s` FROM `shop`.`orders` "
     "GROUP BY `orders`.`cid`"),
    (ORACLE, POSTGRES, "SELECT o.id AS ORDER_ID FROM orders o FETCH FIRST 5 ROWS ONLY",
     'SELECT "o"."id" AS "order_id" FROM "public"."orders" AS "o" LIMIT 5'),
    (TSQL, POSTGRES, "SELECT TOP 10 o.id, ISNULL(o.qty, 0) AS q FROM dbo.orders o INNER JOIN dbo.customers c ON "
     "c.id = o.cid",
     'SELECT "o"."id", COALESCE("o"."qty", 0) AS "q" FROM "public"."orders" AS "o" JOIN "public"."customers" AS "c" '
     'ON "c"."id" = "o"."cid" LIMIT 10'),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target", "sql", "wanted"), VIEWS)
def test_a_view_is_translated_clause_by_clause(source: Dialect, target: Dialect, sql: str, wanted: str) -> None:
    program = viewed(sql, source, target)
    assert (query(program), program.remarks) == (wanted, ())


@pytest.mark.parametrize(
    ("source", "sql", "code"),
    [
        (
            MYSQL,
            "select `o`.`status` AS `s`,`o`.`cid` AS `c` from `shop`.`orders` `o` group by `o`.`status`",
            "query-form",
        ),
        (MYSQL, "select `x`.`a` AS `a` from `shop`.`nobody` `x`", "missing-object"),
        (ORACLE, "SELECT o.id FROM orders o, customers c WHERE o.cid = c.id(+)", "outer-join-mark"),
        (ORACLE, "SELECT id FROM orders WHERE ROWNUM <= 5", "pseudo-column"),
        (ORACLE, "SELECT id FROM orders START WITH cid IS NULL CONNECT BY PRIOR id = cid", "query-form"),
        (TSQL, "SELECT a.id FROM dbo.orders a CROSS APPLY f(a.id) x", "query-form"),
        (TSQL, "SELECT TOP 10 PERCENT id FROM dbo.orders", "query-form"),
        (TSQL, "SELECT * FROM dbo.orders PIVOT (SUM(qty) FOR cid IN ([1], [2])) p", "query-form"),
        (MYSQL, "select 1 AS `a` into outfile '/tmp/x'", None),
        (
            MYSQL,
            "with recursive `n` as (select 1 AS `a` union all select 2 AS `a` from `n`) select `n`.`a` AS `a` from `n`",
            "query-form",
        ),
    ],
)
def test_a_view_that_is_not_sure_is_left_to_a_person(source: Dialect, sql: str, code: str | None) -> None:
    program = viewed(sql, source, POSTGRES)
    assert program.objects == ()
    assert program.grade is Grade.BY_HAND
    if code:
        assert [remark.code for remark in program.remarks] == [code]


def test_a_view_of_the_same_system_stays_as_it_is_but_for_names() -> None:
    sql = "select `shop`.`orders`.`id` AS `id`,'shop.orders' AS `x` from `shop`.`orders`"
    assert query(viewed(sql, MYSQL, MYSQL)) == sql
    moved = "select `new`.`orders`.`id` AS `id`,'shop.orders' AS `x` from `new`.`orders`"
    assert query(viewed(sql, MYSQL, MYSQL, "new")) == moved


def test_a_hint_is_left_out_and_named() -> None:
    program = viewed("SELECT id FROM dbo.orders WITH (NOLOCK)", TSQL, POSTGRES)
    assert [(remark.code, remark.grade) for remark in program.remarks] == [("hint-dropped", Grade.AUTOMATIC)]


# ---- triggers


def triggered(source: Dialect, target: Dialect, body: str, **more: object) -> Program:
    schema = SCHEMAS[source]
    function = Routine(ObjectName(schema, "f"), ObjectKind.FUNCTION, (), "trigger", "plpgsql", body, body)
    about = replace(catalog(source), routines=(function,) if source is POSTGRES else ())
    given = Trigger(
        ObjectName(schema, "touch"),
        ObjectName(schema, "orders"),
        "BEFORE",
        ("UPDATE",),
        True,
        "CREATE TRIGGER …",
        function=function.name if source is POSTGRES else None,
        body="" if source is POSTGRES else body,
    )
    given = replace(given, **more)  # type: ignore[arg-type]
    return trigger(given, about, target, names(source, target), RULES)


def test_a_trigger_that_sets_columns_has_a_function_in_postgresql() -> None:
    body = "BEGIN\n IF NEW.qty IS NULL THEN SET NEW.qty = 1, NEW.cid = 2; ELSE SET NEW.made = now(); END IF;\nEND"
    program = triggered(MYSQL, POSTGRES, body)
    function, made = program.objects
    assert isinstance(function, Routine)
    assert isinstance(made, Trigger)
    assert function.body.split("\n") == [
        "",
        "BEGIN",
        '    IF NEW."qty" IS NULL THEN',
        '        NEW."qty" := 1;',
        '        NEW."cid" := 2;',
        "    ELSE",
        "        NEW.\"made\" := date_trunc('second', statement_timestamp());",
        "    END IF;",
        "    RETURN NEW;",
        "END",
        "",
    ]
    assert (made.function, made.table, program.remarks) == (function.name, ObjectName("public", "orders"), ())


def test_postgresqls_trigger_for_two_events_becomes_two() -> None:
    program = triggered(
        POSTGRES, MYSQL, "\nBEGIN\n NEW.qty := COALESCE(NEW.qty, 0);\n RETURN NEW;\nEND;\n", events=("INSERT", "UPDATE")
    )
    found = [(made.name.name, made.events, made.body) for made in program.objects if isinstance(made, Trigger)]
    body = "BEGIN\n    SET NEW.`qty` = COALESCE(NEW.`qty`, 0);\nEND"
    assert found == [("touch_insert", ("INSERT",), body), ("touch_update", ("UPDATE",), body)]


def test_oracles_trigger_draws_from_a_sequence() -> None:
    body = "BEGIN\n  SELECT seq.NEXTVAL INTO :NEW.id FROM dual;\nEND;\n/"
    program = triggered(ORACLE, POSTGRES, body, events=("INSERT",))
    function = program.objects[0]
    assert isinstance(function, Routine)
    assert 'NEW."id" := nextval(\'"public"."seq"\'::regclass);' in function.body


@pytest.mark.parametrize(
    ("source", "target", "body", "more"),
    [
        (MYSQL, POSTGRES, "BEGIN INSERT INTO x VALUES (1); END", {}),
        (MYSQL, POSTGRES, "BEGIN DECLARE a INT; SET NEW.qty = 1; END", {}),
        (MYSQL, POSTGRES, "SET @a = 1", {}),
        (MYSQL, POSTGRES, "SET NEW.qty = 1", {"timing": "AFTER"}),
        (MYSQL, POSTGRES, "SET NEW.qty = 1", {"events": ("DELETE",)}),
        (MYSQL, SQLITE, "SET NEW.qty = 1", {}),
        (MYSQL, POSTGRES, "SET NEW.status = 5 + NEW.status", {}),
        (MYSQL, POSTGRES, "SET NEW.nobody = 5", {}),
        (POSTGRES, MYSQL, "BEGIN NEW.qty := 1; RETURN NULL; END;", {}),
        (POSTGRES, MYSQL, "BEGIN RAISE EXCEPTION 'x'; RETURN NEW; END;", {}),
        (POSTGRES, MYSQL, "BEGIN NEW.qty := 1; RETURN NEW; END;", {"row": False}),
        (TSQL, POSTGRES, "BEGIN UPDATE orders SET qty = 1 END", {}),
    ],
)
def test_any_other_trigger_is_left_to_a_person(
    source: Dialect, target: Dialect, body: str, more: dict[str, object]
) -> None:
    program = triggered(source, target, body, **more)
    assert program.objects == ()
    assert program.grade is Grade.BY_HAND
    assert program.remarks[0].complexity is not None


def test_on_update_is_a_trigger_that_looks_whether_the_row_changed() -> None:
    about = catalog(MYSQL)
    table = about.tables[0]
    own = Names({table.name: ObjectName("public", "orders")}, {table.name: {c.name: c.name for c in table.columns}})
    program = on_update(table, table.columns[4], POSTGRES, own)
    function, made = program.objects
    assert isinstance(function, Routine)
    assert "AND NEW *<> OLD THEN" in function.body
    assert made.name == ObjectName("public", "orders_made_on_update")
    assert [remark.grade for remark in program.remarks] == [Grade.CHANGED]
    assert on_update(table, table.columns[4], SQLITE, own).grade is Grade.BY_HAND


# ---- functions


def called(
    source: Dialect, target: Dialect, arguments: dict[str, str], returns: str, body: str, **more: str
) -> Program:
    language = more.pop("language", "sql")
    listed = tuple(Argument(name, type_) for name, type_ in arguments.items())
    given = Routine(ObjectName(SCHEMAS[source], "f"), ObjectKind.FUNCTION, listed, returns, language, body, body, more)
    return routine(given, catalog(source), target, names(source, target), RULES)


@pytest.mark.parametrize(
    ("source", "target", "arguments", "returns", "body", "wanted"),
    [
        (MYSQL, POSTGRES, {"a": "int", "b": "decimal(10,2)"}, "decimal(12,2)", "RETURN a * b",
         'SELECT CAST("a" * CAST("b" AS numeric(10,2)) AS numeric(12,2))'),
        (POSTGRES, MYSQL, {"a": "integer", "b": "text"}, "text", " SELECT CASE WHEN a > 0 THEN b ELSE 'x' END ",
         "RETURN CASE WHEN `a` > 0 THEN `b` ELSE 'x' END"),
        (TSQL, POSTGRES, {"@a": "int"}, "int", "BEGIN\n RETURN @a + 1\nEND", 'SELECT "a" + 1'),
    ],
)  # fmt: skip
def test_a_function_of_one_expression_is_translated(
    source: Dialect, target: Dialect, arguments: dict[str, str], returns: str, body: str, wanted: str
) -> None:
    program = called(source, target, arguments, returns, body)
    made = program.objects[0]
    assert isinstance(made, Routine)
    assert (made.body.strip(), program.remarks) == (wanted, ())


@pytest.mark.parametrize(
    ("source", "target", "body", "more"),
    [
        (MYSQL, POSTGRES, "BEGIN DECLARE x INT; RETURN x; END", {}),
        (MYSQL, POSTGRES, "RETURN (SELECT max(id) FROM orders)", {}),
        (MYSQL, SQLITE, "RETURN a + 1", {}),
        (POSTGRES, MYSQL, "BEGIN RETURN a + 1; END;", {"language": "plpgsql", "strict": "true"}),
        (POSTGRES, MYSQL, "return 1", {"language": "plpython3u"}),
    ],
)
def test_any_other_function_is_left_to_a_person(
    source: Dialect, target: Dialect, body: str, more: dict[str, str]
) -> None:
    program = called(source, target, {"a": "integer"}, "integer", body, **more)
    assert program.objects == ()
    assert program.grade is Grade.BY_HAND


def test_a_long_procedure_is_significant_work() -> None:
    body = "BEGIN\n" + "  SELECT 1;\n" * 100 + "END"
    given = Routine(ObjectName("shop", "f"), ObjectKind.PROCEDURE, (), "", "sql", body, body)
    program = routine(given, catalog(MYSQL), POSTGRES, names(MYSQL, POSTGRES), RULES)
    assert [remark.complexity for remark in program.remarks] == [Complexity.SIGNIFICANT]


def test_a_program_of_the_same_system_that_names_what_has_moved_is_left_to_a_person() -> None:
    given = Routine(
        ObjectName("shop", "f"), ObjectKind.FUNCTION, (), "int", "sql", "RETURN 1", "CREATE FUNCTION `f`() …"
    )
    moved = names(MYSQL, MYSQL, "new")
    kept = routine(given, catalog(MYSQL), MYSQL, moved, RULES)
    assert [made.name for made in kept.objects] == [ObjectName("new", "f")]
    reads = replace(given, body="RETURN (SELECT count(*) FROM shop.orders)")
    assert routine(reads, catalog(MYSQL), MYSQL, moved, RULES).grade is Grade.BY_HAND
