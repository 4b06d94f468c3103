"""Tables: their parts put together, and those that the target does not get."""

from __future__ import annotations

from dataclasses import replace

from tailrace.conversion.catalog import Catalog, Dialect, ObjectKind, ObjectName, Table
from tailrace.conversion.checks import converted_checks
from tailrace.conversion.columns import converted_columns, target_types
from tailrace.conversion.foreign_keys import converted_foreign_keys
from tailrace.conversion.indexes import converted_indexes
from tailrace.conversion.keys import exact_columns
from tailrace.conversion.outcome import Grade
from tailrace.conversion.partitions import converted_partitioning
from tailrace.conversion.work import Work

#: What a table's options say that means the same in the same system.
_KEPT_BY_POSTGRES = ("unlogged", "inherits", "type", "no inherit", "access method")


def converted_tables(work: Work) -> None:
    """Fills `Work.tables`."""
    chosen = [table for table in work.source.tables if table.name in work.names.objects]
    for table in work.source.tables:
        if table.name not in work.names.objects:
            _leave_out(work, table)
    for table in chosen:
        work.types[table.name] = target_types(work, table)
    exact = exact_columns(work)
    for table in chosen:
        work.tables[table.name] = _converted(work, table, exact.get(table.name, frozenset()))
    for table in chosen:
        work.tables[table.name] = converted_foreign_keys(work, table)


def _converted(work: Work, table: Table, exact: frozenset[str]) -> Table:
    name = work.names.objects[table.name]
    columns = converted_columns(work, table, exact)
    indexes = converted_indexes(work, table, columns)
    checks = converted_checks(work, table, columns)
    partitioning = converted_partitioning(work, table, columns, indexes)
    work.ledger.made(ObjectKind.TABLE, table.name, "", str(name))
    kept = work.dialect is not Dialect.SQLITE
    for column in table.columns:
        if column.comment:
            target = work.names.columns[table.name].get(column.name, "")
            there = any(made.name == target for made in columns)
            _comment(work, table.name, column.name, f"{name}.{target}" if there and kept else "")
            columns = [
                replace(made, comment=column.comment) if made.name == target and kept else made for made in columns
            ]
    if table.comment:
        _comment(work, table.name, "", str(name) if kept else "")
    options = dict(table.options) if work.related else {}
    if work.dialect is Dialect.POSTGRESQL and options:
        options = {key: value for key, value in options.items() if key in _KEPT_BY_POSTGRES}
    if work.dialect.mysql_like and work.names.piped:
        # What the sink wants of a table; other engines have no transactions.
        options = {key: value for key, value in options.items() if key.startswith("index ")}
    return Table(
        name,
        tuple(columns),
        tuple(indexes),
        tuple(checks),
        (),
        partitioning,
        table.comment if kept else "",
        options,
        table.rows,
        table.bytes,
        table.line,
    )


def _comment(work: Work, name: ObjectName, member: str, target: str) -> None:
    if target:
        work.ledger.made(ObjectKind.COMMENT, name, member, target)
        return
    reason = "the target keeps no comments" if work.dialect is Dialect.SQLITE else "its column is not in the target"
    work.ledger.say(ObjectKind.COMMENT, name, member, "comment", Grade.CHANGED, reason, "keep this report")
    work.ledger.gone(ObjectKind.COMMENT, name, member)


def _leave_out(work: Work, table: Table) -> None:
    """All of it, with one item of the table."""
    reason = work.names.left_out.get(table.name, "")
    said = any(item.name == table.name and item.grade is Grade.BY_HAND for item in work.names.items)
    if said:
        work.ledger.refused(ObjectKind.TABLE, table.name, "")
    else:
        reason = reason or "it is not selected"
        work.ledger.say(
            ObjectKind.TABLE, table.name, "", "not-selected", Grade.AUTOMATIC, reason, "nothing, if that is meant"
        )
        work.ledger.gone(ObjectKind.TABLE, table.name, "")
    for kind, name, member, _ in Catalog(work.source.dialect, tables=(table,)).count():
        if kind is not ObjectKind.TABLE:
            work.ledger.gone(kind, name, member)
