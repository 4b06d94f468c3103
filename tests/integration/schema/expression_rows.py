"""One table of rows on each system, as a sink would have them there, for evaluating expressions on both sides."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from tailrace.conversion.catalog import Column, Dialect
from tailrace.schema import Kind, Type

NAMES = ("id", "i", "j", "d", "e", "f", "s", "b", "dt", "ts", "tz", "lab", "bo", "by", "uu")

#: A row's values; moments are in UTC. `i` may be NULL, `j` may not.
ROWS: list[tuple[Any, ...]] = [
    (1, 0, 1, "0.00", "0.0000", 0.0, "", "", "2024-01-01", "2024-01-01 00:00:00", "2024-01-01 00:00:00", "new", 0,
     b"", "00000000-0000-0000-0000-000000000000"),
    (2, 7, 2, "12.34", "1.5000", 1.5, "abc", "abc", "2024-02-29", "2024-02-29 12:34:56.789012", "2024-02-29 23:59:59",
     "paid", 1, b"\x00\xff", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    (3, -7, 3, "-12.35", "-2.5000", -2.5, "ABC", "Abc", "2023-12-31", "2023-12-31 23:59:59.999999",
     "2023-12-31 22:00:00", "new", 1, b"abc", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    (4, 2147483600, 2147483647, "99999999.99", "9999.9999", 1e10, "it's 50% o\\f_it", "a\\b", "2024-03-31",
     "2024-03-31 01:02:03", "2024-03-31 01:30:00", "paid", 0, b"\\x", "12345678-1234-1234-1234-123456789abc"),
    (5, -2147483600, -5, "-0.01", "0.0001", 1e-10, "äöü 漢字 😀", "ß", "2000-02-29", "2000-02-29 00:00:00.5",
     "2000-02-29 00:00:00", "new", 1, b"\xff", "0000000a-0000-0000-0000-00000000000b"),
    (6, None, 10, None, None, None, None, None, None, None, None, None, None, None, None),
    (7, 100, 3, "33.33", "33.3333", 0.1, "  x  ", "x", "2024-12-30", "2024-12-30 18:00:00", "2024-12-30 18:00:00",
     "paid", 1, b"x", "7fffffff-ffff-ffff-ffff-ffffffffffff"),
    (8, 3, 100, "5.55", "2.3456", -0.75, "a*b?[c]", "a%b", "2024-06-15", "2024-06-15 06:07:08.1", "2024-06-15 06:07:08",
     "new", 0, b"a", "11111111-2222-3333-4444-555555555555"),
    (9, 12, 5, "10.00", "100.0000", 2.5, "2024-01-01", "12345", "1999-12-31", "1999-12-31 23:00:00",
     "1999-12-31 23:00:00", "paid", 1, b"12", "99999999-9999-9999-9999-999999999999"),
]  # fmt: skip

MYSQL_TEXT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin"
MARIADB_TEXT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"


def _types(family: str, target: Dialect) -> tuple[str, ...]:
    """Column types as the sinks make them of the family's (`my`: MySQL's, `pg`: PostgreSQL's)."""
    text = MARIADB_TEXT if target is Dialect.MARIADB else MYSQL_TEXT
    if target is Dialect.SQLITE:
        return (
            *("INTEGER", "INTEGER", "INTEGER", "TEXT", "TEXT", "", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT"),
            *("INTEGER" if family == "my" else "BOOLEAN", "BLOB", "TEXT"),
        )
    if target is Dialect.POSTGRESQL:
        return (
            *("integer", "integer", "integer", "numeric(10,2)", "numeric(8,4)", "double precision"),
            *("character varying(40)", "character varying(40)", "date", "timestamp(6) without time zone"),
            *("timestamp(0) with time zone", "text", "smallint" if family == "my" else "boolean", "bytea", "uuid"),
        )
    return (
        *("INT", "INT", "INT", "DECIMAL(10,2)", "DECIMAL(8,4)", "DOUBLE", f"VARCHAR(40) {text}", f"VARCHAR(40) {text}"),
        *("DATE", "DATETIME(6)", "TIMESTAMP NULL" if family == "my" else "DATETIME(6)"),
        f"ENUM('new','paid') {text}" if family == "my" else f"VARCHAR(255) {text}",
        *(
            "TINYINT",
            "VARBINARY(20)" if family == "my" else "LONGBLOB",
            "CHAR(36) CHARACTER SET ascii COLLATE ascii_bin",
        ),
    )


def columns(source: Dialect) -> dict[str, Column]:
    """The table as the source's catalog has it."""
    exact = {Dialect.MYSQL: "utf8mb4_0900_bin", Dialect.MARIADB: "utf8mb4_nopad_bin"}.get(source, "")
    mysql = source.mysql_like
    truth = Type(Kind.INTEGER, "tinyint", 8) if mysql else Type(Kind.BOOLEAN, "boolean")
    types = (
        *(Type(Kind.INTEGER, "int", 32) for _ in range(3)),
        Type(Kind.DECIMAL, "decimal(10,2)", 10, 2),
        Type(Kind.DECIMAL, "decimal(8,4)", 8, 4),
        Type(Kind.FLOAT, "double", 64),
        *(Type(Kind.TEXT, "varchar(40)", 40) for _ in range(2)),
        Type(Kind.DATE, "date"),
        Type(Kind.TIMESTAMP, "datetime(6)", 6),
        Type(Kind.TIMESTAMPTZ, "timestamp", 0),
        Type(Kind.ENUM, "enum", labels=("new", "paid")),
        truth,
        Type(Kind.BYTES, "varbinary(20)", 20),
        Type(Kind.UUID, "uuid"),
    )
    return {
        name: Column(
            name,
            type_,
            type_.name,
            nullable=name not in ("id", "j"),
            charset="utf8mb4" if mysql and type_.kind is Kind.TEXT else "",
            collation=exact if type_.kind in (Kind.TEXT, Kind.ENUM) else "",
        )
        for name, type_ in zip(NAMES, types, strict=True)
    }


class Place(Protocol):
    def execute(self, sql: str, params: Any = None) -> Any: ...
    def query(self, sql: str, params: Any = None) -> list[tuple[Any, ...]]: ...


class SQLite:
    """A database in memory, as `tests.servers.Database` is one on a server."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")

    def execute(self, sql: str, params: Any = None) -> None:
        self.connection.execute(sql, params or ())

    def query(self, sql: str, params: Any = None) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, params or ()).fetchall()


def column_list(family: str, dialect: Dialect) -> str:
    quote = "`" if dialect.mysql_like else '"'
    columns = (f"{quote}{name}{quote} {type_}" for name, type_ in zip(NAMES, _types(family, dialect), strict=True))
    return ", ".join(columns) + f", PRIMARY KEY ({quote}id{quote})"


def make(place: Place, dialect: Dialect) -> None:
    """`t_my` and `t_pg`: the table as from MySQL, and as from PostgreSQL."""
    for family in ("my", "pg"):
        place.execute(f"CREATE TABLE t_{family} ({column_list(family, dialect)})")
        for row in ROWS:
            values = ", ".join(["?" if dialect is Dialect.SQLITE else "%s"] * len(row))
            place.execute(f"INSERT INTO t_{family} VALUES ({values})", _given(row, family, dialect))


def _given(row: Sequence[Any], family: str, dialect: Dialect) -> tuple[Any, ...]:
    values = dict(zip(NAMES, row, strict=True))
    if dialect is Dialect.SQLITE:
        if values["ts"]:
            whole, _, fraction = values["ts"].replace(" ", "T").partition(".")
            digits = fraction.ljust(6, "0") if family == "my" else fraction
            values["ts"] = whole + ("." + digits if digits else "")
            values["tz"] = values["tz"].replace(" ", "T") + "Z"
    elif dialect is Dialect.POSTGRESQL and family == "pg" and values["bo"] is not None:
        values["bo"] = bool(values["bo"])
    return tuple(values.values())


def comparable(value: Any) -> Any:
    """A value in a form in which the systems' drivers give the same."""
    match value:
        case bool():
            return Decimal(int(value))
        case int() | Decimal():
            return Decimal(value)
        case float():
            return value
        case memoryview() | bytearray():
            return bytes(value)
        case dt.datetime():
            return value.replace(tzinfo=None).isoformat(timespec="microseconds")
        case dt.date():
            return value.isoformat()
        case UUID():
            return str(value)
        case _:
            return value


def alike(one: Any, other: Any) -> bool:
    """Whether two systems' values are the same."""
    left, right = comparable(one), comparable(other)
    if left is None or right is None:
        return left is right
    if isinstance(left, float) or isinstance(right, float):
        return float(left) == float(right)
    if isinstance(left, Decimal) and isinstance(right, str):
        return Decimal(right) == left
    if isinstance(left, str) and isinstance(right, str) and len(left) == 26 and left[10:11] == "T":
        moment = dt.datetime.fromisoformat(right.removesuffix("Z"))
        return moment.isoformat(timespec="microseconds") == left
    return bool(left == right)
