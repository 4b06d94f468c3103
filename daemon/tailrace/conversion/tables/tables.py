"""Tables: their parts put together, and those that the target does not get."""

from __future__ import annotations

from dataclasses import replace

from tailrace.conversion.catalog import OF_INDEX, Catalog, Dialect, ObjectKind, ObjectName, Partitioning, Table
from tailrace.conversion.indexes.indexes import converted_indexes
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.tables.attributes import say_attributes
from tailrace.conversion.tables.checks import converted_checks
from tailrace.conversion.tables.columns import converted_columns, target_types
from tailrace.conversion.tables.foreign_keys import converted_foreign_keys
from tailrace.conversion.tables.keys import exact_columns
from tailrace.conversion.tables.leftovers import COLUMN_COMMENT, TABLE_COMMENT, fitting_comment
from tailrace.conversion.tables.partitions import converted_partitioning
from tailrace.conversion.tables.periods import period_kept
from tailrace.conversion.tables.verbatim import Verbatim
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
            text = fitting_comment(work, table.name, column.name, column.comment, COLUMN_COMMENT)
            columns = [replace(made, comment=text) if made.name == target and kept else made for made in columns]
    if table.comment:
        _comment(work, table.name, "", str(name) if kept else "")
    options = _options(work, table)
    say_attributes(work, table, options)
    if work.verbatim is not None:
        options |= _storage(work, table, work.verbatim, [index.name for index in indexes], partitioning)
    return Table(
        name,
        tuple(columns),
        tuple(indexes),
        tuple(checks),
        (),
        partitioning,
        fitting_comment(work, table.name, "", table.comment, TABLE_COMMENT) if kept else "",
        options,
        table.rows,
        table.bytes,
        table.line,
    )


def _options(work: Work, table: Table) -> dict[str, str]:
    """Those that the target has, too; of what is lost with the others it is said."""
    if work.dialect is Dialect.POSTGRESQL and work.alike:
        return _of_postgres(work, table)
    if "system versioning" in table.options and not (work.alike and not work.names.piped):
        reason = "the source keeps the history of its rows; the pipeline brings the rows of now"
        proposal = "after cut-over: ALTER TABLE … ADD SYSTEM VERSIONING, or a trigger that writes history"
        work.ledger.say(
            ObjectKind.TABLE, table.name, "", "system-versioning", Grade.CHANGED, reason, proposal, Complexity.MEDIUM
        )
    if not work.related:
        return {}
    if work.names.piped:
        # The sink wants InnoDB, which has transactions, and a collation that compares exactly.
        return {key: value for key, value in table.options.items() if work.alike and _kept_by_mysql(work, table, key)}
    return dict(table.options) if work.alike else {}


def _kept_by_mysql(work: Work, table: Table, key: str) -> bool:
    return key.startswith("index ") or (key.startswith("period ") and period_kept(work, table, key))


def _of_postgres(work: Work, table: Table) -> dict[str, str]:
    kept = {key: value for key, value in table.options.items() if key in _KEPT_BY_POSTGRES}
    methods = work.verbatim.server.access_methods if work.verbatim is not None else None
    if (method := kept.get("access method")) and methods is not None and method not in methods:
        del kept["access method"]
        reason = f"its access method {method} is not on the target's server: it has the server's default"
        work.ledger.say(ObjectKind.TABLE, table.name, "", "storage", Grade.CHANGED, reason, "make the method first")
    if "inherits" in kept and (work.names.piped or _renames(work)):
        # The pipeline brings the rows of each table by itself, and looks for them there.
        del kept["inherits"]
        reason = f"it inherits from {table.options['inherits']}, and stands by itself there"
        proposal = "after cut-over: ALTER TABLE … INHERIT, where SELECT from the other is to show its rows"
        work.ledger.say(ObjectKind.TABLE, table.name, "", "inheritance", Grade.CHANGED, reason, proposal)
    if "type" in kept and (work.names.piped or _renames(work)):
        del kept["type"]
        reason = f"it is of the type {table.options['type']}, and of columns alone there"
        work.ledger.say(ObjectKind.TABLE, table.name, "", "typed-table", Grade.CHANGED, reason, "nothing")
    return kept


def _storage(
    work: Work, table: Table, verbatim: Verbatim, indexes: list[str], partitioning: Partitioning | None
) -> dict[str, str]:
    own = [other for other in work.source.others if other.table == table.name]
    others = [other.name.name for other in own if not isinstance(verbatim.kept(other), str)]
    there = {*indexes, *others, *(name.partition(" ")[2] for name in others)}
    found: dict[str, str] = {}
    lost: list[str] = []
    for option, texts in table.options.items():
        if option == "physical" or option.startswith(OF_INDEX):
            index = option.removeprefix(OF_INDEX) if option != "physical" else ""
            kept, gone = verbatim.physical(texts)
            if index and index not in there:
                kept, gone = [], [*kept, *gone]
            lost += gone
            if kept:
                found[option] = ";\n".join(kept)
    if lost:
        reason = f"of how it is stored the target does not get: {'; '.join(lost)}"
        fix = "say it there, where it matters"
        work.ledger.say(ObjectKind.TABLE, table.name, "", "storage", Grade.CHANGED, reason, fix, Complexity.SIMPLE)
    return found


def _renames(work: Work) -> bool:
    return any(old != new for old, new in work.names.objects.items())


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
