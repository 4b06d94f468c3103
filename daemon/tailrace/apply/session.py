"""One connection of a stream's reader and a sink, from opening to closing.

The order is the promise: rows and positions reach the target in one transaction; then the stream may forget them. A
sink reads on from the positions in its target, never from a consumer group's offsets.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from tailrace.apply.batch import Applied, TargetBatch, size_of
from tailrace.apply.change import Change
from tailrace.apply.changes import SchemaCatalog
from tailrace.apply.intake import Intake
from tailrace.apply.loading import Loading
from tailrace.apply.progress import Progress, position_text
from tailrace.apply.targets import Targets
from tailrace.apply.writing import Writing
from tailrace.errors import DataLossError, StuckError, TransactionConflictError
from tailrace.position import POSITION_KEY, Position
from tailrace.report import Control
from tailrace.schema import TableName, TableSchema
from tailrace.sink import Sink, TableWork
from tailrace.stream import Partition, StreamReader

POLL_SECONDS = 0.25
#: Under load a target transaction is ended after this time, however little the bound on its bytes is reached.
COMMIT_SECONDS = 0.3
#: Positions that moved without rows for this sink are stored this often, so that the stream may forget.
IDLE_STORE_SECONDS = 1.0
#: Share of the memory bound that one batch of events may take: parsed, compacted and rendered for the target it
#: occupies some ten times its bytes.
MEMORY_SHARE = 32
SMALLEST_BATCH, LARGEST_BATCH = 64 << 10, 16 << 20
#: In place of a partition's number: changes of this topic have gone by, because the sink did not take the table.
SKIPPED = -2
#: The same, of a load that removes rows which it does not bring (`Loading.notes`); 0 when it is over.
RESYNC = -3
#: Partitions that wait at a control event while no record comes are looked into this often: it takes the state store.
HELD_SECONDS = 5.0
#: Lost deadlocks in a row before everything is opened anew.
CONFLICTS = 8

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Goal:
    """What the stream held at some moment.

    Attributes:
        ends: the end offset of each partition.
        versions: the schema versions of each topic.
    """

    ends: Mapping[Partition, int]
    versions: Mapping[str, list[TableSchema]]


class Session:
    """Applies until told to stop, or until an error ends the session.

    Args:
        selects: whether the sink takes this table.
        memory: bytes for buffers.
    """

    def __init__(
        self,
        reader: StreamReader,
        sink: Sink,
        selects: Callable[[TableName], bool],
        control: Control,
        progress: Progress,
        memory: int,
    ) -> None:
        self._reader = reader
        self._sink = sink
        self._writing = Writing(sink)
        self._selects = selects
        self._control = control
        self._progress = progress
        self._batch_bytes = min(max(memory // MEMORY_SHARE, SMALLEST_BATCH), LARGEST_BATCH)
        self._poll_bytes = self._batch_bytes // 2
        self._catalog: SchemaCatalog
        self._committed: dict[Partition, int] = {}
        self._skipped: set[str] = set()
        self._resyncs: dict[str, int] = {}
        self._committed_at = time.monotonic()
        self._conflicts = 0
        self._introduced = False
        self._opened = False

    def open(self) -> None:
        """Waits for the stream to exist, then takes the sink's positions over; returns early with `control.stop`."""
        while not self._reader.stream_id:  # capture makes it, and may be slower to start than we are
            if self._control.stop.wait(POLL_SECONDS):
                return
            if self._progress.due:
                self._progress.send()
        entries = self._sink.open(self._reader.stream_id)
        stored = {partition: offset for partition, offset in entries.items() if partition.number >= 0}
        self._skipped = {partition.topic for partition in entries if partition.number == SKIPPED}
        self._resyncs = {partition.topic: number for partition, number in entries.items() if partition.number == RESYNC}
        _same_partitions(stored, self._reader.partitions())
        self._catalog = SchemaCatalog(self._reader.schemas, self._control.stop)
        self._require_not_skipped()
        self._committed = stored
        self._begin()
        self._show_tables()
        self._opened = True
        self._progress.at(self._reader.positions())
        log.info("sink opened", partitions=len(stored))

    def _ordered(self, topic: str) -> bool:
        """Whether one partition holds all of a table's changes."""
        return self._reader.total_order or self._intake.partitions_of(topic) == 1

    def _show_tables(self) -> None:
        """Tables that are behind are to be seen before anything of them was applied."""
        for topic in self._catalog.topics():
            name = self._catalog.versions(topic)[-1].name
            if self._selects(name):
                self._progress.table(topic, name)

    def _require_not_skipped(self) -> None:
        for topic in sorted(self._skipped):
            versions = self._catalog.versions(topic)
            if versions and self._selects(versions[-1].name):
                raise StuckError(
                    f"the sink takes {versions[-1].name} only now, and has passed earlier changes of it",
                    where=f"table {versions[-1].name}",
                    fix="give the sink a new name, so that it reads the stream from its beginning, or leave the table"
                    " out of its `tables`",
                )

    def _begin(self) -> None:
        """Reads on from what the target holds, with nothing in hand."""
        self._reader.seek(self._committed)
        self._intake = Intake(self._reader, self._catalog, self._selects, self._committed.keys())
        self._targets = Targets(self._catalog, self._sink.fold)
        self._loading = Loading(self._sink, self._resyncs, self._ordered)
        self._batch = TargetBatch(self._sink, self._targets, self._loading, self._commit_before, self._writing.wait)
        self._gathered: list[Change] = []
        self._gathered_bytes = 0
        self._gathered_at = 0.0
        self._settled_at = time.monotonic()

    def run(self) -> bool:
        """Until `control.stop`, or, with `control.finish`, until everything is applied that the stream held then.

        Returns:
            False where the sink is held: there is more to do, in another session.
        """
        goal: Goal | None = None
        held = False
        while not self._control.stop.is_set() and not (held := self._control.held):
            if goal is None and self._control.finish.is_set():
                goal = self._goal()
                log.info("catching up", offsets=position_text(goal.ends))
            try:
                if goal is not None and (self._reached(goal.ends) or self._only_a_part_left(goal.ends)):
                    self._finish(goal)
                    return True
                self._step()
            except TransactionConflictError as error:
                self._again(error)
        if self._opened:
            self._flush()
            self._writing.wait()
        return not held

    # ---- one step

    def _step(self) -> None:
        slices = self._reader.poll(POLL_SECONDS, self._poll_bytes)
        received = sum(piece.bytes for piece in slices)
        if slices:
            self._progress.state("streaming")
            self._gather(self._intake.take(slices))
        elif self._intake.holding and time.monotonic() - self._settled_at >= HELD_SECONDS:
            self._settle()
        quiet = received < self._poll_bytes // 4
        full = self._gathered_bytes >= self._batch_bytes
        if quiet or full or time.monotonic() - self._gathered_at >= COMMIT_SECONDS:
            self._flush()
        if quiet:
            # Under backlog the next batch is read while the target works; else there is nothing to gain by it.
            self._writing.wait()
        if self._progress.due or not (slices or self._introduced):
            self._report()

    def _gather(self, changes: list[Change]) -> None:
        if changes and not self._gathered:
            self._gathered_at = time.monotonic()
        self._gathered += changes
        self._gathered_bytes += size_of(changes)

    def _settle(self) -> None:
        """Partitions wait for others in which nothing comes: perhaps at the repetition of a control event."""
        record = self._reader.state().get(POSITION_KEY)
        if record is not None:
            self._gather(self._intake.settle(Position.from_json(record), self._reader.ends()))
        self._settled_at = time.monotonic()

    def _flush(self) -> None:
        """Applies what is whole; of a transaction whose end has not come, only what exceeds the bound."""
        changes = self._gathered
        whole = _whole(changes) if self._reader.total_order else len(changes)
        if whole:
            rest = changes[whole:]
            self._batch.add(changes if not rest else changes[:whole], self._intake.wanted)
            self._keep(rest)
        elif self._gathered_bytes >= self._batch_bytes:
            self._batch.add(changes, self._intake.wanted)
            self._keep([])
            self._write_part()
        if whole and self._batch.dirty:
            self._commit(self._positions(self._gathered))
        elif not self._batch.dirty:
            self._store_idle_positions()

    def _keep(self, rest: list[Change]) -> None:
        self._gathered = rest
        self._gathered_bytes = size_of(rest)
        self._gathered_at = time.monotonic()

    def _positions(self, rest: Sequence[Change]) -> dict[Partition, int]:
        """Where the target stands when all but these changes are applied."""
        positions = dict(self._intake.positions())
        for change in reversed(rest):
            positions[change.partition] = change.offset
            positions.update(change.also_at)
        # A table's own partitions stay where they are until the sink takes it: it then has all of its changes.
        return {partition: offset for partition, offset in positions.items() if self._intake.takes(partition)}

    def _commit_before(self, changes: Sequence[Change], index: int) -> None:
        self._commit(self._positions([*changes[index:], *self._gathered[len(changes) :]]))
        self._writing.wait()

    def _commit(self, positions: Mapping[Partition, int]) -> None:
        """Begins to write what was gathered, and to commit it with the positions."""
        self._writing.wait()
        moved = {p: offset for p, offset in positions.items() if self._committed.get(p) != offset}
        skipped = self._intake.skipped - self._skipped
        batch = self._batch
        if moved or skipped or batch.dirty:
            work, resyncs = batch.take(), self._loading.notes
            notes = {Partition(topic, SKIPPED): 0 for topic in skipped}
            notes |= {Partition(topic, RESYNC): number for topic, number in resyncs.items()}
            write = partial(self._write, work, {**moved, **notes})
            stamps, batch.stamps = batch.stamps, {}
            batch.dirty = False
            self._writing.start(write, partial(self._wrote, moved, skipped, resyncs, batch.counted(), stamps))

    def _write(self, work: list[TableWork], positions: Mapping[Partition, int]) -> None:
        if work:
            self._sink.apply(work)
        self._sink.commit(positions)

    def _wrote(
        self,
        moved: Mapping[Partition, int],
        skipped: set[str],
        resyncs: Mapping[str, int],
        applied: Mapping[str, Applied],
        stamps: Mapping[Partition, int],
    ) -> None:
        self._committed.update(moved)
        self._skipped |= skipped
        self._resyncs.update(resyncs)
        self._loading.committed(resyncs)
        self._conflicts = 0
        self._committed_at = time.monotonic()
        self._reader.commit(self._committed)
        self._progress.committed(applied, self._committed, stamps)

    def _write_part(self) -> None:
        """Of a transaction that goes on."""
        if work := self._batch.take():
            self._writing.start(partial(self._sink.apply, work), lambda: None)

    def _store_idle_positions(self) -> None:
        """Records of other tables, tombstones and transaction markers move positions too."""
        finishing = self._control.finish.is_set()
        if not finishing and time.monotonic() - self._committed_at < IDLE_STORE_SECONDS:
            return
        self._writing.wait()
        positions = self._positions(self._gathered)
        if any(self._committed.get(partition) != offset for partition, offset in positions.items()):
            self._commit(positions)

    # ---- standing still

    def _report(self) -> None:
        idle = self._idle()
        if idle:
            self._writing.wait()
        if not idle and not self._progress.due:
            return
        moment = time.monotonic()
        goal = self._goal() if idle and not self._introduced else None
        ends = self._reader.ends() if goal is None else goal.ends
        caught_up = idle and self._reached(ends)
        if goal is not None and caught_up:
            self._introduce(goal)
        self._measure(moment, ends)
        if caught_up:
            self._progress.proven_idle()
            self._progress.state("streaming")
        if self._progress.due:
            self._progress.send()

    def _measure(self, moment: float, ends: Mapping[Partition, int]) -> None:
        """Tells how far the stream goes beyond what the target holds; `moment`: from before it was asked for `ends`."""
        behind = self._reader.lag_bytes(self._committed, ends)
        if not self._reader.total_order:
            if any(size and not self._catalog.versions(partition.topic) for partition, size in behind.items()):
                self._catalog.refresh()
                self._show_tables()
            ends = {partition: end for partition, end in ends.items() if self._intake.takes(partition)}
        self._progress.measured(moment, self._committed, ends, behind, self._reader.total_order)

    def _idle(self) -> bool:
        return not self._gathered and not self._batch.dirty and not self._intake.holding

    def _reached(self, ends: Mapping[Partition, int]) -> bool:
        return all(
            self._committed.get(partition, 0) >= offset
            for partition, offset in ends.items()
            if self._intake.takes(partition)
        )

    def _goal(self) -> Goal:
        # The records first, then the ends: a table whose rows come between the two is met by its rows.
        self._catalog.refresh()
        versions = {topic: self._catalog.versions(topic) for topic in self._catalog.topics()}
        return Goal(dict(self._reader.ends()), versions)

    def _only_a_part_left(self, ends: Mapping[Partition, int]) -> bool:
        """The stream ends inside a source transaction, whose end will not come before capture runs again."""
        if not self._reader.total_order or not (self._gathered or self._batch.dirty) or _whole(self._gathered):
            return False
        positions = self._intake.positions()
        return all(positions.get(partition, 0) >= offset for partition, offset in ends.items())

    def _finish(self, goal: Goal) -> None:
        self._writing.wait()
        if self._gathered or self._batch.dirty:
            # The beginning of a transaction that is none of the goal's is left to the next run; so are tables without
            # rows, because its schema changes are known already, but not applied.
            self._sink.rollback()
            self._batch.dirty = False
        else:
            self._introduce(goal)
        self._measure(time.monotonic(), self._reader.ends())

    def _introduce(self, goal: Goal) -> None:
        """Tables that the stream knows but has no rows of exist in the target too."""
        for versions in goal.versions.values():
            name = versions[-1].name
            if not self._selects(name):
                continue
            self._progress.table(versions[-1].topic, name)
            target = self._targets.introduce(versions)
            if target is not None:
                self._sink.ensure(target, None)
                self._batch.dirty = True
        self._introduced = True
        if self._batch.dirty:
            self._commit(self._positions(self._gathered))
            self._writing.wait()

    # ---- conflicts

    def _again(self, error: TransactionConflictError) -> None:
        """The target undid the transaction: the same events once more, from the positions that it holds."""
        self._conflicts += 1
        if self._conflicts > CONFLICTS:
            raise error
        log.warning("target transaction lost against another", error=str(error), attempt=self._conflicts)
        self._sink.rollback()
        self._intake.release()
        self._control.stop.wait(0.02 * 2**self._conflicts * random.uniform(0.5, 1.5))
        self._begin()

    def close(self) -> None:
        """Undoes what was not committed."""
        self._writing.close()
        with contextlib.suppress(Exception):  # the connection may be what ended the session
            self._sink.rollback()


def _whole(changes: Sequence[Change]) -> int:
    """How many of these changes belong to transactions whose end is among them."""
    for index in range(len(changes) - 1, -1, -1):
        if changes[index].tx_end:
            return index + 1
    return 0


def _same_partitions(stored: Mapping[Partition, int], present: Mapping[Partition, str]) -> None:
    """The partition of a key depends on their number: with another one, order per key is lost.

    Raises:
        DataLossError: a topic that was read is gone.
        StuckError: a topic has another number of partitions than when it was read.
    """
    before = Counter(partition.topic for partition in stored)
    now = Counter(partition.topic for partition in present)
    for topic, had in before.items():
        has = now[topic]
        if has == 0:
            raise DataLossError(
                "the topic is gone from the stream, though this sink has read a part of it",
                where=f"topic {topic}",
                fix="run `tailrace teardown` and load anew",
            )
        if has != had:
            raise StuckError(
                f"the topic had {had} partitions and now has {has}, so that the order of changes to a row is not kept",
                where=f"topic {topic}",
                fix="run `tailrace teardown` and load anew",
            )
