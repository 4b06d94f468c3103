"""What PostgreSQL takes and MySQL, MariaDB or SQLite refuses is not made there, or otherwise, and that is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tailrace.conversion.catalog import (
    Check,
    Column,
    Counter,
    Dialect,
    Identity,
    ObjectKind,
    ObjectName,
    Routine,
    Table,
    Trigger,
    View,
)
from tailrace.conversion.convert import convert
from tailrace.conversion.naming import script_names
from tailrace.conversion.outcome import Conversion, Grade
from tailrace.conversion.rules import load
from tailrace.conversion.tables.literals import fits
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part
from tailrace_postgres.schema.sql_text import of_default
from tests.unit.schema.catalogs import catalog, column, key, table
from tests.unit.schema.targets import Target

MYSQL, MARIADB, POSTGRES, SQLITE = Dialect.MYSQL, Dialect.MARIADB, Dialect.POSTGRESQL, Dialect.SQLITE
RULES = load()


def pg(name: str, sql_type: str, **said: Any) -> Column:
    return column(name, sql_type, POSTGRES, **said)


def converted(dialect: Dialect, given: Table, **said: Any) -> Conversion:
    source = catalog(POSTGRES, given, **said)
    target = Target(dialect)
    names = script_names(source, target, RULES, "" if dialect is SQLITE else "goal")
    return convert(source, target, RULES, names, "goal")


def one(conversion: Conversion) -> Table:
    return conversion.target.tables[0]


def codes(conversion: Conversion) -> dict[str, Grade]:
    return {item.code: item.grade for item in conversion.items}


def a_table(*columns: Column, **said: Any) -> Table:
    said.setdefault("indexes", (key("id", name="t_pkey"),))
    identity = Identity(Counter(next=1))
    return table("t", pg("id", "integer", nullable=False, identity=identity), *columns, schema="public", **said)


@pytest.mark.parametrize("dialect", [MYSQL, MARIADB])
def test_mysql_has_no_expression_of_the_column_that_it_counts(dialect: Dialect) -> None:
    given = a_table(
        pg("twice", "integer", generated="id * 2", stored=True),
        checks=(Check("positive", "id > 0"),),
        indexes=(key("id", name="t_pkey"), Index("by_rest", (Part("", "id % 10"),))),
    )
    made = converted(dialect, given)
    assert [c.generated for c in one(made).columns if c.name == "twice"] in ([], [""])
    assert (one(made).checks, [i.name for i in one(made).indexes]) == ((), ["PRIMARY"])
    assert codes(made)["counted-column"] is Grade.BY_HAND
    uncounted = replace(given, columns=(replace(given.columns[0], identity=None), *given.columns[1:]))
    assert [check.name for check in one(converted(dialect, uncounted)).checks] == ["positive"]


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("yes", "`yes` <> 0"),
        ("CASE WHEN yes THEN yes END", "CASE WHEN `yes` THEN `yes` END <> 0"),
        ("COALESCE(yes, false)", "COALESCE(`yes`, FALSE) <> 0"),
        ("NOT yes", "NOT `yes`"),
        ("true", "TRUE"),
    ],
)
def test_a_truth_value_is_a_condition_where_mysql_wants_one(sql: str, wanted: str) -> None:
    made = converted(MYSQL, a_table(pg("yes", "boolean"), checks=(Check("k", sql),)))
    assert [check.expression for check in one(made).checks] == [wanted]


@pytest.mark.parametrize(
    ("sql_type", "default", "wanted"),
    [
        ("text", "NULL::text", ""),
        ("numeric(10,2)", "100000000.00", ""),
        ("numeric(10,2)", "99999999.99", "99999999.99"),
        ("integer", "'5000000000'::bigint", ""),
        ("character(3)", "'abcd'::bpchar", ""),
        ("numeric(10,2)", "1.0 / 3::numeric", "CAST(1.0 / 3 AS DECIMAL(10,2))"),
    ],
)
def test_a_default_that_is_no_value_of_its_column_is_none(sql_type: str, default: str, wanted: str) -> None:
    made = converted(MARIADB, a_table(pg("c", sql_type, default=default, nullable=False)))
    assert one(made).columns[1].default.strip("()") == wanted.strip("()")


def test_literals_fit_types_or_not() -> None:
    assert fits("'it''s'", "varchar(4)")
    assert not fits("'it''s'", "varchar(3)")
    assert fits("-128", "tinyint")
    assert not fits("1", "decimal(3,3)")
    assert fits("now()", "datetime(6)")
    assert fits("0." + "5" * 30, "decimal(30,30)")
    assert fits("9" * 32 + ".99", "decimal(34,2)")
    assert not fits("9" * 32 + ".995", "decimal(34,2)")


@pytest.mark.parametrize("sql", ["NOT true", "(1 = 1) AND true", "now() AT TIME ZONE 'utc'::text", "1 IN (1, 2)"])
def test_a_default_stands_in_parentheses_where_postgresql_wants_them(sql: str) -> None:
    assert of_default(sql) == f"({sql})"
    assert of_default("'this is not'::text || 'x'::text") == "'this is not'::text || 'x'::text"


def test_comments_are_as_long_as_mysql_keeps_them() -> None:
    given = a_table(pg("c", "text", comment="x" * 1025), comment="y" * 2049)
    made = converted(MYSQL, given)
    assert (len(one(made).columns[1].comment), len(one(made).comment)) == (1024, 2048)
    assert codes(made)["comment-length"] is Grade.CHANGED
    assert "comment-length" not in codes(converted(MYSQL, a_table(pg("c", "text", comment="x" * 1024))))


def test_names_have_no_letters_that_mysql_takes_in_none() -> None:
    given = a_table(pg("trailing ", "text"), pg("trailing", "text"), pg("smile 😀", "text"))
    made = converted(MYSQL, given)
    names = [c.name for c in one(made).columns]
    assert names == ["id", "trailing", "trailing_2", "smile _"]
    assert codes(made)["name-letters"] is Grade.CHANGED
    assert [c.name for c in one(converted(SQLITE, given)).columns] == ["id", "trailing ", "trailing", "smile 😀"]


def test_a_view_that_asks_its_own_table_has_no_check_option_in_mysql() -> None:
    asking = View(
        ObjectName("public", "v"), "SELECT id FROM t WHERE id IN (SELECT t.id FROM t)", check_option="CASCADED"
    )
    plain = View(ObjectName("public", "w"), "SELECT id FROM t WHERE id > 1", check_option="CASCADED")
    made = converted(MYSQL, a_table(), views=(asking, plain))
    assert {view.name.name: view.check_option for view in made.target.views} == {"v": "", "w": "CASCADED"}
    assert codes(made)["check-option"] is Grade.CHANGED


@pytest.mark.parametrize(("events", "count"), [(("UPDATE",), 1), (("INSERT",), 0), (("INSERT", "UPDATE"), 0)])
def test_a_trigger_of_inserts_does_not_read_old_in_mysql(events: tuple[str, ...], count: int) -> None:
    name = ObjectName("public", "f")
    body = "BEGIN IF NEW.n IS DISTINCT FROM OLD.n THEN NEW.n := 1; END IF; RETURN NEW; END"
    function = Routine(name, ObjectKind.FUNCTION, (), "trigger", "plpgsql", body, "")
    fired = Trigger(ObjectName("public", "tr"), ObjectName("public", "t"), "BEFORE", events, True, "", function=name)
    made = converted(MYSQL, a_table(pg("n", "integer")), routines=(function,), triggers=(fired,))
    assert len(made.target.triggers) == count


def test_a_text_alone_is_no_index_of_sqlite_s() -> None:
    given = a_table(indexes=(key("id", name="t_pkey"), Index("odd", (Part("", "'2024-01-01'::text"),))))
    assert [index.name for index in one(converted(SQLITE, given)).indexes if not index.primary] == []


def test_an_expression_of_no_column_is_no_index_of_mysql_s() -> None:
    constant = Index("odd", (Part("", "\"left\"('[c]'::text, 0)"), Part("n")))
    given = a_table(pg("n", "integer"), indexes=(key("id", name="t_pkey"), constant))
    made = converted(MYSQL, given)
    assert [index.name for index in one(made).indexes if not index.primary] == []
    assert codes(made)["index-expression"] is Grade.BY_HAND


def test_an_expression_has_its_share_of_an_index_of_mysql_s() -> None:
    given = a_table(
        pg("a", "character varying(900)"),
        pg("b", "character varying(20)"),
        indexes=(key("id", name="t_pkey"), Index("both", (Part("", "(b IS NULL)"), Part("a")))),
    )
    (made,) = (index for index in one(converted(MYSQL, given)).indexes if not index.primary)
    assert 0 < made.parts[1].prefix <= (3072 - 80) // 4


@pytest.mark.parametrize(
    ("kind", "sql_type", "generated", "wanted"),
    [
        (Kind.DATE, "date", "at", "CAST(`at` AS date)"),
        (Kind.TIMESTAMP, "timestamp(0) without time zone", "at", None),
    ],
)
def test_a_moment_is_cut_to_a_day_and_not_rounded(
    kind: Kind, sql_type: str, generated: str, wanted: str | None
) -> None:
    day = Column("day", Type(kind, sql_type), sql_type, generated=generated, stored=True)
    made = converted(MYSQL, a_table(pg("at", "timestamp without time zone"), day))
    assert next((c.generated for c in one(made).columns if c.name == "day"), "") == (wanted or "")


def test_digits_of_a_second_that_the_target_keeps_are_told() -> None:
    sql_type = "timestamp(0) without time zone"
    given = a_table(Column("at", Type(Kind.TIMESTAMP, sql_type, 0), sql_type))
    assert codes(converted(MYSQL, given))["fraction-digits"] is Grade.CHANGED
    assert "fraction-digits" not in codes(converted(MYSQL, a_table(pg("at", "timestamp without time zone"))))


def test_decimals_that_are_texts_are_put_in_order_as_each_system_casts_them() -> None:
    view = View(ObjectName("public", "v"), "SELECT id FROM t ORDER BY n")
    for dialect, word in ((MARIADB, "DOUBLE"), (MYSQL, "DOUBLE"), (SQLITE, "REAL")):
        made = converted(dialect, a_table(pg("n", "numeric", nullable=False)), views=(view,))
        assert [f"AS {word})" in view.query for view in made.target.views] == [True]


def test_a_view_of_a_column_that_the_target_has_not_is_a_person_s() -> None:
    given = a_table(
        pg("plain", "integer"),
        pg("odd", "text", generated="initcap(plain::text)", stored=False),
        checks=(Check("k", "odd <> 'x'::text"),),
    )
    views = (
        View(ObjectName("public", "v"), "SELECT odd FROM t"),
        View(ObjectName("public", "w"), "SELECT plain FROM t"),
    )
    made = converted(MYSQL, given, views=views)
    assert [c.name for c in one(made).columns] == ["id", "plain"]
    assert (one(made).checks, [view.name.name for view in made.target.views]) == ((), ["w"])
