"""MySQL's programs in MariaDB and the other way round: kept where both surely do the same, else a person's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tailrace.conversion.catalog import (
    Argument,
    Catalog,
    Dialect,
    ObjectKind,
    ObjectName,
    Other,
    Routine,
    Trigger,
    View,
)
from tailrace.conversion.convert import convert
from tailrace.conversion.naming import script_names
from tailrace.conversion.outcome import Conversion, Grade
from tailrace.conversion.rules import load
from tailrace_mysql.schema.programs import read_routine
from tests.unit.schema.catalogs import catalog, column, index, key, table
from tests.unit.schema.targets import Target

MYSQL, MARIADB, POSTGRES = Dialect.MYSQL, Dialect.MARIADB, Dialect.POSTGRESQL
RULES = load()
BOTH = [(MYSQL, MARIADB), (MARIADB, MYSQL)]


def shop(dialect: Dialect) -> Catalog:
    goods = table(
        "goods",
        column("id", "int", dialect, nullable=False),
        column("name", "varchar(20)", dialect),
        column("n", "int", dialect),
        column("rank", "int", dialect),
        column("doc", "json", dialect),
        indexes=(key("id"),),
    )
    charset = {"charset": "utf8mb4", "collation": "utf8mb4_unicode_ci"}
    return catalog(dialect, goods, **charset)


def converted(source: Catalog, target: Dialect, piped: bool = True) -> Conversion:
    names = script_names(source, Target(target), RULES, "goal")
    return convert(source, Target(target), RULES, replace(names, piped=piped), "goal")


def fired(body: str, source: Dialect, target: Dialect, sql_mode: str = "") -> tuple[Trigger | None, set[str]]:
    """The target's trigger, and the codes of what is said of it."""
    options = {"sql_mode": sql_mode, "definer": "`me`@`%`"}
    given = Trigger(
        ObjectName("shop", "t"), ObjectName("shop", "goods"), "AFTER", ("UPDATE",), True, "", body=body, options=options
    )
    made = converted(replace(shop(source), triggers=(given,)), target)
    codes = {item.code for item in made.items if item.kind is ObjectKind.TRIGGER}
    return next(iter(made.target.triggers), None), codes


KEPT = [
    "INSERT INTO goods (id, name) VALUES (NEW.id + 1, concat(NEW.name, '!'))"
    " ON DUPLICATE KEY UPDATE name = VALUES(name)",
    "BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN END; SET @last = NEW.id; END",
    "BEGIN DECLARE twice CONDITION FOR SQLSTATE '23000'; DECLARE EXIT HANDLER FOR twice SET @x = 1; SET @x = 2; END",
    "BEGIN DECLARE i int DEFAULT 0; WHILE i < 3 DO SET i = i + 1; END WHILE;"
    " REPEAT SET i = i - 1; UNTIL i = 0 END REPEAT; top: LOOP ITERATE top; END LOOP; END",
    "SELECT count(*), max(n) INTO @c, @m FROM goods WHERE n IN (SELECT 1 UNION SELECT 2) FOR UPDATE",
    "IF NEW.name LIKE 'a\\_%' OR NEW.name = 'it''s' THEN"
    " SET @a = (SELECT 1 FROM goods g WHERE g.`rank` = 1 LIMIT 1); END IF",
]


@pytest.mark.parametrize(("source", "target"), BOTH)
@pytest.mark.parametrize("body", KEPT)
def test_what_both_read_alike_stays_as_it_is(body: str, source: Dialect, target: Dialect) -> None:
    made, codes = fired(body, source, target)
    assert made is not None, codes
    assert made.body == body
    assert codes == {"definer"}


