"""Column types of the MySQL sink: mapping, comparison, limits; and literals that need no server."""

from __future__ import annotations

import pymysql.err
import pytest

from tailrace.errors import (
    RefusedError,
    StuckError,
    TailraceError,
    TransactionConflictError,
    UnreachableError,
    ValueRefusedError,
)
from tailrace.schema import Kind
from tailrace_mysql.sink_errors import translate
from tailrace_mysql.sink_types import ColumnType, catalog_type, mapped, table_types
from tailrace_mysql.sink_values import encoder, quoted
from tests.sinks import column, integer, target, text


@pytest.mark.parametrize(
    ("printed", "charset", "expected"),
    [
        ("int(11)", None, ColumnType("int")),
        ("bigint(20) unsigned zerofill", None, ColumnType("bigint", unsigned=True)),
        ("tinyint(1)", None, ColumnType("tinyint", 1)),
        ("decimal(12,2)", None, ColumnType("decimal", 12, 2)),
        ("datetime(6)", None, ColumnType("datetime", 6)),
        ("year(4)", None, ColumnType("year")),
        ("char(36)", "ascii", ColumnType("char", 36, ascii=True)),
        ("enum('a','it''s','b,c')", "utf8mb4", ColumnType("enum", labels=("a", "it's", "b,c"))),
    ],
)
def test_catalog_types_are_read(printed: str, charset: str | None, expected: ColumnType) -> None:
    assert catalog_type(printed, charset) == expected


@pytest.mark.parametrize(
    ("present", "wanted", "holds", "extends"),
    [
        ("bigint", "int", True, False),
        ("int", "bigint", False, True),
        ("int", "int unsigned", False, False),
        ("bigint", "int unsigned", True, False),
        ("bigint unsigned", "int", False, False),
        ("decimal(10,2)", "decimal(8,2)", True, False),
        ("decimal(10,2)", "decimal(10,3)", False, False),
        ("decimal(10,2)", "decimal(11,3)", False, True),
        ("datetime(3)", "datetime(6)", False, True),
        ("datetime(6)", "datetime(3)", False, False),
        ("datetime(6)", "timestamp(6)", True, False),
        ("timestamp(6)", "datetime(6)", False, False),
        ("varchar(10)", "varchar(20)", False, True),
        ("longtext", "varchar(20)", True, False),
        ("char(10)", "varchar(5)", False, False),
        ("varchar(20)", "char(10)", True, False),
        ("text", "varchar(20000)", False, False),
        ("binary(4)", "binary(8)", False, False),
        ("varbinary(8)", "binary(8)", True, False),
        ("blob", "longblob", False, True),
        ("json", "longtext", False, True),
        ("longtext", "json", True, False),
        ("float", "double", False, True),
        ("double", "float", False, True),
        ("enum('a')", "enum('a','b')", False, True),
        ("enum('b')", "enum('a','b')", False, True),
        ("set('a','b')", "set('a','c')", False, False),
        ("varchar(1)", "enum('a','b')", True, False),
        ("int", "date", False, False),
        ("bit(8)", "bit(9)", False, True),
        ("datetime", "timestamp", True, False),
    ],
)
def test_types_are_compared(present: str, wanted: str, holds: bool, extends: bool) -> None:
    here, there = catalog_type(present, "utf8mb4"), catalog_type(wanted, "utf8mb4")
    assert here.holds(there) is holds
    if not holds:
        assert there.extends(here) is extends


def test_every_mapped_type_is_read_back_from_the_catalog() -> None:
    for kind in Kind:
        for size in (0, 8, 24, 32, 64, 300):
            for from_mysql in (True, False):
                found = mapped(column(1, "c", kind, size=size, labels=("a",)).type, from_mysql, mariadb=False)
                assert found.holds(found)
                assert not found.extends(ColumnType("geometry"))


