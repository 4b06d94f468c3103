"""Tables of a SQLite target: made, followed through schema versions, and the statements that write them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

from tailrace.apply.evolution import evolve, same_form
from tailrace.conversion.catalog import Dialect
from tailrace.conversion.overrides import Overrides
from tailrace.conversion.tables.labels import (
    keeps_labels,
    labels_check,
    labels_check_name,
    stream_labels,
    wanted_labels,
)
from tailrace.errors import StuckError
from tailrace.schema import Column
from tailrace.sink import TargetTable
from tailrace_sqlite.sink_definition import change, relabelled, without_not_null
from tailrace_sqlite.sink_types import Conversion, binder, declared, reader

_ASIDE = "_tailrace_aside"
#: In the copy, whether the table had the row.
HAD = "_tailrace_had"
#: `hidden` of PRAGMA table_xinfo: a generated column, virtual or stored.
_GENERATED = (2, 3)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def listed(names: Sequence[str]) -> str:
    return ", ".join(quoted(name) for name in names)


def folded(name: str) -> str:
    """SQLite takes A and a for one letter in a name, but Ä and ä for two."""
    return "".join(character.lower() if character.isascii() else character for character in name)


def ensure(
    connection: sqlite3.Connection, table: TargetTable, previous: TargetTable | None, overrides: Overrides
) -> None:
    """Creates the table or adds and renames columns.

    Raises:
        StuckError: the table cannot be brought to this version; what to do about it.
    """
    name = table.name
    present = _columns(connection, name)
    if not present:
        _create(connection, table, overrides)
        return
    plan = evolve(table, previous, present, str.casefold)
    for old, new in plan.retyped:
        if not same_form(old.type, new.type):
            raise StuckError(
                f"column {new.name} was {old.type.name} and is {new.type.name} now, which its rows cannot follow",
                where=f"table {table.source}",
                fix="drop the target's table, run `tailrace teardown`, and load anew",
            )
    for old_name, new_name in plan.renames:
        connection.execute(f"ALTER TABLE {quoted(name)} RENAME COLUMN {quoted(old_name)} TO {quoted(new_name)}")
    for column in plan.added:
        connection.execute(
            f"ALTER TABLE {quoted(name)} ADD COLUMN {quoted(column.name)} {_type(table, column, overrides)}"
            f"{_labels(table, column, overrides)}"
        )
        if column.initial is not None:
            value = _bound(column, column.initial)
            connection.execute(f"UPDATE {quoted(name)} SET {quoted(column.name)} = ?", (value,))
    if not table.keyless:
        _ensure_key(connection, table)
    _loosen(connection, table, previous)
    _keep_labels(connection, table, previous)


def _loosen(connection: sqlite3.Connection, table: TargetTable, previous: TargetTable | None) -> None:
    """Takes NOT NULL from columns that get no more values, and from those that may be NULL at the source now."""
    before = {column.id: column.nullable for column in previous.columns} if previous is not None else {}
    loose = {column.name for column in table.retained}
    loose |= {c.name for c in table.columns if not c.key and c.nullable and not before.get(c.id, True)}
    if not loose:
        return
    rows = connection.execute(f"PRAGMA table_xinfo({quoted(table.name)})").fetchall()
    fixed = {folded(row[1]) for row in rows if row[3]}
    for name in loose:
        if folded(name) in fixed:
            change(connection, table.name, partial(without_not_null, column=name))


def _keep_labels(connection: sqlite3.Connection, table: TargetTable, previous: TargetTable | None) -> None:
    """Brings checks that keep a column to an enum's labels to those that the source has now."""
    for column, labels in wanted_labels(table, previous).items():
        change(connection, table.name, partial(relabelled, column=column, labels=labels))


def generated(connection: sqlite3.Connection, name: str) -> frozenset[str]:
    """Columns that the target computes itself, folded: it takes no values for them."""
    rows = connection.execute(f"PRAGMA table_xinfo({quoted(name)})")
    return frozenset(folded(row[1]) for row in rows if row[6] in _GENERATED)


