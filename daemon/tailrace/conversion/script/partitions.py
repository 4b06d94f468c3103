"""Partitions: of CREATE TABLE (MySQL, Oracle), by schemes (SQL Server), as tables of their own (PostgreSQL)."""

from __future__ import annotations

import itertools
from dataclasses import replace

from tailrace.conversion.catalog import ObjectKind, ObjectName, Partition, Partitioning
from tailrace.conversion.script.draft import Draft, PartitionFunction, TableDraft
from tailrace.conversion.script.tokens import NotUnderstoodError, Reader

_MAXIMUM = ("MAXVALUE",)


def _texts(reader: Reader) -> tuple[str, ...]:
    return tuple(part.text() for part in reader.parts())


def mysql_partitions(reader: Reader) -> Partitioning:
    """From behind PARTITION BY on."""
    start = reader.at
    method, expressions = _mysql_method(reader)
    count = 0
    sub: Partitioning | None = None
    while not reader.done and not reader.sees("("):
        if reader.accept("PARTITIONS"):
            count = reader.integer()
        elif reader.accept("SUBPARTITION", "BY"):
            sub_method, sub_expressions = _mysql_method(reader)
            sub_count = reader.integer() if reader.accept("SUBPARTITIONS") else 0
            sub = Partitioning(sub_method, sub_expressions, count=sub_count)
        else:
            raise NotUnderstoodError(f"partitions go on with {reader.near}")
    found: list[Partition] = []
    if reader.sees("("):
        lower: tuple[str, ...] | None = None
        for part in reader.parentheses().parts():
            partition = _mysql_partition(part, lower, sub)
            lower = partition.upper
            found.append(partition)
    return Partitioning(method, expressions, tuple(found), 0 if found else count, reader.text(start, reader.at))


def _mysql_method(reader: Reader) -> tuple[str, tuple[str, ...]]:
    linear = "linear " if reader.accept("LINEAR") else ""
    word = reader.accept_any("RANGE", "LIST", "HASH", "KEY", "SYSTEM_TIME")
    if not word:
        raise NotUnderstoodError(f"partitions are by {reader.near}")
    reader.accept("COLUMNS")
    if reader.accept("ALGORITHM"):
        reader.expect("=")
        reader.take()
    expressions = _texts(reader.parentheses()) if reader.sees("(") else ()
    return linear + word.lower(), expressions


def _mysql_partition(reader: Reader, lower: tuple[str, ...] | None, sub: Partitioning | None) -> Partition:
    reader.expect("PARTITION")
    name = reader.name()
    made = Partition(name, within=sub)
    if reader.accept("VALUES", "LESS", "THAN"):
        if reader.accept("MAXVALUE"):
            return replace(made, lower=lower)
        bounds = _texts(reader.parentheses())
        upper = None if tuple(one.upper() for one in bounds) == _MAXIMUM else bounds
        made = replace(made, lower=lower, upper=upper)
    elif reader.accept("VALUES", "IN"):
        made = replace(made, members=_members(reader.parentheses()))
    elif reader.accept("DEFAULT"):
        made = replace(made, default=True)
    return made


def _members(reader: Reader) -> tuple[tuple[str, ...], ...]:
    return tuple(_texts(part.parentheses()) if part.sees("(") else (part.text(),) for part in reader.parts())


def oracle_partitions(reader: Reader) -> Partitioning:
    """From behind PARTITION BY on; PostgreSQL's too, whose partitions are tables of their own."""
    start = reader.at
    method = reader.take().text.lower()
    automatic = bool(reader.accept("AUTOMATIC"))
    expressions = _texts(reader.parentheses()) if reader.sees("(") else ()
    sub: Partitioning | None = None
    count = 0
    while not reader.done and not (reader.sees("(") and reader.peek().upper == "PARTITION"):
        if reader.accept("INTERVAL"):
            method = "interval"
            reader.skip_parentheses()
        elif reader.accept("STORE", "IN"):
            reader.skip_parentheses()
        elif reader.accept("PARTITIONS"):
            count = reader.integer()
        elif reader.accept("SUBPARTITION", "BY"):
            sub = _oracle_sub(reader)
        elif reader.token.upper in _ORACLE_TAIL or reader.sees("SUBPARTITION", "TEMPLATE"):
            break
        else:
            raise NotUnderstoodError(f"partitions go on with {reader.near}")
    found: list[Partition] = []
    if reader.sees("(") and reader.peek().upper == "PARTITION":
        lower: tuple[str, ...] | None = None
        for part in reader.parentheses().parts():
            partition = _oracle_partition(part, lower, sub)
            lower = partition.upper
            found.append(partition)
    method = "automatic list" if automatic else method
    return Partitioning(method, expressions, tuple(found), 0 if found else count, reader.text(start, reader.at))


