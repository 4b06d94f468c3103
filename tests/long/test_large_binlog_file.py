"""A binlog file of more than 4 GiB, which one transaction makes, because no server splits it: event headers, and the
command that asks for the log, have 32 bits for a place in it.

Some 8 GB of disk for a server at a time.
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from tailrace.batch import Batch
from tailrace.position import Position
from tailrace_mysql.restart import Restart
from tests import servers
from tests.integration.mysql_capture import Capture, capturing, log_place
from tests.servers import Database, wait_until

#: Rows of the large transaction, and how often it changes them all: an update logs a row twice.
ROWS, VALUE_BYTES, UPDATES = 40, 10_000_000, 5
#: Transactions behind it in the same file, each too large to be met in one go with another one.
SMALL, SMALL_BYTES = 5, 60_000
BEYOND = 1 << 32
SECONDS = 900.0

#: MariaDB reads on by GTID, MySQL by GTID, and MySQL without GTIDs by file and position.
OPTIONS: dict[str, dict[str, Any]] = {
    "mariadb": {"innodb-log-file-size": "512M"},
    "mysql": {"innodb-redo-log-capacity": "1G"},
    "mysql-defaults": {"innodb-redo-log-capacity": "1G"},
}


class Seen(NamedTuple):
    """What is kept of an event."""

    seq: str
    file: str
    pos: int
    tx_end: bool
    op: str
    table: str
    id: int
    n: int
    before: str
    after: str

    @classmethod
    def of(cls, topic: str, event: dict[str, Any]) -> Seen:
        source, before, after = event["source"], event["before"], event["after"]
        place = (source["tailrace_seq"], source["file"], source["pos"], source["tx_end"])
        values = ("" if row is None else hashlib.sha256(row["v"].encode()).hexdigest() for row in (before, after))
        return cls(*place, event["op"], topic.rpartition(".")[2], after["id"], after["n"], *values)


@dataclass
class Digest(Capture):
    """Keeps no values, and the position after each batch with the number of events until then."""

    seen: list[Seen] = field(default_factory=list)
    stood: list[tuple[Position, int]] = field(default_factory=list)

    def keep(self, batch: Batch) -> None:
        for run in batch.runs:
            self.seen += [Seen.of(run.topic, orjson.loads(value)) for _, value in run if value]

    def store(self, batch: Batch) -> None:
        super().store(batch)
        assert self.position is not None
        self.stood.append((self.position, len(self.seen)))

    def read(self, timeout: float = 0.2, limit_bytes: int = 1) -> Batch | None:
        """Batches as small as they can be."""
        return super().read(timeout, limit_bytes)


def small(database: Database, number: int) -> None:
    """A small transaction, from a client of its own."""
    with closing(database.server.connect(database.name)) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO small VALUES (%s, 0, REPEAT(%s, %s))", (number, chr(97 + number), SMALL_BYTES))


class Clients:
    """Work that waits for one another, each part in a thread."""

    def __init__(self) -> None:
        self._errors: list[BaseException] = []
        self._threads: list[threading.Thread] = []

    def begin(self, work: Any, *arguments: Any) -> None:
        def run() -> None:
            try:
                work(*arguments)
            except BaseException as error:
                self._errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def end(self) -> None:
        for thread in self._threads:
            thread.join(SECONDS)
            assert not thread.is_alive()
        assert self._errors == []


def write(database: Database) -> None:
    """The large transaction, and the small ones behind it, in one file of the log.

    A server turns to another file after the group of commits that made this one too long, so the small ones have to be
    of that group.
    """
    server = database.server
    file, _ = log_place(database)
    clients = Clients()
    with closing(server.connect(database.name, autocommit=False)) as connection, connection.cursor() as cursor:
        for number in range(ROWS):
            text = f"row {number}; "
            times = VALUE_BYTES // len(text)
            cursor.execute("INSERT INTO large VALUES (%s, 0, REPEAT(%s, %s))", (number, text, times))
        for _ in range(UPDATES):
            cursor.execute("UPDATE large SET n = n + 1")
        if server.kind == "mariadb":
            server.query(f"SET GLOBAL binlog_commit_wait_count = {1 + SMALL}")
            server.query("SET GLOBAL binlog_commit_wait_usec = 600000000")
            clients.begin(connection.commit)
            wait_until(lambda: waits_in_commit(database), 60, "the large transaction waits for the small ones")
        else:
            server.query("SET GLOBAL binlog_group_commit_sync_delay = 1000000")
            clients.begin(connection.commit)
            log = Path(server.folder) / "data" / file
            wait_until(lambda: log.stat().st_size > 1 << 30, 300, "the large transaction is on its way into the log")
        for number in range(SMALL):
            clients.begin(small, database, number)
        clients.end()
    if server.kind == "mariadb":
        server.query("SET GLOBAL binlog_commit_wait_count = 0")
    else:
        server.query("SET GLOBAL binlog_group_commit_sync_delay = 0")


def waits_in_commit(database: Database) -> bool:
    """Whether a COMMIT has been under way for so long that it stands first in its group."""
    sql = "SELECT 1 FROM information_schema.processlist WHERE state = 'Commit' AND info = 'COMMIT' AND time_ms > 500"
    return bool(database.server.query(sql))


@pytest.mark.parametrize("kind", OPTIONS)
def test_a_file_of_more_than_4_gib_is_read_to_its_end_and_again_from_a_place_behind_4_gib(kind: str) -> None:
    options = {"innodb-buffer-pool-size": "512M", "max-allowed-packet": "64M", **OPTIONS[kind]}
    with servers.start(kind, options) as server, server.database() as database, ExitStack() as stack:
        for table in ("large", "small"):
            database.execute(f"CREATE TABLE {table} (id INT PRIMARY KEY, n INT, v LONGTEXT)")
        capture = Digest(database, mode="cdc")
        stack.callback(capture.close)
        capture.open()
        write(database)
        capture.catch_up(SECONDS)
        seen = list(capture.seen)

        # Everything, once, in order, and exact.
        large = [event for event in seen if event.table == "large"]
        small_ones = [event for event in seen if event.table == "small"]
        assert seen == large + small_ones
        assert len({event.seq for event in seen}) == len(seen)
        assert sorted(seen) == seen
        stored = {row[0]: row[1:] for row in database.query("SELECT id, n, SHA2(v, 256) FROM large")}
        assert stored.keys() == set(range(ROWS))
        assert [(event.op, event.id, event.n) for event in large] == [
            ("u" if round_ else "c", number, round_) for round_ in range(UPDATES + 1) for number in range(ROWS)
        ]
        for event in large:
            assert event.after == stored[event.id][1]
            assert event.before == (event.after if event.op == "u" else "")
        assert {n for n, _ in stored.values()} == {UPDATES}
        assert [event.tx_end for event in large].count(True) == 1
        assert large[-1].tx_end
        stored = {row[0]: row[1] for row in database.query("SELECT id, SHA2(v, 256) FROM small")}
        assert {event.id: event.after for event in small_ones} == stored
        assert len(stored) == SMALL

        # They do stand there.
        assert {event.file for event in seen} == {large[0].file}
        assert [event.pos for event in seen] == sorted(event.pos for event in seen)
        assert small_ones[0].pos > large[-1].pos > BEYOND

        # From places behind 4 GiB on: nothing is lost, nothing comes twice.
        beyond = [
            (position, known)
            for position, known in capture.stood
            if Restart.from_text(position.restart).file == large[0].file
            and Restart.from_text(position.restart).pos > BEYOND
            and len(large) <= known < len(seen)
        ]
        assert len(beyond) == SMALL, "a place before each of the small ones"
        for position, known in (beyond[0], beyond[-2]):
            capture.close()
            capture.position = position
            capture.seen.clear()
            capture.open()
            capture.catch_up(SECONDS)
            assert capture.seen == seen[known:]

        # And on in the next file; whoever starts behind it all begins there.
        with capturing(database, mode="cdc", pipeline="later") as later:
            small(database, SMALL)
            assert [event.value["after"]["id"] for event in later.catch_up() if event.value] == [SMALL]
        capture.seen.clear()
        capture.catch_up()
        assert [event.id for event in capture.seen] == [SMALL]
        assert capture.seen[0].seq > seen[-1].seq