REFUSED = [
    (MYSQL, "SET @a = NEW.doc->'$.x'"),
    (MYSQL, "SET @a = json_extract(NEW.name, '$.x')"),
    (MYSQL, "SET @a = (SELECT count(*) FROM goods WHERE doc = '1')"),
    (MYSQL, "SET @a = regexp_replace(NEW.name, 'a', 'b')"),
    (MYSQL, "SET @a = NEW.name REGEXP '^a'"),
    (MYSQL, "SET @a = (SELECT name COLLATE utf8mb4_0900_as_cs FROM goods LIMIT 1)"),
    (MYSQL, "SET @a = @@version"),
    (MYSQL, "INSERT INTO goods (id) VALUES (1) AS new ON DUPLICATE KEY UPDATE n = new.id"),
    (MYSQL, "DELETE FROM goods g WHERE g.id = 1"),
    (MYSQL, "SELECT 1 INTO @a FROM goods FOR SHARE"),
    (MYSQL, "SET @a = (WITH RECURSIVE x AS (SELECT 1 AS n) SELECT n FROM x)"),
    (MYSQL, "BEGIN DECLARE EXIT HANDLER FOR 3819 BEGIN END; SET @a = 1; END"),
    (MYSQL, "BEGIN DECLARE d json; SET @a = 1; END"),
    (MYSQL, "BEGIN SET @s = 'SELECT 1'; PREPARE p FROM @s; END"),
    (MYSQL, "SET SESSION sql_mode = ''"),
    (MYSQL, "SET autocommit = 0"),
    (MYSQL, "SET @a = uuid_to_bin(uuid())"),
    (MYSQL, "SET @a = current_user()"),
    (MYSQL, "SET @a = group_concat(NEW.name)"),
    (MYSQL, "CALL elsewhere(1)"),
    (MYSQL, "SET @a = /*!80000 1 + */ 1"),
    (MYSQL, "SET @a = (SELECT row_number() OVER () FROM goods)"),
    (MARIADB, "SET @a = (SELECT `rank` FROM goods WHERE rank = 1)"),
    (MARIADB, "SET @a = NEXT VALUE FOR numbers"),
    (MARIADB, "SET @a = nextval(numbers)"),
    (MARIADB, "SET @a = md5(NEW.name)"),
    (MARIADB, "SET @a = cast(NEW.name AS int)"),
    (MARIADB, "SET @a = lpad(NEW.name, 5)"),
    (MARIADB, "FOR i IN 1..3 DO SET @a = i; END FOR"),
    (MARIADB, "BEGIN DECLARE r ROW TYPE OF goods; SET @a = 1; END"),
    (MARIADB, "BEGIN DECLARE u uuid; SET @a = 1; END"),
    (MARIADB, "DELETE FROM goods WHERE id = NEW.id RETURNING id"),
    (MARIADB, "UPDATE goods SET n = (SELECT max(n) FROM goods)"),
    (MARIADB, "EXECUTE IMMEDIATE 'SELECT 1'"),
    (MARIADB, "SET @a = (NEW.n IS TRUE IS TRUE)"),
    (MARIADB, "SET @a = (NEW.name LIKE 'a' LIKE 'b')"),
    (MARIADB, "SET STATEMENT max_statement_time = 1 FOR SELECT 1 INTO @a"),
    (MARIADB, "SELECT 1 INTO @a FROM goods FOR SYSTEM_TIME ALL"),
]


@pytest.mark.parametrize(("source", "body"), REFUSED)
def test_what_one_of_them_alone_has_is_a_person_s(source: Dialect, body: str) -> None:
    made, codes = fired(body, source, MARIADB if source is MYSQL else MYSQL)
    assert made is None
    assert codes <= {"differs-between", "system-versioning"}
    assert codes


@pytest.mark.parametrize(
    ("source", "target", "mode", "becomes"),
    [
        (MYSQL, MARIADB, "STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY", "STRICT_TRANS_TABLES,TIME_ROUND_FRACTIONAL"),
        (MYSQL, MARIADB, "TIME_TRUNCATE_FRACTIONAL", ""),
        (MARIADB, MYSQL, "STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER", "STRICT_TRANS_TABLES,TIME_TRUNCATE_FRACTIONAL"),
        (MARIADB, MYSQL, "TIME_ROUND_FRACTIONAL", ""),
    ],
)
def test_fractions_of_a_second_are_rounded_or_cut_as_where_it_was_made(
    source: Dialect, target: Dialect, mode: str, becomes: str
) -> None:
    made, _ = fired("SET @a = NEW.id", source, target, mode)
    assert made is not None
    assert made.options == {"sql_mode": becomes}


@pytest.mark.parametrize("mode", ["EMPTY_STRING_IS_NULL", "SIMULTANEOUS_ASSIGNMENT"])
def test_a_mode_that_the_other_has_not_is_a_person_s(mode: str) -> None:
    assert fired("SET @a = NEW.id", MARIADB, MYSQL, mode) == (None, {"differs-between"})


