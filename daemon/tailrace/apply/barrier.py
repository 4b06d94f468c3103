"""Control events in topics of several partitions: every partition waits there until all have arrived.

A truncate, a schema change or the mark of a load's beginning or end stands in every partition of its topic. Rows before
it in one partition must be applied before it acts, and rows after it in another one afterwards, though partitions are
read at different speeds.

A crash of a daemon that writes without transactions repeats a control event, perhaps in some partitions only. The log's
order tells, and marks have an order of their own: what is not above the last one that was released is a repetition.
After a restart nobody remembers which that was; but a partition that is read on from behind the event shows it, by its
next record or by its end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from tailrace.errors import StuckError
from tailrace.sequence import of_load
from tailrace.stream import Partition


class Event(NamedTuple):
    """A control event.

    Attributes:
        seq: its sequence; between two transactions several have the same.
        mark: the name of a load's mark; "" of a truncate or a schema change.
        ts_ms: when capture made it, the same in all partitions.
    """

    seq: str
    mark: str = ""
    ts_ms: int = 0

    @property
    def ordered(self) -> bool:
        """Whether a repetition shows by its order. Not so the truncate of a full load: it is no change of the log, and
        its next attempt may have the same sequence, and is told by its time."""
        return bool(self.mark) or not of_load(self.seq)


class Barrier:
    """Which partitions wait, and at which control event.

    Args:
        resumed: partitions that are not read from their beginning, but from where all before was applied.
    """

    def __init__(self, resumed: Collection[Partition] = ()) -> None:
        self._waiting: dict[str, dict[Partition, Event]] = {}
        self._released: dict[str, str] = {}
        self._marks: dict[str, str] = {}  # the same for marks of loads
        self._resumed = frozenset(resumed)

    def is_repeated(self, topic: str, event: Event) -> bool:
        """Whether this control event, or a later one of its topic, has been released."""
        if event.mark:
            return event.mark <= self._marks.get(topic, "")
        if not event.ordered:
            return any(_supersedes(other, event) for other in self._waiting.get(topic, {}).values())
        return event.seq <= self._released.get(topic, "")

    def cut_off(self, topic: str, event: Event) -> list[Partition]:
        """Those that wait at a load's truncate which a crash has left in them alone: the next attempt's is here."""
        waiting = self._waiting.get(topic, {})
        freed = [partition for partition, other in waiting.items() if _supersedes(event, other)]
        for partition in freed:
            del waiting[partition]
        return freed

    def pass_by(self, partition: Partition, seq: str) -> list[Partition]:
        """A partition that does not wait has a record: those that wait at an event before it need not.

        That event was released before the restart; the partitions that wait at a repetition of it may go on.
        """
        waiting = self._waiting.get(partition.topic)
        if not waiting or partition not in self._resumed or self._has_released(partition.topic):
            return []
        return self._drop(partition.topic, lambda event: event.seq < seq)

    def settle(
        self, reached: str, at_end: Collection[Partition], together: dict[str, set[Partition]]
    ) -> list[Partition]:
        """Those that wait at a repetition, because all other partitions have been read to their ends without it.

        Args:
            reached: every control event up to this sequence is in all partitions.
            at_end: partitions that were read to their ends as of then.
            together: the partitions of each topic.
        """
        freed: list[Partition] = []
        for topic, waiting in list(self._waiting.items()):
            others = together[topic] - waiting.keys()
            if not self._has_released(topic) and others and others <= self._resumed & frozenset(at_end):
                freed += self._drop(topic, lambda event: event.seq <= reached)
        return freed

    def _has_released(self, topic: str) -> bool:
        return topic in self._released or topic in self._marks

    def _drop(self, topic: str, is_done: Callable[[Event], bool]) -> list[Partition]:
        waiting = self._waiting[topic]
        done = {partition: event for partition, event in waiting.items() if is_done(event) and event.ordered}
        if done:
            self._waiting[topic] = {partition: event for partition, event in waiting.items() if partition not in done}
            for event in done.values():
                self._release(topic, event)
        return list(done)

    def _release(self, topic: str, event: Event) -> None:
        released, name = (self._marks, event.mark) if event.mark else (self._released, event.seq)
        released[topic] = max(name, released.get(topic, ""))

    def arrive(self, partition: Partition, event: Event, together: set[Partition]) -> list[Partition] | None:
        """A partition has reached a control event.

        Args:
            together: all partitions of the topic.

        Returns:
            None: the partition must wait. Otherwise all have arrived: those that waited and may go on.

        Raises:
            StuckError: the partitions disagree on which control event comes next.
        """
        if len(together) < 2:
            return []
        waiting = self._waiting.setdefault(partition.topic, {})
        if any(not _same(other, event) for other in waiting.values()):
            raise StuckError(
                "the partitions of this topic do not hold the same schema changes and truncates in the same order",
                where=f"topic {partition.topic}, partition {partition.number}",
                fix="if partitions were added to the topic or records deleted from it, load the table anew",
            )
        waiting[partition] = event
        if waiting.keys() < together:
            return None
        del self._waiting[partition.topic]
        self._release(partition.topic, event)
        return [other for other in waiting if other != partition]

    @property
    def waiting(self) -> bool:
        return any(self._waiting.values())


def _supersedes(event: Event, other: Event) -> bool:
    """Both are truncates of one load, of two attempts."""
    return not event.ordered and not other.ordered and (event.seq, event.ts_ms) > (other.seq, other.ts_ms)


def _same(one: Event, other: Event) -> bool:
    """A load that is begun again after a crash has its marks at another place."""
    if one.mark or other.mark:
        return one.mark == other.mark
    return one.seq == other.seq and (one.ordered or one.ts_ms == other.ts_ms)
