"""A stream in memory with a sink behind it, and columns of every kind with values at their edges."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from tailrace.apply import worker
from tailrace.apply.parking import Policy
from tailrace.apply.targets import target_of
from tailrace.report import Control, WorkerReport
from tailrace.schema import Column, Kind, Type
from tailrace.sink import Row, Sink, TableWork, TargetTable
from tailrace.testing import MemoryStream, Script
from tailrace.testing.script import ScriptTable
from tests.doubles.thread import working

Values = dict[str, Any]

ID = Column(1, "id", Type(Kind.INTEGER, "bigint", 64), nullable=False, key=1)


class Reports:
    def __init__(self) -> None:
        self.all: list[WorkerReport] = []

    def send(self, report: WorkerReport) -> None:
        self.all.append(replace(report, tables=[replace(table) for table in report.tables]))


class Rig:
    """A script writes; `apply` runs the sink's worker until it has caught up."""

    def __init__(self, create: Callable[[], Sink], stream: MemoryStream | None = None) -> None:
        self.create = create
        self.stream = stream or MemoryStream()
        self.script = Script(self.stream)
        self.reports = Reports()
        self.memory = 64 << 20
        self.policy: Policy | None = None

    def supervise(self, control: Control) -> None:
        worker.supervise(
            "target",
            lambda: self.stream.reader("target"),
            self.create,
            lambda table: True,
            control,
            self.reports,
            self.memory,
            self.policy,
        )

    def apply(self) -> None:
        control = Control()
        control.finish.set()
        self.supervise(control)

    def running(self) -> contextlib.AbstractContextManager[Control]:
        """The worker at work in a thread; its error, if it ends with one, is raised at the end."""
        return working(self.supervise, 20)

    def rows(self, table: ScriptTable) -> list[Values]:
        """What the sink reads back, as `verify` does: without opening the sink for writing."""
        sink = self.create()
        try:
            found = list(sink.rows(target_of(table.versions)))
        finally:
            sink.close()
        return sorted(found, key=lambda row: str([row[column.name] for column in table.schema.key] or sorted(row)))


def differences(found: list[Values], expected: list[Values]) -> list[tuple[str, Any, Any]]:
    """(column, found, expected) wherever two lists of rows differ, in value or in type."""
    if len(found) != len(expected):
        return [("number of rows", len(found), len(expected))]
    return [
        (name, got.get(name), want.get(name))
        for got, want in zip(found, sorted(expected, key=lambda row: str([row["id"]])), strict=True)
        for name in got.keys() | want.keys()
        if repr(got.get(name)) != repr(want.get(name))
    ]


def upserts(target: TargetTable, *rows: Values) -> TableWork:
    return TableWork(target, upserts=[Row("", row) for row in rows])


def table_of_kinds(
    script: Script, name: str, kinds: Iterable[tuple[Type, list[Any]]], connector: str
) -> tuple[ScriptTable, list[Values]]:
    """A table with a column per kind, and rows that hold each kind's values, NULL among them."""
    listed = list(kinds)
    columns = [Column(number, f"c{number}", type_) for number, (type_, _) in enumerate(listed, start=2)]
    table = script.table(name, [ID, *columns], connector)
    longest = max(len(values) for _, values in listed) + 1
    rows = [
        {
            "id": number,
            **{
                column.name: values[number] if number < len(values) else None
                for column, (_, values) in zip(columns, listed, strict=True)
            },
        }
        for number in range(longest)
    ]
    return table, rows


TEXTS = [
    "",
    " ",
    "trailing ",
    "NULL",
    "\\N",
    "\\.",
    "tab\tline\nreturn\r",
    "back\\slash",
    "'\"`;--",
    "żółć 漢字 🎉",
    "{}",
]

