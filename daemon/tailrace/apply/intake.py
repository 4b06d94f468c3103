"""Takes polled records apart: parses, leaves out what the sink does not want, holds partitions at the barrier."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from tailrace.apply.barrier import Barrier, Event
from tailrace.apply.change import Change
from tailrace.apply.changes import SchemaCatalog, parse, take_plain
from tailrace.batch import Run
from tailrace.logs import logger
from tailrace.position import Position
from tailrace.schema import TableName
from tailrace.sequence import SNAPSHOT_ORDINAL, sequence
from tailrace.stream import Partition, Slice, StreamReader

log = logger()


class _Records:
    """Records of one partition that were not taken yet."""

    def __init__(self, piece: Slice) -> None:
        self._runs = list(zip(piece.runs, piece.offsets, strict=True))
        self._run = 0
        self.index = 0

    @property
    def run(self) -> tuple[Run, Sequence[int]] | None:
        """The run in hand, of which records from `index` on are left; None at the end."""
        while self._run < len(self._runs):
            if self.index < len(self._runs[self._run][1]):
                return self._runs[self._run]
            self._run += 1
            self.index = 0
        self._runs.clear()
        return None


class Intake:
    """Changes of the polled records, in an order in which they may be applied.

    Args:
        selects: whether the sink takes this table.
        resumed: partitions that are not read from their beginning.
    """

    def __init__(
        self,
        reader: StreamReader,
        catalog: SchemaCatalog,
        selects: Callable[[TableName], bool],
        resumed: Collection[Partition],
    ) -> None:
        self._reader = reader
        self._catalog = catalog
        self._selects = selects
        self._barrier = Barrier(resumed)
        self._held: dict[Partition, tuple[int, _Records]] = {}
        self._wanted: dict[str, bool] = {}
        self._partitions: dict[str, set[Partition]] = {}
        #: Topics of which changes went by in a stream that is one log: the position is past them, whoever wants them
        #: later.
        self.skipped: set[str] = set()
        self.refresh_partitions()

    def take(self, slices: Iterable[Slice]) -> list[Change]:
        """The changes of these slices, and of partitions that one of them sets free.

        Changes of tables that the sink does not take are among them only where they end a transaction
        (`wanted` tells).
        """
        changes: list[Change] = []
        for piece in slices:
            if piece.partition not in self._partitions.get(piece.partition.topic, ()):
                self.refresh_partitions()
            self._consume(piece.partition, _Records(piece), changes)
        return changes

    def wanted(self, change: Change) -> bool:
        return self._wants(change.schema.topic, change.schema.name)

    def takes(self, partition: Partition) -> bool:
        """Whether a partition is read for this sink; one of a table that nobody has described yet may be."""
        topic = partition.topic
        if self._reader.total_order or not (versions := self._catalog.versions(topic)):
            return True
        return self._wants(topic, versions[-1].name)

    def positions(self) -> Mapping[Partition, int]:
        """Where each partition continues once everything taken so far is applied."""
        positions = dict(self._reader.positions())
        positions.update((partition, offset) for partition, (offset, _) in self._held.items())
        return positions

    @property
    def holding(self) -> bool:
        return bool(self._held)

    def release(self) -> None:
        """Lets the reader go on everywhere; what was held is forgotten, to be read anew."""
        for partition in self._held:
            self._reader.resume(partition)
        self._held.clear()

    def settle(self, position: Position, ends: Mapping[Partition, int]) -> list[Change]:
        """The changes of partitions that wait at the repetition of a control event.

        Args:
            position: where capture stands: all events before it are in the stream.
            ends: the partitions' ends, asked for afterwards.
        """
        positions = self._reader.positions()
        at_end = [partition for partition, end in ends.items() if positions.get(partition, 0) >= end]
        reached = max(position.delivered, sequence(position.epoch, position.mark, SNAPSHOT_ORDINAL))
        changes: list[Change] = []
        self._go_on(self._barrier.settle(reached, at_end, self._partitions), changes)
        return changes

    def partitions_of(self, topic: str) -> int:
        """How many partitions the topic has, as of the last record of it."""
        return len(self._partitions.get(topic, ()))

    def refresh_partitions(self) -> None:
        self._partitions = {}
        for partition in self._reader.partitions():
            self._partitions.setdefault(partition.topic, set()).add(partition)

    def _wants(self, topic: str, name: TableName) -> bool:
        wanted = self._wanted.get(topic)
        if wanted is None:
            wanted = self._wanted[topic] = self._selects(name)
        return wanted

    def _consume(self, partition: Partition, records: _Records, changes: list[Change]) -> None:
        while (found := records.run) is not None:
            run, offsets = found
            keys, values = run.keys, run.values
            versions = self._catalog.known(run.topic)
            plain = take_plain is not None and self._wanted.get(run.topic) is True
            while records.index < len(values):
                index = records.index
                # Where partitions are held, every event of another may set them free.
                if plain and not self._held:
                    assert take_plain is not None
                    index = records.index = take_plain(keys, values, offsets, index, partition, versions, changes)
                    if index == len(values):
                        break
                records.index = index + 1
                value = values[index]
                if value is None:  # a tombstone: for compacting topics, the delete before it said all
                    continue
                if not self._one(run.topic, keys[index], value, partition, offsets[index], changes):
                    self._held[partition] = (offsets[index], records)
                    self._reader.pause(partition)
                    return

    def _one(
        self,
        topic: str,
        key: bytes | None,
        value: bytes,
        partition: Partition,
        offset: int,
        changes: list[Change],
    ) -> bool:
        """Takes one event; False where its partition must wait at it."""
        total_order = self._reader.total_order
        if not total_order and self._wanted.get(topic) is False:
            return True
        change = parse(topic, key, value, partition, offset, self._catalog)
        if not self._wants(topic, change.schema.name):
            if total_order:
                self.skipped.add(topic)
                if change.tx_end:
                    changes.append(change)
            return True
        if self._held and (passed := self._barrier.pass_by(partition, change.seq)):
            self._go_on(passed, changes)
        if not change.control:
            changes.append(change)
            return True
        event = Event(change.seq, change.load.name if change.load is not None else "", change.ts_ms)
        if self._barrier.is_repeated(topic, event):
            log.warning("a repeated control event is left out", topic=topic, offset=offset, seq=change.seq)
            return True
        if self._held and (cut_off := self._barrier.cut_off(topic, event)):
            self._go_on(cut_off, changes)
        freed = self._barrier.arrive(partition, event, self._partitions[partition.topic])
        if freed is None:
            return False
        change.also_at = tuple((other, self._held[other][0]) for other in freed)
        changes.append(change)
        self._go_on(freed, changes)
        return True

    def _go_on(self, freed: Iterable[Partition], changes: list[Change]) -> None:
        """Partitions that waited: first what was read of them already, which may end at the next control event."""
        for partition in freed:
            _, records = self._held.pop(partition)
            self._reader.resume(partition)
            self._consume(partition, records, changes)
