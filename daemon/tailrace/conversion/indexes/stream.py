"""Indexes of a source's structure that sinks make, whose expressions surely mean the same in the target's words."""

from __future__ import annotations

from dataclasses import replace

from tailrace.conversion.catalog import Column, Dialect, ObjectName
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Grade
from tailrace.conversion.translation import Use
from tailrace.schema import Kind
from tailrace.sink import TargetTable
from tailrace.structure import Index

#: Characters or bytes that an entry of any target's index takes, whatever else is in it.
_SHORT = 500
_SIZED = (Kind.TEXT, Kind.BYTES)
_UNORDERED = (Kind.JSON, Kind.OTHER)


def translated(index: Index, table: TargetTable, source: Dialect, target: Dialect) -> Index | None:
    """In the stream's names, as the index has them; None where something is not sure.

    The collations of the source's columns are not in the stream: what depends on them is not sure.
    """
    # Most sinks meet no such index, and need not load a parser of SQL.
    from tailrace.conversion.expressions import translate
    from tailrace.conversion.rules import load

    by_name = {column.name: column for column in table.columns}
    columns = {name: Column(name, column.type, column.type.name, column.nullable) for name, column in by_name.items()}
    name = ObjectName("", table.name)
    names = Names({name: name}, {name: {column: column for column in columns}})

    def sure(sql: str, use: Use) -> str:
        found = translate(sql, use, source, target, columns, names, name, load())
        return found.sql if found.grade is Grade.AUTOMATIC else ""

    parts = []
    for part in index.parts:
        if part.column:
            type_ = by_name[part.column].type
            long = type_.kind in _SIZED and not 0 < type_.size <= _SHORT
            if part.prefix or long or type_.kind in _UNORDERED:
                return None
            parts.append(replace(part, operators="", collation="", nulls_first=None))
        elif text := sure(part.expression, Use.INDEX):
            parts.append(replace(part, expression=text, operators="", collation="", nulls_first=None))
        else:
            return None
    where = sure(index.where, Use.PREDICATE) if index.where else ""
    if index.where and not where:
        return None
    return replace(index, parts=tuple(parts), where=where, method="btree")
