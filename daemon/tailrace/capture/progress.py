"""What capture says of itself: its report for the supervisor."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import orjson

from tailrace.batch import Batch
from tailrace.capture.load import TableLoad
from tailrace.position import TABLE_PREFIX
from tailrace.report import Reporter, TableReport, WorkerReport
from tailrace.source import SourceTable

REPORT_SECONDS = 1.0
AT_WORK = frozenset({"loading", "streaming", "paused"})


def now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Progress:
    """Gathers what capture does and sends it about once a second.

    Attributes:
        settled: capture has been at work.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._report = WorkerReport(name="capture")
        self._tables: dict[str, TableReport] = {}
        self._sent = 0.0
        self.settled = False

    @property
    def due(self) -> bool:
        return time.monotonic() - self._sent >= REPORT_SECONDS

    def opened(self, tables: list[SourceTable], loads: dict[str, TableLoad], state: dict[str, bytes]) -> None:
        """The source is open: `state` holds what an earlier run suspended."""
        since = now_text()
        self._tables = {
            table.topic: TableReport(str(table.name), table.state, since=since, reason=table.reason) for table in tables
        }
        for topic, load in loads.items():
            if topic in self._tables:
                self.loaded(topic, load)
        self._suspensions(state)

    def loaded(self, topic: str, load: TableLoad) -> None:
        report = self._tables[topic]
        report.rows = load.rows
        report.total = load.total
        if report.state != "suspended":
            state = "streaming" if load.done else "loading"
            if report.state != state:
                report.state = state
                report.since = now_text()

    def published(self, batch: Batch, mark: str, position: str) -> None:
        """A batch is durable; `position` is where we stand now, for a person."""
        report = self._report
        report.events += batch.events
        report.bytes += batch.bytes
        report.position = position
        report.mark = mark
        report.progress += 1
        self._suspensions(batch.state)

    def proven_idle(self) -> None:
        """The server says that its log ends where we stand."""
        self._report.progress += 1

    def state(self, state: str, error: str = "") -> None:
        """A change of state is told at once."""
        self.settled = self.settled or state in AT_WORK
        report = self._report
        if report.state != state or report.error != error:
            report.state = state
            report.error = error
            self.send()

    def lag(self, lag_bytes: int | None, commit_ts_ms: int) -> None:
        """`lag_bytes` 0 means caught up: then no time is lost either."""
        report = self._report
        report.lag_bytes = lag_bytes
        if lag_bytes == 0:
            report.lag_seconds = 0.0
        elif commit_ts_ms:
            report.lag_seconds = max(0.0, time.time() - commit_ts_ms / 1000)
        else:
            report.lag_seconds = None

    def send(self) -> None:
        self._sent = time.monotonic()
        self._report.tables = list(self._tables.values())
        self._reporter.send(self._report)

    def suspended(self) -> bool:
        return any(table.state == "suspended" for table in self._tables.values())

    def _suspensions(self, state: dict[str, bytes]) -> None:
        for key, value in state.items():
            topic = key.removeprefix(TABLE_PREFIX)
            if topic == key or topic not in self._tables:
                continue
            raw = orjson.loads(value)
            report = self._tables[topic]
            report.state = raw["state"]
            report.reason = raw.get("reason", "")
            report.since = raw.get("since") or now_text()
