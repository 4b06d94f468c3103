"""Partitioning. A table whose partitioning has no counterpart is one table: it has the same rows."""

from __future__ import annotations

from dataclasses import replace

from tailrace.conversion.catalog import Column, Dialect, ObjectKind, ObjectName, Partition, Partitioning, Table
from tailrace.conversion.identifiers import styled
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.tables.literals import quoted
from tailrace.conversion.tables.partition_bounds import Unfit, columns_of, hashed, listed, ranged
from tailrace.conversion.tables.verbatim import partition_names
from tailrace.conversion.translation import Use
from tailrace.conversion.work import Work
from tailrace.structure import Index

_KIND = ObjectKind.PARTITION


def converted_partitioning(
    work: Work, table: Table, columns: list[Column], indexes: list[Index]
) -> Partitioning | None:
    """
    Args:
        columns, indexes: the target's.
    """
    given = table.partitioning
    if given is None:
        return None
    if work.dialect is Dialect.SQLITE:
        reason = "SQLite has no partitions: one table holds all rows"
        work.ledger.say(_KIND, table.name, "", "partitions", Grade.CHANGED, reason, "nothing")
        work.ledger.gone(_KIND, table.name, "")
        return None
    try:
        made = _same(work, table, given) if work.related else _other(work, table, given, columns)
        _refuse_keys(work, table, made, columns, indexes)
    except Unfit as unfit:
        if work.verbatim is not None:
            for name in partition_names(table.name.schema, given):
                work.verbatim.partitions.pop(name, None)
        work.ledger.by_hand(
            _KIND,
            table.name,
            "",
            "partitions",
            f"{unfit}: it is one table there, of the same rows",
            "partition it before the load, with bounds of your own",
            Complexity.MEDIUM,
            original=given.definition,
        )
        return None
    target = work.names.objects[table.name]
    work.ledger.made(_KIND, table.name, "", str(target))
    if given.method == "interval":
        reason = "no partition is made by itself for what comes: it goes into the default partition"
        fix = "make partitions ahead of time, by a job (pg_partman)"
        work.ledger.say(_KIND, table.name, "", "partition-interval", Grade.CHANGED, reason, fix, Complexity.MEDIUM)
    return made


def _same(work: Work, table: Table, given: Partitioning) -> Partitioning:
    """Source and target are one system: the columns may have other names, and PostgreSQL's partitions are tables."""
    if given.method == "system_time":
        if work.alike and not work.names.piped:
            return given
        raise Unfit("it is by the history of rows, which the target does not keep")
    if work.dialect is Dialect.MYSQL and any(partition.default for partition in given.partitions):
        raise Unfit("MySQL has no partition for all that is in no other")
    expressions = []
    for expression in given.expressions:
        plain = columns_of((expression,), table)
        if plain is not None:
            names = work.names.columns[table.name]
            if reason := work.altered(table.name, plain):
                raise Unfit(reason)
            expressions.append(quoted(names[plain[0]], work.dialect))
            continue
        if reason := work.altered(table.name, work.mentions(expression, table)):
            raise Unfit(reason)
        found = work.translate(expression, Use.PARTITION, table)
        if not found.sql:
            raise Unfit("its expression has no counterpart that surely means the same")
        expressions.append(found.sql)
    partitions = tuple(_renamed(work, table, partition) for partition in given.partitions)
    return replace(given, expressions=tuple(expressions), partitions=partitions, definition="")


def _renamed(work: Work, table: Table, partition: Partition) -> Partition:
    within = partition.within
    if within is not None:
        within = replace(_same(work, table, within), definition="")
    if work.dialect is not Dialect.POSTGRESQL:
        return replace(partition, within=within)
    name = _named(work, table, partition.name, partition.name)
    if work.verbatim is not None:
        there = work.names.objects[table.name].schema
        work.verbatim.partitions[ObjectName(table.name.schema, partition.name)] = ObjectName(there, name)
    return replace(partition, name=name, within=within)


def _named(work: Work, table: Table, *candidates: str) -> str:
    schema = work.names.objects[table.name].schema
    return work.taken.free(("relations", schema), *candidates, holder=f"partition of {table.name}")


def _other(work: Work, table: Table, given: Partitioning, columns: list[Column]) -> Partitioning:
    by_name = {column.name: column for column in columns}
    if any(partition.within for partition in given.partitions):
        raise Unfit("it has partitions of partitions")
    method = given.method.lower().removesuffix(" columns")
    if method in ("range", "interval"):
        made = ranged(work, table, given, by_name)
    elif method == "list":
        made = listed(work, table, given, by_name)
    elif method.removeprefix("linear ") in ("hash", "key"):
        made = hashed(work, table, given)
    else:
        raise Unfit(f"the target does not partition by {given.method}")
    if work.dialect is not Dialect.POSTGRESQL:
        return made
    name = work.names.objects[table.name].name
    partitions = tuple(
        replace(
            partition, name=_named(work, table, f"{name}_{styled(partition.name, work.source.dialect, work.dialect)}")
        )
        for partition in made.partitions
    )
    return replace(made, partitions=partitions)


def _refuse_keys(work: Work, table: Table, made: Partitioning, columns: list[Column], indexes: list[Index]) -> None:
    """The primary key and what is unique must contain the columns that decide, in PostgreSQL and in MySQL."""
    names = {column.name for column in columns}
    deciding = {name for name in names if any(_names(expression, name) for expression in made.expressions)}
    for partition in made.partitions:
        within = partition.within
        if within is not None:
            deciding |= {name for name in names if any(_names(one, name) for one in within.expressions)}
    for index in indexes:
        if index.unique and not deciding <= set(index.columns):
            lacking = ", ".join(sorted(deciding - set(index.columns)))
            raise Unfit(f"{index.name} is unique without {lacking}, by which the partitions are told")


def _names(expression: str, name: str) -> bool:
    bare = expression.strip('`"')
    return bare == name or f"`{name}`" in expression or f'"{name}"' in expression or f"({name})" in expression
