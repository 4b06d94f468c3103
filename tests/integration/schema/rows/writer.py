"""Fills any database with rows and changes them, as its own rules allow."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.integration.schema.rows.tables import Column, Table, quoted, read
from tests.integration.schema.rows.values import value
from tests.servers import Database

Row = dict[str, Any]
_ATTEMPTS = 80


class Writer:
    """Writes to one database; the same seed makes the same choices.

    Attributes:
        tables: those of the database, referred ones first.
        done: how many inserts, updates and deletes the database took.
        refused: how many it did not.
    """

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self.tables = read(database)
        self.done: Counter[str] = Counter()
        self.refused = 0
        self._dice = random.Random(seed)
        self._rows: dict[str, list[Row]] = {}
        self._referring = {
            table.name: {column for other in self.tables for key in other.foreign_keys if key.table == table.name
                         for column in key.referenced}
            for table in self.tables
        }  # fmt: skip
        # What such an action does is in no log of MariaDB's (docs/guarantees.md).
        self._kept = {
            key.table for table in self.tables for key in table.foreign_keys if key.action
        } if database.server.kind == "mariadb" else set()  # fmt: skip

    def fill(self, rows: int, without: Collection[str] = ()) -> None:
        """So many rows in each table, but in those `without`.

        Raises:
            AssertionError: tables that take no row at all, with the last refusal of each.
        """
        empty = []
        with self.database.transaction() as cursor:
            for table in (table for table in self.tables if table.name not in without):
                refusal = "nothing to refer to"
                for _ in range(rows):
                    for _ in range(_ATTEMPTS):
                        row = self.row(cursor, table)
                        refusal = "nothing to refer to" if row is None else self._insert(cursor, table, row)
                        if not refusal:
                            break
                self._rows.pop(table.name, None)
                if not self.known(cursor, table.name):
                    empty.append(f"{table.name}: {refusal}")
        assert not empty, "\n".join(empty)

    def change(self, changes: int) -> None:
        """So many changes of every kind, in transactions of one to ten."""
        while changes > 0:
            size = self._dice.randrange(1, 11)
            with self.database.transaction() as cursor:
                self._rows.clear()
                for _ in range(size):
                    self._change(cursor, self._dice.choice(self.tables))
            changes -= size

    def row(self, cursor: Any, table: Table) -> Row | None:
        """A row that could be inserted; None: it would have to refer to one that is not there."""
        row: Row = {}
        often = self._dice.choice((0.0, 0.15, 0.5, 0.9))
        for key in table.foreign_keys:
            if any(column in row and row[column] is None for column in key.columns):
                continue
            known = [
                there
                for there in self.known(cursor, key.table)
                if all(
                    there[far] is not None and (near not in row or row[near] == there[far])
                    for near, far in zip(key.columns, key.referenced, strict=True)
                )
            ]
            free = [table.columns[name] for name in key.columns if name not in row]
            if known and not (all(column.nullable for column in free) and self._dice.random() < often):
                there = self._dice.choice(known)
                row.update({near: there[far] for near, far in zip(key.columns, key.referenced, strict=True)})
            elif free and all(column.nullable for column in free):
                row.update({column.name: None for column in free})
            else:
                return None
        for column in table.columns.values():
            if column.name not in row and not self._left_out(column):
                none = column.nullable and self._dice.random() < often
                row[column.name] = None if none else value(column, self._dice)
        return row

    def _left_out(self, column: Column) -> bool:
        if column.generated or column.always:
            return True
        if column.counted:
            return self._dice.random() < 0.7
        return column.default and self._dice.random() < 0.3

    def known(self, cursor: Any, table: str) -> list[Row]:
        """Some rows that are there."""
        if table not in self._rows:
            cursor.execute(f"SELECT * FROM {quoted(self.database, table)} LIMIT 200")
            names = [part[0] for part in cursor.description]
            self._rows[table] = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
        return self._rows[table]

    def _insert(self, cursor: Any, table: Table, row: Mapping[str, Any]) -> str:
        return attempt(cursor, *insert(self.database, table, row))

    def _change(self, cursor: Any, table: Table) -> None:
        kind = self._dice.choices(("insert", "update", "delete"), (4, 5, 2))[0]
        known = self.known(cursor, table.name)
        if kind == "insert" or not table.primary or not known:
            kind = "insert"
            row = self.row(cursor, table)
            refusal = "nothing to refer to" if row is None else self._insert(cursor, table, row)
        else:
            row = self._dice.choice(known)
            key = [row[name] for name in table.primary]
            where = " AND ".join(f"{quoted(self.database, name)} = %s" for name in table.primary)
            if kind == "update":
                refusal = self._update(cursor, table, where, key)
            elif table.name in self._kept:
                return
            else:
                refusal = attempt(cursor, f"DELETE FROM {quoted(self.database, table.name)} WHERE {where}", key)
        if refusal:
            self.refused += 1
        else:
            self.done[kind] += 1
            self._rows.clear()

    def _update(self, cursor: Any, table: Table, where: str, key: list[Any]) -> str:
        fixed = {*table.primary, *self._referring[table.name]}
        new = self.row(cursor, table) or {}
        free = [name for name in new if name not in fixed]
        if not free:
            return "nothing to change"
        # All columns of a foreign key move together.
        chosen = set(self._dice.sample(free, self._dice.randrange(1, len(free) + 1)))
        for foreign in table.foreign_keys:
            if chosen & set(foreign.columns):
                chosen = (
                    chosen | set(foreign.columns) if not fixed & set(foreign.columns) else chosen - {*foreign.columns}
                )
        names = [name for name in free if name in chosen]
        if not names:
            return "nothing to change"
        sets = ", ".join(f"{quoted(self.database, name)} = %s" for name in names)
        statement = f"UPDATE {quoted(self.database, table.name)} SET {sets} WHERE {where}"
        return attempt(cursor, statement, [*(new[name] for name in names), *key])


def insert(database: Database, table: Table, row: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The statement and its parameters."""
    name = quoted(database, table.name)
    if not row:
        return (f"INSERT INTO {name} () VALUES ()" if "`" in name else f"INSERT INTO {name} DEFAULT VALUES"), []
    marks = ", ".join(["%s"] * len(row))
    return f"INSERT INTO {name} ({quoted(database, *row)}) VALUES ({marks})", list(row.values())


def attempt(cursor: Any, statement: str, parameters: list[Any]) -> str:
    """Runs it, or leaves all as it was; "" or the refusal."""
    with savepoint(cursor) as outcome:
        cursor.execute(statement, parameters)
    return outcome[0] if outcome else ""


@contextmanager
def savepoint(cursor: Any) -> Iterator[list[str]]:
    """What is refused within it has not been; the list then holds why."""
    import psycopg2
    import pymysql

    outcome: list[str] = []
    cursor.execute("SAVEPOINT attempt")
    try:
        yield outcome
        if type(cursor).__module__.startswith("psycopg2"):
            # Keys that are only looked at when a transaction ends would refuse all of it.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("RELEASE SAVEPOINT attempt")
    except (psycopg2.DatabaseError, psycopg2.DataError, pymysql.err.MySQLError) as error:
        outcome.append(str(error).strip() or repr(error))
        cursor.execute("ROLLBACK TO SAVEPOINT attempt")
