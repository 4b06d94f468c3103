"""Dead letters in a table of a SQL target: what every SQL sink has in common, on drivers of Python's database API."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from tailrace.dead_letters import DeadLetter, Wanted, from_parts


class SQLLetters(ABC):
    """`tailrace.dead_letters.DeadLetterStore`; a row per part of a letter, the letter's own words in the first.

    Args:
        mark: of a parameter in a statement.
    """

    def __init__(self, pipeline: str, sink: str, mark: str) -> None:
        self._mine = (pipeline, sink)
        self._mark = mark
        self._where = f"WHERE pipeline = {mark} AND sink = {mark}"

    # ---- the sink's own

    @abstractmethod
    def inside(self) -> AbstractContextManager[Any]:
        """A cursor in the target transaction of the open sink."""

    @abstractmethod
    def outside(self) -> AbstractContextManager[Any]:
        """A cursor of a connection of its own, whose transaction is committed at the end; None without a database."""

    @abstractmethod
    def table(self, cursor: Any) -> str:
        """The table's name, quoted and qualified."""

    @abstractmethod
    def exists(self, cursor: Any) -> bool:
        """Whether the table is there."""

    @abstractmethod
    def create(self, cursor: Any) -> None:
        """Makes the table, with a cursor of `outside`; no error where it is there."""

    # ---- the store

    def prepare(self) -> None:
        with self.outside() as cursor:
            if not self.exists(cursor):
                self.create(cursor)

    def park(self, letters: Sequence[DeadLetter]) -> None:
        marks = ", ".join([self._mark] * 7)
        with self.inside() as cursor:
            table = self.table(cursor)
            self._remove(cursor, [letter.id for letter in letters])
            insert = f"INSERT INTO {table} (pipeline, sink, id, part, wanted, head, body) VALUES ({marks})"
            for letter in letters:
                for number, part in enumerate(letter.parts()):
                    head = letter.head() if number == 0 else ""
                    cursor.execute(insert, (*self._mine, letter.id, number, letter.wanted, head, part))

    def release(self, ids: Sequence[str]) -> None:
        with self.inside() as cursor:
            if self.exists(cursor):
                self._remove(cursor, ids)

    def heads(self, asked: bool = False) -> list[DeadLetter]:
        only = " AND wanted <> ''" if asked else ""
        with self.outside() as cursor:
            if cursor is None or not self.exists(cursor):
                return []
            select = f"SELECT id, head, wanted FROM {self.table(cursor)} {self._where} AND part = 0{only}"
            cursor.execute(select, self._mine)
            return [from_parts(*row) for row in cursor.fetchall()]

    def read(self, ids: Sequence[str]) -> Iterator[DeadLetter]:
        with self.outside() as cursor:
            if cursor is None or not self.exists(cursor):
                return
            select = (
                f"SELECT head, wanted, body FROM {self.table(cursor)} {self._where} AND id = {self._mark} ORDER BY part"
            )
            for letter in ids:
                cursor.execute(select, (*self._mine, letter))
                if rows := cursor.fetchall():
                    yield from_parts(letter, rows[0][0], rows[0][1], [row[2] for row in rows])

    def ask(self, ids: Sequence[str], wanted: Wanted) -> None:
        with self.outside() as cursor:
            if cursor is None or not self.exists(cursor):
                return
            update = (
                f"UPDATE {self.table(cursor)} SET wanted = {self._mark} {self._where} AND id = {self._mark}"
                " AND part = 0"
            )
            for letter in ids:
                cursor.execute(update, (wanted, *self._mine, letter))

    def forget(self, dry_run: bool) -> int:
        """The table goes with its last row."""
        with self.outside() as cursor:
            if cursor is None or not self.exists(cursor):
                return 0
            table = self.table(cursor)
            cursor.execute(f"SELECT COUNT(*) FROM {table} {self._where} AND part = 0", self._mine)
            count = int(cursor.fetchone()[0])
            if not dry_run:
                cursor.execute(f"DELETE FROM {table} {self._where}", self._mine)
                cursor.execute(f"SELECT COUNT(*) FROM {table}")
                if not cursor.fetchone()[0]:
                    cursor.execute(f"DROP TABLE {table}")
            return count

    def _remove(self, cursor: Any, ids: Sequence[str]) -> None:
        delete = f"DELETE FROM {self.table(cursor)} {self._where} AND id = {self._mark}"
        for letter in ids:
            cursor.execute(delete, (*self._mine, letter))
