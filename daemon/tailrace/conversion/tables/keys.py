"""The target's primary key, and the columns by which rows are found or referred to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from tailrace.conversion.catalog import Column, ObjectName, Table
from tailrace.conversion.work import Work
from tailrace.structure import Index, Part


def target_key(work: Work, table: Table) -> Index | None:
    """In the target's names: the key that `[[tables]]` chooses, else the source's. The sink makes the same."""
    names = work.names.columns[table.name]
    stream = work.names.streams.get(table.name)
    primary = table.primary_key
    if stream is not None:
        if not stream.key:
            return None
        parts = tuple(Part(column.name) for column in stream.key)
    elif primary is None:
        return None
    else:
        parts = tuple(
            Part(names.get(part.column, part.column), prefix=part.prefix) for part in declared(table, primary)
        )
    return Index("", parts, unique=True, primary=True)


def is_key(work: Work, table: Table, index: Index) -> bool:
    """Whether the source's primary key is the target's, too."""
    key = target_key(work, table)
    names = work.names.columns[table.name]
    return key is not None and {names.get(part.column) for part in declared(table, index)} == set(key.columns)


def declared(table: Table, primary: Index) -> tuple[Part, ...]:
    """Without the end of a period, which MariaDB adds to the key of a table with history."""
    return tuple(
        part for part in primary.parts if (column := table.column(part.column)) is None or not of_period(column)
    )


def of_period(column: Column) -> bool:
    """Whether MariaDB keeps the beginning or the end of a row's life in it."""
    return column.generated.upper().startswith("ROW ")


def exact_columns(work: Work) -> Mapping[ObjectName, frozenset[str]]:
    """By table, the columns of which texts that differ must never be equal.

    The pipeline finds rows by the key, or by all columns where there is none; columns that refer must compare as those
    that they refer to.
    """
    found: defaultdict[ObjectName, set[str]] = defaultdict(set)
    tables = [table for table in work.source.tables if table.name in work.names.objects]
    for table in tables:
        names = work.names.columns[table.name]
        key = target_key(work, table)
        by_target = {target: source for source, target in names.items()}
        wanted = key.columns if key is not None else tuple(by_target)
        found[table.name] |= {by_target[name] for name in wanted if name in by_target}
    changed = True
    while changed:
        changed = False
        for table in tables:
            for foreign in table.foreign_keys:
                for own, theirs in zip(foreign.columns, foreign.referenced_columns, strict=False):
                    here, there = own in found[table.name], theirs in found[foreign.table]
                    if here != there:
                        found[table.name].add(own)
                        found[foreign.table].add(theirs)
                        changed = True
    return {name: frozenset(columns) for name, columns in found.items()}
