"""Column ids through a table's versions."""

from __future__ import annotations

from tailrace.emitter import EventTable
from tailrace.schema import TableName, TableSchema
from tailrace_mysql.binlog.binding import Version
from tailrace_mysql.captured import Table
from tailrace_mysql.ddl import statements
from tailrace_mysql.definition import ColumnDefinition, TableDefinition
from tailrace_mysql.versions import first_schema, next_schema

NAME = TableName("shop", None, "t")


def columns(text: str) -> tuple[ColumnDefinition, ...]:
    found = statements.read_statement(f"CREATE TABLE t ({text})", "shop", lambda table: "utf8mb4", 0, False)
    assert isinstance(found, statements.Create)
    assert found.columns is not None
    return found.columns


def schema(text: str) -> TableSchema:
    return first_schema("t", NAME, columns(text), "")


def test_a_table_created_anew_converts_no_column() -> None:
    first = schema("id INT PRIMARY KEY, a INT, b VARCHAR(9)")
    anew = columns("id BIGINT PRIMARY KEY, b VARCHAR(9), a DATE")
    again = next_schema({1: first}, first, anew, "1", empty=True)
    assert {column.name: column.id for column in again.columns} == {"id": 1, "b": 3, "a": 4}
    altered = next_schema({1: first}, first, anew, "1")
    assert {column.name: column.id for column in altered.columns} == {"id": 1, "b": 3, "a": 2}


def test_columns_in_another_order_are_seen() -> None:
    table = Table(NAME, "t", version=Version(EventTable(schema("id INT, a INT, b INT"), "mysql", "p")))
    for text, moved in (
        ("id INT, c INT, a INT, b INT", False),
        ("id INT, b INT", False),
        ("id INT, b INT, a INT", True),
    ):
        definition = TableDefinition(NAME, columns(text))
        assert table.reordered(definition) == moved, text
        assert not table.ambiguous(definition)
