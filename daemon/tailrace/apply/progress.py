"""What a sink's worker says of itself: its report for the supervisor."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from heapq import nsmallest

from tailrace.apply.backlog import Backlog
from tailrace.apply.batch import Applied
from tailrace.progress import WorkerProgress
from tailrace.report import Reporter, TableReport, now_text
from tailrace.schema import TableName
from tailrace.stream import Partition

_HELD_UP = (
    "the target refused a change, and without a key those behind it are parked; see tailrace dead-letters list, mend"
    " the target, and run tailrace dead-letters retry"
)
#: Partitions whose offsets are named.
_SHOWN = 20


class Progress(WorkerProgress):
    """Gathers what the worker does and sends it about once a second."""

    def __init__(self, reporter: Reporter, name: str) -> None:
        super().__init__(reporter, name)
        self._backlog = Backlog()

    def table(self, topic: str, name: TableName) -> None:
        """A table has come into view."""
        if topic not in self._tables:
            self._tables[topic] = TableReport(str(name), "streaming", since=now_text())

    def only(self, topics: Collection[str]) -> None:
        """Tables of other topics are another worker's now."""
        for topic in self._tables.keys() - topics:
            del self._tables[topic]

    def joining(self) -> None:
        """It is not known which topics are this worker's: it has none for now."""
        if self._report.state != "joining":
            self._tables.clear()
            self._backlog = Backlog()
            self._report.position = ""
            self.state("joining")

    def committed(
        self, applied: Mapping[str, Applied], positions: Mapping[Partition, int], stamps: Mapping[Partition, int]
    ) -> None:
        """Rows and positions are in the target.

        Args:
            applied: by topic, since the last call.
            stamps: the time in the newest event of each partition, where there are new ones.
        """
        report = self._report
        for topic, counted in applied.items():
            self.table(topic, counted.table)
            table = self._tables[topic]
            table.rows += counted.events
            table.events += counted.events
            table.bytes += counted.bytes
            report.events += counted.events
            report.bytes += counted.bytes
        self._backlog.handed_on(stamps)
        report.progress += 1
        report.position = position_text(positions)

    def parked(self, counts: Mapping[str, tuple[str, int, bool]], skipped: Mapping[str, int]) -> None:
        """What the target refused, by topic: see `Parking.counts` and `Parking.skipped`."""
        for topic, (name, _, _) in counts.items():
            self._tables.setdefault(topic, TableReport(name, "streaming", since=now_text()))
        for topic, table in self._tables.items():
            _, table.parked, held_up = counts.get(topic, ("", 0, False))
            table.skipped = skipped.get(topic, 0)
            if held_up != (table.state == "suspended"):
                table.state = "suspended" if held_up else "streaming"
                table.since = now_text()
                table.reason = _HELD_UP if held_up else ""

    def at(self, positions: Mapping[Partition, int]) -> None:
        """Where the target stands, before anything was applied."""
        self._report.position = position_text(positions)

    def measured(
        self,
        moment: float,
        positions: Mapping[Partition, int],
        ends: Mapping[Partition, int],
        lag_bytes: Mapping[Partition, int],
        one_log: bool,
    ) -> None:
        """How far the stream goes beyond what the target holds.

        Args:
            moment: of `time.monotonic`, from before the stream was asked for its ends.
            one_log: all tables are in one partition.
        """
        self._report.one_log = one_log
        self._backlog.measured(moment, positions, ends, lag_bytes)

    def _tell_lag(self) -> None:
        report, backlog = self._report, self._backlog
        report.lag_seconds, report.lag_bytes = backlog.whole()
        if report.one_log:
            return
        for topic, (seconds, size) in backlog.by_topic().items():
            if (table := self._tables.get(topic)) is not None:
                table.lag_seconds, table.lag_bytes = seconds, size


def position_text(positions: Mapping[Partition, int]) -> str:
    """Offsets for a person: ``offset 1234``, or ``shop.users/0:12 shop.users/1:9``."""
    if len(positions) == 1:
        ((partition, offset),) = positions.items()
        if not partition.topic:
            return f"offset {offset}"
    read = [item for item in positions.items() if item[1]]
    shown = " ".join(f"{p.topic}/{p.number}:{offset}" for p, offset in nsmallest(_SHOWN, read))
    rest = len(read) - _SHOWN
    return shown + (f" and {rest} more" if rest > 0 else "")
