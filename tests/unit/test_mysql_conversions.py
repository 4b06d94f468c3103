"""Which changes of a column's definition leave stored values alone for certain."""

from __future__ import annotations

import pytest

from tailrace.schema import Column, TableName
from tailrace_mysql.binlog.tables import Place
from tailrace_mysql.conversions import doubt, refuse_rewritten
from tailrace_mysql.ddl import alter, statements
from tailrace_mysql.types import UnsupportedTypeError
from tailrace_mysql.versions import first_schema


def column(definition: str) -> Column:
    found = statements.read_statement(f"CREATE TABLE t (c {definition})", "shop", lambda table: "utf8mb4", 0, False)
    assert isinstance(found, statements.Create)
    assert found.columns is not None, definition
    return first_schema("t", TableName("shop", None, "t"), found.columns, "").columns[0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("INT", "BIGINT"),
        ("INT UNSIGNED", "BIGINT"),
        ("SMALLINT", "SMALLINT NULL DEFAULT 4"),
        ("INT NOT NULL", "INT"),
        ("DECIMAL(5,2)", "DECIMAL(7,2)"),
        ("VARCHAR(20)", "VARCHAR(21)"),
        ("VARCHAR(20) CHARACTER SET latin1", "VARCHAR(20)"),
        ("VARCHAR(20)", "TEXT"),
        ("TEXT", "LONGTEXT"),
        ("VARBINARY(4)", "VARBINARY(5)"),
        ("DOUBLE(10,2)", "DOUBLE"),
        ("ENUM('a','b')", "ENUM('b','c','a')"),
        ("SET('a','b')", "SET('x','a','y','b')"),
    ],
)
def test_changes_that_keep_all_values_whatever_the_mode(before: str, after: str) -> None:
    assert doubt(column(before), column(after), strict=False) == ""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("INT", "INT NOT NULL"),
        ("INT", "SMALLINT"),
        ("INT", "BIGINT UNSIGNED"),
        ("INT UNSIGNED", "INT"),
        ("DECIMAL(5,2)", "DECIMAL(4,2)"),
        ("VARCHAR(20)", "VARCHAR(20) CHARACTER SET latin1"),
        ("TEXT CHARACTER SET latin1", "TEXT"),
        ("VARCHAR(20)", "VARCHAR(19)"),
        ("VARBINARY(5)", "VARBINARY(4)"),
        ("LONGBLOB", "BLOB"),
        ("ENUM('a','b')", "ENUM('b')"),
        ("ENUM('a','b')", "ENUM('b','c')"),
    ],
)
def test_changes_that_fail_in_strict_mode_where_a_value_does_not_fit(before: str, after: str) -> None:
    assert doubt(column(before), column(after), strict=True) == ""
    assert doubt(column(before), column(after), strict=False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("TIMESTAMP NULL", "TIMESTAMP NOT NULL"),
        ("VARCHAR(300)", "TINYTEXT"),
        ("LONGTEXT", "VARCHAR(1000)"),
        ("MEDIUMTEXT", "TEXT"),
        ("DOUBLE", "DOUBLE(10,2)"),
        ("ENUM('a','b')", "ENUM('A','b')"),
        ("ENUM('e','b')", "ENUM('é','b')"),
        ("ENUM('2','x')", "ENUM('x')"),
    ],
)
def test_changes_that_may_change_values_in_any_mode(before: str, after: str) -> None:
    assert doubt(column(before), column(after), strict=True)


@pytest.mark.parametrize(
    ("clause", "strict", "refused"),
    [
        ("CONVERT TO CHARACTER SET utf8mb3", False, True),
        ("CONVERT TO CHARACTER SET utf8mb3", True, False),
        ("CONVERT TO CHARACTER SET utf8mb4", False, False),
        ("MODIFY c VARCHAR(9) CHARACTER SET utf8", False, True),
        ("MODIFY c VARCHAR(9) CHARACTER SET utf8", True, False),
        ("MODIFY c INT AS (a + 1) STORED", True, True),
        ("ADD d TIMESTAMP, ADD e INT", True, True),
        ("ADD d TIMESTAMP NULL, ADD e TIMESTAMP DEFAULT '2024-01-01 00:00:00'", True, False),
    ],
)
def test_what_no_column_tells(clause: str, strict: bool, refused: bool) -> None:
    found = statements.read_statement(f"ALTER TABLE t {clause}", "shop", lambda table: "utf8mb4", 0, False)
    assert isinstance(found, statements.Alter)
    assert found.clauses is not None
    before = statements.read_statement("CREATE TABLE t (c VARCHAR(9))", "shop", lambda table: "utf8mb4", 0, False)
    assert isinstance(before, statements.Create)
    assert before.columns is not None
    columns = alter.apply(before.columns, found.clauses).columns
    try:
        refuse_rewritten(found.clauses, columns, Place("binlog.000001", 4, "", "", strict=strict))
        said = ""
    except UnsupportedTypeError as error:
        said = str(error)
    assert ("column " in said) == refused
