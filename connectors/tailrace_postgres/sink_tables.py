"""Tables of a PostgreSQL target: made, and followed through schema versions, within the target transaction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import psycopg2

from tailrace.apply.evolution import evolve, preserves
from tailrace.conversion.catalog import Dialect
from tailrace.conversion.overrides import Overrides
from tailrace.conversion.tables.labels import (
    followed,
    free_check_name,
    is_labels_check,
    keeps_labels,
    labels_check,
    labels_of,
    stream_labels,
    wanted_labels,
)
from tailrace.errors import StuckError
from tailrace.schema import Column
from tailrace.sink import TargetTable
from tailrace_postgres.sink_connection import listed, literal, quoted
from tailrace_postgres.sink_types import column_type, writer

_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull, attgenerated <> ''
FROM pg_attribute WHERE attrelid = {table}::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_UNIQUE = """
SELECT i.indexrelid::regclass::text, c.conname, i.indisprimary, ARRAY(
    SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE k.place <= i.indnkeyatts
)
FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u')
WHERE i.indrelid = {table}::regclass AND i.indisunique AND i.indisvalid AND i.indimmediate
    AND i.indpred IS NULL AND i.indexprs IS NULL
"""
#: Checks of one column.
_CHECKS = """
SELECT k.conname, a.attname, pg_get_expr(k.conbin, k.conrelid)
FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
WHERE k.contype = 'c' AND k.conrelid = {table}::regclass AND cardinality(k.conkey) = 1 AND k.conislocal
"""
_NAME_BYTES = 63
_TYPE_NAME = re.compile(r'[\w" .,()\[\]-]+')


@dataclass(frozen=True, slots=True)
class PresentColumn:
    """A column of the target's table as its catalog has it."""

    name: str
    type: str
    not_null: bool
    generated: bool


@dataclass(frozen=True, slots=True)
class Present:
    """The target's table as its catalog has it.

    Attributes:
        unique: the columns of each unique index that an upsert can go by.
        primary: columns of the primary key, empty without one; `primary_name` is the constraint's.
        partitioned: its rows lie in several tables, so that a ctid alone names none.
        referenced: a foreign key of another table points here.
        unique_indexes: how many there are of any kind, the primary key's and partial ones included.
    """

    columns: dict[str, PresentColumn]
    unique: tuple[frozenset[str], ...]
    primary: frozenset[str]
    primary_name: str
    partitioned: bool
    referenced: bool
    unique_indexes: int


def refuse_long_names(table: TargetTable) -> None:
    """PostgreSQL cuts a longer name off, and would find another table or column by what is left.

    Raises:
        StuckError.
    """
    for name in (table.name, *(column.name for column in (*table.columns, *table.retained))):
        if (size := len(name.encode())) > _NAME_BYTES:
            raise StuckError(
                f"the name {name} has {size} bytes, and PostgreSQL takes {_NAME_BYTES}",
                where=f"table {table.source}",
                fix="rename it at the source, or leave the table out of this sink with `tables`",
            )