def _type(table: TargetTable, column: Column, overrides: Overrides) -> str:
    return overrides.of(table, column) or declared(column.type)


def _labels(table: TargetTable, column: Column, overrides: Overrides) -> str:
    """The check that keeps a new column to an enum's labels; "" where it needs none. Names of checks may meet here."""
    if not keeps_labels(column.type, _type(table, column, overrides)):
        return ""
    check = labels_check(column.name, stream_labels(table, column), Dialect.SQLITE)
    return f" CONSTRAINT {quoted(labels_check_name(table.name, column.name))} CHECK ({check})"


def _create(connection: sqlite3.Connection, table: TargetTable, overrides: Overrides) -> None:
    # Only the key is NOT NULL: a column that the source drops later stays here, and gets no more values.
    lines = [
        f"{quoted(column.name)} {_type(table, column, overrides)}{' NOT NULL' if column.key else ''}"
        for column in table.columns
    ]
    if not table.keyless:
        lines.append(f"PRIMARY KEY ({listed([column.name for column in table.key])})")
    lines += [check for column in table.columns if (check := _labels(table, column, overrides).lstrip())]
    connection.execute(f"CREATE TABLE {quoted(table.name)} ({', '.join(lines)})")


def _columns(connection: sqlite3.Connection, name: str) -> dict[str, int]:
    """The present columns, with their place in the primary key (0: outside)."""
    return {row[1]: row[5] for row in connection.execute(f"PRAGMA table_xinfo({quoted(name)})")}


def _ensure_key(connection: sqlite3.Connection, table: TargetTable) -> None:
    """An upsert needs the key to be unique."""
    name = table.name
    wanted = {column.name.casefold() for column in table.key}
    primary = {column.casefold() for column, place in _columns(connection, name).items() if place}
    if primary == wanted:
        return
    for _, index, unique, _, filtered in connection.execute(f"PRAGMA index_list({quoted(name)})").fetchall():
        if not unique or filtered:
            continue
        columns = [row[2] for row in connection.execute(f"PRAGMA index_info({quoted(index)})")]
        if None not in columns and {column.casefold() for column in columns} == wanted:
            return
    keys = ", ".join(column.name for column in table.key)
    if primary:
        raise StuckError(
            f"the source's key is ({keys}), the target's is another",
            where=f"table {table.source}",
            fix="drop the target's table, run `tailrace teardown`, and load anew",
        )
    index = quoted(f"{name}_tailrace_key")
    connection.execute(f"CREATE UNIQUE INDEX {index} ON {quoted(name)} ({listed([c.name for c in table.key])})")


def _bound(column: Column, value: Any) -> Any:
    bind = binder(column.type)
    return value if value is None or bind is None else bind(value)


def _converted(row: Sequence[Any], binders: Sequence[tuple[int, Callable[[Any], Any]]]) -> list[Any]:
    values = list(row)
    for index, bind in binders:
        if (value := values[index]) is not None:
            values[index] = bind(value)
    return values


def _value(read: Callable[[Any], Any], value: Any) -> Any:
    """A column that is still to change its type holds what is no value of the new one, and equals none."""
    try:
        return read(value)
    except (ValueError, TypeError, AttributeError):
        return repr(value)


