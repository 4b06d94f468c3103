"""Statements that make a catalog in SQLite: https://www.sqlite.org/lang_createtable.html.

Foreign keys stand in CREATE TABLE, because SQLite has no other place for them; the table that one refers to may come
later. Unique constraints become unique indexes, which keep their names. Tables are not STRICT: neither BOOLEAN nor a
column without a type is among a STRICT table's types, and the sink writes both (`tailrace_sqlite.sink_types`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from tailrace.conversion.catalog import (
    Catalog,
    Column,
    ForeignKey,
    ObjectKind,
    ObjectName,
    Table,
    Trigger,
    View,
)
from tailrace.conversion.target import Stage, Statement
from tailrace.structure import Index, Part
from tailrace_sqlite.sink_tables import folded, listed, quoted

#: What stands behind DEFAULT without parentheses.
_LITERAL = re.compile(
    r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|0[xX][0-9a-fA-F]+|[xX]'[0-9a-fA-F]*'|'([^']|'')*'"
    r"|NULL|TRUE|FALSE|CURRENT_TIME|CURRENT_DATE|CURRENT_TIMESTAMP",
    re.IGNORECASE,
)


def render(catalog: Catalog) -> list[Statement]:
    """All of a catalog in SQLite's dialect, parents before their children, then indexes, views and triggers."""
    statements: list[Statement] = []
    names = index_names(catalog.tables)
    for table in ordered(catalog.tables):
        statements.append(Statement(ObjectKind.TABLE, table.name, create_table(table)))
        statements += _counters(table)
    for table in catalog.tables:
        for index in table.indexes:
            if not index.primary:
                name = names[table.name, index.name]
                sql = create_index(table, index, name)
                statements.append(Statement(ObjectKind.INDEX, table.name, sql, Stage.REST, name))
    statements += (Statement(ObjectKind.VIEW, v.name, _view(v), Stage.REST) for v in catalog.views)
    for trigger in catalog.triggers:
        sql = create_trigger(trigger)
        statements.append(Statement(ObjectKind.TRIGGER, trigger.table, sql, Stage.CUTOVER, trigger.name.name))
    return statements


def ordered(tables: Iterable[Table]) -> list[Table]:
    """Those that others refer to first; where they refer to each other in a circle, as they come."""
    left = {table.name: table for table in tables}
    done: list[Table] = []
    while left:
        free = [
            table
            for table in left.values()
            if not any(key.table in left and key.table != table.name for key in table.foreign_keys)
        ] or [next(iter(left.values()))]
        done += (left.pop(table.name) for table in free)
    return done


def index_names(tables: Iterable[Table]) -> Mapping[tuple[ObjectName, str], str]:
    """Names of indexes, which are a database's here, and no table's: one that is taken gets its table's in front."""
    tables = list(tables)
    taken = {folded(table.name.name) for table in tables}
    found: dict[tuple[ObjectName, str], str] = {}
    for table in tables:
        for index in table.indexes:
            name = index.name
            if folded(name) in taken:
                name = f"{table.name.name}_{index.name}"
            number = 2
            while folded(name) in taken:
                name, number = f"{table.name.name}_{index.name}_{number}", number + 1
            if not index.primary:
                taken.add(folded(name))
            found[table.name, index.name] = name
    return found


# ---- tables


def create_table(table: Table) -> str:
    counted = counter_column(table)
    lines = [_column(column, column.name == counted) for column in table.columns]
    key = table.primary_key
    if key is not None and not counted:
        lines.append(f"PRIMARY KEY ({', '.join(_part(part) for part in key.parts)})")
    lines += [f"{_constraint(check.name)}CHECK ({check.expression})" for check in table.checks if check.enforced]
    lines += [_foreign_key(key) for key in table.foreign_keys if key.enforced]
    return f"CREATE TABLE {quoted(table.name.name)} (\n    " + ",\n    ".join(lines) + "\n)"


def counter_column(table: Table) -> str:
    """The column that SQLite counts by itself: the INTEGER that is the whole key; "" for none."""
    key = table.primary_key
    if key is None or len(key.parts) != 1 or key.parts[0].descending:
        return ""
    column = table.column(key.parts[0].column)
    counted = column is not None and column.identity is not None and column.sql_type.upper() == "INTEGER"
    return column.name if column is not None and counted else ""


def _column(column: Column, counted: bool) -> str:
    words = [quoted(column.name)]
    if column.sql_type:
        words.append(column.sql_type)
    if counted:
        words.append("PRIMARY KEY AUTOINCREMENT")
    if not column.nullable:
        words.append("NOT NULL")
    if column.default and not column.generated:
        words.append(f"DEFAULT {column.default if _LITERAL.fullmatch(column.default) else f'({column.default})'}")
    if column.collation:
        words.append(f"COLLATE {quoted(column.collation)}")
    if column.generated:
        words.append(f"GENERATED ALWAYS AS ({column.generated}) {'STORED' if column.stored else 'VIRTUAL'}")
    return " ".join(words)


def _constraint(name: str) -> str:
    return f"CONSTRAINT {quoted(name)} " if name else ""


def _foreign_key(key: ForeignKey) -> str:
    referenced = f" ({listed(key.referenced_columns)})" if key.referenced_columns else ""
    text = f"{_constraint(key.name)}FOREIGN KEY ({listed(key.columns)}) REFERENCES {quoted(key.table.name)}{referenced}"
    for word, action in (("UPDATE", key.on_update), ("DELETE", key.on_delete)):
        if action != "NO ACTION":
            text += f" ON {word} {action}"
    if key.deferrable:
        text += f" DEFERRABLE INITIALLY {'DEFERRED' if key.deferrable == 'deferred' else 'IMMEDIATE'}"
    return text


def _counters(table: Table) -> Iterator[Statement]:
    column = table.column(counter_column(table))
    following = column.identity.counter.next if column is not None and column.identity is not None else None
    if following is not None and following > 1:
        name = table.name.name.replace("'", "''")
        sql = f"INSERT INTO sqlite_sequence (name, seq) VALUES ('{name}', {following - 1})"
        yield Statement(ObjectKind.TABLE, table.name, sql)


# ---- what stands on tables


def create_index(table: Table, index: Index, name: str) -> str:
    unique = "UNIQUE " if index.unique else ""
    where = f" WHERE {index.where}" if index.where else ""
    parts = ", ".join(_part(part) for part in index.parts)
    return f"CREATE {unique}INDEX {quoted(name)} ON {quoted(table.name.name)} ({parts}){where}"


def _part(part: Part) -> str:
    text = quoted(part.column) if part.column else f"({part.expression})"
    collation = f" COLLATE {quoted(part.collation)}" if part.collation else ""
    return text + collation + (" DESC" if part.descending else "")


def _view(view: View) -> str:
    columns = f" ({listed(view.columns)})" if view.columns else ""
    return f"CREATE VIEW {quoted(view.name.name)}{columns} AS\n{view.query}"


def create_trigger(trigger: Trigger) -> str:
    if not trigger.body or len(trigger.events) != 1:
        return trigger.definition
    event = trigger.events[0]
    if event == "UPDATE" and trigger.columns:
        event += f" OF {listed(trigger.columns)}"
    when = f"\nWHEN ({trigger.when})" if trigger.when else ""
    body = trigger.body.strip().rstrip(";")
    name, table = quoted(trigger.name.name), quoted(trigger.table.name)
    return f"CREATE TRIGGER {name} {trigger.timing} {event} ON {table} FOR EACH ROW{when}\nBEGIN\n{body};\nEND"
