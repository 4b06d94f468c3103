"""Processes that change the tables of `key_kinds`: rows come, go, change, and jump from place to place in the key.

`python -m tests.pipelines.key_writers URL ROWS SEED INDEX WRITERS RATE`: until stdin ends; then one JSON line.
"""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.pipelines.key_kinds import KINDS, Kind, inserts, prepared
from tests.servers import Database

#: Transactions that a server gives up because of a deadlock, by the driver's number or SQLSTATE.
_DEADLOCKS = (1213, 1205, "40P01", "40001")


def create(database: Database, insensitive: str = "") -> None:
    scheme = database.server.login.scheme
    database.script(*prepared(scheme), *(kind.create(scheme, insensitive) for kind in KINDS))


def fill(database: Database, rows: int) -> None:
    """So many rows in each table: the even numbers below twice as many."""
    scheme = database.server.login.scheme
    for kind in KINDS:
        with database.transaction() as cursor:
            for statement in inserts(kind, range(0, 2 * rows, 2), scheme):
                cursor.execute(statement)
        database.execute(f"ANALYZE {'TABLE ' if scheme == 'mysql' else ''}{kind.name}")


@contextmanager
def writing(database: Database, rows: int, *, seed: int, writers: int = 2, rate: int = 100) -> Iterator[list[Any]]:
    """Writers at work, each with `rate` transactions a second; what they yield are their words at the end."""
    words: list[Any] = []
    command = [sys.executable, "-m", "tests.pipelines.key_writers", database.url, str(rows), str(seed)]
    processes = [
        subprocess.Popen(
            [*command, str(index), str(writers), str(rate)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for index in range(writers)
    ]
    try:
        yield words
        assert all(process.poll() is None for process in processes), "a writer ended before its time"
        words += [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


class Writer:
    """Changes the rows of those numbers that are its own, so that it knows which there are.

    Args:
        rows: that each table had at first.
        index, writers: which of how many it is.
    """

    def __init__(self, connection: Any, rows: int, seed: int, index: int, writers: int) -> None:
        self._connection = connection
        self._random = random.Random(seed * 1000 + index)
        self._rows = rows
        self._index, self._writers = index, writers
        # By number: 0 where there is no row, else 1 + its spelling.
        self._spellings = {kind.name: bytearray(b"\x01\x00" * rows) for kind in KINDS}
        self._undo: list[tuple[bytearray, int, int]] = []
        self.transactions = 0
        self.changes = 0

    def transaction(self) -> None:
        """One to thirty changes; some are rolled back."""
        self._undo = []
        size = self._random.choice((1, 1, 2, 5, 30))
        try:
            with contextlib.closing(self._connection.cursor()) as cursor:
                for _ in range(size):
                    self._change(cursor, self._random.choice(KINDS))
            if self._random.random() < 0.05:
                self._roll_back()
                return
            self._connection.commit()
        except Exception as error:
            if getattr(error, "pgcode", error.args[0]) not in _DEADLOCKS:
                raise
            self._roll_back()
            return
        self.transactions += 1
        self.changes += size

    def _roll_back(self) -> None:
        self._connection.rollback()
        for spellings, number, before in reversed(self._undo):
            spellings[number] = before

    def _change(self, cursor: Any, kind: Kind) -> None:
        spellings = self._spellings[kind.name]
        number = self._number()
        chance = self._random.random()
        if not spellings[number]:
            if chance < 0.7:
                self._insert(cursor, kind, number)
            return
        if chance < 0.4:
            self._update(cursor, kind, number, f"c = {self._random.randrange(1 << 40)}", ())
        elif chance < 0.6:
            self._update(cursor, kind, number, "v = %s", (f"changed {self._random.random()!r}",))
        elif chance < 0.75:
            cursor.execute(f"DELETE FROM {kind.name} WHERE {kind.where}", kind.key(number, spellings[number] - 1))
            self._set(spellings, number, 0)
        elif chance < 0.85 and kind.spelled:
            self._move(cursor, kind, number, number)
        elif not spellings[other := self._number()]:
            self._move(cursor, kind, number, other)

    def _insert(self, cursor: Any, kind: Kind, number: int) -> None:
        spelling = self._random.randrange(8)
        key = kind.key(number, spelling)
        places = ", ".join(["%s"] * (len(key) + 3))
        row = (*key, number, self._random.randrange(1 << 40), f"new {self._random.random()!r}")
        cursor.execute(f"INSERT INTO {kind.name} VALUES ({places})", row)
        self._set(self._spellings[kind.name], number, 1 + spelling)

    def _move(self, cursor: Any, kind: Kind, number: int, other: int) -> None:
        """The row gets another key, which may be its own in another spelling."""
        spelling = self._random.randrange(8)
        columns = ", ".join(f"{column} = %s" for column in kind.columns)
        self._update(cursor, kind, number, f"{columns}, n = %s", (*kind.key(other, spelling), other))
        spellings = self._spellings[kind.name]
        self._set(spellings, number, 0)
        self._set(spellings, other, 1 + spelling)

    def _update(self, cursor: Any, kind: Kind, number: int, changes: str, values: tuple[Any, ...]) -> None:
        key = kind.key(number, self._spellings[kind.name][number] - 1)
        cursor.execute(f"UPDATE {kind.name} SET {changes} WHERE {kind.where}", (*values, *key))
        assert cursor.rowcount <= 1, (kind.name, number)

    def _set(self, spellings: bytearray, number: int, value: int) -> None:
        self._undo.append((spellings, number, spellings[number]))
        spellings[number] = value

    def _number(self) -> int:
        pair = self._random.randrange(self._rows // self._writers) * self._writers + self._index
        return 2 * pair + self._random.randrange(2)


def connect(url: str) -> Any:
    """Not through the test servers: this process has none."""
    from tailrace.config.url import DatabaseUrl

    login = DatabaseUrl.parse(url)
    if login.scheme == "mysql":
        import pymysql

        connection = pymysql.connect(
            host=login.host, port=login.port, user=login.user, database=login.database, charset="utf8mb4"
        )
        with connection.cursor() as cursor:
            cursor.execute("SET time_zone = '+00:00'")
        return connection
    import psycopg2

    session: Any = psycopg2.connect(host=login.host, port=login.port, user=login.user, dbname=login.database)
    with session.cursor() as cursor:
        cursor.execute("SET TimeZone = 'UTC'")
    session.commit()
    return session


def main(url: str, rows: int, seed: int, index: int, writers: int, rate: int) -> None:
    import select

    writer = Writer(connect(url), rows, seed, index, writers)
    due = time.monotonic()
    while True:
        due = max(due + 1 / rate, time.monotonic() - 1)
        if select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
            break
        writer.transaction()
    print(json.dumps({"transactions": writer.transactions, "changes": writer.changes}))


if __name__ == "__main__":
    main(sys.argv[1], *(int(word) for word in sys.argv[2:]))
