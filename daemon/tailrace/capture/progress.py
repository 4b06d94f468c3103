"""What capture says of itself: its report for the supervisor."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

import orjson

from tailrace.batch import Batch
from tailrace.capture.pace import Pace
from tailrace.capture.spans import TableLoad
from tailrace.capture.suspension import missing_since, refused_since
from tailrace.lag import Lag
from tailrace.position import SCHEMA_PREFIX, TABLE_PREFIX, Position
from tailrace.progress import WorkerProgress
from tailrace.report import Reporter, RetainedReport, TableReport, now_text
from tailrace.schema import TableSchema
from tailrace.source import SourceTable

AT_WORK = frozenset({"loading", "streaming", "paused"})


class Progress(WorkerProgress):
    """Gathers what capture does and sends it about once a second.

    Attributes:
        settled: capture has been at work.
        loaded_state: of a table whose load is done.
    """

    def __init__(self, reporter: Reporter, mode: str = "full-load-and-cdc") -> None:
        super().__init__(reporter, "capture")
        self.settled = False
        self.loaded_state = "loaded" if mode == "full-load" else "streaming"
        self._lag: Lag[str] = Lag()
        self._lag_bytes: int | None = None
        self._paces: dict[str, Pace] = {}  # by topic of a table that is being loaded
        #: By topic of a suspended table, seconds since 1970.
        self._missing_since: dict[str, float] = {}

    # ---- tables

    def opened(self, tables: list[SourceTable], loads: Mapping[str, TableLoad], state: Mapping[str, bytes]) -> None:
        """The source is open: `state` holds what is suspended."""
        before, self._tables = self._tables, {}
        self._paces = {}
        self._missing_since = {}
        for table in tables:
            topic = table.topic
            since = refused_since(topic, state) or now_text()
            report = self._tables[topic] = TableReport(
                str(table.name), table.state, since=since, reason=table.reason, keyless=table.keyless
            )
            if topic in before:
                report.events, report.bytes = before[topic].events, before[topic].bytes
                report.refusals, report.refusal = before[topic].refusals, before[topic].refusal
            if table.state == "suspended":
                self._missing_since[topic] = missing_since({"since": since})
        for topic, load in loads.items():
            if topic in self._tables:
                self.loaded(topic, load)
        self._suspensions(state)

    def loaded(self, topic: str, load: TableLoad) -> None:
        report = self._tables[topic]
        report.rows = load.rows
        report.total = load.total
        report.loaded_bytes = load.bytes
        report.loads = load.loads
        if load.done or report.state == "suspended":
            self._paces.pop(topic, None)
            report.rows_per_second = report.seconds_left = None
        elif load.rows:
            self._paces.setdefault(topic, Pace())
        if report.state != "suspended":
            state = self.loaded_state if load.done else "loading"
            if report.state != state:
                report.state = state
                report.since = now_text()

    def refused(self, topic: str, reason: str) -> None:
        """A table that was to be loaded again is not."""
        if (report := self._tables.get(topic)) is not None:
            report.refusals += 1
            report.refusal = reason
            self.send()

    def refused_by_name(self, names: Collection[str], reason: str) -> None:
        """As `refused`, of tables that the source does not know any more."""
        for topic, report in self._tables.items():
            if report.name in names:
                self.refused(topic, reason)

    def suspended(self) -> bool:
        return any(table.state == "suspended" for table in self._tables.values())

    # ---- what is done

    def begins(self, moment: float) -> None:
        """The log is read from where it ended at this moment (of `time.monotonic`), or later."""
        self._lag.clear(moment)

    def continues(self, position: Position) -> None:
        """What is durable from earlier runs; known before the source is reached."""
        self._lag.handed_on(position.commit_ts_ms)

    def published(self, batch: Batch, mark: str, position: str, commit_ts_ms: int) -> None:
        """A batch was published.

        Args:
            mark, position: what is durable now, and that for a person.
            commit_ts_ms: the source's time of the last transaction that is.
        """
        report = self._report
        report.events += batch.events
        report.bytes += batch.bytes
        report.position = position
        report.mark = mark
        report.progress += 1
        self._lag.handed_on(commit_ts_ms)
        self._met(batch.state)
        tombstones = sum(map(len, batch.runs)) != batch.events
        for run in batch.runs:
            if (table := self._tables.get(run.topic)) is not None:
                table.events += len(run) - (run.values.count(None) if tombstones else 0)
                table.bytes += run.size
        self._suspensions(batch.state)

    def retained(self, report: RetainedReport) -> None:
        """What the source keeps of its log for us was asked for."""
        self._report.retained = report

    # ---- how far behind

    def state(self, state: str, error: str = "") -> None:
        """A change of state is told at once."""
        self.settled = self.settled or state in AT_WORK
        super().state(state, error)

    @property
    def lag_seconds(self) -> float | None:
        return self._lag.seconds()

    def measured(self, moment: float, mark: str, end: str, lag_bytes: int) -> None:
        """How far the log goes beyond what is handed on.

        Args:
            moment: of `time.monotonic`, from before the source was asked.
            mark: up to where the log is handed on.
            end: of the log; `mark` itself when caught up.
        """
        self._lag.measured(moment, end, mark)
        self._lag_bytes = lag_bytes

    def _tell_lag(self) -> None:
        report = self._report
        report.lag_seconds = self._lag.seconds()
        report.lag_bytes = self._lag_bytes if self._lag.fresh else None
        for topic, pace in self._paces.items():
            table = self._tables[topic]
            pace.reached(time.monotonic(), table.rows)
            table.rows_per_second, table.seconds_left = pace.rows_per_second, pace.seconds_left(table.total)
        now = time.time()
        for topic, since in self._missing_since.items():
            self._tables[topic].lag_seconds = max(0.0, now - since)

    # ---- inside

    def _met(self, state: Mapping[str, bytes]) -> None:
        """Tables that came into being while the log was read."""
        for key, value in state.items():
            if key.startswith(SCHEMA_PREFIX):
                schema = TableSchema.from_json(value)
                if schema.topic not in self._tables:
                    self._tables[schema.topic] = TableReport(str(schema.name), "streaming", since=now_text())

    def _suspensions(self, state: Mapping[str, bytes]) -> None:
        for key, value in state.items():
            topic = key.removeprefix(TABLE_PREFIX)
            if topic == key or topic not in self._tables:
                continue
            entry = orjson.loads(value)
            report = self._tables[topic]
            if entry["state"] != "suspended" and topic not in self._missing_since:
                continue  # it was taken up long ago
            report.state = entry["state"]
            report.reason = entry.get("reason", "")
            report.since = entry.get("since") or now_text()
            if report.state == "suspended":
                self._missing_since[topic] = missing_since(entry)
                self._paces.pop(topic, None)
                report.rows_per_second = report.seconds_left = None
            else:
                self._missing_since.pop(topic, None)
                report.lag_seconds = None
