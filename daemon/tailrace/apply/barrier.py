"""Control events in topics of several partitions: every partition waits there until all have arrived.

A truncate or a schema change stands in every partition of its topic. Rows before it in one partition must be applied
before it acts, and rows after it in another one afterwards, though partitions are read at different speeds.
"""

from __future__ import annotations

from tailrace.errors import StuckError
from tailrace.stream import Partition


class Barrier:
    """Which partitions wait, and at which control event (named by its sequence)."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[Partition, str]] = {}

    def arrive(self, partition: Partition, seq: str, together: set[Partition]) -> list[Partition] | None:
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
        if any(other != seq for other in waiting.values()):
            raise StuckError(
                "the partitions of this topic do not hold the same schema changes and truncates in the same order",
                where=f"topic {partition.topic}, partition {partition.number}",
                fix="if partitions were added to the topic or records deleted from it, load the table anew",
            )
        waiting[partition] = seq
        if waiting.keys() < together:
            return None
        del self._waiting[partition.topic]
        return [other for other in waiting if other != partition]

    @property
    def waiting(self) -> bool:
        return any(self._waiting.values())
