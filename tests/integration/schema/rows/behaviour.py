"""Two databases that shall mean the same, given the same statements: what one takes and the other refuses, or stores
otherwise, is a difference. Nothing stays of it."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from tests.integration.schema.rows.sameness import for_other, same
from tests.integration.schema.rows.tables import Column, ForeignKey, Table, quoted
from tests.integration.schema.rows.values import BITS, TEXTS, value
from tests.integration.schema.rows.writer import Row, Writer, insert
from tests.pipelines.workload import is_mysql
from tests.servers import Database

#: Values that no column of these is likely to have.
_NOWHERE = {"integer": 2_000_000_011, "int": 2_000_000_011, "bigint": 2_000_000_011, "int unsigned": 2_000_000_011}
_COUNTED = itertools.count(1_000_001)


@dataclass(frozen=True)
class Difference:
    """
    Attributes:
        probe: what was tried.
        about: (table, column, key, check or "") that it may come from.
        source, target: what each made of it.
    """

    probe: str
    about: frozenset[tuple[str, str]]
    source: str
    target: str

    def __str__(self) -> str:
        about = ", ".join(sorted(f"{table}.{member}" for table, member in self.about))
        return f"{self.probe} of {about}: source: {self.source}; target: {self.target}"


class Comparison:
    """Tries statements on both; each in a transaction that is taken back.

    Attributes:
        tried: how many statements both were given.
    """

    def __init__(self, source: Database, target: Database, seed: int) -> None:
        self.writer = Writer(source, seed)
        self.source, self.target = source, target
        self.tried = 0
        self._dice = random.Random(seed)
        self._found: list[Difference] = []

    def run(self, without: Collection[str] = ()) -> list[Difference]:
        """All differences that show in any table but those."""
        self._found = []
        with _taken_back(self.source) as here, _taken_back(self.target) as there:
            for table in self.writer.tables:
                if table.name not in without:
                    self._table(here, there, table)
                    self._deletes(here, there, table)
        return self._found

    def _table(self, here: Any, there: Any, table: Table) -> None:
        row = None
        for _ in range(3):
            row = self._row(here, table) or row
            if row is None:
                return  # full: every row there is to be meets another
            self._try(here, there, table, "row", (), row)
        assert row is not None
        for probe, members, changed in self._variants(here, table, row):
            self._try(here, there, table, probe, members, changed)

    def _row(self, here: Any, table: Table) -> Row | None:
        for _ in range(60):
            row = self.writer.row(here, table)
            if row is not None:
                row |= {c.name: next(_COUNTED) for c in table.columns.values() if c.counted and BITS.get(c.type) != 16}
                if isinstance(_outcome(here, self.source, table, row), dict):
                    return row
        return None

    def _variants(self, here: Any, table: Table, row: Row) -> Iterator[tuple[str, Collection[str], Row]]:
        given = {name: column for name, column in table.columns.items() if name in row}
        bare = {n: v for n, v in row.items() if (not given[n].default and not given[n].nullable) or n in table.primary}
        yield "defaults", [name for name in row if name not in bare], bare
        for name, column in given.items():
            yield "null", (name,), {**row, name: None}
            yield from (("edge", (name,), {**row, name: beyond}) for beyond in _beyond(column))
        for name, key in table.keys.items():
            for other in self.writer.known(here, table.name)[:2]:
                twin = {**row, **{part: other[part] for part in key if part in row}}
                yield "duplicate", (name, *key), twin
                for part in key:
                    if part in row and isinstance(twin[part], str) and table.columns[part].type in TEXTS:
                        yield "duplicate but for case", (name, *key), {**twin, part: twin[part].swapcase()}
                        yield "duplicate but for a blank", (name, *key), {**twin, part: twin[part] + " "}
        for foreign in table.foreign_keys:
            lost = {n: _NOWHERE.get(table.columns[n].type, "nowhere") for n in foreign.columns if n in row}
            yield "orphan", (foreign.name, *foreign.columns), {**row, **lost}
        for name, text in table.checks.items():
            members = [member for member in given if member in text]
            for member in members:
                labelled = given[member].type in ("enum", "set")
                textual = labelled or given[member].type in TEXTS
                free = given[member] if labelled else dataclasses.replace(given[member], choices=())
                for label in given[member].choices[:4] if textual else ():
                    yield "check", (name, *members), {**row, member: label.swapcase()}
                    yield "check", (name, *members), {**row, member: label + " "}
                for _ in range(4):
                    yield "check", (name, *members), {**row, member: value(free, self._dice)}

    def _try(self, here: Any, there: Any, table: Table, probe: str, members: Collection[str], row: Row) -> None:
        ours = _outcome(here, self.source, table, row)
        other = {n: for_other(v, table.columns[n], self.source, self.target) for n, v in row.items()}
        theirs = _outcome(there, self.target, table, other)
        self.tried += 1
        if isinstance(ours, dict) and isinstance(theirs, dict):
            for column in table.columns.values():
                if column.name in ours and column.name in theirs:
                    first, second = ours[column.name], theirs[column.name]
                    if not same(first, second, column, given=column.name in row):
                        self._differ(f"stored by {probe}", table, [column.name], repr(first), repr(second))
        elif isinstance(ours, dict) or isinstance(theirs, dict):
            ours, theirs = ("takes it" if isinstance(outcome, dict) else outcome for outcome in (ours, theirs))
            said = ours + theirs
            named = [name for name in _names(table) if name in said]
            named += [name for name in table.columns if f"'{name}'" in said or f'"{name}"' in said]
            self._differ(probe, table, [*(members or row), *named], ours, theirs)

    def _differ(self, probe: str, table: Table, members: Collection[str], source: str, target: str) -> None:
        about = frozenset((table.name, member) for member in members)
        self._found.append(Difference(probe, about, source[:300], target[:300]))

    def _deletes(self, here: Any, there: Any, table: Table) -> None:
        """Rows that others refer to are deleted: both do the same with those others."""
        keys = [(other, key) for other in self.writer.tables for key in other.foreign_keys if key.table == table.name]
        if not table.primary or not keys:
            return
        for row in self.writer.known(here, table.name)[:3]:
            values = [row[name] for name in table.primary]
            if any(isinstance(value, bytes | memoryview) for value in values):
                continue
            outcomes = [
                self._delete(cursor, database, table, values, keys)
                for cursor, database in ((here, self.source), (there, self.target))
            ]
            self.tried += 1
            if outcomes[0] != outcomes[1]:
                about = frozenset((other.name, member) for other, key in keys for member in (key.name, *key.columns))
                about |= {(table.name, "DELETE")}
                self._found.append(Difference("delete", about, str(outcomes[0])[:300], str(outcomes[1])[:300]))

    @staticmethod
    def _delete(
        cursor: Any, database: Database, table: Table, values: list[Any], keys: list[tuple[Table, ForeignKey]]
    ) -> str | list[Any]:
        where = " AND ".join(f"{quoted(database, name)} = %s" for name in table.primary)
        with _attempt(cursor) as refusal:
            cursor.execute(f"DELETE FROM {quoted(database, table.name)} WHERE {where}", values)
            left = []
            for other, key in keys:
                first = quoted(database, key.columns[0])
                cursor.execute(f"SELECT count(*), count({first}) FROM {quoted(database, other.name)}")
                left.append((other.name, *cursor.fetchone()))
            return left
        return "refuses" if refusal else ""


def _names(table: Table) -> list[str]:
    """What a refusal may name."""
    return [*table.checks, *table.keys, *(key.name for key in table.foreign_keys)]


def _outcome(cursor: Any, database: Database, table: Table, row: Row) -> Row | str:
    """The row as the database has stored it (empty where it has no key to find it by), or why it was refused."""
    with _attempt(cursor) as refusal:
        cursor.execute(*insert(database, table, row))
        if not table.primary or not all(name in row for name in table.primary):
            return {}
        where = " AND ".join(f"{quoted(database, name)} = %s" for name in table.primary)
        cursor.execute(
            f"SELECT {quoted(database, *table.columns)} FROM {quoted(database, table.name)} WHERE {where}",
            [row[name] for name in table.primary],
        )
        try:
            found = cursor.fetchone()
        except ValueError as error:  # a year that Python does not have
            return str(error)
        return dict(zip(table.columns, found, strict=True)) if found else {}
    return refusal[0]


def _beyond(column: Column) -> Iterator[Any]:
    """Values around the edges of a type."""
    base = column.type.removesuffix(" unsigned")
    if base in TEXTS and 0 < column.length <= 5_000:
        yield "x" * column.length
        if base != "tinytext":  # whose length other systems have not
            yield "x" * (column.length + 1)
            yield "x" * (column.length - 1) + "  "
    elif column.type == "enum":
        yield "no such label"
    elif bits := BITS.get(base):
        high = (1 << bits) - 1 if base != column.type else (1 << bits - 1) - 1
        yield from (-1, high, high + 1)


@contextlib.contextmanager
def _taken_back(database: Database) -> Iterator[Any]:
    """A cursor in UTC, in a transaction of which nothing stays."""
    connection = database.connect(autocommit=False)
    try:
        with contextlib.closing(connection.cursor()) as cursor:
            if is_mysql(database):
                cursor.execute("SET time_zone = '+00:00'")
            else:
                cursor.execute("SET TIME ZONE 'UTC'")
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            yield cursor
        connection.rollback()
    finally:
        connection.close()


@contextlib.contextmanager
def _attempt(cursor: Any) -> Iterator[list[str]]:
    """Takes back what happens in it; the list then has why it was refused, if it was."""
    import psycopg2
    import pymysql

    refusal: list[str] = []
    cursor.execute("SAVEPOINT attempt")
    try:
        yield refusal
    except (psycopg2.Error, pymysql.err.MySQLError) as error:
        refusal.append(str(error).strip() or repr(error))
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT attempt")