def test_a_text_is_read_in_the_mode_that_it_was_written_in() -> None:
    quoted = 'SET @a = (SELECT "rank" FROM goods WHERE "name" = NEW."name" LIMIT 1)'
    made, _ = fired(quoted, MARIADB, MYSQL, "ANSI_QUOTES")
    assert made is not None
    plain = "SET @a = 'a\\', @b = 'json_extract('"
    made, _ = fired(plain, MYSQL, MARIADB, "NO_BACKSLASH_ESCAPES")
    assert made is not None
    assert fired(plain, MYSQL, MARIADB)[0] is None


@pytest.mark.parametrize(
    ("mode", "body"),
    [
        ("PIPES_AS_CONCAT", "SET NEW.name = NEW.name || 'x'"),
        ("ANSI_QUOTES", 'SET NEW.name = "name"'),
        ("NO_BACKSLASH_ESCAPES", "SET NEW.name = 'a\\n'"),
        ("HIGH_NOT_PRECEDENCE", "SET NEW.n = NOT NEW.n"),
    ],
)
def test_a_program_of_another_mode_is_not_translated_as_if_it_were_the_usual_one(mode: str, body: str) -> None:
    given = Trigger(
        ObjectName("shop", "t"),
        ObjectName("shop", "goods"),
        "BEFORE",
        ("INSERT",),
        True,
        "",
        body=body,
        options={"sql_mode": mode},
    )
    made = converted(replace(shop(MYSQL), triggers=(given,)), POSTGRES)
    assert {item.code for item in made.items if item.kind is ObjectKind.TRIGGER} == {"sql-mode"}


@pytest.mark.parametrize(("source", "target"), BOTH)
def test_texts_of_a_routine_keep_the_character_set_of_their_database(source: Dialect, target: Dialect) -> None:
    body = "BEGIN DECLARE a, b varchar(20) DEFAULT 'x'; DECLARE c text CHARSET latin1; DECLARE n int; RETURN a; END"
    given = Routine(
        ObjectName("shop", "f"),
        ObjectKind.FUNCTION,
        (Argument("t", "varchar(5)"), Argument("n", "int")),
        "char(3)",
        "sql",
        body,
        "",
        {"security": "invoker", "comment": "c"},
    )
    made = converted(replace(shop(source), routines=(given,)), target)
    (routine,) = made.target.routines
    said = " CHARSET utf8mb4 COLLATE utf8mb4_unicode_ci"
    assert [one.sql_type for one in routine.arguments] == [f"varchar(5){said}", "int"]
    assert routine.returns == f"char(3){said}"
    assert routine.body == body.replace("varchar(20)", f"varchar(20){said}")
    assert routine.options["security"] == "invoker"
    assert routine.options.get("data") == ("no sql" if target is MYSQL else None)


def test_what_calls_a_routine_that_is_not_made_is_not_made_either() -> None:
    def routine(name: str, body: str) -> Routine:
        return Routine(ObjectName("shop", name), ObjectKind.FUNCTION, (), "int", "sql", body, "")

    fires = Trigger(
        ObjectName("shop", "t"), ObjectName("shop", "goods"), "BEFORE", ("INSERT",), True, "", body="SET @a = second()"
    )
    source = replace(
        shop(MYSQL),
        routines=(
            routine("second_one", "RETURN first_one() + 1"),
            routine("first_one", "RETURN json_length('[]')"),
            routine("other", "RETURN 1"),
        ),
        triggers=(replace(fires, body="SET @a = second_one()"),),
        views=(
            View(ObjectName("shop", "over"), "select `below`.`id` AS `id` from `below`"),
            View(ObjectName("shop", "below"), "select json_length('[]') AS `id`"),
            View(ObjectName("shop", "apart"), "select `goods`.`id` AS `id` from `goods`"),
        ),
    )
    made = converted(source, MARIADB)
    assert [one.name.name for one in made.target.routines] == ["other"]
    assert not made.target.triggers
    assert [one.name.name for one in made.target.views] == ["apart"]
    by_hand = {(item.name.name, item.code) for item in made.items if item.grade is Grade.BY_HAND}
    assert {("second_one", "function-missing"), ("goods", "function-missing"), ("over", "missing-object")} <= by_hand


def test_a_program_in_quotes_of_ansi_keeps_the_names_of_its_arguments() -> None:
    sql = 'CREATE DEFINER=`me`@`%` PROCEDURE `f ``n`("a b" int, IN "c""d" int)\nBEGIN SET @a = "a b"; END'
    options = {"sql_mode": "ANSI_QUOTES"}
    given = read_routine(ObjectName("shop", "f `n"), ObjectKind.PROCEDURE, sql, "", options)
    assert [argument.name for argument in given.arguments] == ["a b", 'c"d']
    for target in (MYSQL, MARIADB):
        (made,) = converted(replace(shop(MYSQL), routines=(given,)), target).target.routines
        assert made.name == ObjectName("goal", "f `n")
        assert made.body == given.body


