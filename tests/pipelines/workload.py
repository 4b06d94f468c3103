"""A seeded mix of changes on tables with one key, two keys and (for SQL targets) none."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.servers import Database

ORDERS = "orders"
LINES = "order_lines"
NOTES = "notes"
TABLES = (ORDERS, LINES, NOTES)

_MYSQL = (
    f"CREATE TABLE {ORDERS} (id BIGINT PRIMARY KEY, customer VARCHAR(64) NOT NULL, amount DECIMAL(12,2), n INT,"
    " at DATETIME(6), doc TEXT, rate DOUBLE, raw VARBINARY(40), version BIGINT NOT NULL) DEFAULT CHARSET utf8mb4",
    f"CREATE TABLE {LINES} (orders_id BIGINT, line INT, sku VARCHAR(40), qty INT UNSIGNED, version BIGINT NOT NULL,"
    " PRIMARY KEY (orders_id, line)) DEFAULT CHARSET utf8mb4",
    f"CREATE TABLE {NOTES} (author VARCHAR(20), body TEXT, n INT) DEFAULT CHARSET utf8mb4",
)
_POSTGRES = (
    f"CREATE TABLE {ORDERS} (id bigint PRIMARY KEY, customer varchar(64) NOT NULL, amount numeric(12,2), n int,"
    " at timestamp(6), doc text, rate double precision, raw bytea, version bigint NOT NULL)",
    f"CREATE TABLE {LINES} (orders_id bigint, line int, sku varchar(40), qty bigint, version bigint NOT NULL,"
    " PRIMARY KEY (orders_id, line))",
    f"CREATE TABLE {NOTES} (author varchar(20), body text, n int)",
    f"ALTER TABLE {NOTES} REPLICA IDENTITY FULL",
)
_WORDS = ("", "plain", "ümläut — ✓", 'it\'s "quoted"', "back\\slash", "tab\tand\nline", "😀", "x" * 300)


def is_mysql(database: Database) -> bool:
    return str(database.server.login.scheme) == "mysql"


@dataclass
class Workload:
    """Changes one source database; the same seed makes the same changes.

    Args:
        keyless: also change a table without a key.
    """

    database: Database
    seed: int
    keyless: bool = True
    orders: list[int] = field(default_factory=list)
    lines: list[tuple[int, int]] = field(default_factory=list)
    changes: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._next = 1
        self._connection: Any = None

    @property
    def tables(self) -> tuple[str, ...]:
        return TABLES if self.keyless else (ORDERS, LINES)

    def create(self) -> None:
        for statement in _MYSQL if is_mysql(self.database) else _POSTGRES:
            if self.keyless or NOTES not in statement:
                self.database.execute(statement)

    def fill(self, rows: int) -> None:
        """Rows that are there before the pipeline starts."""
        with self.database.transaction() as cursor:
            for _ in range(rows):
                self._insert_order(cursor)
            for _ in range(rows // 2):
                self._insert_line(cursor)
            for _ in range(20 if self.keyless else 0):
                self._insert_note(cursor)

    def run(self, changes: int) -> Iterator[int]:
        """Applies about so many changes in transactions of 1 to 30; yields the number done after each commit."""
        goal = self.changes + changes
        while self.changes < goal:
            size = self._random.choice((1, 1, 2, 5, 30))
            rolled_back = self._random.random() < 0.05
            orders, lines = list(self.orders), list(self.lines)
            if self._connection is None:
                self._connection = self.database.connect(autocommit=False)
            with contextlib.closing(self._connection.cursor()) as cursor:
                for _ in range(size):
                    self._change(cursor)
            if rolled_back:
                self._connection.rollback()
                self.orders, self.lines = orders, lines
            else:
                self._connection.commit()
            self.changes += size
            yield self.changes

    def rows(self, table: str, database: Database | None = None) -> list[tuple[Any, ...]]:
        """A table's rows in a comparable form, sorted."""
        return comparable((database or self.database).query(f"SELECT * FROM {table}"))

    def _change(self, cursor: Any) -> None:
        kind = self._random.random()
        if kind < 0.3 or not self.orders or not self.lines:
            self._insert_order(cursor)
        elif kind < 0.45:
            self._insert_line(cursor)
        elif kind < 0.65:
            order = self._random.choice(self.orders)
            cursor.execute(
                f"UPDATE {ORDERS} SET amount = %s, doc = %s, version = version + 1 WHERE id = %s",
                (self._amount(), self._word(), order),
            )
        elif kind < 0.72:
            cursor.execute(
                f"UPDATE {LINES} SET qty = %s, version = version + 1 WHERE orders_id = %s AND line = %s",
                (self._random.randrange(1 << 31), *self._random.choice(self.lines)),
            )
        elif kind < 0.78:
            self._change_key(cursor)
        elif kind < 0.88:
            cursor.execute(f"DELETE FROM {ORDERS} WHERE id = %s", (self._take(self.orders),))
        elif kind < 0.93:
            cursor.execute(f"DELETE FROM {LINES} WHERE orders_id = %s AND line = %s", self._take(self.lines))
        elif self.keyless:
            self._change_note(cursor)

    def _insert_order(self, cursor: Any) -> None:
        key = self._key()
        cursor.execute(
            f"INSERT INTO {ORDERS} VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 1)",
            (
                key,
                f"customer {self._random.randrange(1000)}",
                self._amount(),
                self._random.choice((None, 0, -1, 2**31 - 1, -(2**31))),
                self._random.choice((None, "2024-02-29 23:59:59.999999", "1999-12-31 00:00:00")),
                self._word(),
                self._random.choice((None, 0.1, -1.5e300, 1 / 3, 5e-324)),
                self._random.choice((None, b"", b"\x00\xff\x80", b"trailing\x00")),
            ),
        )
        self.orders.append(key)

    def _insert_line(self, cursor: Any) -> None:
        key = (self._random.choice(self.orders) if self.orders else 0, self._key())
        cursor.execute(
            f"INSERT INTO {LINES} VALUES (%s, %s, %s, %s, 1)",
            (*key, f"sku-{self._random.randrange(500)}", self._random.randrange(1 << 31)),
        )
        self.lines.append(key)

    def _change_key(self, cursor: Any) -> None:
        old, new = self._take(self.orders), self._key()
        cursor.execute(f"UPDATE {ORDERS} SET id = %s, version = version + 1 WHERE id = %s", (new, old))
        self.orders.append(new)

    def _insert_note(self, cursor: Any) -> None:
        cursor.execute(
            f"INSERT INTO {NOTES} VALUES (%s, %s, %s)",
            (self._random.choice(("ann", "bob")), self._word() or None, self._random.randrange(3)),
        )

    def _change_note(self, cursor: Any) -> None:
        kind = self._random.random()
        author, n = self._random.choice(("ann", "bob")), self._random.randrange(3)
        if kind < 0.6:
            self._insert_note(cursor)
        elif kind < 0.8:
            cursor.execute(f"UPDATE {NOTES} SET n = n + 1 WHERE author = %s AND n = %s", (author, n))
        else:
            cursor.execute(f"DELETE FROM {NOTES} WHERE author = %s AND n = %s", (author, n))

    def _take(self, keys: list[Any]) -> Any:
        """A key that exists no longer afterwards."""
        place = self._random.randrange(len(keys))
        keys[place], keys[-1] = keys[-1], keys[place]
        return keys.pop()

    def _key(self) -> int:
        self._next += 1
        return self._next

    def _amount(self) -> Decimal | None:
        return self._random.choice((None, Decimal("0.00"), Decimal(self._random.randrange(10**9)) / 100))

    def _word(self) -> str:
        return self._random.choice(_WORDS)


def comparable(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows of any driver in one form: text for everything but NULL, and sorted."""
    return sorted((tuple(_comparable(value) for value in row) for row in rows), key=repr)


def _comparable(value: Any) -> Any:
    if isinstance(value, memoryview | bytearray):
        return bytes(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value
