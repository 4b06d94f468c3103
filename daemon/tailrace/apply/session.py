"""One connection of a stream's reader and a sink, from opening to closing.

The order is the promise: rows and positions reach the target in one transaction; then the stream may forget them. A
sink reads on from the positions in its target, never from a consumer group's offsets.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tailrace import failpoints
from tailrace.apply.batch import Applied, TargetBatch, size_of
from tailrace.apply.change import Change
from tailrace.apply.changes import SchemaCatalog, whole_transactions
from tailrace.apply.continuity import require_not_skipped, require_own_names, same_partitions
from tailrace.apply.intake import Intake
from tailrace.apply.isolation import Isolation
from tailrace.apply.loading import Loading
from tailrace.apply.parking import Parking, Policy, runs
from tailrace.apply.progress import Progress, position_text
from tailrace.apply.requests import Requests
from tailrace.apply.targets import Targets
from tailrace.apply.writing import Writing
from tailrace.dead_letters import DeadLetter
from tailrace.errors import TailraceError, TransactionConflictError, ValueRefusedError
from tailrace.logs import logger
from tailrace.position import POSITION_KEY, Position
from tailrace.report import Control
from tailrace.schema import TableName, TableSchema
from tailrace.sink import Sink, TableWork
from tailrace.stream import Membership, Partition, StreamReader

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

log = logger()


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
        policy: for events that the target refuses; None: they end the session, and nothing is parked.
        membership: of a worker that shares the sink with others: its share is that of one session.
    """

    def __init__(
        self,
        reader: StreamReader,
        sink: Sink,
        selects: Callable[[TableName], bool],
        control: Control,
        progress: Progress,
        memory: int,
        policy: Policy | None = None,
        membership: Membership | None = None,
    ) -> None:
        self._reader = reader
        self._membership = membership
        self._sink = sink
        self._writing = Writing(sink)
        self._selects = selects
        self._control = control
        self._progress = progress
        self._batch_bytes = min(max(memory // MEMORY_SHARE, SMALLEST_BATCH), LARGEST_BATCH)
        self._poll_bytes = self._batch_bytes // 2
        self._catalog: SchemaCatalog
        self._parking = Parking(sink.dead_letters, policy, self._has) if policy is not None else None
        #: Up to where changes are written with care, because the target refused one of them; empty: nowhere.
        self._careful: Mapping[Partition, int] = {}
        self._told: tuple[Mapping[str, tuple[str, int, bool]], Mapping[str, int]] = ({}, {})
        self._committed: dict[Partition, int] = {}
        self._skipped: set[str] = set()
        self._resyncs: dict[str, int] = {}
        self._committed_at = time.monotonic()
        self._conflicts = 0
        self._introduced = False
        self._opened = False
        #: Of this worker's share; None: all.
        self._topics: set[str] | None = None

    def open(self) -> None:
        """Waits for the stream to exist, then takes the sink's positions over; returns early with `control.stop`."""
        waiting = False
        while not self._reader.stream_id:  # capture makes it, and may be slower to start than we are
            if not waiting:
                log.info("there is no stream yet, capture makes it")
                waiting = True
            if self._control.stop.wait(POLL_SECONDS):
                return
            if self._progress.due:
                self._progress.send()
        entries = self._take_over()
        stored = {partition: offset for partition, offset in entries.items() if partition.number >= 0}
        self._skipped = {partition.topic for partition in entries if partition.number == SKIPPED}
        self._resyncs = {partition.topic: number for partition, number in entries.items() if partition.number == RESYNC}
        same_partitions(stored, self._reader.partitions())
        self._catalog = SchemaCatalog(self._reader.schemas, self._control.stop)
        require_not_skipped(self._skipped, self._catalog, self._selects)
        if self._membership is not None:
            require_own_names(self._catalog, self._sink.fold, self._selects)
        self._committed = stored
        if self._parking is not None:
            self._parking.load()
        self._begin()
        self._show_tables()
        self._show_parked()
        self._opened = True
        self._progress.at(self._reader.positions())
        log.info("sink opened", partitions=len(stored))
        failpoints.reached("sink.opened")

    def _take_over(self) -> dict[Partition, int]:
        """What the sink has stored, of this worker's share.

        A worker that was asleep may hold a share that others have been given meanwhile. The question before spares
        these the loss of it. The answer behind counts: who is given the share after it takes it over after us, and
        until then what we write is ours to write.

        Raises:
            OwnershipLostError: it is not this worker's any more.
        """
        membership = self._membership
        if membership is None:
            return self._sink.open(self._reader.stream_id)
        self._topics = {partition.topic for partition in self._reader.partitions()}
        membership.confirm()
        entries = self._sink.open(self._reader.stream_id, self._topics)
        membership.confirm()
        return entries

    def _has(self, topic: str) -> bool:
        """Whether the topic is of this worker's share."""
        return self._topics is None or topic in self._topics

    def _ordered(self, topic: str) -> bool:
        """Whether one partition holds all of a table's changes."""
        return self._reader.total_order or self._intake.partitions_of(topic) == 1

    def _show_tables(self) -> None:
        """Tables that are behind are to be seen before anything of them was applied."""
        if self._topics is not None:
            self._progress.only(self._topics)
        for topic in self._catalog.topics():
            name = self._catalog.versions(topic)[-1].name
            if self._has(topic) and self._selects(name):
                self._progress.table(topic, name)

    def _begin(self) -> None:
        """Reads on from what the target holds, with nothing in hand."""
        self._reader.seek(self._committed)
        self._intake = Intake(self._reader, self._catalog, self._selects, self._committed.keys())
        self._targets = Targets(self._catalog, self._sink.fold)
        parking = self._parking
        held = parking.brought if parking is not None else None
        self._loading = Loading(self._sink, self._resyncs, self._ordered, held)
        self._batch = TargetBatch(self._sink, self._targets, self._loading, self._commit_before, self._writing.wait)
        if parking is not None:
            self._isolation = Isolation(self._sink, self._batch, parking, self._intake.wanted)
        self._beyond: Sequence[Change] = ()
        self._gathered: list[Change] = []
        self._gathered_bytes = 0
        self._gathered_at = 0.0
        self._settled_at = time.monotonic()

    def run(self) -> bool:
        """Until `control.stop`, or, with `control.finish`, until everything is applied that the stream held then.

        Returns:
            False where the sink is held, or its share of the topics is another one: there is more to do, in another
            session.
        """
        goal: Goal | None = None
        over = False
        while not self._control.stop.is_set() and not (over := self._control.held or self._share_changed()):
            if goal is None and self._control.finish.is_set():
                goal = self._goal()
                log.info("catching up", offsets=position_text(goal.ends))
            try:
                if self._parking is not None and self._parking.due:
                    self._act_on_requests()
                if goal is not None and (self._reached(goal.ends) or self._only_a_part_left(goal.ends)):
                    if self._parking is not None and self._parking.total:
                        self._act_on_requests()
                    self._finish(goal)
                    return True
                self._step()
            except TransactionConflictError as error:
                self._again(error)
            except ValueRefusedError as error:
                self._require_own()
                self._take_care(error)
            except TailraceError as error:
                if not error.retryable:
                    self._require_own()
                raise
        if self._opened:
            self._leave()
        return not over

    def _leave(self) -> None:
        try:
            self._flush()
            self._writing.wait()
        except ValueRefusedError as error:
            if not self._bears_refusals:
                raise
            log.warning("a value was refused: the next start looks for its event", error=str(error))

    def _share_changed(self) -> bool:
        return self._membership is not None and self._membership.changed()

    def _require_own(self) -> None:
        """What looks like a fault of the target's rows may be that another worker has changed them meanwhile.

        Raises:
            OwnershipLostError: one has.
        """
        if self._membership is not None:
            self._writing.close()
            self._sink.rollback()
            self._sink.commit({})

    # ---- one step

    def _step(self) -> None:
        slices = self._reader.poll(POLL_SECONDS, self._poll_bytes)
        received = sum(piece.bytes for piece in slices)
        if slices:
            failpoints.reached("apply.polled")
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
        whole = whole_transactions(changes) if self._reader.total_order else len(changes)
        if whole:
            rest = changes[whole:]
            self._add(changes if not rest else changes[:whole], rest)
            self._keep(rest)
        elif self._gathered_bytes >= self._batch_bytes:
            self._add(changes, [])
            self._keep([])
            self._write_part()
        if whole and self._batch.dirty:
            self._commit(self._positions(self._gathered))
        elif not self._batch.dirty:
            self._store_idle_positions()

    def _add(self, changes: list[Change], rest: list[Change]) -> None:
        """Has these gathered for the target; `rest` stays in hand."""
        self._beyond = rest
        parking, wanted = self._parking, self._intake.wanted
        if parking is None:
            self._batch.add(changes, wanted)
        elif self._careful:
            self._add_carefully(changes, rest, parking)
        else:
            for start, end in parking.pieces(changes):
                piece = changes if end - start == len(changes) else changes[start:end]
                self._beyond = [*changes[end:], *rest]
                self._batch.add(parking.divert(piece, wanted), wanted)
                if parking.changed:
                    self._batch.note(piece)

    def _add_carefully(self, changes: list[Change], rest: list[Change], parking: Parking) -> None:
        """Writes these at once; what is refused is parked."""
        self._writing.wait()
        for start, end in runs(changes, self._isolation.met):
            self._beyond = [*changes[end:], *rest]
            self._isolation.write(parking.divert(changes[start:end], self._intake.wanted))
            if parking.changed:
                self._batch.note(changes[start:end])
        positions = self._intake.positions()
        if not rest and all(positions.get(partition, 0) >= offset for partition, offset in self._careful.items()):
            self._careful = {}

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
        self._commit(self._positions([*changes[index:], *self._beyond]))
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
            parked, released = self._parking.take() if self._parking is not None else ([], [])
            write = partial(self._write, work, parked, released, {**moved, **notes})
            stamps, batch.stamps = batch.stamps, {}
            batch.dirty = False
            applied = batch.counted()
            if self._parking is not None:
                applied = self._isolation.counted(applied)
            self._writing.start(write, partial(self._wrote, moved, skipped, resyncs, applied, stamps))

    def _write(
        self,
        work: list[TableWork],
        parked: list[DeadLetter],
        released: list[str],
        positions: Mapping[Partition, int] | None,
    ) -> None:
        """With a commit, where there are positions."""
        if work:
            self._apply(work)
        if parked:
            self._sink.dead_letters.park(parked)
        if released:
            self._sink.dead_letters.release(released)
        if positions is not None:
            self._sink.commit(positions)

    def _apply(self, work: list[TableWork]) -> None:
        failpoints.reached("apply.begin")
        self._sink.apply(work)
        failpoints.reached("apply.done")

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
        failpoints.reached("cursor.begin")
        self._reader.commit(self._committed)
        failpoints.reached("cursor.done")
        self._progress.committed(applied, self._committed, stamps)
        self._show_parked()

    def _write_part(self) -> None:
        """Of a transaction that goes on."""
        work = self._batch.take()
        parked, released = self._parking.take() if self._parking is not None else ([], [])
        if work or parked or released:
            self._writing.start(partial(self._write, work, parked, released, None), lambda: None)

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
            self._writing.ask()
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
        versions = {topic: self._catalog.versions(topic) for topic in self._catalog.topics() if self._has(topic)}
        return Goal(dict(self._reader.ends()), versions)

    def _only_a_part_left(self, ends: Mapping[Partition, int]) -> bool:
        """The stream ends inside a source transaction, whose end will not come before capture runs again."""
        if (
            not self._reader.total_order
            or not (self._gathered or self._batch.dirty)
            or whole_transactions(self._gathered)
        ):
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
        self._undo()
        self._control.stop.wait(0.02 * 2**self._conflicts * random.uniform(0.5, 1.5))
        self._begin()

    def _undo(self) -> None:
        self._sink.rollback()
        self._intake.release()
        if self._parking is not None:
            self._parking.load()

    # ---- refused values

    @property
    def _bears_refusals(self) -> bool:
        return self._parking is not None and self._parking.policy.data != "stop"

    def _take_care(self, error: ValueRefusedError) -> None:
        """The same events once more, so that the one which is refused is found."""
        if not self._bears_refusals or self._careful:
            raise error
        log.warning("the target refused a value: its event is looked for", error=str(error))
        careful = dict(self._intake.positions())
        self._undo()
        self._sink.dead_letters.prepare()
        self._begin()
        self._careful = careful

    def _act_on_requests(self) -> None:
        """What somebody wants of parked events; waits for the end of a transaction that is written in parts."""
        parking = self._parking
        if parking is None or self._batch.dirty or parking.changed:
            return
        self._writing.wait()
        Requests(
            self._sink,
            self._batch,
            self._targets,
            self._catalog,
            parking,
            self._latest,
            lambda partition, offset: self._committed.get(partition, 0) > offset,
            self._batch_bytes,
        ).act()
        told = self._told
        self._show_parked()
        if self._told is not told:  # who has asked looks at the status next
            self._progress.send()

    def _latest(self, topic: str) -> list[TableSchema] | None:
        """The versions of a topic, where all that was announced of them is applied."""
        goal = self._goal()
        return goal.versions.get(topic) if self._idle() and self._reached(goal.ends) else None

    def _show_parked(self) -> None:
        if self._parking is None:
            return
        told = self._parking.counts(), dict(self._parking.skipped)
        if told != self._told:
            self._told = told
            self._progress.parked(*told)

    def close(self) -> None:
        """Undoes what was not committed."""
        self._writing.close()
        with contextlib.suppress(Exception):  # the connection may be what ended the session
            self._sink.rollback()
