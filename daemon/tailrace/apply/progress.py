"""What a sink's worker says of itself: its report for the supervisor."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from tailrace.apply.changes import Change
from tailrace.report import Reporter, TableReport, WorkerReport
from tailrace.schema import TableName
from tailrace.stream import Partition

REPORT_SECONDS = 1.0


def now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Progress:
    """Gathers what the worker does and sends it about once a second."""

    def __init__(self, reporter: Reporter, name: str) -> None:
        self._reporter = reporter
        self._report = WorkerReport(name=name)
        self._tables: dict[str, TableReport] = {}
        self._newest_ts_ms = 0
        self._sent = 0.0

    @property
    def due(self) -> bool:
        return time.monotonic() - self._sent >= REPORT_SECONDS

    def table(self, name: TableName) -> None:
        """A table has come into view."""
        text = str(name)
        if text not in self._tables:
            self._tables[text] = TableReport(text, "streaming", since=now_text())

    def committed(
        self, changes: Iterable[tuple[TableName, int]], positions: Mapping[Partition, int], size: int
    ) -> None:
        """Rows and positions are in the target.

        Args:
            changes: tables with their number of events applied since the last call.
            size: bytes of these events.
        """
        for name, count in changes:
            self.table(name)
            self._tables[str(name)].rows += count
            self._report.events += count
        self._report.bytes += size
        self._report.progress += 1
        self._report.position = position_text(positions)

    def at(self, positions: Mapping[Partition, int]) -> None:
        """Where the target stands, before anything was applied."""
        self._report.position = position_text(positions)

    def applied(self, change: Change) -> None:
        """The newest event that the target holds."""
        self._newest_ts_ms = change.ts_ms or self._newest_ts_ms

    def lag(self, caught_up: bool) -> None:
        """`caught_up`: the offsets are the stream's ends, which also proves that there is nothing to do."""
        report = self._report
        if caught_up:
            report.progress += 1
            report.lag_seconds = 0.0
            report.lag_bytes = 0
        else:
            report.lag_bytes = None
            known = self._newest_ts_ms
            report.lag_seconds = max(0.0, time.time() - known / 1000) if known else None

    def state(self, state: str, error: str = "") -> None:
        """A change of state is told at once."""
        report = self._report
        if report.state != state or report.error != error:
            report.state = state
            report.error = error
            self.send()

    def send(self) -> None:
        self._sent = time.monotonic()
        self._report.tables = list(self._tables.values())
        self._reporter.send(self._report)


def position_text(positions: Mapping[Partition, int]) -> str:
    """Offsets for a person: ``offset 1234``, or ``shop.users/0:12 shop.users/1:9``."""
    if len(positions) == 1:
        ((partition, offset),) = positions.items()
        if not partition.topic:
            return f"offset {offset}"
    shown = [f"{p.topic}/{p.number}:{offset}" for p, offset in sorted(positions.items()) if offset]
    rest = len(shown) - 20
    return " ".join(shown[:20]) + (f" and {rest} more" if rest > 0 else "")