_ORACLE_TAIL = frozenset(
    {"ENABLE", "DISABLE", "TABLESPACE", "PARALLEL", "NOPARALLEL", "CACHE", "NOCACHE", "USING", "WITH"}
)


def _oracle_sub(reader: Reader) -> Partitioning:
    start = reader.at
    method = reader.take().text.lower()
    expressions = _texts(reader.parentheses())
    count = 0
    found: list[Partition] = []
    if reader.accept("SUBPARTITIONS"):
        count = reader.integer()
    if reader.accept("SUBPARTITION", "TEMPLATE"):
        lower: tuple[str, ...] | None = None
        for part in reader.parentheses().parts():
            partition = _oracle_partition(part, lower, None)
            lower = partition.upper
            found.append(partition)
    if reader.accept("STORE", "IN"):
        reader.skip_parentheses()
    return Partitioning(method, expressions, tuple(found), 0 if found else count, reader.text(start, reader.at))


def _oracle_partition(reader: Reader, lower: tuple[str, ...] | None, sub: Partitioning | None) -> Partition:
    reader.accept_any("PARTITION", "SUBPARTITION")
    named = reader.token.kind in ("word", "name") and not reader.sees("VALUES")
    made = Partition(reader.name() if named else "", within=sub)
    if reader.accept("VALUES", "LESS", "THAN"):
        bounds = _texts(reader.parentheses())
        upper = None if all(one.upper() == "MAXVALUE" for one in bounds) else bounds
        made = replace(made, lower=lower, upper=upper)
    elif reader.accept("VALUES"):
        inside = reader.parentheses()
        made = replace(made, default=True) if inside.sees("DEFAULT") else replace(made, members=_members(inside))
    while not reader.done:
        if reader.sees("(") and reader.peek().upper == "SUBPARTITION" and sub is not None:
            found: list[Partition] = []
            below: tuple[str, ...] | None = None
            for part in reader.parentheses().parts():
                partition = _oracle_partition(part, below, None)
                below = partition.upper
                found.append(partition)
            made = replace(made, within=replace(sub, partitions=tuple(found), count=0))
        else:
            reader.take()
    return made


# ---- SQL Server


def partition_function(draft: Draft, reader: Reader, definition: str) -> None:
    """CREATE PARTITION FUNCTION name (type) AS RANGE LEFT | RIGHT FOR VALUES (…)."""
    name = reader.name()
    reader.skip_parentheses()
    reader.expect("AS", "RANGE")
    right = reader.accept_any("LEFT", "RIGHT") == "RIGHT"
    reader.expect("FOR", "VALUES")
    bounds = tuple(text[1:] if text[:2] in ("N'", "n'") else text for text in _texts(reader.parentheses()))
    draft.functions[name.lower()] = PartitionFunction(right, bounds, definition)


def partition_scheme(draft: Draft, reader: Reader) -> None:
    """CREATE PARTITION SCHEME name AS PARTITION function …."""
    name = reader.name()
    reader.expect("AS", "PARTITION")
    draft.schemes[name.lower()] = reader.name().lower()


