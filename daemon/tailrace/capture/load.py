"""The full load: chunks of every table, each read in a window and sent at the window's high mark.

One reader, one chunk at a time, between two reads of the stream. A chunk that a crash interrupts is read again: how
far a table is loaded is stored in the same transaction as the chunk's rows.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass

import orjson
import structlog

from tailrace.batch import Batch
from tailrace.capture.window import Window
from tailrace.emitter import Emitter
from tailrace.errors import TableBusyError
from tailrace.position import LOAD_PREFIX, TABLE_PREFIX, load_key
from tailrace.source import Chunk, SnapshotReader, SourceTable

CHUNK_ROWS = 20_000
#: State entry: streamed transactions that were not visible to the last read view (see `Window`), and the epoch of the
#: log that their tokens belong to.
UNSEEN_KEY = "load-unseen"
#: How long a commit may stay invisible after it reached the log before we say so (a commit that waits for a synchronous
#: standby stays invisible for as long as the standby is away).
VISIBILITY_SECONDS = 60.0
#: A table that cannot be read just now is asked for again after these, doubling.
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 0.25, 10.0

log = structlog.get_logger()


@dataclass(slots=True)
class TableLoad:
    """How far one table is loaded; stored under `load:{topic}`.

    Attributes:
        after: the last key sent, the reader's own text; None before the first chunk.
        rows: sent so far.
        total: estimated when the load began.
    """

    done: bool = False
    after: str | None = None
    rows: int = 0
    total: int = 0

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self))


@dataclass(slots=True)
class _Delay:
    """Why a table is not read, and until when (by the monotonic clock)."""

    reason: str
    seconds: float
    until: float


class Load:
    """What is left of the full load of one pipeline.

    Args:
        state: the stream's state store; tables without an entry there are not loaded (see `plan`).
    """

    def __init__(
        self,
        tables: Iterable[SourceTable],
        state: dict[str, bytes],
        reader: SnapshotReader,
        emitter: Emitter,
        limit_bytes: int,
    ) -> None:
        self.tables = {
            table.topic: TableLoad(**orjson.loads(state[load_key(table.topic)]))
            for table in tables
            if load_key(table.topic) in state and table.state == "streaming"
        }
        self._reader = reader
        self._emitter = emitter
        self._limit_bytes = limit_bytes
        self._window = Window()
        self._chunk: Chunk | None = None
        self._delays: dict[str, _Delay] = {}
        unseen = orjson.loads(state.get(UNSEEN_KEY, b'{"epoch":0,"tokens":[]}'))
        self._inherited: list[str] = unseen["tokens"]
        self._inherited_epoch: int = unseen["epoch"]
        self._stored_unseen: list[str] = list(self._inherited)
        self._visible_until = time.monotonic() + VISIBILITY_SECONDS
        self._trace()

    @staticmethod
    def plan(tables: Iterable[SourceTable]) -> dict[str, bytes]:
        """The state entries that make a first start load these tables."""
        return {
            load_key(table.topic): TableLoad(total=table.estimated_rows).to_json()
            for table in tables
            if table.state == "streaming"
        }

    @property
    def done(self) -> bool:
        return all(table.done for table in self.tables.values())

    @property
    def waiting(self) -> bool:
        """A chunk has been read and waits for the stream to reach its high mark."""
        return self._chunk is not None

    @property
    def delayed(self) -> str:
        """Why a table cannot be read just now; "" where nothing is in the way."""
        return next((delay.reason for topic, delay in self._delays.items() if topic in self.tables), "")

    def observe(self, batch: Batch) -> None:
        """Before a batch is published: remembers which rows it wrote, and which tables' events end with it."""
        if batch.touched:
            self._window.observe(batch.touched)
        self.suspend(suspended_topics(batch.state))

    def suspend(self, topics: Collection[str]) -> None:
        """These tables are not loaded any further."""
        if self.tables.keys().isdisjoint(topics):
            return
        self.tables = {topic: table for topic, table in self.tables.items() if topic not in topics}
        if self._chunk is not None and self._chunk.table.topic in topics:
            self._chunk = None
        self._trace()

    def read(self) -> None:
        """Reads the next chunk, if none is waiting, of a table that can be read now."""
        if self._chunk is not None:
            return
        topic = next((topic for topic, table in self.tables.items() if not table.done and self._is_due(topic)), None)
        if topic is None:
            return
        try:
            if not self._sees_inherited():
                return
            chunk = self._reader.chunk(topic, self.tables[topic].after, CHUNK_ROWS, self._limit_bytes)
        except TableBusyError as error:
            self._delay(topic, error)
            return
        self._delays.pop(topic, None)
        self._window.opened(chunk.view)
        self._chunk = chunk

    def send(self) -> dict[str, bytes]:
        """Hands the waiting chunk to the emitter once the stream has reached its high mark.

        Returns:
            The state entries that become durable with the rows (and with the batch in hand, in any case).
        """
        entries: dict[str, bytes] = {}
        chunk = self._chunk
        if chunk is not None and self._emitter.mark >= chunk.high and not self._emitter.in_transaction:
            self._chunk = None
            if not self._window.stale(chunk):  # else it is read again
                self._send(chunk)
                entries[load_key(chunk.table.topic)] = self.tables[chunk.table.topic].to_json()
        elif self._window.crowded:
            self._chunk = None  # it is read again
        unseen = self._inherited + self._window.unseen if not self.done else []
        if unseen != self._stored_unseen:
            self._stored_unseen = unseen
            epoch = self._inherited_epoch if self._inherited else self._emitter.epoch
            entries[UNSEEN_KEY] = orjson.dumps({"epoch": epoch, "tokens": unseen})
        return entries

    def _send(self, chunk: Chunk) -> None:
        rows = list(self._window.remaining(chunk))
        self._emitter.snapshot_rows(chunk.table, rows, self._emitter.mark, chunk.fields)
        table = self.tables[chunk.table.topic]
        table.after = chunk.after if chunk.after is not None else table.after
        table.rows += len(rows)
        table.done = chunk.after is None
        if table.done:
            log.info("table loaded", table=str(chunk.table.schema.name), rows=table.rows)
            self._trace()

    def whole(self, topic: str) -> Iterable[Chunk]:
        """The chunks of a keyless table, as it was at the start position."""
        return self._reader.whole(topic, self._limit_bytes)

    def close(self) -> None:
        self._reader.close()

    def _trace(self) -> None:
        self._emitter.traced = frozenset(topic for topic, table in self.tables.items() if not table.done)

    def _is_due(self, topic: str) -> bool:
        return topic not in self._delays or time.monotonic() >= self._delays[topic].until

    def _delay(self, topic: str, error: TableBusyError) -> None:
        """The table is left for a while: the log, with the changes of all others, must not wait for it."""
        last = self._delays.get(topic)
        seconds = min(last.seconds * 2, LONGEST_DELAY_SECONDS) if last is not None else FIRST_DELAY_SECONDS
        reason = f"{topic} cannot be loaded just now: {error}"
        if last is None or last.reason != reason:
            log.warning("a table cannot be loaded just now", topic=topic, error=str(error))
        self._delays[topic] = _Delay(reason, seconds, time.monotonic() + seconds)

    def _sees_inherited(self) -> bool:
        """Transactions streamed before a restart, whose keys are forgotten, must be visible before we read on.

        On another server their tokens may mean nothing (places in the old server's log). It has committed all of them,
        or the source had not opened: they are given their time to become visible.
        """
        if self._inherited and self._inherited_epoch != self._emitter.epoch:
            if time.monotonic() <= self._visible_until:
                return False
        elif self._inherited and not self._reader.sees_all(self._inherited):
            if time.monotonic() > self._visible_until:
                raise TableBusyError(
                    "transactions that the log holds as committed stay invisible to queries",
                    where="full load",
                    fix="see whether commits wait for a synchronous standby that is away",
                )
            return False
        self._inherited = []
        return True


def loaded_tables(state: dict[str, bytes]) -> dict[str, TableLoad]:
    """All load entries of a state store, by topic; for `status` and `verify`."""
    return {
        key.removeprefix(LOAD_PREFIX): TableLoad(**orjson.loads(value))
        for key, value in state.items()
        if key.startswith(LOAD_PREFIX)
    }


def suspended_topics(state: Mapping[str, bytes]) -> set[str]:
    """The topics whose tables these state entries suspend."""
    return {
        key.removeprefix(TABLE_PREFIX)
        for key, value in state.items()
        if key.startswith(TABLE_PREFIX) and orjson.loads(value)["state"] == "suspended"
    }
