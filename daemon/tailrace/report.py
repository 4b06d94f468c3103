"""What a worker tells the supervisor, and what the supervisor tells a worker."""

from __future__ import annotations

import builtins
import queue
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson


def now_text() -> str:
    """The time as reports and `status` write it, RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(slots=True)
class TableReport:
    """One table as `status` shows it.

    Attributes:
        state: "loading", "streaming", "loaded" (mode `full-load`) or "suspended".
        rows: rows of the full load that went out (capture), or events applied since start (a sink).
        total: estimated rows of the table at load start, 0 unknown.
        loaded_bytes: of the rows that went out (capture).
        rows_per_second, seconds_left: of the load while it lasts, None unknown; the time by the estimated rows.
        loads: how often it was loaded again (capture).
        refusals: how often that could not be, since the worker's start; `refusal` is the last reason.
        keyless: it has no primary key.
        since: RFC 3339 time of the last change of state.
        reason: why it is suspended, and what mends it.
        events, bytes: totals since the worker's start.
        lag_seconds: as the worker's, of this table alone; None unknown. Of a table that streams in a log that all
            tables share (`WorkerReport.one_log`) it is the worker's, and not repeated here.
        lag_bytes: as the worker's, of this table alone; None unknown, and wherever tables share a log: what is in it
            is told by reading it.
        parked: events that a sink's target refused, and those behind them, kept there.
        skipped: events that were left out because the target refused them (a sink), since the worker's start.
    """

    name: str
    state: str
    rows: int = 0
    total: int = 0
    loaded_bytes: int = 0
    rows_per_second: float | None = None
    seconds_left: float | None = None
    loads: int = 0
    refusals: int = 0
    refusal: str = ""
    keyless: bool = False
    since: str = ""
    reason: str = ""
    events: int = 0
    bytes: int = 0
    lag_seconds: float | None = None
    lag_bytes: int | None = None
    parked: int = 0
    skipped: int = 0


@dataclass(slots=True)
class RetainedReport:
    """What the source keeps of its log for the pipeline; figures are None where they are not known, or there is none.

    Attributes:
        bytes: of log.
        seconds: age of the oldest change that the stream does not hold.
        limit_bytes, limit_seconds: at which the server gives the rest up by itself.
        budget_bytes, budget_seconds, action: of `[source] budget`.
        problem: why the pipeline is not well; "" within the budget.
        note: what else is to be said.
    """

    bytes: int | None = None
    seconds: float | None = None
    limit_bytes: int | None = None
    limit_seconds: float | None = None
    budget_bytes: int | None = None
    budget_seconds: float | None = None
    action: str = ""
    problem: str = ""
    note: str = ""


@dataclass(slots=True)
class WorkerReport:
    """A worker's word on itself; sent at every change of state and about once a second.

    Attributes:
        name: "capture", or the sink's name.
        state: starting, joining, loading, streaming, paused, held, retrying, stuck, finished, stopped.
        position: for a person: log position of capture, offsets of a sink.
        mark: capture: stored mark. A sink: "".
        lag_seconds: age of the oldest change not yet handed on, never understated (`tailrace.lag`); 0 when caught up;
            None unknown. A sink's counts from when the change reached the stream.
        lag_bytes: bytes of log (capture) or of stream (a sink) not yet handed on; None unknown.
        progress: a counter that grows whenever the position advanced **or** the worker proved that there is
            nothing to do (capture: its mark is the log's end as the server says; a sink: its offsets are the
            stream's ends). Health is: this grows (I8).
        events, bytes: totals since the worker's start.
        error: the last error's one line while it lasts; "" when well.
        one_log: all tables share one log: capture's, and a stream with the source's total order.
        tables: see `TableReport`.
        whole: `tables` are all there are. Else they are those that changed since the report before: of thousands of
            tables few do within a second.
        retained: of capture, once the source was asked.
    """

    name: str
    state: str = "starting"
    position: str = ""
    mark: str = ""
    lag_seconds: float | None = None
    lag_bytes: int | None = None
    progress: int = 0
    events: int = 0
    bytes: int = 0
    error: str = ""
    one_log: bool = True
    tables: list[TableReport] = field(default_factory=list)
    whole: bool = True
    retained: RetainedReport | None = None

    def to_json(self) -> builtins.bytes:
        return orjson.dumps(self)

    @classmethod
    def from_json(cls, line: builtins.bytes) -> WorkerReport:
        raw: dict[str, Any] = orjson.loads(line)
        raw["tables"] = [TableReport(**table) for table in raw["tables"]]
        if raw.get("retained") is not None:
            raw["retained"] = RetainedReport(**raw["retained"])
        return cls(**raw)


class Reporter(Protocol):
    """Where a worker sends its reports; never blocks the worker."""

    def send(self, report: WorkerReport) -> None: ...


@dataclass(frozen=True, slots=True)
class Reload:
    """Asks capture to load tables again, beside the stream.

    Attributes:
        tables: their names, as `status` has them.
        where: a condition in the source's SQL for the rows to load; "" all.
        resync: rows that the load does not bring are removed from targets.
    """

    tables: tuple[str, ...]
    where: str = ""
    resync: bool = False


@dataclass(slots=True)
class Control:
    """What the supervisor asks of a worker.

    Attributes:
        stop: drain and leave: finish the batch in hand, store the position, close (SIGTERM).
        finish: go on until caught up with the log's end (capture) or the stream's ends (a sink) as they are
            when this is set, then leave.
        reloads: of capture: tables to load again.
        settled: an earlier process of this worker has been at work in this run; what it reached then is worth
            trying again, also with `finish`.
        held_until: of a sink: until then (`time.monotonic`) it leaves its target alone, its connections closed.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    finish: threading.Event = field(default_factory=threading.Event)
    reloads: queue.SimpleQueue[Reload] = field(default_factory=queue.SimpleQueue)
    settled: bool = False
    held_until: float = 0.0

    @property
    def held(self) -> bool:
        return time.monotonic() < self.held_until
