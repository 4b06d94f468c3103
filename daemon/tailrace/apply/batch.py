"""Turns changes into a target's work, and calls the sink in the right order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tailrace.apply.changes import SCHEMA_CHANGE, Change
from tailrace.apply.compaction import TableCompaction
from tailrace.apply.targets import Targets
from tailrace.schema import TableName
from tailrace.sink import Sink, TargetTable


@dataclass(slots=True)
class Applied:
    """Events of one table, and their bytes."""

    table: TableName
    events: int = 0
    bytes: int = 0


class TargetBatch:
    """Applies changes within the open target transaction.

    Args:
        commit_before: ends the transaction with the positions before the given index of the changes in hand; for
            sinks whose DDL ends it anyway, but without the positions.
    """

    def __init__(self, sink: Sink, targets: Targets, commit_before: Callable[[Sequence[Change], int], None]) -> None:
        self._sink = sink
        self._targets = targets
        self._commit_before = commit_before
        self._tables: dict[str, TableCompaction] = {}
        #: Something was written since the last commit.
        self.dirty = False
        self._applied: dict[str, Applied] = {}

    def apply(self, changes: Sequence[Change], wanted: Callable[[Change], bool]) -> None:
        for index, change in enumerate(changes):
            if not wanted(change):
                continue
            moved = self._targets.meet(change)
            if moved is not None:
                self._move(*moved, changes, index)
            topic = change.schema.topic
            applied = self._applied.get(topic)
            if applied is None:
                applied = self._applied[topic] = Applied(change.schema.name)
            applied.events += 1
            applied.bytes += change.size
            if change.op == SCHEMA_CHANGE:
                continue
            table = self._tables.get(topic)
            if table is None:
                table = self._tables[topic] = TableCompaction(self._targets.current(topic))
            table.add(change, self._targets.row_map(change))
        self._write()

    def counted(self) -> dict[str, Applied]:
        """What was applied since the last call, by topic."""
        applied, self._applied = self._applied, {}
        return applied

    def _move(self, target: TargetTable, previous: TargetTable | None, changes: Sequence[Change], index: int) -> None:
        if previous is not None:
            self._write()  # rows of the old version go into the table as it was
        if not self._sink.transactional_ddl and self.dirty:
            self._write()
            self._commit_before(changes, index)
        self._sink.ensure(target, previous)
        self.dirty = True

    def _write(self) -> None:
        work = [table.work() for table in self._tables.values()]
        self._tables.clear()
        if work:
            self.dirty = True
            self._sink.apply(work)
