"""Statements of MySQL and MariaDB, and the SQL that they are made of, without a server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

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
    Other,
    Partition,
    Partitioning,
    Sequence,
    Table,
    Trigger,
    View,
)
from tailrace.conversion.target import Stage
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part
from tailrace_mysql.schema.columns import is_literal, settled, split_type
from tailrace_mysql.schema.create_table import Known, read_table
from tailrace_mysql.schema.ddl import render
from tailrace_mysql.schema.ddl_tables import default_clause
from tailrace_mysql.schema.target import MySQLSchema
from tailrace_mysql.schema.words import quoted, stripped, unqualified, unquoted

DIALECTS = (Dialect.MYSQL, Dialect.MARIADB)
INT = Type(Kind.INTEGER, "int", 32)
TEXT = Type(Kind.TEXT, "text")


def name(text: str) -> ObjectName:
    return ObjectName("shop", text)


def table(*columns: Column, **keys: Any) -> Table:
    return Table(name("t"), columns or (Column("id", INT, "int", nullable=False),), **keys)


def catalog(dialect: Dialect = Dialect.MYSQL, **things: Any) -> Catalog:
    return Catalog(dialect, default_schema="shop", **things)


@pytest.mark.parametrize(
    ("given", "bare"),
    [
        ("((a))", "a"),
        ("(a) + (b)", "(a) + (b)"),
        ("((a) + (b))", "(a) + (b)"),
        ("(1, 2)", "(1, 2)"),
        ("(')')", "')'"),
        (r"('it\'s )' )", r"'it\'s )'"),
        ("(`)`)", "`)`"),
        ("f(x)", "f(x)"),
    ],
)
def test_only_parentheses_around_all_of_an_expression_are_taken_away(given: str, bare: str) -> None:
    assert stripped(given) == bare


@pytest.mark.parametrize("text", ["", "it's", "a\\b", 'say "x"', "two\nlines\r", "\0", "\\'", "%_", "''"])
def test_a_literal_reads_back_as_its_text(text: str) -> None:
    assert unquoted(quoted(text)) == text


@pytest.mark.parametrize(
    ("sql", "bare"),
    [
        ("select `shop`.`t`.`a` from `shop`.`t`", "select `t`.`a` from `t`"),
        ("select shop.f(1), 'shop.x' from shop.t", "select f(1), 'shop.x' from t"),
        # An alias of that name: what may be a column of it stays, and a whole path does not.
        ("select shop.a, shop.t.b from shop.t, x as shop", "select shop.a, t.b from t, x as shop"),
        ("select shop.a from shop.t as shop join shop.u", "select shop.a from t as shop join u"),
        ("nextval(`shop`.`s`) + `shop`", "nextval(`s`) + `shop`"),
        ("select `other`.`shop`.`a`", "select `other`.`shop`.`a`"),
    ],
)
def test_the_database_s_own_name_is_taken_away_where_it_is_one(sql: str, bare: str) -> None:
    assert unqualified(sql, "shop") == bare


def test_a_type_is_told_from_its_collation() -> None:
    assert split_type("VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin") == (
        "varchar(20)",
        "utf8mb4",
        "utf8mb4_bin",
    )
    assert split_type("ENUM('A', 'collate x') CHARSET latin1") == ("enum('A', 'collate x')", "latin1", "")
    assert split_type("BIGINT(20) UNSIGNED") == ("bigint(20) unsigned", "", "")


@pytest.mark.parametrize("sql", ["0", "-1.5", "'x'", "_latin1'x'", "b'1'", "x'00'", "0xFF", "NULL", "true"])
def test_literals_are_known(sql: str) -> None:
    assert is_literal(sql)


@pytest.mark.parametrize("sql", ["1 + 1", "uuid()", "a", "- a", "'a' 'b'", "date '2020-01-01'", "CURRENT_TIMESTAMP"])
def test_what_is_no_literal_is_known_too(sql: str) -> None:
    assert not is_literal(sql)


@pytest.mark.parametrize(
    ("default", "sql_type", "mysql", "mariadb"),
    [
        ("'x'", "varchar(3)", "'x'", "'x'"),
        ("'x'", "text", "('x')", "'x'"),
        ("'{}'", "json", "('{}')", "'{}'"),
        ("NULL", "text", "NULL", "NULL"),
        ("(uuid())", "char(36)", "(uuid())", "(uuid())"),
        ("CURRENT_TIMESTAMP(6)", "datetime(6)", "CURRENT_TIMESTAMP(6)", "CURRENT_TIMESTAMP(6)"),
        # Another precision than the column's is refused, but as an expression.
        ("CURRENT_TIMESTAMP", "datetime(6)", "(CURRENT_TIMESTAMP)", "(CURRENT_TIMESTAMP)"),
        ("CURRENT_TIMESTAMP", "varchar(30)", "(CURRENT_TIMESTAMP)", "(CURRENT_TIMESTAMP)"),
    ],
)
def test_a_default_stands_in_parentheses_where_it_must(default: str, sql_type: str, mysql: str, mariadb: str) -> None:
    assert default_clause(default, sql_type, mariadb=False) == mysql
    assert default_clause(default, sql_type, mariadb=True) == mariadb


@pytest.mark.parametrize(
    ("given", "type_", "one"),
    [
        ("NULL", INT, ""),
        ("'5'", INT, "5"),
        ("'-1.50'", Type(Kind.DECIMAL), "-1.50"),
        ("'5'", TEXT, "'5'"),
        (r"'it\'s'", TEXT, "'it''s'"),
        (r"(_utf8mb4'a\\b')", TEXT, r"'a\\b'"),
        ("(_latin1'a')", TEXT, "_latin1'a'"),
        ("current_timestamp()", Type(Kind.TIMESTAMP), "CURRENT_TIMESTAMP"),
        ("current_timestamp(3)", Type(Kind.TIMESTAMPTZ), "CURRENT_TIMESTAMP(3)"),
        ("((1 + 1))", INT, "1 + 1"),
        ("'\udcff\0'", Type(Kind.BYTES), "0xFF00"),
    ],
)
def test_a_default_has_one_form(given: str, type_: Type, one: str) -> None:
    assert settled(given, type_, mariadb=False) == one


def test_what_stands_for_an_expression_is_an_expression_though_it_looks_like_an_end() -> None:
    shown = (
        "CREATE TABLE `t` (\n  `a` varchar(9) DEFAULT (concat('COMMENT ',')','''')) COMMENT 'DEFAULT 1, `x` int',\n"
        "  `b` int GENERATED ALWAYS AS (length(',`c` int')) VIRTUAL /*!80023 INVISIBLE */,\n"
        "  CONSTRAINT `k` CHECK ((`a` <> '/*!80016 NOT ENFORCED */')) /*!80016 NOT ENFORCED */\n"
        ") ENGINE=InnoDB COMMENT='PARTITION BY HASH (`a`)'"
    )
    read, _ = read_table(name("t"), shown, Known({}), mariadb=False)
    assert [column.name for column in read.columns] == ["a", "b"]
    assert (read.columns[0].default, read.columns[0].comment) == (
        "concat('COMMENT ',')','''')",
        "DEFAULT 1, `x` int",
    )
    assert (read.columns[1].generated, read.columns[1].invisible) == ("length(',`c` int')", True)
    assert read.checks == (Check("k", "`a` <> '/*!80016 NOT ENFORCED */'", enforced=False),)
    assert read.comment == "PARTITION BY HASH (`a`)"
    assert read.partitioning is None


def test_statements_come_in_an_order_in_which_they_run() -> None:
    parent = replace(table(), name=name("z"))
    child = table(
        Column("id", INT, "int", nullable=False, identity=Identity()),
        Column("up", INT, "int"),
        indexes=(
            Index("other", (Part("up"),)),
            Index("counts", (Part("id"),)),
            Index("last", (Part("up"), Part("id"))),
        ),
        foreign_keys=(ForeignKey("k", ("up",), parent.name, ("id",), on_delete="SET NULL"),),
    )
    views = tuple(View(name(f"v{n}"), f"select * from v{n + 1}") for n in range(2000))
    last = View(name("v2000"), "select 1")
    trigger = Trigger(name("g"), child.name, "AFTER", ("INSERT",), True, "", body="SET @a = 1")
    event = Other(ObjectKind.EVENT, name("e"), "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SET @a = 1")
    made = render(catalog(tables=(child, parent), views=(*views, last), triggers=(trigger,), others=(event,)))
    named = [(str(statement.kind), statement.member or statement.name.name) for statement in made]
    # The index by which a column is counted comes with the table, and with it those before it.
    assert named[:4] == [("table", "t"), ("table", "z"), ("index", "last"), ("foreign key", "k")]
    assert "KEY `other` (`up`),\n  KEY `counts` (`id`)" in made[0].sql
    assert named[4] == ("view", "v2000")
    assert named[2004] == ("view", "v0")
    assert named[2005:] == [("trigger", "g"), ("event", "e")]
    assert [statement.stage for statement in made[-2:]] == [Stage.CUTOVER, Stage.CUTOVER]
    assert all(";" not in statement.sql for statement in made)


def test_partitions_are_written_from_what_they_are() -> None:
    day = Column("at", Type(Kind.DATE), "date", nullable=False)
    number = Column("id", INT, "int", nullable=False)
    bounds = (Partition("old", upper=("'2020-01-01'",)), Partition("rest", lower=("'2020-01-01'",)))
    by_date = table(number, day, partitioning=Partitioning("range", ("`at`",), bounds, definition="RANGE (at)"))
    by_year = table(
        number,
        day,
        partitioning=Partitioning("range", ("year(`at`)",), (Partition("a", upper=("2020",)), Partition("b"))),
    )
    listed = table(number, partitioning=Partitioning("list", ("`id`",), (Partition("p", members=(("1",), ("NULL",))),)))
    hashed = table(number, partitioning=Partitioning("key", ("`id`",), count=4))
    clauses = [
        render(catalog(tables=(one,)))[0].sql.partition("\n)\n")[2] for one in (by_date, by_year, listed, hashed)
    ]
    assert clauses == [
        "PARTITION BY RANGE COLUMNS (`at`)\n(PARTITION `old` VALUES LESS THAN ('2020-01-01'),\n"
        " PARTITION `rest` VALUES LESS THAN (MAXVALUE))",
        "PARTITION BY RANGE (year(`at`))\n(PARTITION `a` VALUES LESS THAN (2020),\n"
        " PARTITION `b` VALUES LESS THAN (MAXVALUE))",
        "PARTITION BY LIST (`id`)\n(PARTITION `p` VALUES IN (1, NULL))",
        "PARTITION BY KEY (`id`)\nPARTITIONS 4",
    ]


PARTIAL = Index("i", (Part("id"),), where="id > 0")


@pytest.mark.parametrize(
    ("dialect", "things"),
    [
        (Dialect.MYSQL, {"sequences": (Sequence(name("s"), Counter()),)}),
        (Dialect.MARIADB, {"tables": (table(indexes=(Index("i", (Part("", "a + 1"),)),)),)}),
        (Dialect.MARIADB, {"tables": (table(checks=(Check("c", "1", enforced=False),)),)}),
        *((dialect, {"views": (View(name("v"), "select 1", materialized=True),)}) for dialect in DIALECTS),
        *((dialect, {"tables": (table(indexes=(PARTIAL,)),)}) for dialect in DIALECTS),
        *((dialect, {"tables": (table(indexes=(Index("i", (Part("id"),), method="gin"),)),)}) for dialect in DIALECTS),
        *(
            (dialect, {"triggers": (Trigger(name("g"), name("t"), "AFTER", ("INSERT", "DELETE"), True, "", body="x"),)})
            for dialect in DIALECTS
        ),
        *((dialect, {"others": (Other(ObjectKind.OTHER, name("o"), "", reason="hidden"),)}) for dialect in DIALECTS),
    ],
)
def test_what_a_server_has_not_is_refused_and_never_left_out(dialect: Dialect, things: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"has no|no definition"):
        render(catalog(dialect, **things))


def test_a_program_is_made_in_the_session_that_it_was_made_in() -> None:
    options = {"sql_mode": "ANSI_QUOTES,NO_AUTO_CREATE_USER", "definer": "`app`@`%`"}
    trigger = Trigger(name("g"), name("t"), "AFTER", ("INSERT",), True, "", body="SET @a = 1", options=options)
    mysql = [statement.sql for statement in render(catalog(triggers=(trigger,)))]
    assert mysql == [
        "SET @tailrace_sql_mode = @@SESSION.sql_mode, SESSION sql_mode = 'ANSI_QUOTES'",
        "CREATE TRIGGER `g` AFTER INSERT ON `t` FOR EACH ROW\nSET @a = 1",
        "SET SESSION sql_mode = @tailrace_sql_mode",
    ]
    mariadb = render(catalog(Dialect.MARIADB, triggers=(trigger,)))
    assert "'ANSI_QUOTES,NO_AUTO_CREATE_USER'" in mariadb[0].sql
    assert {(s.kind, s.name, s.member) for s in mariadb} == {(ObjectKind.TRIGGER, name("t"), "g")}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_without_a_server_there_are_statements_all_the_same(dialect: Dialect) -> None:
    target = MySQLSchema(None, None, dialect)
    assert target.dialect is dialect
    assert target.limits.folds
    labels = Column("e", Type(Kind.ENUM, "enum", labels=("a\\b", "it's")), "enum")
    types = target.types(table(Column("id", INT, "int"), labels), Dialect.MYSQL)
    assert types["e"].startswith(r"ENUM('a\\b', 'it''s')")
    assert target.render(catalog(dialect, tables=(table(),)))[0].sql == "CREATE TABLE `t` (\n  `id` int NOT NULL\n)"
