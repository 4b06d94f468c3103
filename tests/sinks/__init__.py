"""Target tables and work for sinks, built by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tailrace.schema import Column, Kind, TableName, Type
from tailrace.sink import Row, RowChange, Sink, TableWork, TargetTable
from tailrace.stream import Partition

PARTITION = Partition("", 0)
STREAM = "stream-1"


def seq(number: int) -> str:
    return f"0001-{number:020x}-{4:016x}"


def column(
    column_id: int,
    name: str,
    kind: Kind,
    type_name: str = "",
    *,
    key: int = 0,
    initial: Any = None,
    nullable: bool = True,
    **type_fields: Any,
) -> Column:
    return Column(
        column_id,
        name,
        Type(kind, type_name or str(kind), **type_fields),
        nullable=nullable and not key,
        key=key,
        initial=initial,
    )


def integer(column_id: int, name: str, *, key: int = 0, size: int = 64, **fields: Any) -> Column:
    return column(column_id, name, Kind.INTEGER, "bigint", key=key, size=size, **fields)


def text(column_id: int, name: str, *, key: int = 0, **fields: Any) -> Column:
    return column(column_id, name, Kind.TEXT, "text", key=key, **fields)


def target(
    table: str,
    columns: Sequence[Column],
    *,
    schema: str | None = None,
    version: int = 1,
    retained: Sequence[Column] = (),
) -> TargetTable:
    """`schema`: a table of PostgreSQL; None: of MySQL."""
    name = TableName("shop", schema, table)
    return TargetTable(name, f"p.{name}", version, tuple(columns), tuple(retained))


def rows(values: Iterable[dict[str, Any]], number: int = 1) -> list[Row]:
    return [Row(seq(number), row) for row in values]


def upserts(table: TargetTable, *values: dict[str, Any], number: int = 1) -> TableWork:
    return TableWork(table, upserts=rows(values, number))


def deletes(table: TargetTable, *values: dict[str, Any], number: int = 1) -> TableWork:
    return TableWork(table, deletes=rows(values, number))


def change(op: str, before: dict[str, Any] | None, after: dict[str, Any] | None, number: int = 1) -> RowChange:
    return RowChange(seq(number), op, before, after)


class Applied:
    """A sink with a counter as its position: every call is one target transaction."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.offset = sink.open(STREAM).get(PARTITION, 0)

    def __call__(self, *work: TableWork) -> None:
        self.sink.apply(work)
        self.commit()

    def ensure(self, table: TargetTable, previous: TargetTable | None = None) -> TargetTable:
        self.sink.ensure(table, previous)
        self.commit()
        return table

    def commit(self) -> None:
        self.sink.commit({PARTITION: self.offset + 1})
        self.offset += 1

    def rows(self, table: TargetTable) -> list[dict[str, Any]]:
        """Sorted by key, or by everything."""
        names = [c.name for c in table.key or table.columns]
        return sorted(self.sink.rows(table), key=lambda row: [repr(row.get(name)) for name in names])
