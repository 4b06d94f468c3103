"""Whether a worker is well: its position advances, or its source is proven idle (I8)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tailrace.report import RetainedReport, TableReport, WorkerReport

#: A worker whose `progress` has not grown for this long is not well, whatever it says of itself. With the time that a
#: report takes it is told within half a minute.
PATIENCE_SECONDS = 25.0
#: A worker reports once a second; one that has not for so long, being busy or gone, may have fallen behind since.
SILENT_SECONDS = 3.0
#: Rates are averages over about this long.
_RATE_SECONDS = 10.0

#: States in which a worker does its work.
WELL_STATES = frozenset({"loading", "streaming", "paused", "finished"})
#: Of those, where its error is why it waits, which is none: a load that pauses says so with another number each second.
WAITING_STATES = frozenset({"loading", "paused"})
#: States in which it says itself that it cannot.
ILL_STATES = frozenset({"retrying", "stuck"})
#: States in which nothing more is expected of it.
ENDED_STATES = frozenset({"finished", "stopped"})


@dataclass(slots=True)
class WorkerHealth:
    """What the supervisor knows of a worker across its processes; times are `clock`'s seconds.

    Attributes:
        state: the worker's own word while it runs; "restarting" between two processes; "failed" when it will not
            be started again.
        report: the last one, of an earlier process where the present one has not spoken yet.
        settled: it was well at some time of this run.
        recovering: it was restarted and has not been well since.
        error: why the last process ended, until it is well again.
        restarts, errors: since the run's start.
    """

    name: str
    clock: Callable[[], float] = time.monotonic
    state: str = "starting"
    report: WorkerReport = field(init=False)
    pid: int = 0
    reported: bool = False
    settled: bool = False
    recovering: bool = False
    error: str = ""
    restarts: int = 0
    errors: int = 0
    started_at: float = field(init=False)
    _state_at: float = field(init=False)
    _progress_at: float = field(init=False)
    _retrying_since: float | None = None
    _report_at: float = field(init=False)
    _tables: dict[str, TableReport] = field(default_factory=dict)
    _rates: deque[tuple[float, int, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.report = WorkerReport(self.name)
        self.started_at = self._state_at = self._progress_at = self._report_at = self.clock()

    def started(self, pid: int) -> None:
        self.pid = pid
        self._enter("starting")
        self.started_at = self._progress_at = self.clock()
        self._rates.clear()

    def take(self, report: WorkerReport) -> None:
        """A report arrived."""
        now = self.clock()
        if report.progress != self.report.progress:
            self._progress_at = now
        got_on = report.progress > self.report.progress  # less: another process of it, which has yet to get anywhere
        if report.state == "retrying":
            if self._retrying_since is None or got_on:
                self._retrying_since = now
        elif report.state == "paused" or (got_on and report.state in WELL_STATES):
            self._retrying_since = None
        if report.error and report.error != self.report.error and report.state not in WAITING_STATES:
            self.errors += 1
        if report.state == "starting":
            # Nothing is known yet of where it stands: what the process before it said remains true.
            self.report.state = report.state
            self.report.error = report.error
            self.report.progress = report.progress
            if report.tables:
                self._take_tables(report)
                self.report.tables = report.tables
        else:
            self._take_tables(report)
            self.report = report
            self._report_at = now
        self._enter(report.state)
        self.reported = True
        self._rates.append((now, report.events, report.bytes))
        while len(self._rates) > 2 and now - self._rates[0][0] > _RATE_SECONDS:
            self._rates.popleft()
        if self.state in WELL_STATES:
            self.settled = True
            self.recovering = False
            self.error = ""

    def _take_tables(self, report: WorkerReport) -> None:
        """Completes the report's tables with those that it leaves out because they are as they were."""
        if report.whole:
            self._tables = {}
        self._tables.update((table.name, table) for table in report.tables)
        report.tables = list(self._tables.values())

    def ended(self, state: str, error: str) -> None:
        """The process is gone; `state` is what follows."""
        self.pid = 0
        self._enter(state)
        self._rates.clear()
        if error:
            if error != self.report.error:
                self.errors += 1
            self.error = error
        if state == "restarting":
            self.restarts += 1
            self.recovering = True

    def _enter(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self._state_at = self.clock()

    def state_seconds(self) -> float:
        """For how long the state has been what it is."""
        return self.clock() - self._state_at

    def retrying_seconds(self) -> float:
        """For how long it has been trying again in vain: that it connects is not enough, it must get on."""
        return 0.0 if self._retrying_since is None else self.clock() - self._retrying_since

    def caught_up(self) -> bool:
        """Whether a sink has applied all that the stream holds."""
        return self.state == "streaming" and self.report.lag_bytes == 0

    def ran_seconds(self) -> float:
        return self.clock() - self.started_at

    # ---- how far behind

    def lag_seconds(self) -> float | None:
        """What the report says grows older with it: since then we know of nothing that was handed on."""
        return self._aged(self.report.lag_seconds)

    def lag_bytes(self) -> int | None:
        return self._unaged(self.report.lag_bytes)

    def retained(self) -> RetainedReport | None:
        """What the source keeps for us; None unknown, too where the last word is old."""
        return self.report.retained if self._fresh else None

    def table_lag_seconds(self, table: TableReport) -> float | None:
        """None too while the table is loaded: rows of it that are not loaded yet may be of any age."""
        if table.state == "loading":
            return None
        shared = self.report.one_log and table.state == "streaming"
        return self._aged(self.report.lag_seconds if shared else table.lag_seconds)

    def table_lag_bytes(self, table: TableReport) -> int | None:
        return self._unaged(table.lag_bytes)

    def _aged(self, lag: float | None) -> float | None:
        if lag is None or self.state == "stopped":
            return None
        if self.state == "finished" or self._fresh:
            return lag
        return lag + self.clock() - self._report_at

    def _unaged(self, size: int | None) -> int | None:
        return size if self.state == "finished" or (self._fresh and self.state != "stopped") else None

    @property
    def _fresh(self) -> bool:
        return bool(self.pid) and self.clock() - self._report_at <= SILENT_SECONDS

    # ---- how well

    def rates(self) -> tuple[float, float]:
        """Events and bytes per second of late."""
        if len(self._rates) < 2:
            return 0.0, 0.0
        (then, events, size), (now, events_now, size_now) = self._rates[0], self._rates[-1]
        if now <= then:
            return 0.0, 0.0
        return max(0.0, (events_now - events) / (now - then)), max(0.0, (size_now - size) / (now - then))

    def last_error(self) -> str:
        return self.report.error or self.error

    def complaint(self) -> str:
        """Why the worker is not well; "" when it is."""
        error = self.last_error()
        because = f": {error}" if error else ""
        if self.state == "failed":
            return f"{self.name} has failed and is not started again{because}"
        if self.state == "restarting":
            return f"{self.name} is being restarted{because}"
        if self.state in ILL_STATES:
            return f"{self.name} is {self.state}{because}"
        if self.recovering:
            return f"{self.name} was restarted and is not back at work yet{because}"
        if self.state in ENDED_STATES:
            return ""
        if self._retrying_since is not None:
            # Else it would be well, or not, by how long it had tried before.
            return f"{self.name} works again and has yet to advance{because}"
        if self.report.retained is not None and self.report.retained.problem:
            return f"{self.name}: {self.report.retained.problem}"
        since = self.clock() - self._progress_at
        if since <= PATIENCE_SECONDS:
            return ""
        if self.state == "starting":
            return f"{self.name} has been starting for {since:.0f} s{because}"
        return f"{self.name} has not advanced for {since:.0f} s, and nothing shows that it has nothing to do{because}"
