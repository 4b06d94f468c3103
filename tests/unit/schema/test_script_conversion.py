"""What a conversion makes of a script's types: columns that are left out, and with them what refers to them."""

from __future__ import annotations

import pytest

from tailrace.conversion import job
from tailrace.conversion.catalog import Dialect, ObjectKind
from tailrace.conversion.convert import convert
from tailrace.conversion.naming import script_names
from tailrace.conversion.outcome import Conversion, Grade
from tailrace.conversion.rules import load
from tailrace.conversion.script import read
from tailrace_postgres.schema.target import PostgresSchemaTarget


def converted(text: str, dialect: Dialect) -> Conversion:
    source = read(text, dialect, "script.sql")
    target, rules = PostgresSchemaTarget(None), load()
    return convert(source, target, rules, script_names(source, target, rules, "public"), "postgres")


def grades(conversion: Conversion) -> dict[tuple[ObjectKind, str], Grade]:
    return {(verdict.kind, verdict.member): verdict.grade for verdict in conversion.verdicts}


def test_a_column_that_is_left_out_takes_along_what_refers_to_it() -> None:
    found = converted(
        """CREATE TABLE [t] ([id] int NOT NULL PRIMARY KEY, [v] rowversion NOT NULL, [n] int,
            CONSTRAINT [ck] CHECK ([v] > 0x01), CONSTRAINT [other] CHECK ([n] > 0), CONSTRAINT [uk] UNIQUE ([v]))
        CREATE INDEX [ix] ON [t] ([n], [v])""",
        Dialect.TSQL,
    )
    (table,) = found.target.tables
    assert [column.name for column in table.columns] == ["id", "n"]
    assert [check.name for check in table.checks] == ["other"]
    assert [index.name for index in table.indexes if not index.primary] == []
    by_hand = {key for key, grade in grades(found).items() if grade is Grade.BY_HAND}
    assert by_hand == {
        (ObjectKind.COLUMN, "v"),
        (ObjectKind.CHECK, "ck"),
        (ObjectKind.UNIQUE, "uk"),
        (ObjectKind.INDEX, "ix"),
    }


def test_a_rule_makes_a_column_that_would_be_left_out() -> None:
    source = read("CREATE TABLE t (id NUMBER(4) PRIMARY KEY, place SDO_GEOMETRY);", Dialect.ORACLE, "")
    target = PostgresSchemaTarget(None)

    class Decided:
        def __getattr__(self, name: str) -> object:
            return getattr(rules, name)

        def type_of(self, *given: object) -> str | None:
            return "geometry" if given[3] == "PLACE" else None

    rules = load()
    decided: object = Decided()
    names = script_names(source, target, decided, "public")  # type: ignore[arg-type]
    (table,) = convert(source, target, decided, names, "postgres").target.tables  # type: ignore[arg-type]
    assert [(column.name, column.sql_type) for column in table.columns] == [("id", "smallint"), ("place", "geometry")]


def test_an_empty_string_is_null_to_oracle_so_that_a_check_against_it_refuses_nothing() -> None:
    found = converted("CREATE TABLE t (a VARCHAR2(5 CHAR), CONSTRAINT ck CHECK (a <> ''));", Dialect.ORACLE)
    (check,) = found.target.tables[0].checks
    assert check.expression == '"a" <> NULL'


def test_a_time_of_sql_servers_is_a_time_of_day() -> None:
    found = converted("CREATE TABLE t (a time(3) NOT NULL PRIMARY KEY, b time)", Dialect.TSQL)
    assert [column.sql_type for column in found.target.tables[0].columns] == [
        "time(3) without time zone",
        "time(6) without time zone",
    ]


POSTGRES_TEXTS = """
CREATE TABLE t (id int PRIMARY KEY, a varchar(100) NOT NULL, b text, n int, k text DEFAULT 'a' || 'b',
    up text GENERATED ALWAYS AS (a || '-' || n::text) STORED,
    CHECK (a <> 'x'), CHECK (a LIKE 'a%'), CHECK (length(a) > 3), CHECK (lower(a) = a), CHECK (b IN ('x', 'y')),
    CHECK (a ~ 'x+'));
CREATE INDEX low ON t (lower(a));
CREATE VIEW v AS SELECT id, a || b AS ab FROM t WHERE a = 'x';
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.a := lower(NEW.a); RETURN NEW; END $$;
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t; RETURN NULL; END $$;
CREATE TRIGGER gone AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION g();
"""


@pytest.mark.parametrize("kind", ["mysql", "mariadb"])
def test_texts_of_postgresql_are_texts_in_mysql_too_and_a_function_goes_with_its_trigger(kind: str) -> None:
    """The target's types of texts have a collation behind them."""
    source = read(POSTGRES_TEXTS, Dialect.POSTGRESQL, "t.sql")
    conversion = job.of_kind(kind, source, load(), None).conversion
    left = {(verdict.kind, verdict.member) for verdict in conversion.verdicts if verdict.grade is Grade.BY_HAND}
    expressions = {(ObjectKind.INDEX, "low")} if kind == "mariadb" else set()  # which has no index of them
    assert left == {(ObjectKind.FUNCTION, "()"), (ObjectKind.TRIGGER, "gone"), *expressions}
    reasons = {str(item.name): item.reason for item in conversion.items if item.code == "trigger-function"}
    assert reasons == {
        "public.f": "in the target it is a part of the trigger that runs it: tr",
        "public.g": "the trigger gone runs it, which is by hand",
    }


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("c IN ('a', 'b')", "rtrim(\"c\") in ('a', 'b')"),
        ("LENGTH(c) = 10", ""),
        ("c || 'x' = 'ax'", ""),
        ("SUBSTR(c, 1, 5) = 'a'", ""),
        ("COALESCE(c, 'x') = 'x'", ""),
        ("c LIKE 'a_'", ""),
    ],
)
def test_blanks_at_the_end_of_oracle_s_char_count_but_where_it_is_compared(expression: str, wanted: str) -> None:
    found = converted(f"CREATE TABLE t (c CHAR(10), CONSTRAINT ck CHECK ({expression}));", Dialect.ORACLE)
    assert [check.expression.lower() for check in found.target.tables[0].checks] == ([wanted] if wanted else [])
    assert grades(found)[ObjectKind.CHECK, "CK"] is (Grade.AUTOMATIC if wanted else Grade.BY_HAND)
