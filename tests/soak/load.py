"""What works on a source meanwhile: the bank, and rows whose versions only grow. Both outlast the source's outages."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tests.pipelines.bank import Bank, connected
from tests.servers import Database, ServerError

COUNTERS, MARKERS = "counters", "markers"
#: Transactions at a time, and the pause before the next ones.
BANK_TRANSACTIONS, PAUSE_SECONDS = 3, 0.15
ROWS, ROWS_A_TRANSACTION = 300, 20
#: After an error of the source.
RETRY_SECONDS = 0.5
#: A source that fails for so long is no outage of the soak's.
PATIENCE_SECONDS = 120.0


class Counters:
    """Rows that are changed again and again: the sum of their versions in a target never goes back."""

    def __init__(self, database: Database, seed: int) -> None:
        self._database = database
        self._random = random.Random(seed)

    def create(self) -> None:
        self._database.execute(f"CREATE TABLE {COUNTERS} (id BIGINT PRIMARY KEY, version BIGINT NOT NULL)")
        if self._database.server.login.scheme == "postgresql":
            self._database.execute(f"ALTER TABLE {COUNTERS} REPLICA IDENTITY FULL")
        self._database.executemany(f"INSERT INTO {COUNTERS} VALUES (%s, 1)", [(number,) for number in range(ROWS)])

    def work(self) -> None:
        """One transaction."""
        chosen = ", ".join(map(str, self._random.sample(range(ROWS), ROWS_A_TRANSACTION)))
        with (
            contextlib.closing(connected(self._database)) as connection,
            contextlib.closing(connection.cursor()) as cursor,
        ):
            cursor.execute(f"UPDATE {COUNTERS} SET version = version + 1 WHERE id IN ({chosen})")
            connection.commit()


class Markers:
    """Rows by which it is seen how far the targets are."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last = 0

    def create(self) -> None:
        self._database.execute(f"CREATE TABLE {MARKERS} (id BIGINT PRIMARY KEY)")

    def write(self) -> int:
        """One more; its number.

        Raises:
            Exception: of the driver: the source does not answer; perhaps it is there, perhaps not.
        """
        self._last += 1
        with (
            contextlib.closing(connected(self._database)) as connection,
            contextlib.closing(connection.cursor()) as cursor,
        ):
            cursor.execute(f"INSERT INTO {MARKERS} VALUES (%s)", (self._last,))
            connection.commit()
        return self._last


@contextmanager
def working(bank: Bank, counters: Counters) -> Iterator[None]:
    """Both work while the block runs, each in a thread of its own.

    Raises:
        ServerError: one of them could not, for too long.
    """
    done = threading.Event()
    failed: list[BaseException] = []

    def work(act: Callable[[], None], settle: Callable[[], None] | None) -> None:
        tries = 0
        unsettled = False
        while not done.wait(RETRY_SECONDS if tries else PAUSE_SECONDS):
            try:
                if unsettled and settle is not None:
                    settle()
                unsettled = False
                act()
                tries = 0
            except Exception as error:  # drivers raise many kinds when a server goes away
                unsettled = True
                tries += 1
                if tries * RETRY_SECONDS > PATIENCE_SECONDS:
                    failed.append(error)
                    return
        if unsettled and settle is not None:
            settle()

    threads = [
        threading.Thread(target=work, args=(lambda: bank.work(BANK_TRANSACTIONS), bank.settle), name="bank"),
        threading.Thread(target=work, args=(counters.work, None), name="counters"),
    ]
    with beside(threads, done):
        yield
    if failed:
        raise ServerError(f"the load has failed: {failed[0]!r}") from failed[0]


@contextmanager
def beside(threads: Sequence[threading.Thread], done: threading.Event) -> Iterator[None]:
    """They run beside the block, at whose end `done` tells them so."""
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()