def test_what_a_view_compares_by_is_the_collation_of_where_it_was_made() -> None:
    given = View(
        ObjectName("shop", "v"),
        "select concat(`goods`.`n`,'-') AS `n` from `goods`",
        options={"collation_connection": "utf8mb4_0900_ai_ci"},
    )
    source = replace(shop(MYSQL), views=(given,))
    assert converted(source, MYSQL).target.views[0].options == given.options
    made = converted(source, MARIADB)
    assert made.target.views[0].options == {"collation_connection": "utf8mb4_uca1400_nopad_ai_ci"}
    assert "concat(`goods`.`n`,'-')" in made.target.views[0].query
    assert [item.code for item in made.items if item.kind is ObjectKind.VIEW] == ["collation"]


def test_events_are_made_at_cut_over_where_they_go_on_for_ever() -> None:
    def event(name: str, schedule: str) -> Other:
        text = f"CREATE EVENT `{name}` ON SCHEDULE {schedule} ON COMPLETION NOT PRESERVE ENABLE DO DELETE FROM goods"
        return Other(ObjectKind.EVENT, ObjectName("shop", name), text, options={"definer": "`me`@`%`"})

    daily = event("daily", "EVERY 1 DAY STARTS '2020-01-01 00:00:00'")
    once = event("once", "AT '2020-01-01 00:00:00'")
    ending = event("ending", "EVERY 1 DAY ENDS '2020-01-01 00:00:00'")
    for source, target in (*BOTH, (MYSQL, MYSQL), (MARIADB, MARIADB)):
        made = converted(replace(shop(source), others=(daily, once, ending)), target)
        assert [(one.name, one.options) for one in made.target.others] == [(ObjectName("goal", "daily"), {})]
        grades = {item.name.name: item.grade for item in made.items if item.code == "event"}
        assert grades == {"daily": Grade.AUTOMATIC, "once": Grade.BY_HAND, "ending": Grade.BY_HAND}
    made = converted(replace(shop(MYSQL), others=(daily,)), POSTGRES)
    assert not made.target.others


def test_a_view_keeps_with_whose_privileges_it_reads() -> None:
    given = View(
        ObjectName("shop", "v"),
        "select `goods`.`id` AS `id` from `goods`",
        options={"security": "invoker", "algorithm": "temptable", "definer": "`me`@`%`"},
    )
    source = replace(shop(MYSQL), views=(given,))
    assert converted(source, MARIADB).target.views[0].options == {"security": "invoker", "algorithm": "temptable"}
    made = converted(source, POSTGRES)
    assert not made.target.views[0].options
    assert "view-security" in {item.code for item in made.items}


@pytest.mark.parametrize(
    ("expression", "made"),
    [
        ("concat(`name`,_utf8mb4'!',`n`)", "concat(`name`,'!',`n`)"),
        ("sha2(`name`,256)", "sha2(`name`,256)"),
        ("lpad(`n`,5,_utf8mb4'0')", "lpad(`n`,5,'0')"),
        ("date_format(`n`,_utf8mb4'%Y')", ""),
        ("json_unquote(`doc`)", ""),
        ("concat(`doc`)", ""),
    ],
)
def test_expressions_of_columns_are_kept_where_both_take_them(expression: str, made: str) -> None:
    generated = replace(column("g", "varchar(20)"), generated=expression)
    source = shop(MYSQL)
    wider = replace(source.tables[0], columns=(*source.tables[0].columns, generated))
    target = converted(replace(source, tables=(wider,)), MARIADB).target.tables[0].column("g")
    assert target is not None
    assert target.generated.lower().replace(", ", ",") == made


def test_a_collation_of_one_of_them_alone_is_not_named_in_the_other() -> None:
    text = replace(column("t", "varchar(20)"), collation="gb18030_chinese_ci", charset="gb18030")
    given = table("t", column("id", "int", nullable=False), text, indexes=(key("id"), index("by_t", "t")))
    made = converted(catalog(MYSQL, given), MARIADB)
    target = made.target.tables[0].column("t")
    assert target is not None
    assert (target.charset, target.collation) == ("utf8mb4", "utf8mb4_nopad_bin")
    assert "collation-case" in {item.code for item in made.items}
