"""PARTITION BY of SHOW CREATE TABLE, read and written."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tailrace.conversion.catalog import Partition, Partitioning, Table
from tailrace.schema import Kind
from tailrace_mysql.quoting import identifier
from tailrace_mysql.schema.words import Text, words

_UNBOUNDED = "MAXVALUE"
_COLUMNS = re.compile(r"^(PARTITION BY (?:RANGE|LIST)) +COLUMNS *\(")
_NAME = re.compile(r"`(?:[^`]|``)+`|[A-Za-z0-9_$]+")


def read_partitioning(text: Text, engine: str) -> Partitioning:
    """
    Args:
        text: stands before PARTITION.
        engine: the table's, which every partition repeats.
    """
    definition = _without_engine(text.raw(), engine)
    text.expect("PARTITION", "BY")
    method, expressions, count = _method(text, "PARTITIONS")
    within: Partitioning | None = None
    if text.accept("SUBPARTITION", "BY"):
        below, theirs, number = _method(text, "SUBPARTITIONS")
        within = Partitioning(below, theirs, count=number)
    partitions: list[Partition] = []
    if text.sees("("):
        lower: tuple[str, ...] | None = None
        for entry in text.group().split():
            partition = _partition(entry, lower, within)
            lower = partition.upper
            partitions.append(partition)
    return Partitioning(method, expressions, tuple(partitions), count, definition)


def _method(text: Text, counting: str) -> tuple[str, tuple[str, ...], int]:
    text.accept("LINEAR")
    method = text.take().text.lower()
    columns = text.accept("COLUMNS") or method == "key"
    if text.accept("ALGORITHM", "="):
        text.number()
    expressions: tuple[str, ...] = ()
    if method != "system_time":
        inside = text.group()
        expressions = tuple(map(identifier, inside.names())) if columns else (inside.raw(),)
    else:
        start = text.at
        while not text.done and not text.sees("(") and not text.sees(counting):
            text.take()
        rest = text.raw(start, text.at)
        expressions = (rest,) if rest else ()
    count = text.number() if text.accept(counting) else 0
    return method, expressions, count


def _partition(text: Text, lower: tuple[str, ...] | None, within: Partitioning | None) -> Partition:
    text.expect("PARTITION")
    name = text.take().name
    upper: tuple[str, ...] | None = None
    members: tuple[tuple[str, ...], ...] = ()
    default = ranged = False
    if text.accept("VALUES", "LESS", "THAN"):
        ranged = True
        bounds = tuple(part.raw() for part in text.group().split()) if text.sees("(") else (text.take().text,)
        upper = None if all(bound.upper() == _UNBOUNDED for bound in bounds) else bounds
    elif text.accept("VALUES", "IN"):
        members = tuple(
            tuple(part.raw() for part in entry.group().split()) if entry.sees("(") else (entry.raw(),)
            for entry in text.group().split()
        )
    elif text.accept("DEFAULT"):
        default = True
    below: tuple[Partition, ...] = ()
    while not text.done and not text.sees("("):
        text.take()
    if text.sees("("):
        below = tuple(_named(entry) for entry in text.group().split())
    if within is not None:
        within = Partitioning(within.method, within.expressions, below, within.count)
    return Partition(name, lower if ranged else None, upper, members, default=default, within=within)


def _named(text: Text) -> Partition:
    text.expect("SUBPARTITION")
    return Partition(text.take().name)


def _without_engine(definition: str, engine: str) -> str:
    found = words(definition)
    result, end = [], 0
    for place in range(len(found) - 2):
        one, two, three = found[place : place + 3]
        if one.upper == "ENGINE" and two.upper == "=" and three.upper == engine.upper():
            result.append(definition[end : one.start].rstrip(" "))
            end = three.end
    return _COLUMNS.sub(r"\1 COLUMNS (", ("".join(result) + definition[end:]).strip())


# ---- written


def partition_clause(table: Table, partitioning: Partitioning) -> str:
    """As CREATE TABLE ends; the definition where it is MySQL's or MariaDB's own."""
    if partitioning.definition.upper().startswith("PARTITION BY") and _speaks_of(partitioning):
        return partitioning.definition
    lines = [f"PARTITION BY {_head(table, partitioning)}"]
    if partitioning.count and not partitioning.partitions:
        lines.append(f"PARTITIONS {partitioning.count}")
    within = next((partition.within for partition in partitioning.partitions if partition.within), None)
    if within is not None:
        lines.append(f"SUBPARTITION BY {_head(table, within)}")
        if within.count:
            lines.append(f"SUBPARTITIONS {within.count}")
    if partitioning.partitions:
        rows = [_line(partitioning, partition) for partition in partitioning.partitions]
        lines.append("(" + ",\n ".join(rows) + ")")
    return "\n".join(lines)


def _speaks_of(partitioning: Partitioning) -> bool:
    """Whether the definition has all partitions and expressions, so that it is no older one's, nor another system's."""
    have = {word.name for word in words(partitioning.definition)}
    wanted = {partition.name for partition in partitioning.partitions}
    for expression in partitioning.expressions:
        wanted |= {word.name for word in words(expression) if word.kind in ("name", "word")}
    return wanted <= have and f" {partitioning.method.upper()}" in partitioning.definition.upper()


def _head(table: Table, partitioning: Partitioning) -> str:
    method, expressions = partitioning.method, partitioning.expressions
    listed = ", ".join(expressions)
    if method in ("range", "list") and _by_columns(table, expressions):
        return f"{method.upper()} COLUMNS ({listed})"
    if method in ("range", "list", "hash", "key"):
        return f"{method.upper()} ({listed})"
    if method == "system_time":
        return f"SYSTEM_TIME {listed}".rstrip()
    raise ValueError(f"there is no partitioning by {method} in MySQL (table {table.name})")


def _by_columns(table: Table, expressions: Sequence[str]) -> bool:
    """Whether it goes by the columns' own values: several, or one that is no integer."""
    columns = []
    for expression in expressions:
        found = words(expression)
        column = table.column(found[0].name) if len(found) == 1 and _NAME.fullmatch(expression) else None
        if column is None:
            return False
        columns.append(column)
    return len(columns) > 1 or columns[0].type.kind not in (Kind.INTEGER, Kind.YEAR, Kind.BOOLEAN)


def _line(partitioning: Partitioning, partition: Partition) -> str:
    text = f"PARTITION {identifier(partition.name)}"
    if partitioning.method == "range":
        width = max(len(partitioning.expressions), 1)
        upper = partition.upper or (_UNBOUNDED,) * width
        text += f" VALUES LESS THAN ({', '.join(upper)})"
    elif partitioning.method == "list" and partition.default:
        text += " DEFAULT"
    elif partitioning.method == "list":
        members = [entry[0] if len(entry) == 1 else f"({', '.join(entry)})" for entry in partition.members]
        text += f" VALUES IN ({', '.join(members)})"
    if partition.within is not None and partition.within.partitions:
        named = ", ".join(f"SUBPARTITION {identifier(below.name)}" for below in partition.within.partitions)
        text += f"\n  ({named})"
    return text
