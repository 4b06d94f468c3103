"""A capture loop for tests of the MySQL source: reads, remembers and resumes as the real one, without a stream."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from tailrace.batch import Batch
from tailrace.connectors import Context
from tailrace.position import SCHEMA_PREFIX, TABLE_PREFIX, Position
from tailrace.schema import TableSchema
from tailrace.source import Opened, SnapshotReader
from tailrace_mysql.settings import MySQLSourceSettings
from tailrace_mysql.source import MySQLSource
from tests.servers import Database

DEADLINE_SECONDS = 30.0
PIPELINE = "test"


@dataclass(frozen=True)
class Event:
    """One event as it went into the stream; `value` None for a tombstone."""

    topic: str
    key: bytes | None
    value: dict[str, Any] | None
    raw: bytes | None

    @property
    def op(self) -> str:
        return str(self.value["op"]) if self.value else "tombstone"

    @property
    def source(self) -> dict[str, Any]:
        assert self.value is not None
        source: dict[str, Any] = self.value["source"]
        return source

    @property
    def table(self) -> str:
        return self.topic.rpartition(".")[2]

    def brief(self) -> tuple[str, str, Any, Any]:
        """Table, operation, before and after."""
        if self.value is None:
            return self.table, "tombstone", None, None
        return self.table, self.op, self.value["before"], self.value["after"]

    def after_json(self) -> bytes:
        """The `after` object, byte for byte as it stands in the event."""
        assert self.raw is not None
        start = self.raw.index(b',"after":') + len(b',"after":')
        return self.raw[start : self.raw.index(b',"source":{', start)]


@dataclass
class Capture:
    """What the capture loop and the stream hold between them.

    Args:
        settings: keys of `[source]` besides connector and url.
    """

    database: Database
    mode: str = "full-load-and-cdc"
    settings: dict[str, Any] = field(default_factory=dict)
    url: str = ""
    pipeline: str = PIPELINE
    state: dict[str, bytes] = field(default_factory=dict)
    position: Position | None = None
    events: list[Event] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    source: MySQLSource | None = None
    opened: Opened | None = None

    def create(self) -> MySQLSource:
        settings = MySQLSourceSettings.model_validate(
            {"connector": "mysql", "url": self.url or self.database.url, "heartbeat": "0.2s", **self.settings}
        )
        return MySQLSource(settings, Context(self.pipeline, self.mode, Path()))

    def open(self) -> Opened:
        """Opens the source where the last batch left off."""
        assert self.source is None
        self.source = self.create()
        self.opened = self.source.open(self.position, dict(self.state))
        self.position = self.opened.position
        return self.opened

    def close(self) -> None:
        source, self.source = self.source, None
        if source is not None:
            source.close()

    def reopen(self) -> Opened:
        """As after a restart: only what is stored is known."""
        self.close()
        return self.open()

    def read(self, timeout: float = 0.2, limit_bytes: int = 4 << 20) -> Batch | None:
        assert self.source is not None
        batch = self.source.read(timeout, limit_bytes)
        if batch is not None:
            self.store(batch)
        return batch

    def store(self, batch: Batch) -> None:
        assert self.position is not None
        self.keep(batch)
        self.state.update(batch.state)
        self.position = replace(
            self.position,
            restart=batch.restart,
            delivered=batch.delivered or self.position.delivered,
            mark=batch.mark,
            commit_ts_ms=batch.commit_ts_ms or self.position.commit_ts_ms,
        )

    def keep(self, batch: Batch) -> None:
        """What a batch holds for the stream."""
        self.batches.append(batch)
        for run in batch.runs:
            for key, value in run:
                self.events.append(Event(run.topic, key, orjson.loads(value) if value else None, value))

    def catch_up(self, seconds: float = DEADLINE_SECONDS) -> list[Event]:
        """Reads up to the log's end as it is now; returns what came since the last call."""
        assert self.source is not None
        assert self.position is not None
        known = len(self.events)
        goal = self.source.log_end()
        deadline = time.monotonic() + seconds
        while self.position.mark < goal:
            assert time.monotonic() < deadline, f"stands at {self.position.mark}, the log ends at {goal}"
            self.read()
        return self.events[known:]

    def brief(self) -> list[tuple[str, str, Any, Any]]:
        """`Event.brief` of everything new up to the log's end, tombstones left out."""
        return [event.brief() for event in self.catch_up() if event.value is not None]

    def flush(self) -> None:
        """Stores what the source has recorded without an event (first versions, suspensions)."""
        assert self.opened is not None
        self.store(self.opened.emitter.take())

    def schema(self, table: str, number: int) -> TableSchema:
        """A stored version of a table."""
        return TableSchema.from_json(self.state[f"{SCHEMA_PREFIX}{self.topic(table)}:{number}"])

    def suspension(self, table: str) -> str:
        """Why a table is suspended; "" while it is not."""
        record = self.state.get(f"{TABLE_PREFIX}{self.topic(table)}")
        return str(orjson.loads(record)["reason"]) if record else ""

    def topic(self, table: str) -> str:
        return f"{self.pipeline}.{self.database.name}.{table}"

    def replayed(self, table: str, rows: dict[bytes, dict[str, Any]] | None = None) -> dict[bytes, dict[str, Any]]:
        """The rows that a target has after all events, by key.

        Args:
            rows: what it had before.
        """
        rows = {key: dict(row) for key, row in (rows or {}).items()}
        for event in self.events:
            if event.table != table or event.value is None:
                continue
            key, after = event.key, event.value["after"]
            if event.op in ("c", "r"):
                assert key is not None
                rows[key] = after
            elif event.op == "u":
                assert key is not None
                unchanged = event.source["unchanged"]
                if not unchanged:
                    rows[key] = after
                elif key in rows:  # a missing row stays missing
                    rows[key] = {**rows[key], **{name: after[name] for name in after if name not in unchanged}}
            elif event.op == "d":
                assert key is not None
                rows.pop(key, None)
        return rows

    def stored(self, table: str) -> dict[bytes, dict[str, Any]]:
        """The rows that the source has, by key; read as a load would read them."""
        reader = self.reader()
        found = {key: orjson.loads(row) for key, row in reader.rows(self.topic(table)) if key is not None}
        reader.close()
        return found

    def reader(self) -> SnapshotReader:
        assert self.source is not None
        return self.source.snapshot()


@contextmanager
def capturing(database: Database, **arguments: Any) -> Iterator[Capture]:
    """A capture that is open, and closed at the end."""
    capture = Capture(database, **arguments)
    capture.open()
    try:
        yield capture
    finally:
        capture.close()


def log_place(database: Database) -> tuple[str, int]:
    """Where the server's log ends."""
    mysql = database.server.kind != "mariadb"
    status = database.query("SHOW BINARY LOG STATUS" if mysql else "SHOW MASTER STATUS")[0]
    return str(status[0]), int(status[1])


def log_events(database: Database, since: tuple[str, int]) -> set[str]:
    """The kinds of events in the server's log since a place, as the server names them."""
    file, pos = since
    return {str(row[2]) for row in database.query(f"SHOW BINLOG EVENTS IN '{file}' FROM {pos}")}


def create_t(database: Database) -> None:
    """The table of most tests."""
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20), b DECIMAL(10,2))")