class Statements:
    """The SQL of one version of a table, and its conversions.

    Args:
        computed: `generated` of the target's table.

    Attributes:
        written: the columns that take values.
    """

    def __init__(self, table: TargetTable, computed: Collection[str] = (), name: str = "") -> None:
        self.table = table
        self.name = name or quoted(table.name)
        self.columns = [column.name for column in table.columns]
        self.written = [name for name in self.columns if not computed or folded(name) not in computed]
        self._computed = computed
        self.key = [column.name for column in table.key]
        self._binders: dict[str, Conversion] = {column.name: binder(column.type) for column in table.columns}
        self._readers: list[Conversion] = [reader(column.type) for column in table.columns]
        marks = ", ".join("?" * len(self.written))
        self.insert = f"INSERT INTO {self.name} ({listed(self.written)}) VALUES ({marks})"
        self.upsert = self.insert + self._on_conflict()
        self.matches_key = self._matches(self.key)
        self.delete = f"DELETE FROM {self.name} WHERE {self.matches_key}"
        names = {name.casefold() for name in self.columns}
        # Any of the three names the row, unless a column has that name.
        self._rowid = next((name for name in ("rowid", "_rowid_", "oid") if name not in names), "")

    def select(self, connection: sqlite3.Connection) -> str:
        """All rows. A column that is still to be added is NULL in every row; SQLite would take its name for a text."""
        present = {folded(name) for name in _columns(connection, self.table.name)}
        columns = ", ".join(quoted(name) if folded(name) in present else "NULL" for name in self.columns)
        return f"SELECT {columns} FROM {self.name}"

    def aside(self) -> Statements:
        """The same for a temporary copy of the table, which has no other unique index than the key's."""
        return Statements(self.table, self._computed, f"temp.{quoted(_ASIDE)}")

    def make_aside(self, connection: sqlite3.Connection) -> list[str]:
        """Makes the copy, empty; returns the columns that rows of the table keep in it."""
        kept = [name for name in _columns(connection, self.table.name) if folded(name) not in self._computed]
        connection.execute(f"DROP TABLE IF EXISTS temp.{quoted(_ASIDE)}")
        connection.execute(
            f"CREATE TEMPORARY TABLE {quoted(_ASIDE)} AS SELECT {listed(kept)}, 1 AS {quoted(HAD)} FROM {self.name}"
            " WHERE 0"
        )
        connection.execute(
            f"CREATE UNIQUE INDEX temp.{quoted(_ASIDE + '_key')} ON {quoted(_ASIDE)} ({listed(self.key)})"
        )
        return kept

    def update(self, names: Sequence[str]) -> str:
        """Sets these columns of the row with the key: bind their values, then the key's."""
        return f"UPDATE {self.name} SET {self._assignments(names)} WHERE {self._matches(self.key)}"

    def update_one(self, names: Sequence[str], known: Sequence[str]) -> str:
        """Sets these columns of one row among those that are alike: bind the new values, then the known ones."""
        return f"UPDATE {self.name} SET {self._assignments(names)} WHERE {self._one(known)}"

    def delete_one(self, known: Sequence[str]) -> str:
        return f"DELETE FROM {self.name} WHERE {self._one(known)}"

    def bind(self, values: dict[str, Any], names: Sequence[str]) -> Sequence[Any]:
        return next(self.bind_all((values,), names))

    def bind_all(self, rows: Iterable[dict[str, Any]], names: Sequence[str]) -> Iterator[Sequence[Any]]:
        """What is bound for each row: the values of these columns. Columns that convert nothing cost nothing."""
        take = itemgetter(*names) if len(names) > 1 else lambda values: tuple(values[name] for name in names)
        converted = [(index, bind) for index, name in enumerate(names) if (bind := self._binders[name]) is not None]
        bound: Iterator[Sequence[Any]] = map(take, rows)
        return (_converted(row, converted) for row in bound) if converted else bound

    def read(self, row: Sequence[Any]) -> dict[str, Any]:
        return {
            name: value if value is None or read is None else _value(read, value)
            for name, value, read in zip(self.columns, row, self._readers, strict=True)
        }

    def _on_conflict(self) -> str:
        if not self.key:
            return ""
        others = [name for name in self.written if name not in self.key]
        if not others:
            return f" ON CONFLICT ({listed(self.key)}) DO NOTHING"
        sets = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in others)
        return f" ON CONFLICT ({listed(self.key)}) DO UPDATE SET {sets}"

    def _assignments(self, names: Sequence[str]) -> str:
        return ", ".join(f"{quoted(name)} = ?" for name in names)

    def _matches(self, names: Sequence[str]) -> str:
        return " AND ".join(f"{quoted(name)} = ?" for name in names)

    def _one(self, known: Sequence[str]) -> str:
        alike = " AND ".join(f"{quoted(name)} IS ?" for name in known)
        return f"{self._rowid} = (SELECT {self._rowid} FROM {self.name} WHERE {alike} LIMIT 1)"