class Tables:
    """The tables of one schema; works on the cursor of the target transaction."""

    def __init__(self, cursor: Any, schema: str, overrides: Overrides) -> None:
        self._cursor = cursor
        self._overrides = overrides
        self._schema = schema

    def name(self, table: TargetTable) -> str:
        return quoted(self._schema, table.name)

    def ensure(self, table: TargetTable, previous: TargetTable | None) -> Present:
        """Creates the table, or adds, renames and retypes columns; returns what is there then.

        Raises:
            StuckError: the table cannot be brought to this version; what to do about it.
        """
        refuse_long_names(table)
        present = self.look(table)
        if present is None:
            self._create(table)
        elif not self._alter(table, previous, present) | self._keep_labels(table, previous):
            return present
        found = self.look(table)
        assert found is not None
        return found

    def look(self, table: TargetTable) -> Present | None:
        """None where there is no such table.

        Raises:
            StuckError: it is no table.
        """
        name = literal(self.name(table))
        self._cursor.execute(f"SELECT relkind FROM pg_class WHERE oid = to_regclass({name})")
        row = self._cursor.fetchone()
        if row is None:
            return None
        if row[0] not in ("r", "p"):
            raise StuckError(
                "the target has something of this name that is no table",
                where=f"table {table.source}",
                fix=f"rename it in the target's schema {self._schema}, or give the sink another `schema`",
            )
        self._cursor.execute(_COLUMNS.format(table=name))
        columns = {column[0]: PresentColumn(*column) for column in self._cursor.fetchall()}
        self._cursor.execute(_UNIQUE.format(table=name))
        indexes = self._cursor.fetchall()
        primary = next((index for index in indexes if index[2]), None)
        self._cursor.execute(
            f"SELECT EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = {name}::regclass),"
            f" (SELECT count(*) FROM pg_index WHERE indrelid = {name}::regclass AND indisunique AND indisvalid)"
        )
        referenced, unique_indexes = self._cursor.fetchone()
        return Present(
            columns,
            tuple(frozenset(index[3]) for index in indexes),
            frozenset(primary[3]) if primary else frozenset(),
            primary[1] if primary else "",
            row[0] == "p",
            referenced,
            unique_indexes,
        )

    def column_type(self, table: TargetTable, column: Column) -> str:
        wanted = self._overrides.of(table, column)
        return wanted or column_type(column.type, table.source.schema is not None, self._type_exists)

    # ---- inside

    def _create(self, table: TargetTable) -> None:
        # Only the key is NOT NULL: a column that the source drops later stays here, and gets no more values.
        lines = [
            f"{quoted(column.name)} {self.column_type(table, column)}{' NOT NULL' if column.key else ''}"
            for column in table.columns
        ]
        if not table.keyless:
            lines.append(f"PRIMARY KEY ({listed(column.name for column in table.key)})")
        taken: set[str] = set()
        lines += [check for column in table.columns if (check := self._labels(table, column, taken))]
        self._cursor.execute(f"CREATE TABLE {self.name(table)} ({', '.join(lines)})")

    def _alter(self, table: TargetTable, previous: TargetTable | None, present: Present) -> bool:
        plan = evolve(table, previous, present.columns)
        renamed = {name: name for name in present.columns}
        statements: list[str] = []
        for old, new in plan.renames:
            statements.append(f"RENAME COLUMN {quoted(old)} TO {quoted(new)}")
            renamed[new] = renamed.pop(old)
        taken = self._check_names(table) if any(column.type.labels for column in plan.added) else set()
        for column in plan.added:
            statements += self._add(table, column, taken)
        for before, column in plan.retyped:
            if (origin := renamed.get(column.name)) is not None:
                statements += self._retype(table, before, column, present.columns[origin])
        retained = {column.name for column in table.retained}
        now = {origin: name for name, origin in renamed.items()}
        key = self._key(
            table,
            previous,
            present,
            frozenset(now[name] for name in present.primary),
            [frozenset(now[name] for name in columns) for columns in present.unique],
        )
        # Behind the key: a column that leaves it is NOT NULL still.
        kept = frozenset(column.name for column in table.key) if key else {now[name] for name in present.primary}
        loose = retained | {now[name] for name in present.primary}
        were = {column.id: column.nullable for column in previous.columns} if previous is not None else {}
        now_nullable = {c.name for c in table.columns if c.nullable and not c.key and not were.get(c.id, True)}
        statements += key
        statements += [
            f"ALTER COLUMN {quoted(name)} DROP NOT NULL"
            for name, origin in renamed.items()
            if name in (loose - kept) | now_nullable and present.columns[origin].not_null
        ]
        for statement in statements:
            self._cursor.execute(f"ALTER TABLE {self.name(table)} {statement}")
        return bool(statements)

    def _keep_labels(self, table: TargetTable, previous: TargetTable | None) -> bool:
        """Brings checks that keep a column to an enum's labels to those that the source has now."""
        wanted = wanted_labels(table, previous)
        if not wanted:
            return False
        name = self.name(table)
        self._cursor.execute(_CHECKS.format(table=literal(name)))
        changed = False
        for check, column, expression in self._cursor.fetchall():
            labels = wanted.get(column)
            if labels is None or not is_labels_check(check):
                continue
            there = labels_of(expression)
            labels = followed(labels, there)
            if there == set(labels):
                continue
            self._cursor.execute(f"ALTER TABLE {name} DROP CONSTRAINT {quoted(check)}")
            if labels:
                # Rows may have labels that the source has no more; where none went, all rows have one of them.
                valid = "" if there <= set(labels) else " NOT VALID"
                text = labels_check(column, labels, Dialect.POSTGRESQL)
                self._cursor.execute(f"ALTER TABLE {name} ADD CONSTRAINT {quoted(check)} CHECK ({text}){valid}")
            changed = True
        return changed

    def _check_names(self, table: TargetTable) -> set[str]:
        self._cursor.execute(
            f"SELECT lower(conname) FROM pg_constraint WHERE conrelid = {literal(self.name(table))}::regclass"
        )
        return {str(row[0]) for row in self._cursor.fetchall()}

    def _labels(self, table: TargetTable, column: Column, taken: set[str]) -> str:
        """The check of a new column; "" where it needs none.

        Args:
            taken: names of checks; its own is added.
        """
        if not keeps_labels(column.type, self.column_type(table, column)):
            return ""
        name = free_check_name(table.name, column.name, taken)
        taken.add(name.lower())
        check = labels_check(column.name, stream_labels(table, column), Dialect.POSTGRESQL)
        return f"CONSTRAINT {quoted(name)} CHECK ({check})"

    def _add(self, table: TargetTable, column: Column, taken: set[str]) -> list[str]:
        add = f"ADD COLUMN {quoted(column.name)} {self.column_type(table, column)}"
        if check := self._labels(table, column, taken):
            add += f" {check}"
        if column.initial is None:
            return [add]
        write = writer(column.type)
        value = literal(write(column.initial) if write else column.initial)
        # The default fills the rows that are there, without writing them anew; later rows bring their own values.
        return [f"{add} DEFAULT {value}", f"ALTER COLUMN {quoted(column.name)} DROP DEFAULT"]

    def _retype(self, table: TargetTable, before: Column, column: Column, present: PresentColumn) -> list[str]:
        """Follows a changed type where the column has the type that we gave it; a user's own choice is kept.

        Raises:
            StuckError: the source has rewritten its rows in a way that the target's cannot follow.
        """
        if not preserves(before.type, column.type, table.source.schema is not None):
            raise StuckError(
                f"column {column.name} was {before.type.name} and is {column.type.name} now,"
                " which its rows cannot follow",
                where=f"table {table.source}",
                fix="drop the target's table, run `tailrace teardown`, and load anew",
            )
        wanted = self.column_type(table, column)
        if wanted == present.type or self.column_type(table, before) != present.type:
            return []
        name = quoted(column.name)
        return [f"ALTER COLUMN {name} TYPE {wanted} USING {name}::{wanted}"]

    def _key(
        self,
        table: TargetTable,
        previous: TargetTable | None,
        present: Present,
        primary: frozenset[str],
        unique: list[frozenset[str]],
    ) -> list[str]:
        """An upsert needs the key to be unique. `primary` and `unique` have the columns' new names."""
        wanted = frozenset(column.name for column in table.key)
        if wanted in unique:
            return []
        ours = {column.id for column in previous.key} if previous else set()
        names_now = {column.id: column.name for column in (*table.columns, *table.retained)}
        followed = bool(primary) and primary == {names_now.get(column_id, "") for column_id in ours}
        drop = [f"DROP CONSTRAINT {quoted(present.primary_name)}"] if followed else []
        if table.keyless:
            return drop
        if primary and not followed:
            raise StuckError(
                f"the target's primary key is not the source's ({', '.join(column.name for column in table.key)})",
                where=f"table {table.source}",
                fix=f"CREATE UNIQUE INDEX ON {self.name(table)} ({listed(column.name for column in table.key)})",
            )
        return [*drop, f"ADD PRIMARY KEY ({listed(column.name for column in table.key)})"]

    def _type_exists(self, name: str) -> bool:
        if not _TYPE_NAME.fullmatch(name):
            return False
        # Older servers raise for what is no type's name at all, which must not end the transaction.
        self._cursor.execute("SAVEPOINT tailrace_type")
        try:
            self._cursor.execute(f"SELECT to_regtype({literal(name)})")
            found = self._cursor.fetchone()[0] is not None
            if name == "xml":  # every server has the name, not every one the library
                self._cursor.execute("SELECT xml '<a/>'")
        except (psycopg2.ProgrammingError, psycopg2.NotSupportedError):
            found = False
        self._cursor.execute("ROLLBACK TO SAVEPOINT tailrace_type; RELEASE SAVEPOINT tailrace_type")
        return found
