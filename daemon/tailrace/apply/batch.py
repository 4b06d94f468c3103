"""Turns changes into a target's work, and calls the sink in the right order.

Compiled where a compiler is there (`batch.pxd`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tailrace import failpoints
from tailrace.apply.change import SCHEMA_CHANGE, Change
from tailrace.apply.compaction import TableCompaction
from tailrace.apply.loading import Loading
from tailrace.apply.targets import RowMap, Targets
from tailrace.load_mark import LoadMark
from tailrace.schema import TableName, TableSchema
from tailrace.sink import Sink, TableWork, TargetTable
from tailrace.stream import Partition


@dataclass(slots=True)
class Applied:
    """Events of one table, and their bytes."""

    table: TableName
    events: int = 0
    bytes: int = 0


class _Open:
    """A table whose changes are being gathered."""

    def __init__(self, schema: TableSchema, table: TableCompaction, rows: RowMap, applied: Applied) -> None:
        self.schema = schema
        self.table = table
        self.rows = rows
        self.events = 0
        self.size = 0
        self._applied = applied

    def count(self) -> None:
        self._applied.events += self.events
        self._applied.bytes += self.size
        self.events = self.size = 0


class TargetBatch:
    """Turns changes into work for the open target transaction.

    Args:
        commit_before: ends the transaction with the positions before the given index of the changes in hand; for
            sinks whose DDL ends it anyway, but without the positions.
        wait: until the sink may be called.
    """

    def __init__(
        self,
        sink: Sink,
        targets: Targets,
        loading: Loading,
        commit_before: Callable[[Sequence[Change], int], None],
        wait: Callable[[], None],
    ) -> None:
        self._sink = sink
        self._targets = targets
        self._loading = loading
        self._commit_before = commit_before
        self._wait = wait
        self._tables: dict[str, TableCompaction] = {}
        self._open: dict[str, _Open] = {}
        #: Something was written since the last commit, or waits in `take`.
        self.dirty = False
        self._applied: dict[str, Applied] = {}
        #: The time in the newest change of each partition.
        self.stamps: dict[Partition, int] = {}

    def add(self, changes: list[Change], wanted: Callable[[Change], bool]) -> None:
        """Gathers these; where a table must be brought to another version first, writes what came before."""
        last: Change | None = None
        for index in range(len(changes)):
            change: Change = changes[index]
            if last is not None and last.partition is not change.partition:
                self.stamps[last.partition] = last.ts_ms
            last = change
            found: _Open | None = self._open.get(change.schema.topic)
            # A table's present version needs no second look.
            if found is None or found.schema is not change.schema or change.op == SCHEMA_CHANGE:
                if not wanted(change):
                    continue
                found = self._look(change, changes, index)
                if found is None:
                    continue
            found.events += 1
            found.size += change.size
            found.table.add(change, found.rows)
        if last is not None:
            self.stamps[last.partition] = last.ts_ms
        self.dirty = self.dirty or bool(self._tables)

    def note(self, changes: Sequence[Change]) -> None:
        """These count as handed on: some of them were parked, and not added."""
        for change in changes:
            self.stamps[change.partition] = change.ts_ms
        self.dirty = True

    def take(self) -> list[TableWork]:
        """What was gathered and is to be written."""
        for found in self._open.values():
            found.count()
        work = [table.work() for table in self._tables.values()]
        self._tables.clear()
        self._open.clear()
        return work + self._loading.seen(work)

    def counted(self) -> dict[str, Applied]:
        """What was taken since the last call, by topic."""
        applied, self._applied = self._applied, {}
        return applied

    def _look(self, change: Change, changes: Sequence[Change], index: int) -> _Open | None:
        """Where this change goes; None: nowhere, it was a schema change or the mark of a load."""
        moved = self._targets.meet(change)
        if moved is not None and not (change.load is not None and change.load.replaces):
            self._move(*moved, changes, index)
        schema = change.schema
        topic = schema.topic
        applied = self._applied.get(topic)
        if applied is None:
            applied = self._applied[topic] = Applied(schema.name)
        if change.op == SCHEMA_CHANGE:
            applied.events += 1
            applied.bytes += change.size
            if change.load is not None:
                self._mark(change.load, self._targets.current(topic), changes, index)
            return None
        table = self._tables.get(topic)
        if table is None:
            if self._loading.resyncs(topic):
                self._wait()
                self._loading.meet(self._targets.current(topic))
            table = self._tables[topic] = TableCompaction(self._targets.current(topic))
        before = self._open.get(topic)
        if before is not None:
            before.count()
        found = _Open(schema, table, self._targets.row_map(change), applied)
        # An event of an older version may be a step back to that version.
        if schema.id == self._targets.current(topic).version:
            self._open[topic] = found
        else:
            self._open.pop(topic, None)
            applied.events += 1
            applied.bytes += change.size
        return found

    def _move(self, target: TargetTable, previous: TargetTable | None, changes: Sequence[Change], index: int) -> None:
        self._wait()
        if previous is not None:
            self._write()  # rows of the old version go into the table as it was
        self._before_ddl(changes, index)
        failpoints.reached("schema.ensure")
        self._sink.ensure(target, previous)
        failpoints.reached("schema.ensured")
        self.dirty = True

    def _mark(self, load: LoadMark, table: TargetTable, changes: Sequence[Change], index: int) -> None:
        """What came before the mark is written before the sink acts on it."""
        self._wait()
        self._write()
        self._before_ddl(changes, index)
        if load.begins:
            self._loading.begin(table, load)
        else:
            self._loading.end(table, load)
        self.dirty = True

    def _before_ddl(self, changes: Sequence[Change], index: int) -> None:
        if not self._sink.transactional_ddl and self.dirty:
            self._write()
            self._commit_before(changes, index)

    def _write(self) -> None:
        work = self.take()
        if work:
            self.dirty = True
            self._sink.apply(work)


def size_of(changes: list[Change]) -> int:
    """Bytes of these changes."""
    size = 0
    for index in range(len(changes)):
        change: Change = changes[index]
        size += change.size
    return size