def scheme_partitions(draft: Draft, scheme: str, column: str, written: str) -> Partitioning:
    """What a table's ON scheme (column) says.

    Raises:
        NotUnderstoodError: the script has neither.
    """
    function = draft.functions.get(draft.schemes.get(scheme.lower(), ""))
    if function is None:
        raise NotUnderstoodError(f"the script has no partition scheme {scheme} with its function")
    definition = f"{written}\n{function.definition}"
    if not function.right:
        # A bound is the last value of its partition; elsewhere it is the first of the next one.
        return Partitioning("range left", (column,), definition=definition)
    found = []
    edges = [None, *function.bounds, None]
    for number, (lower, upper) in enumerate(itertools.pairwise(edges), 1):
        found.append(
            Partition(f"p{number}", (lower,) if lower is not None else None, (upper,) if upper is not None else None)
        )
    return Partitioning("range", (column,), tuple(found), definition=definition)


# ---- PostgreSQL


def attach_as(draft: Draft, name: ObjectName, reader: Reader, line: int) -> None:
    """CREATE TABLE … PARTITION OF parent …: a partition, and no table of its own."""
    parent = reader.object_name(draft.schema)
    if reader.sees("("):
        reader.skip_parentheses()
    _attach(draft, parent, name, reader)


def attach(draft: Draft, parent: TableDraft, reader: Reader) -> None:
    """ALTER TABLE … ATTACH PARTITION name …: the table that was made becomes a partition."""
    child = reader.object_name(draft.schema)
    made = draft.tables.pop(draft.key(child), None)
    within = made.partitioning if made else None
    _attach(draft, parent.name, child, reader, within)


def _attach(
    draft: Draft, parent: ObjectName, name: ObjectName, reader: Reader, within: Partitioning | None = None
) -> None:
    table, path = _holder(draft, parent)
    made = Partition(name.name, within=within)
    if reader.accept("DEFAULT"):
        made = replace(made, default=True)
    else:
        reader.expect("FOR", "VALUES")
        if reader.accept("FROM"):
            lower = _bounds(reader, "MINVALUE")
            reader.expect("TO")
            made = replace(made, lower=lower, upper=_bounds(reader, "MAXVALUE"))
        elif reader.accept("IN"):
            made = replace(made, members=_members(reader.parentheses()))
        else:
            reader.expect("WITH")
            inside = reader.parentheses().parts()
            values = {}
            for part in inside:
                key = part.take().upper
                part.accept("=")
                values[key] = part.integer()
            made = replace(made, modulus=values.get("MODULUS", 0), remainder=values.get("REMAINDER", 0))
    if reader.accept("PARTITION", "BY"):
        made = replace(made, within=oracle_partitions(reader))
    assert table.partitioning is not None
    draft.partitions[draft.key(name)] = table.name
    table.partitioning = _added(table.partitioning, path, made)
    draft.comments = [one for one in draft.comments if (one.kind, one.name) != (ObjectKind.TABLE, name)]


def _bounds(reader: Reader, unbounded: str) -> tuple[str, ...] | None:
    texts = _texts(reader.parentheses())
    return None if all(one.upper() == unbounded for one in texts) else texts


def _holder(draft: Draft, parent: ObjectName) -> tuple[TableDraft, tuple[str, ...]]:
    """The table whose partition, or whose partition's partition, another one is."""
    table = draft.tables.get(draft.key(parent))
    if table is not None and table.partitioning is not None:
        return table, ()
    for one in draft.tables.values():
        path = _path(one.partitioning, parent.name) if one.name.schema == parent.schema else None
        if path is not None:
            return one, path
    raise NotUnderstoodError(f"the script has no partitioned table {parent}")


def _path(partitioning: Partitioning | None, name: str) -> tuple[str, ...] | None:
    for one in partitioning.partitions if partitioning else ():
        if one.name == name and one.within is not None:
            return (name,)
        if (deeper := _path(one.within, name)) is not None:
            return (one.name, *deeper)
    return None


def _added(partitioning: Partitioning, path: tuple[str, ...], made: Partition) -> Partitioning:
    if not path:
        return replace(partitioning, partitions=(*partitioning.partitions, made))
    changed = []
    for one in partitioning.partitions:
        if one.name == path[0] and one.within is not None:
            one = replace(one, within=_added(one.within, path[1:], made))
        changed.append(one)
    return replace(partitioning, partitions=tuple(changed))
