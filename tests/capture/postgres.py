"""A collecting loop around `PostgresSource`: what the capture worker does, with a dictionary as the stream."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from tailrace.batch import Batch
from tailrace.config.table_settings import TableSettings
from tailrace.connectors import Context
from tailrace.emitter import Emitter
from tailrace.position import POSITION_KEY, TABLE_PREFIX, Position
from tailrace.schema import TableSchema
from tailrace.source import Chunk, Opened
from tailrace_postgres.settings import PostgresSourceSettings
from tailrace_postgres.snapshot import PostgresSnapshotReader
from tailrace_postgres.source import PostgresSource
from tests.capture.chunks import read_chunk
from tests.servers import Database

#: The oldest and the newest version that is promised; `make test-all` takes those between them too.
VERSIONS = ["postgres15", "postgres18"]
if os.environ.get("TAILRACE_TEST_MATRIX") == "all":
    VERSIONS.insert(1, "postgres16")
PIPELINE = "test"
_DEADLINE = 60.0


@dataclass(frozen=True)
class Event:
    """One record that left the source."""

    topic: str
    key: Any
    value: dict[str, Any] | None
    raw: bytes | None

    @property
    def table(self) -> str:
        return self.topic.rpartition(".")[2]

    @property
    def op(self) -> str:
        return "tombstone" if self.value is None else str(self.value["op"])

    @property
    def before(self) -> Any:
        assert self.value is not None
        return self.value["before"]

    @property
    def after(self) -> Any:
        assert self.value is not None
        return self.value["after"]

    @property
    def source(self) -> dict[str, Any]:
        assert self.value is not None
        found: dict[str, Any] = self.value["source"]
        return found

    @property
    def short(self) -> tuple[Any, ...]:
        """Operation, key, before, after."""
        if self.value is None:
            return ("tombstone", self.key)
        return (self.op, self.key, self.before, self.after)

    @property
    def row_text(self) -> bytes:
        """The row object of `after`, as it stands in the event."""
        assert self.raw is not None
        start = self.raw.index(b',"after":') + len(b',"after":')
        return self.raw[start : self.raw.index(b',"source":')]


def inserts_only(match: str) -> TableSettings:
    """A `[[tables]]` entry."""
    return TableSettings(match=match, inserts_only=True)


@dataclass
class Capture:
    """One pipeline's capture.

    Attributes:
        state: the stream's state store.
        events: all that was delivered.
        batches: sizes in bytes of the batches that had events.
    """

    database: Database
    tables: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    mode: str = "full-load-and-cdc"
    entries: tuple[TableSettings, ...] = ()
    url: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    state: dict[str, bytes] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    acknowledges: bool = True
    opened: Opened = field(init=False)
    source: PostgresSource = field(init=False)

    def create(self) -> PostgresSource:
        settings = PostgresSourceSettings.model_validate(
            {
                "connector": "postgres",
                "url": self.url or self.database.url,
                "tables": list(self.tables),
                "exclude": list(self.exclude),
                "heartbeat": "0.3s",
                **self.options,
            }
        )
        # Slots belong to the server, and tests have databases of their own on one server.
        pipeline = f"{PIPELINE}_{self.database.name}"[:45].strip("_")
        return PostgresSource(
            settings,
            Context(
                pipeline=pipeline,
                mode=self.mode,
                state_dir=Path(tempfile.gettempdir()),
                topic=PIPELINE + ".{schema}.{table}",
                tables=self.entries,
            ),
        )

    def __enter__(self) -> Capture:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> Opened:
        self.source = self.create()
        try:
            stored = self.state.get(POSITION_KEY)
            self.opened = self.source.open(Position.from_json(stored) if stored else None, dict(self.state))
        except BaseException:
            self.source.close()
            raise
        if not stored:
            self._store(self.opened.emitter.take(), self.opened.position)
        return self.opened

    def close(self) -> None:
        self.source.close()

    def reopen(self) -> Opened:
        self.close()
        return self.open()

    @property
    def emitter(self) -> Emitter:
        return self.opened.emitter

    @property
    def position(self) -> Position:
        return Position.from_json(self.state[POSITION_KEY])

    @property
    def slot(self) -> str:
        return self.source._slot

    @property
    def publication(self) -> str:
        return self.source._publication

    # ---- reading

    def step(self, timeout: float = 0.2, limit_bytes: int = 1 << 20) -> Batch | None:
        """One read; what it brings is stored, then acknowledged."""
        batch = self.source.read(timeout, limit_bytes)
        if batch is not None:
            position = self.position
            self._store(
                batch,
                replace(
                    position,
                    restart=batch.restart,
                    delivered=batch.delivered or position.delivered,
                    mark=batch.mark,
                    commit_ts_ms=batch.commit_ts_ms or position.commit_ts_ms,
                ),
            )
            if self.acknowledges:
                self.source.acknowledge(self.position)
        return batch

    def until(self, condition: Callable[[], bool], limit_bytes: int = 1 << 20) -> None:
        deadline = time.monotonic() + _DEADLINE
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come true"
            self.step(limit_bytes=limit_bytes)

    def catch_up(self, limit_bytes: int = 1 << 20) -> list[Event]:
        """Reads to the log's end; the events that this brought."""
        known = len(self.events)
        goal = self.source.log_end()
        self.until(lambda: self.position.mark >= goal, limit_bytes)
        return self.events[known:]

    def changes(self, *tables: str) -> list[tuple[Any, ...]]:
        """`catch_up`, in short form, of some tables, without tombstones."""
        found = self.catch_up()
        return [event.short for event in found if event.op != "tombstone" and (not tables or event.table in tables)]

    def reader(self) -> PostgresSnapshotReader:
        return self.source.snapshot()

    def load(self, table: str, limit_rows: int = 1000, limit_bytes: int = 1 << 20) -> list[tuple[Any, Any]]:
        """All rows of a table by chunks, as JSON values; nothing else is going on."""
        reader = self.reader()
        rows: list[tuple[Any, Any]] = []
        try:
            for chunk in self.chunks(reader, table, limit_rows, limit_bytes):
                rows += [(orjson.loads(key or b"null"), orjson.loads(row)) for key, row in chunk.rows]
        finally:
            reader.close()
        return rows

    def chunks(
        self, reader: PostgresSnapshotReader, table: str, limit_rows: int, limit_bytes: int = 1 << 20
    ) -> Iterable[Chunk]:
        after: str | None = None
        while True:
            chunk = read_chunk(reader, self.topic(table), after, limit_rows, limit_bytes)
            yield chunk
            after = chunk.after
            if after is None:
                return

    @staticmethod
    def topic(table: str) -> str:
        return f"{PIPELINE}.{table if '.' in table else 'public.' + table}"

    def confirmed(self) -> int:
        """The slot's confirmed position at the server."""
        found = self.database.value(
            "SELECT confirmed_flush_lsn - '0/0'::pg_lsn FROM pg_replication_slots WHERE slot_name = %s", (self.slot,)
        )
        return int(found)

    def _store(self, batch: Batch, position: Position) -> None:
        self.state.update(batch.state)
        self.state[POSITION_KEY] = position.to_json()
        if batch.events:
            self.batches.append(batch.bytes)
        for run in batch.runs:
            for key, value in run:
                self.events.append(
                    Event(
                        run.topic,
                        orjson.loads(key) if key is not None else None,
                        orjson.loads(value) if value is not None else None,
                        value,
                    )
                )


def versions(capture: Capture, table: str) -> list[TableSchema]:
    """The schema versions of a table in the state, in their order."""
    prefix = f"schema:{capture.topic(table)}:"
    found = [TableSchema.from_json(value) for key, value in capture.state.items() if key.startswith(prefix)]
    return sorted(found, key=lambda schema: schema.id)


def suspended(capture: Capture) -> dict[str, str]:
    """Reasons by table, of those suspended in the state."""
    return {
        key.rpartition(".")[2]: orjson.loads(value)["reason"]
        for key, value in capture.state.items()
        if key.startswith(TABLE_PREFIX)
    }
