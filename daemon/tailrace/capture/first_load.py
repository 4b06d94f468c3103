"""Tables without a key at a first start: read whole, in a view that equals the start position, before the log is read.

Until the position is stored, a crash starts over: nothing of the log was delivered, and what was of these tables goes
with a truncate event.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

from tailrace import failpoints
from tailrace.batch import Batch
from tailrace.capture.spans import TableLoad
from tailrace.capture.structures import structure_at
from tailrace.capture.throttle import Throttle
from tailrace.config.file import LoadSettings
from tailrace.emitter import Emitter
from tailrace.logs import logger
from tailrace.position import Position, load_key
from tailrace.source import SnapshotReader, SourceTable

log = logger()


@dataclass(frozen=True, slots=True)
class Piece:
    """What is to be published together.

    Attributes:
        load: how far the table's load is with it.
    """

    topic: str
    load: TableLoad
    batch: Batch
    entries: Mapping[str, bytes]


class FirstLoad:
    """The loads of these tables.

    Args:
        position: where streaming will begin.
        chunk_bytes: of rows that are read together.
        marks: sinks are told where the load of each table begins and ends.
    """

    def __init__(
        self,
        reader: SnapshotReader,
        emitter: Emitter,
        position: Position,
        throttle: Throttle,
        settings: LoadSettings,
        chunk_bytes: int,
        marks: bool,
    ) -> None:
        self._reader = reader
        self._emitter = emitter
        self._position = position
        self._throttle = throttle
        self._settings = settings
        self._chunk_bytes = chunk_bytes
        self._marks = marks
        #: The state entries that say that the tables are loaded; to be stored with the position.
        self.done: dict[str, bytes] = {}

    def pieces(self, tables: Sequence[SourceTable], state: Mapping[str, bytes]) -> Generator[Piece]:
        """One table after the other. A piece is read only when it is asked for.

        Args:
            state: of the stream, which tells what an earlier attempt has begun.
        """
        try:
            for table in tables:
                yield from self._table(table, load_key(table.topic) in state)
        finally:
            self._reader.close()

    def _table(self, table: SourceTable, again: bool) -> Generator[Piece]:
        """`again`: an earlier attempt has perhaps sent rows."""
        emitter, position, indexes = self._emitter, self._position, self._settings.indexes
        key = load_key(table.topic)
        load = TableLoad(total=table.estimated_rows, prepare=self._settings.prepare)
        yield Piece(table.topic, load, Batch(), {key: load.to_json()})  # a later attempt must know of this one
        for chunk in self._reader.whole(table.topic, self._chunk_bytes):
            failpoints.reached("load.chunk_read")
            if again:
                emitter.begin(position.mark, 0, chunk.fields)
                emitter.truncate(chunk.table, 0)
                emitter.commit(position.restart, position.mark)
                again = False
            if self._marks and not load.begun:
                structure = structure_at("before", indexes, self._reader, table.topic, load)
                emitter.load_mark(chunk.table, load.begin(emitter.between, structure), chunk.fields)
            emitter.snapshot_rows(chunk.table, chunk.rows, position.mark, chunk.fields)
            load.rows += len(chunk.rows)
            self._throttle.read(max(chunk.read, len(chunk.rows)))
            if self._marks and chunk.after is None:
                structure = structure_at("after", indexes, self._reader, table.topic, load)
                emitter.load_mark(chunk.table, load.end(structure), chunk.fields)
            batch = emitter.take()
            yield Piece(table.topic, load, batch, batch.state)
        load.done = True
        self.done[key] = load.to_json()
        log.info("table loaded", table=str(table.name), rows=load.rows)
