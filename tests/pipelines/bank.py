"""Accounts, and transfers between them: in every state that a transaction has left, all balances have the same sum.

Each row has a version that grows by one with each change. A single writer, so that it knows what it has committed.
"""

from __future__ import annotations

import contextlib
import random
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from tests.checking.history import DELETED, Key
from tests.servers import Database

ACCOUNTS, TRANSFERS = "accounts", "transfers"
TABLES = (ACCOUNTS, TRANSFERS)
FIRST_BALANCE = 1000


class Bank:
    """Works on one source database; the same seed does the same.

    Attributes:
        total: the sum of all balances, always.
        journal: see `tests.checking.history.Journal`.
    """

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self.total = 0
        self.journal: dict[str, dict[Key, list[Any]]] = {table: defaultdict(list) for table in TABLES}
        self._random = random.Random(seed)
        self._mysql = database.server.login.scheme == "mysql"
        self._versions: dict[int, int] = {}  # of the accounts that there are
        self._committed: dict[int, int] = {}  # the same, without the transaction in hand
        self._next = 1
        self._columns = 0
        self._done: list[tuple[str, int, Any]] = []  # of the transaction in hand

    def create(self, accounts: int) -> None:
        """The tables, and so many accounts."""
        tail = " DEFAULT CHARSET utf8mb4" if self._mysql else ""
        columns = "id BIGINT PRIMARY KEY, note VARCHAR(120), version BIGINT NOT NULL"
        self.database.script(
            f"CREATE TABLE {ACCOUNTS} ({columns}, balance BIGINT NOT NULL){tail}",
            f"CREATE TABLE {TRANSFERS} ({columns}, giver BIGINT, taker BIGINT, amount BIGINT){tail}",
        )
        if not self._mysql:
            self.database.script(*(f"ALTER TABLE {table} REPLICA IDENTITY FULL" for table in TABLES))
        with self.database.transaction() as cursor:
            for _ in range(accounts):
                self._open_account(cursor, FIRST_BALANCE)
        self._commit()
        self.total = accounts * FIRST_BALANCE

    def work(self, transactions: int, largest: int = 0) -> None:
        """So many transactions of one to ten transfers, some of them rolled back; and one of `largest` transfers.

        After an error of the server call `settle`, when it answers again.
        """
        sizes = [self._random.choice((1, 1, 2, 10)) for _ in range(transactions)]
        if largest:
            sizes.insert(len(sizes) // 2, largest)
        with contextlib.closing(connected(self.database)) as connection:
            for size in sizes:
                with contextlib.closing(connection.cursor()) as cursor:
                    for _ in range(size):
                        self._change(cursor)
                if self._random.random() < 0.1:
                    connection.rollback()
                    self._undo()
                else:
                    connection.commit()
                    self._commit()

    def settle(self) -> None:
        """Asks whether the transaction was committed in which the server went away; only the server knows."""
        numbers = [number for table, number, _ in self._done if table == TRANSFERS]
        if not numbers:
            self._undo()
            return
        with (
            contextlib.closing(connected(self.database)) as connection,
            contextlib.closing(connection.cursor()) as cursor,
        ):
            cursor.execute(f"SELECT id FROM {TRANSFERS} WHERE id = %s", (numbers[-1],))
            committed = cursor.fetchone() is not None
        if committed:
            self._commit()
        else:
            self._undo()

    def alter(self) -> None:
        """Adds a column that has a default."""
        self._columns += 1
        self.database.execute(f"ALTER TABLE {TRANSFERS} ADD COLUMN c{self._columns} INT DEFAULT {self._columns}")

    def rows(self) -> Mapping[str, list[dict[str, Any]]]:
        """Of every table, as the source's own driver reads them."""
        return {table: read_rows(self.database, table) for table in TABLES}

    # ---- one change

    def _change(self, cursor: Any) -> None:
        chance = self._random.random()
        giver, taker = self._random.sample(sorted(self._versions), 2)
        if chance < 0.06:
            taker = self._open_account(cursor, 0)
        self._transfer(cursor, giver, taker, self._random.randrange(1, 50))
        if chance > 0.97:
            self._close_account(cursor, giver, taker)
        elif chance > 0.94:
            self._renumber(cursor, giver)

    def _transfer(self, cursor: Any, giver: int, taker: int, amount: int) -> None:
        for account, change in ((giver, -amount), (taker, amount)):
            self._versions[account] += 1
            cursor.execute(
                f"UPDATE {ACCOUNTS} SET balance = balance + %s, version = version + 1 WHERE id = %s", (change, account)
            )
            self._done.append((ACCOUNTS, account, self._versions[account]))
        number = self._number()
        columns = "id, note, version, giver, taker, amount"
        cursor.execute(
            f"INSERT INTO {TRANSFERS} ({columns}) VALUES (%s, %s, 1, %s, %s, %s)",
            (number, self._note(), giver, taker, amount),
        )
        self._done.append((TRANSFERS, number, 1))

    def _open_account(self, cursor: Any, balance: int) -> int:
        number = self._number()
        columns = "id, note, version, balance"
        cursor.execute(f"INSERT INTO {ACCOUNTS} ({columns}) VALUES (%s, %s, 1, %s)", (number, self._note(), balance))
        self._versions[number] = 1
        self._done.append((ACCOUNTS, number, 1))
        return number

    def _close_account(self, cursor: Any, account: int, heir: int) -> None:
        """What is left goes to another."""
        cursor.execute(f"SELECT balance FROM {ACCOUNTS} WHERE id = %s", (account,))
        self._transfer(cursor, account, heir, int(cursor.fetchone()[0]))
        cursor.execute(f"DELETE FROM {ACCOUNTS} WHERE id = %s", (account,))
        del self._versions[account]
        self._done.append((ACCOUNTS, account, DELETED))

    def _renumber(self, cursor: Any, account: int) -> None:
        """The row's key changes."""
        number = self._number()
        cursor.execute(f"UPDATE {ACCOUNTS} SET id = %s, version = version + 1 WHERE id = %s", (number, account))
        version = self._versions[number] = self._versions.pop(account) + 1
        self._done += [(ACCOUNTS, account, DELETED), (ACCOUNTS, number, version)]

    def _commit(self) -> None:
        for table, key, version in self._done:
            self.journal[table][(key,)].append(version)
        self._done = []
        self._committed = dict(self._versions)

    def _undo(self) -> None:
        self._versions, self._done = dict(self._committed), []

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _note(self) -> str:
        return self._random.choice(("", "rent", "x" * 100, "grüße — ✓"))


def connected(database: Database) -> Any:
    """A connection of the caller's own, which notices a crash of the server as any client does."""
    return database.server.connect(database.name, autocommit=False)


def read_rows(database: Database, table: str) -> list[dict[str, Any]]:
    """All rows of a table, by column."""
    with contextlib.closing(connected(database)) as connection, contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
