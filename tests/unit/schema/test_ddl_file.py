"""The script of a conversion: readable, and as the system's own client takes it."""

from __future__ import annotations

from dataclasses import replace

from tailrace.conversion.catalog import Dialect, ObjectKind, ObjectName
from tailrace.conversion.making.ddl_file import script
from tailrace.conversion.target import Stage, Statement
from tests.unit.schema.shop_conversion import conversion

TABLE = ObjectName("public", "stock")
STATEMENTS = [
    Statement(ObjectKind.TABLE, TABLE, "CREATE TABLE public.stock (\n  id bigint\n)"),
    Statement(ObjectKind.INDEX, TABLE, "CREATE INDEX stock_id ON public.stock (id)", Stage.REST, "stock_id"),
    Statement(ObjectKind.TRIGGER, TABLE, "CREATE TRIGGER t BEGIN a; b; END", Stage.CUTOVER, "t"),
]


def test_each_object_has_a_heading_and_each_stage_says_when() -> None:
    text = script(conversion(), STATEMENTS)
    assert text.startswith("-- MySQL 9.7.4, db1:3306, database shop\n-- as PostgreSQL has it (sink warehouse)")
    before, during, after = (
        text.index(said) for said in ("-- Before the first row", "-- After the load", "-- At cut-over")
    )
    assert before < text.index("-- table public.stock\nCREATE TABLE public.stock (\n  id bigint\n);\n") < during
    assert during < text.index("-- index public.stock.stock_id\nCREATE INDEX stock_id ON public.stock (id);\n") < after
    assert text.index("CREATE TRIGGER t BEGIN a; b; END;\n") > after


def test_a_body_with_semicolons_gets_another_delimiter_in_mysqls_client() -> None:
    whole = conversion()
    text = script(replace(whole, target=replace(whole.target, dialect=Dialect.MARIADB)), STATEMENTS)
    assert "DELIMITER //\nCREATE TRIGGER t BEGIN a; b; END //\nDELIMITER ;\n" in text
    assert "CREATE INDEX stock_id ON public.stock (id);\n" in text


def test_bodies_of_postgresqls_functions_may_name_what_comes_later() -> None:
    setting = "SET check_function_bodies = off;\n"
    function = Statement(ObjectKind.FUNCTION, TABLE, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT g()'")
    text = script(conversion(), [*STATEMENTS, function])
    assert text.index(setting) < text.index("CREATE TABLE")
    assert setting not in script(conversion(), STATEMENTS)


def test_what_is_by_hand_is_named_at_the_end_with_its_reason() -> None:
    text = script(conversion(), STATEMENTS)
    assert "-- procedure shop.close_month(): It opens a cursor, " in text
    assert "-- view shop.revenue: GROUP_CONCAT without ORDER BY" in text


def test_a_name_with_line_ends_stays_in_its_comment() -> None:
    evil = ObjectName("public", "a\nDROP TABLE b; --")
    text = script(conversion(), [Statement(ObjectKind.TABLE, evil, 'CREATE TABLE "x"')])
    assert not any(line.startswith("DROP") for line in text.splitlines())