def test_key_columns_share_an_index_entry() -> None:
    table = target("t", [text(1, "a", key=1), integer(2, "n", key=2), text(3, "b", key=3)], schema="public")
    types = table_types(table, mariadb=True)
    assert types["a"] == types["b"] == ColumnType("varchar", (3072 - 8) // 2 // 4)
    single = target("t", [column(1, "k", Kind.BYTES, "bytea", key=1)], schema="public")
    assert table_types(single, mariadb=True)["k"] == ColumnType("varbinary", 3072)
    uuid = target("t", [column(1, "k", Kind.UUID, key=1), column(2, "l", Kind.TEXT, key=2, size=20)], schema="public")
    assert table_types(uuid, mariadb=True)["k"] == ColumnType("char", 36, ascii=True)
    names = [column(n, f"k{n}", Kind.TEXT, key=n, size=size) for n, size in ((1, 500), (2, 36), (3, 36))]
    assert table_types(target("t", names, schema="public"), mariadb=True)["k1"] == ColumnType("varchar", 500)


def test_long_varchars_leave_the_row_first() -> None:
    columns = [column(n, f"c{n}", Kind.TEXT, "varchar", size=size) for n, size in enumerate([100, 15_000, 200], 2)]
    types = table_types(target("t", [integer(1, "id", key=1), *columns]), mariadb=True, taken=1000)
    assert [types[f"c{n}"].base for n in (2, 3, 4)] == ["varchar", "longtext", "varchar"]


@pytest.mark.parametrize(
    ("document", "literal"),
    [
        ('{"a": 1.5, "b": "1.10"}', None),
        ('{"a": 1.10}', """JSON_REPLACE('{"a": 1.10}', '$."a"', CAST(1.10 AS DECIMAL(3, 2)))"""),
        ("0.00", "JSON_REPLACE('0.00', '$', CAST(0.00 AS DECIMAL(2, 2)))"),
        (
            '[{"it\'s \\"q\\"": [-0.0000001000]}]',
            """JSON_REPLACE('[{"it''s \\"q\\"": [-0.0000001000]}]', '$[0]."it''s \\"q\\""[0]', """
            "CAST(-0.0000001000 AS DECIMAL(10, 10)))",
        ),
        ("18446744073709551615", None),
        (
            "18446744073709551616",
            "JSON_REPLACE('18446744073709551616', '$', CAST(18446744073709551616 AS DECIMAL(20, 0)))",
        ),
        ("1.2345678901234569e23", None),
    ],
)
def test_decimals_in_json_stay_decimals(document: str, literal: str | None) -> None:
    encode = encoder(column(1, "j", Kind.JSON, "json"), ColumnType("json"), from_mysql=True, mariadb=False)
    assert encode(document) == (literal or quoted(document))


@pytest.mark.parametrize(
    ("code", "message", "kind", "said"),
    [
        (1045, "Access denied for user 'app'@'host' (using password: YES)", RefusedError, "password"),
        (1213, "Deadlock found", TransactionConflictError, "deadlock"),
        (1205, "Lock wait timeout exceeded", TransactionConflictError, "lock"),
        (2013, "Lost connection", UnreachableError, "connection"),
        (1366, "Incorrect integer value: 'secret' for column 'age' at row 1", ValueRefusedError, "column age"),
        (1366, "Incorrect integer value: 'secret' for column `d`.`t`.`age` at row 1", ValueRefusedError, "column age"),
        (1062, "Duplicate entry 'secret' for key 'users.email'", StuckError, "users.email"),
        (1062, "Duplicate entry 'a' for key 'secret' for key 'email'", StuckError, "email"),
        (9999, "secret", StuckError, "error 9999"),
    ],
)
def test_server_errors_become_one_line_without_values(
    code: int, message: str, kind: type[TailraceError], said: str
) -> None:
    error = translate(pymysql.err.OperationalError(code, message), "mysql://h:1/d", "users")
    assert type(error) is kind
    assert said in str(error)
    assert "secret" not in str(error)
