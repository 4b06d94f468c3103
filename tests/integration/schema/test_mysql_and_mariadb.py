"""What MySQL and MariaDB have alike goes from one to the other by itself, and does the same there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailrace.connectors import Context, find_sink, find_source
from tailrace.conversion.catalog import ObjectKind
from tailrace.conversion.convert import convert
from tailrace.conversion.making import application
from tailrace.conversion.naming import script_names
from tailrace.conversion.outcome import Conversion, Grade
from tailrace.conversion.rules import load
from tailrace.conversion.target import Stage
from tests.servers import Database

CONTEXT = Context("shop", "full-load-and-cdc", Path("/nonexistent"))

ALIKE = [
    "CREATE TABLE goods (id int PRIMARY KEY, a int, b varchar(30) COLLATE utf8mb4_bin, at datetime, day date,"
    " price decimal(10,2), label varchar(40) GENERATED ALWAYS AS (concat(b, '!', a)) STORED,"
    " mark char(64) GENERATED ALWAYS AS (sha2(b, 256)) STORED,"
    " third decimal(12,4) GENERATED ALWAYS AS (price / 3) VIRTUAL,"
    " padded varchar(10) GENERATED ALWAYS AS (lpad(a, 5, '0')) VIRTUAL,"
    " token varchar(60) DEFAULT (concat('t-', length(uuid()))),"
    " CONSTRAINT long_enough CHECK (char_length(b) BETWEEN 1 AND 20 AND b NOT LIKE '%\\_%'),"
    " CONSTRAINT no_quote CHECK (b <> 'it''s'))",
    "CREATE TABLE noted (n int AUTO_INCREMENT PRIMARY KEY, what varchar(60) COLLATE utf8mb4_bin, moment datetime)",
    "CREATE TRIGGER shouts BEFORE INSERT ON goods FOR EACH ROW SET NEW.b = concat(NEW.b, '!')",
    "CREATE TRIGGER then_counts BEFORE INSERT ON goods FOR EACH ROW"
    " IF NEW.a IS NULL THEN SET NEW.a = (SELECT coalesce(max(a), 0) + 1 FROM noted JOIN goods ON TRUE); END IF",
    "CREATE TRIGGER notes AFTER UPDATE ON goods FOR EACH ROW BEGIN DECLARE was, became varchar(20);"
    " SET was = OLD.b; SET became = NEW.b;"
    " IF NOT was <=> became THEN INSERT INTO noted (what, moment) VALUES (concat(was, '>', became), NEW.at); END IF;"
    " CASE WHEN NEW.a > 5 THEN INSERT INTO noted (what) VALUES ('large'); ELSE BEGIN END; END CASE; END",
    "CREATE TRIGGER keeps BEFORE DELETE ON goods FOR EACH ROW"
    " IF OLD.a = 1 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'it''s kept', MYSQL_ERRNO = 1234; END IF",
    "CREATE FUNCTION known (wanted int, sign varchar(5)) RETURNS varchar(40) READS SQL DATA"
    " BEGIN DECLARE found varchar(40); SELECT concat(sign, count(*)) INTO found FROM goods WHERE a >= wanted;"
    " RETURN found; END",
    "CREATE PROCEDURE walk (IN least int, OUT total int) SQL SECURITY INVOKER COMMENT 'it''s a walk'"
    " BEGIN DECLARE done, one int DEFAULT 0; DECLARE every CURSOR FOR SELECT a FROM goods WHERE a >= least ORDER BY id;"
    " DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1; SET total = 0; OPEN every;"
    " steps: LOOP FETCH every INTO one; IF done THEN LEAVE steps; END IF; SET total = total * 10 + one; END LOOP;"
    " CLOSE every; INSERT INTO noted (what, moment) VALUES ('walked', '2020-01-01 10:00:00.6'); END",
    "CREATE SQL SECURITY INVOKER VIEW marked AS SELECT id, concat(a, '-', b) AS both_of, hex(b) AS hexed,"
    " date_format(at, '%Y/%m') AS month, substring_index(b, '!', 1) AS bare FROM goods WHERE a > 0",
    "CREATE ALGORITHM=MERGE VIEW cheap AS SELECT id, price FROM goods WHERE price < 100 WITH LOCAL CHECK OPTION",
    "CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM noted WHERE n < 0",
]
#: Statements by which source and target show that they are alike, and questions.
DONE = [
    "INSERT INTO goods (id, a, b, at, price) VALUES (1, 1, 'x', '2020-02-03 04:05:06.7', 10), (2, 7, 'y', NULL, 99.99)",
    "INSERT INTO goods (id, b) VALUES (3, 'z')",
    "UPDATE goods SET b = 'Y' WHERE id = 2",
    "UPDATE goods SET price = 12.345 WHERE id = 1",
    "CALL walk(1, @total)",
    "INSERT INTO goods (id, a, b) VALUES (4, 1, 'no_way')",
    "UPDATE goods SET b = 'it''s' WHERE id = 2",
    "DELETE FROM goods WHERE id = 1",
    "DELETE FROM goods WHERE id = 2",
    "UPDATE cheap SET price = 1000 WHERE id = 1",
]
ASKED = [
    "SELECT id, a, b, day, price, label, mark, third, padded, token FROM goods ORDER BY id",
    "SELECT what FROM noted ORDER BY n",
    "SELECT known(1, '>'), @total",
    "SELECT * FROM marked ORDER BY id",
    "SELECT * FROM cheap ORDER BY id",
]


@pytest.fixture(params=[("mysql", "mariadb"), ("mariadb", "mysql")], ids="->".join)
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Database, Database]]:
    with ExitStack() as stack:
        source, target = (
            stack.enter_context(request.getfixturevalue(kind).database("alike")) for kind in request.param
        )
        source.execute("SET sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO'")
        source.execute("SET collation_connection = 'utf8mb4_general_ci'")
        yield source, target


def moved(source: Database, target: Database, piped: bool = True) -> tuple[Conversion, Any]:
    """Converted and made; nothing that was made is otherwise than it was meant."""
    reads, writes = find_source("mysql"), find_sink("mysql")
    assert reads.catalog is not None
    assert writes.schema is not None
    catalog = reads.catalog(reads.config.model_validate({"connector": "mysql", "url": source.url}), CONTEXT)
    settings = writes.config.model_validate({"name": "s", "connector": "mysql", "url": target.url})
    made = writes.schema(settings, CONTEXT)
    rules = load()
    names = replace(script_names(catalog, made, rules, target.name), piped=piped)
    conversion = convert(catalog, made, rules, names, "s")
    plan = application.plan(made, conversion.target, frozenset(Stage))
    assert not application.run(made, plan)
    assert not application.plan(made, conversion.target, frozenset(Stage)).statements
    return conversion, made


def outcome(database: Database, sql: str) -> str:
    """What a statement does, or with which error it is refused."""
    try:
        return str(database.execute(sql))
    except Exception as error:
        return f"refused: {str(error.args[0]).replace('4025', '3819')}"


def test_what_both_have_alike_does_the_same_in_the_other(pair: tuple[Database, Database]) -> None:
    source, target = pair
    source.script(*ALIKE)
    conversion, _ = moved(source, target)
    by_hand = [item for item in conversion.items if item.grade is Grade.BY_HAND]
    assert not by_hand
    target.execute("SET sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO'")
    for sql in DONE:
        assert outcome(source, sql) == outcome(target, sql), sql
    for sql in ASKED:
        assert source.query(sql) == target.query(sql), sql
    # The program rounds or cuts fractions of a second as it did where it was made.
    walked = "SELECT moment FROM noted WHERE what = 'walked'"
    assert source.query(walked) == target.query(walked)
    definers = {item.name.name for item in conversion.items if item.code == "definer"}
    assert {"known", "walk", "marked", "cheap", "goods", "tidy"} <= definers
    assert {item.kind for item in conversion.items if item.code == "event"} == {ObjectKind.EVENT}
