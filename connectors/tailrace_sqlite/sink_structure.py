"""What a SQLite target makes of a source's indexes, foreign keys and numbering.

Indexes are what the conversion makes of them (`tailrace.conversion.indexes`). Foreign keys are left out, which SQLite
takes with CREATE TABLE only. A table with one INTEGER column as its key is numbered by SQLite itself, beyond the
largest value that is there; one with AUTOINCREMENT also beyond those that the source has given.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from tailrace.completion import Step, outcomes, serves, wanted_indexes
from tailrace.conversion.catalog import Dialect
from tailrace.conversion.indexes.stream import Made, StreamIndexes
from tailrace.sink import TargetTable
from tailrace.structure import (
    FAILED,
    FOREIGN_KEY,
    INDEX,
    LEFT_OUT,
    MADE,
    NUMBERING,
    PRESENT,
    TO_MAKE,
    Index,
    LeftOut,
    Numbering,
    Outcome,
    TableStructure,
)
from tailrace_sqlite.schema.words import words
from tailrace_sqlite.sink_tables import folded, listed, quoted

_NO_FOREIGN_KEYS = "SQLite takes foreign keys with CREATE TABLE only"


def index_step(table: TargetTable, made: Made) -> Step:
    """Pure; `Step.unique` is empty, for nothing refers to it."""
    index = made.index
    # Names of indexes are a database's.
    name = f"{table.name}_{'primary' if index.primary else index.name}"
    parts = ", ".join(
        (quoted(part.column) if part.column else f"({part.expression})") + (" DESC" if part.descending else "")
        for part in index.parts
    )
    where = f" WHERE {index.where}" if index.where else ""
    unique = "UNIQUE " if index.unique else ""
    statement = f"CREATE {unique}INDEX {quoted(name)} ON {quoted(table.name)} ({parts}){where}"
    if not index.plain:
        # Nothing but one of its name serves for it.
        return Step(INDEX, name, statement, made.detail, likeness=name)
    likeness = (index.unique, tuple((folded(part.column), part.descending) for part in index.parts))
    return Step(INDEX, name, statement, made.detail, likeness=likeness)


def indexes(
    connection: sqlite3.Connection,
    table: TargetTable,
    structure: TableStructure,
    chosen: Callable[[Index], bool],
    dry_run: bool,
    rules: tuple[Path, ...] = (),
) -> Iterator[Outcome]:
    """Makes those that are chosen and not there.

    Args:
        rules: files of the pipeline's key `conversion`.
    """
    source = str(table.source)
    present = _present(connection, table)
    types = {row[1]: str(row[2]) for row in connection.execute(f"PRAGMA table_xinfo({quoted(table.name)})")}
    decided = StreamIndexes(table, structure, Dialect.SQLITE, types, rules)
    for index in wanted_indexes(table, structure):
        if not chosen(index):
            continue
        made = decided.of(index)
        if isinstance(made, LeftOut):
            yield Outcome(source, INDEX, index.name, LEFT_OUT, made.reason)
            continue
        step = index_step(table, made)
        if step.name in present.values() or step.likeness in present:
            yield Outcome(source, INDEX, index.name, PRESENT, serves(step.name, present.get(step.likeness)))
        elif dry_run:
            yield Outcome(source, INDEX, index.name, TO_MAKE, step.detail, step.statement)
        else:
            try:
                connection.execute(step.statement)
            except sqlite3.IntegrityError as error:
                yield Outcome(source, INDEX, index.name, FAILED, str(error), step.statement)
            else:
                yield Outcome(source, INDEX, index.name, MADE, step.detail, step.statement)


def complete(
    connection: sqlite3.Connection,
    table: TargetTable,
    structure: TableStructure,
    wanted: bool,
    dry_run: bool,
    rules: tuple[Path, ...] = (),
) -> Iterator[Outcome]:
    """Everything of one table; `rules` as in `indexes`."""
    source = str(table.source)
    yield from outcomes(table, structure.left_out)
    if not connection.execute(f"PRAGMA table_info({quoted(table.name)})").fetchall():
        return
    if wanted:
        yield from indexes(connection, table, structure, lambda index: True, dry_run, rules)
    for numbering in structure.numberings:
        yield _numbered(connection, table, numbering, dry_run)
    there = _referring(connection, table)
    for key in structure.foreign_keys:
        if tuple(map(folded, key.columns)) in there:
            yield Outcome(source, FOREIGN_KEY, key.name, PRESENT)
        else:
            yield Outcome(source, FOREIGN_KEY, key.name, LEFT_OUT, _NO_FOREIGN_KEYS)


def _numbered(connection: sqlite3.Connection, table: TargetTable, numbering: Numbering, dry_run: bool) -> Outcome:
    source, name = str(table.source), numbering.column
    columns = connection.execute(f"PRAGMA table_info({quoted(table.name)})").fetchall()
    key = [(column[1], str(column[2]).upper()) for column in columns if column[5]]
    if [(folded(column), type_) for column, type_ in key] != [(folded(name), "INTEGER")]:
        reason = "SQLite numbers a table by its INTEGER PRIMARY KEY alone"
        return Outcome(source, NUMBERING, name, LEFT_OUT, reason)
    last = connection.execute(f"SELECT max({listed([name])}) FROM {quoted(table.name)}").fetchone()[0] or 0
    counter = _counter(connection, table.name)
    if counter is None:
        return Outcome(source, NUMBERING, name, PRESENT, f"next {last + 1}, by SQLite itself")
    present, counted = counter
    following = max(last + 1, numbering.next or 1)
    if counted >= following - 1:
        return Outcome(source, NUMBERING, name, PRESENT, f"next {counted + 1}")
    # The row is there from the first insert on.
    literal = "'" + present.replace("'", "''") + "'"
    statements = (
        f"DELETE FROM sqlite_sequence WHERE name = {literal}",
        f"INSERT INTO sqlite_sequence (name, seq) VALUES ({literal}, {following - 1})",
    )
    if not dry_run:
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute("COMMIT")
    state = TO_MAKE if dry_run else MADE
    return Outcome(source, NUMBERING, name, state, f"next {following}", "; ".join(statements))


def _counter(connection: sqlite3.Connection, table: str) -> tuple[str, int] | None:
    """Name, and the last number that an AUTOINCREMENT table has given; None: it is none."""
    sql = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE"
    found = connection.execute(sql, (table,)).fetchone()
    if found is None or not any(word.upper == "AUTOINCREMENT" for word in words(found[1])):
        return None
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (found[0],)).fetchone()
    return found[0], row[0] if row else 0


def _referring(connection: sqlite3.Connection, table: TargetTable) -> set[tuple[str, ...]]:
    """The columns of each foreign key that the table was made with."""
    found: dict[int, list[tuple[int, str]]] = {}
    for number, place, _, column, *_ in connection.execute(f"PRAGMA foreign_key_list({quoted(table.name)})").fetchall():
        found.setdefault(number, []).append((place, folded(column)))
    return {tuple(column for _, column in sorted(columns)) for columns in found.values()}


def _present(connection: sqlite3.Connection, table: TargetTable) -> dict[object, str]:
    """Names of the indexes that are there, by `Step.likeness`; a unique one serves for one that is not."""
    found: dict[object, str] = {}
    for _, name, unique, _, partial in connection.execute(f"PRAGMA index_list({quoted(table.name)})").fetchall():
        rows = connection.execute(f"PRAGMA index_xinfo({quoted(name)})").fetchall()
        parts = tuple((folded(row[2]), bool(row[3])) for row in rows if row[5] and row[2] is not None)
        if partial or len(parts) != sum(bool(row[5]) for row in rows):
            found[name] = name
            continue
        found[bool(unique), parts] = name
        if unique:
            found.setdefault((False, parts), name)
    return found
