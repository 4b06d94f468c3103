"""The demo's data, and changes that go on while the pipeline runs."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

PRODUCTS = 5_000
#: Transactions a second: lively, and far from what either side can do.
RATE = 150


def postgres_tables(orders: int) -> tuple[str, ...]:
    return (
        "CREATE TABLE products (id int PRIMARY KEY, name text NOT NULL,"
        " price numeric(10,2) NOT NULL, stock int NOT NULL)",
        "CREATE TABLE orders (id bigint PRIMARY KEY, customer varchar(40) NOT NULL, product int NOT NULL,"
        " amount numeric(12,2) NOT NULL, placed timestamptz NOT NULL, note text, paid boolean NOT NULL)",
        f"INSERT INTO products SELECT i, 'product ' || i, (i % 997) + 0.99, 1000 FROM generate_series(1, {PRODUCTS}) i",
        f"INSERT INTO orders SELECT i, 'customer ' || i % 5000, 1 + i % {PRODUCTS}, (i % 99991) / 100.0,"
        " timestamptz '2026-01-01 00:00:00+00' + i * interval '7 seconds',"
        " CASE WHEN i % 3 = 0 THEN 'gift — ✓' END, i % 2 = 0"
        f" FROM generate_series(1, {orders}) i",
    )


def mariadb_tables(orders: int) -> tuple[str, ...]:
    return (
        "CREATE TABLE products (id INT PRIMARY KEY, name TEXT NOT NULL,"
        " price DECIMAL(10,2) NOT NULL, stock INT NOT NULL)",
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, customer VARCHAR(40) NOT NULL, product INT NOT NULL,"
        " amount DECIMAL(12,2) NOT NULL, placed DATETIME(6) NOT NULL, note TEXT, paid TINYINT(1) NOT NULL)",
        f"INSERT INTO products SELECT seq, CONCAT('product ', seq), (seq % 997) + 0.99, 1000 FROM seq_1_to_{PRODUCTS}",
        f"INSERT INTO orders SELECT seq, CONCAT('customer ', seq % 5000), 1 + seq % {PRODUCTS}, (seq % 99991) / 100,"
        " '2026-01-01' + INTERVAL seq * 7 SECOND, IF(seq % 3 = 0, 'gift — ✓', NULL), seq % 2"
        f" FROM seq_1_to_{orders}",
    )


class LiveChanges(threading.Thread):
    """Mixed transactions on a connection of its own, until told to stop.

    Args:
        orders: rows that are there already, numbered from 1.

    Attributes:
        transactions, rows: done so far.
    """

    def __init__(self, connect: Callable[[], Any], orders: int) -> None:
        super().__init__(name="changes", daemon=True)
        self._connect = connect
        self._ended = threading.Event()
        self._random = random.Random(42)
        self._next = orders
        self.transactions = 0
        self.rows = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            connection = self._connect()
            connection.autocommit(False) if callable(connection.autocommit) else setattr(
                connection, "autocommit", False
            )
            started = time.monotonic()
            while not self._ended.wait(max(0.0, started + self.transactions / RATE - time.monotonic())):
                with connection.cursor() as cursor:
                    self.rows += self._transaction(cursor)
                connection.commit()
                self.transactions += 1
            connection.close()
        except BaseException as error:
            self.error = error

    def end(self) -> None:
        self._ended.set()
        self.join(timeout=30)
        if self.error is not None:
            raise self.error

    def _transaction(self, cursor: Any) -> int:
        """A sale of a few items; now and then a repricing, a cancellation, a renumbered order."""
        product = self._random.randint(1, PRODUCTS)
        kind = self._random.random()
        if kind < 0.6:
            count = self._random.randint(1, 5)
            for _ in range(count):
                self._next += 1
                cursor.execute(
                    "INSERT INTO orders VALUES (%s, %s, %s, %s, '2026-11-23 12:00:00.123456', %s, %s)",
                    (self._next, f"customer {self._next % 5000}", product, self._next % 9999 / 100, "live", kind < 0.3),
                )
            cursor.execute("UPDATE products SET stock = stock - %s WHERE id = %s", (count, product))
            return count + 1
        order = self._random.randint(1, self._next)
        if kind < 0.8:
            cursor.execute("UPDATE orders SET note = 'changed', amount = amount + 1 WHERE id = %s", (order,))
        elif kind < 0.9:
            cursor.execute("DELETE FROM orders WHERE id = %s", (order,))
        elif kind < 0.95:
            self._next += 1
            cursor.execute("UPDATE orders SET id = %s WHERE id = %s", (self._next, order))
        else:
            low = product - product % 50
            cursor.execute("UPDATE products SET price = price + 0.01 WHERE id BETWEEN %s AND %s", (low, low + 49))
        return int(max(cursor.rowcount, 0))