#: As MySQL and MariaDB describe and write them.
MYSQL_KINDS: list[tuple[Type, list[Any]]] = [
    (Type(Kind.INTEGER, "tinyint", 8), [-128, 0, 127]),
    (Type(Kind.INTEGER, "tinyint unsigned", 8, unsigned=True), [0, 255]),
    (Type(Kind.INTEGER, "smallint unsigned", 16, unsigned=True), [0, 65535]),
    (Type(Kind.INTEGER, "mediumint", 24), [-8388608, 8388607]),
    (Type(Kind.INTEGER, "int unsigned", 32, unsigned=True), [0, 4294967295]),
    (Type(Kind.INTEGER, "bigint", 64), [-(2**63), 0, 2**63 - 1]),
    (Type(Kind.INTEGER, "bigint unsigned", 64, unsigned=True), [0, 2**63 - 1, 2**63, 2**64 - 1]),
    (Type(Kind.DECIMAL, "decimal(65,30)", 65, 30), ["9" * 35 + "." + "9" * 30, "-0." + "0" * 29 + "1"]),
    (Type(Kind.DECIMAL, "decimal(12,2)", 12, 2), ["12.50", "0.00", "-9999999999.99"]),
    (Type(Kind.FLOAT, "float", 32), [0.1, -3.4028235e38, 1e-45, 16777216.0]),
    (Type(Kind.FLOAT, "double", 64), [0.1, 1.7976931348623157e308, 5e-324, -0.0, 3.0]),
    (Type(Kind.TEXT, "varchar(40)", 40), TEXTS),
    (Type(Kind.TEXT, "char(40)", 40, fixed=True), ["x", ""]),
    (Type(Kind.TEXT, "longtext", 4294967295), ["x" * 100_000]),
    (Type(Kind.BYTES, "varbinary(300)", 300), ["", "AA==", "AAECAwR/gP8="]),
    (Type(Kind.BYTES, "longblob", 4294967295), ["/w==" * 0 + "AA==", "XAo="]),
    (Type(Kind.BITS, "bit(1)", 1), ["0", "1"]),
    (Type(Kind.BITS, "bit(64)", 64), ["1" + "0" * 63, "0" * 64]),
    (Type(Kind.DATE, "date"), ["1000-01-01", "2024-02-29", "9999-12-31"]),
    (Type(Kind.TIME, "time"), ["00:00:00", "-838:59:59", "838:59:59", "-00:00:01", "24:00:00"]),
    (Type(Kind.TIME, "time(6)", 6), ["12:34:56.123450", "-00:00:00.000001", "838:59:58.000000", "-100:00:00.500000"]),
    (Type(Kind.TIMESTAMP, "datetime"), ["1000-01-01T00:00:00", "9999-12-31T23:59:59"]),
    (Type(Kind.TIMESTAMP, "datetime(3)", 3), ["2024-01-31T12:34:56.120", "2024-01-31T12:34:56.000"]),
    (Type(Kind.TIMESTAMPTZ, "timestamp"), ["1970-01-01T00:00:01Z", "2038-01-19T03:14:07Z"]),
    (Type(Kind.TIMESTAMPTZ, "timestamp(6)", 6), ["2024-03-31T01:30:00.100000Z"]),
    (Type(Kind.YEAR, "year"), [0, 1901, 2155]),
    (
        Type(Kind.JSON, "json"),
        ['{"a": 1.0, "b": [1, 2.50], "a ": "\\u0000"}', "null", '"x"', "12345678901234567890.12"],
    ),
    (Type(Kind.ENUM, "enum('a','b c','')", labels=("a", "b c", "")), ["a", "b c", ""]),
    (Type(Kind.SET, "set('x','y')", labels=("x", "y")), ["", "x", "x,y"]),
    (Type(Kind.OTHER, "geometry"), ["POINT(1 2)"]),
]

#: As PostgreSQL describes and writes them.
POSTGRES_KINDS: list[tuple[Type, list[Any]]] = [
    (Type(Kind.BOOLEAN, "boolean"), [True, False]),
    (Type(Kind.INTEGER, "smallint", 16), [-32768, 32767]),
    (Type(Kind.INTEGER, "integer", 32), [-(2**31), 2**31 - 1]),
    (Type(Kind.INTEGER, "bigint", 64), [-(2**63), 2**63 - 1]),
    (
        Type(Kind.DECIMAL, "numeric"),
        ["0", "1.10", "-123456789012345678901234567890.123456789", "NaN", "Infinity", "-Infinity"],
    ),
    (Type(Kind.DECIMAL, "numeric(12,2)", 12, 2), ["12.50", "NaN"]),
    (Type(Kind.FLOAT, "real", 32), [0.1, "NaN", "Infinity", "-Infinity", 1e-45]),
    (Type(Kind.FLOAT, "double precision", 64), [0.1, "NaN", "Infinity", "-Infinity", 5e-324, -0.0]),
    (Type(Kind.TEXT, "text"), TEXTS),
    (Type(Kind.TEXT, "character varying(30)", 30), ["abc "]),
    (Type(Kind.TEXT, "character(5)", 5, fixed=True), ["ab   ", "     "]),
    (Type(Kind.BYTES, "bytea"), ["", "AA==", "XHgA"]),
    (Type(Kind.BITS, "bit(3)", 3), ["010"]),
    (Type(Kind.BITS, "bit varying"), ["", "0101", "1" * 100]),
    (Type(Kind.DATE, "date"), ["0001-01-01", "infinity", "-infinity", "0044-03-15 BC", "12345-01-01"]),
    (Type(Kind.TIME, "time without time zone", 6), ["00:00:00", "12:34:56.5", "24:00:00"]),
    (Type(Kind.TIMETZ, "time with time zone", 6), ["12:34:56+02:00", "12:34:56.5-05:30", "00:00:00+00:00"]),
    (
        Type(Kind.TIMESTAMP, "timestamp without time zone", 6),
        ["2024-01-31T12:34:56.5", "infinity", "2024-01-31T12:34:56"],
    ),
    (
        Type(Kind.TIMESTAMPTZ, "timestamp with time zone", 6),
        ["2024-01-31T12:34:56.123456Z", "-infinity", "1900-01-01T00:00:00Z"],
    ),
    (Type(Kind.INTERVAL, "interval", 6), ["PT0S", "P1Y2M3DT4H5M6.5S", "P-1Y-2M3DT-4H-5M-6S", "PT-0.000001S"]),
    (Type(Kind.JSON, "json"), ['{"a":1.0, "a":  2}', "null"]),
    (Type(Kind.JSON, "jsonb"), ['{"a": 1.0}', "[1, 2]"]),
    (Type(Kind.UUID, "uuid"), ["123e4567-e89b-12d3-a456-426614174000"]),
    (Type(Kind.OTHER, "inet"), ["10.0.0.1", "::1/64"]),
    (Type(Kind.OTHER, "integer[]"), ["{1,2,NULL}", "[0:1]={3,4}", "{}"]),
    (Type(Kind.OTHER, "int4range"), ["[1,5)", "empty"]),
    (Type(Kind.OTHER, "no_such_type"), ["whatever (it) is"]),
    (Type(Kind.ENUM, "mood", labels=("sad", "ok")), ["sad", "ok"]),
]
