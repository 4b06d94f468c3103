"""The capture loop between a source that a test moves and a stream in memory."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest

from tailrace import progress
from tailrace.batch import Batch, Run
from tailrace.capture import pressure
from tailrace.capture.progress import Progress
from tailrace.capture.session import Session
from tailrace.capture.spans import TableLoad
from tailrace.config.file import LoadSettings
from tailrace.emitter import Emitter, EventTable
from tailrace.errors import UnreachableError
from tailrace.position import POSITION_KEY, Position, load_key, suspension, table_key
from tailrace.report import Control, WorkerReport
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.sequence import lsn_mark, mark_lsn
from tailrace.source import Chunk, ChunkReader, Gauge, Opened, OpenView, Retained, SourceTable
from tailrace.testing import MemoryStream
from tests.servers import wait_until

NAME = TableName("app", "public", "log")
TOPIC = "shop.public.log"
TABLE = EventTable(TableSchema(1, NAME, TOPIC, (Column(1, "n", Type(Kind.INTEGER, "int", 32)),)), "postgresql", "shop")
KEYED = EventTable(
    TableSchema(
        1,
        NAME,
        TOPIC,
        (Column(1, "n", Type(Kind.INTEGER, "int", 32), key=1), Column(2, "v", Type(Kind.TEXT, "text"))),
    ),
    "postgresql",
    "shop",
)
START = Position(1, "server", "start", mark=lsn_mark(1))


@dataclass
class Source:
    """A source with one table without a key, in chunks of one row each.

    Attributes:
        calls: what the loop asked, in order, together with the stream's (`Stream.publish`).
        log: how far the server's log goes; `read` follows it while `reads` is set.
        coming: state entries that `read` gives first.
        refusal: why the table is not captured.
        fails_after: chunks that `whole` gives before the server goes away.
        sessions: that are active at the server.
        begins: where a first start begins, if that is in the past.
        held: what it says that it keeps of its log.
    """

    rows: list[int]
    calls: list[str]
    fails_after: int = 1000
    given: list[Position | None] = field(default_factory=list)
    log: int = 1
    reads: bool = False
    coming: dict[str, bytes] = field(default_factory=dict)
    refusal: str = ""
    sessions: int = 1
    begins: Position | None = None
    held: Retained | None = None
    emitter: Emitter = field(init=False)

    def open(self, position: Position | None, state: dict[str, bytes]) -> Opened:
        self.given.append(position)
        now = position or self.begins or START
        self.emitter = Emitter(now.epoch, now.restart, now.delivered, now.mark)
        if position is None:
            self.emitter.first_schema(TABLE.schema)
        return Opened(now, self.tables(), self.emitter, past=position is None and self.begins is not None)

    def tables(self) -> list[SourceTable]:
        state = "suspended" if self.refusal else "streaming"
        return [SourceTable(NAME, TOPIC, state, self.refusal, keyless=True)]

    def snapshot(self) -> Source:
        return self

    def chunks(self) -> ChunkReader:
        raise AssertionError("no table with a key here")

    def gauges(self, replicas: Sequence[Any]) -> Source:
        return self

    def retained(self, position: Position | None) -> Retained | None:
        return self.held

    def active_sessions(self) -> Gauge:
        return Gauge("Threads_running", self.sessions)

    def whole(self, topic: str, limit_bytes: int) -> Iterator[Chunk]:
        for number, value in enumerate(self.rows):
            if number == self.fails_after:
                raise UnreachableError("the server went away")
            row = orjson.dumps({"n": value})
            after = str(number) if number + 1 < len(self.rows) else None
            yield Chunk(TABLE, [(None, row)], after, self, START.mark)

    def sees(self, transaction: str) -> bool:
        return False

    def read(self, timeout: float, limit_bytes: int) -> Batch | None:
        if self.coming:
            self.emitter.record_state(*self.coming.popitem())
            return self.emitter.take()
        if self.reads and lsn_mark(self.log) > self.emitter.mark:
            self.emitter.idle("foreign", lsn_mark(self.log))
            return self.emitter.take()
        return None

    def acknowledge(self, position: Position) -> None:
        self.calls.append(f"acknowledge {position.restart}")

    def position_text(self, position: Position) -> str:
        return position.restart

    def log_end(self) -> str:
        return START.mark

    def lag_bytes(self, mark: str) -> int:
        return max(0, self.log - mark_lsn(mark))

    def end(self) -> str:
        return lsn_mark(self.log)

    def close(self) -> None:
        pass


class Stream(MemoryStream):
    """Attributes: full: what `backlog_full` says next, one after another."""

    def __init__(self, calls: list[str]) -> None:
        super().__init__()
        self.calls = calls
        self.full: list[str] = []

    def publish(self, runs: Sequence[Run], state: Mapping[str, bytes | None], more: bool = False) -> None:
        super().publish(runs, state, more)
        self.calls.append("publish position" if POSITION_KEY in state else "publish")

    def backlog_full(self) -> str:
        return self.full.pop(0) if self.full else ""


class Capture:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.stream = Stream(self.calls)
        self.source = Source([1, 2, 3], self.calls)
        self.reports: list[WorkerReport] = []
        self.control = Control()
        self.control.finish.set()
        self.load = LoadSettings()

    def send(self, report: WorkerReport) -> None:
        self.reports.append(replace(report, tables=[replace(table) for table in report.tables]))

    def run(self) -> None:
        source: Any = self.source
        self.progress = Progress(self)
        session = Session(source, self.stream, "full-load-and-cdc", self.control, self.progress, self.load)
        try:
            session.open()
            session.run()
        finally:
            session.close()
            self.progress.send()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """In a thread, until the block ends."""
        self.control.finish.clear()
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            yield
        finally:
            self.control.stop.set()
            thread.join(10)
        assert not thread.is_alive()

    @property
    def last(self) -> WorkerReport:
        return self.reports[-1]

    @property
    def events(self) -> list[Any]:
        """Operation and row."""
        found = []
        reader = self.stream.reader("")
        for piece in reader.poll(0.0, 1 << 30):
            for run in piece.runs:
                for value in run.values:
                    assert value is not None
                    event = orjson.loads(value)
                    found.append((event["op"], event["after"] and event["after"]["n"]))
        return found


def test_a_table_without_a_key_is_loaded_whole_before_the_position_is_stored() -> None:
    capture = Capture()
    capture.run()
    assert capture.events == [("r", 1), ("r", 2), ("r", 3)]
    stored = capture.calls.index("publish position")
    assert capture.calls[:stored].count("publish") == 4
    assert capture.calls[stored + 1] == "acknowledge start"
    capture.run()
    assert capture.source.given == [None, START]
    assert len(capture.events) == 3


def test_a_load_that_broke_off_begins_anew_with_a_truncate() -> None:
    capture = Capture()
    capture.source.fails_after = 2
    with pytest.raises(UnreachableError):
        capture.run()
    capture.source.fails_after = 1000
    capture.run()
    assert capture.source.given == [None, None]
    assert capture.events == [("r", 1), ("r", 2), ("t", None), ("r", 1), ("r", 2), ("r", 3)]


def test_the_load_of_a_table_without_a_key_shows_that_it_advances() -> None:
    capture = Capture()
    capture.source.rows = list(range(20))
    capture.run()
    assert capture.reports[-1].progress >= 20


def test_the_load_of_a_table_without_a_key_pauses_while_the_source_is_over_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pressure, "ASK_SECONDS", 0.01)
    capture = Capture()
    capture.load = LoadSettings(throttle_active_sessions=30)
    capture.source.sessions = 31
    with capture.running():
        wait_until(lambda: "31 > 30" in capture.last.error, 10, "the report says why")
        assert capture.last.state == "loading"
        assert capture.events == []
        capture.source.sessions = 30
        wait_until(lambda: len(capture.events) == 3, 10, "the load goes on")


def test_the_load_of_a_table_without_a_key_waits_for_room_in_the_stream() -> None:
    capture = Capture()
    capture.stream.full = ["the sinks are behind"]
    capture.run()
    assert "paused" in [report.state for report in capture.reports]
    assert len(capture.events) == 3


class Racing(Source):
    """A table with a key, whose one row is updated after its chunk was read and before the chunk goes out; the update
    is a look-ahead event for a while: `read` has nothing to give then, though the row was written."""

    def tables(self) -> list[SourceTable]:
        return [SourceTable(NAME, KEYED.topic)]

    def open(self, position: Position | None, state: dict[str, bytes]) -> Opened:
        opened = super().open(position, state)
        self.steps = iter((self.begin, self.commit))
        self.viewed = threading.Event()
        return opened

    @property
    def estimated_rows(self) -> int:
        return 0

    @property
    def private(self) -> bool:
        return False

    @property
    def order(self) -> str:
        return "n"

    def prepare(self, topic: str, where: str) -> Racing:
        return self

    def chunks(self) -> Racing:
        return self

    def read_view(
        self, reading: Any, after: str | None, until: str | None, limit_rows: int, limit_bytes: int, view: OpenView
    ) -> Generator[Chunk]:
        seen = view(lambda: self)
        self.viewed.set()
        yield Chunk(KEYED, [(b'{"n":1}', b'{"n":1,"v":"old"}')], None, seen, lsn_mark(9))

    def bound(self, reading: Any, after: str | None, rows: int) -> str | None:
        return None

    def demand(self, topic: str, position: Position) -> None:
        pass

    def awaited(self, mark: str) -> None:
        pass

    def interrupt(self) -> None:
        pass

    def begin(self) -> None:
        self.emitter.begin(lsn_mark(5), 0, b"", "t")
        self.emitter.update(KEYED, 1, b'{"n":1}', b'{"n":1}', b"null", b'{"n":1,"v":"new"}')

    def commit(self) -> None:
        self.emitter.commit("after", lsn_mark(9))

    def read(self, timeout: float, limit_bytes: int) -> Batch | None:
        assert self.viewed.wait(10)
        next(self.steps, lambda: None)()
        return self.emitter.take() if self.emitter.size else None

    def log_end(self) -> str:
        return lsn_mark(9)


def test_a_row_that_only_a_look_ahead_event_has_written_does_not_come_back_from_its_chunk() -> None:
    capture = Capture()
    capture.source = Racing([], capture.calls)
    capture.run()
    assert capture.events == [("u", 1)]


class Large(Source):
    """One transaction of three events, of which each comes in a batch of its own."""

    def tables(self) -> list[SourceTable]:
        return []

    def open(self, position: Position | None, state: dict[str, bytes]) -> Opened:
        opened = super().open(position, state)
        self.steps: Iterator[Callable[[], None]] = iter(
            [*(functools.partial(self.insert, number) for number in (1, 2, 3)), self.commit]
        )
        self.emitter.begin(lsn_mark(5), 0, b"", "t")
        return opened

    def insert(self, number: int) -> None:
        self.emitter.insert(KEYED, number, b"%d" % number, b'{"n":%d}' % number)

    def commit(self) -> None:
        self.emitter.commit("after", lsn_mark(9))

    def read(self, timeout: float, limit_bytes: int) -> Batch | None:
        next(self.steps, lambda: None)()
        return self.emitter.take()

    def log_end(self) -> str:
        return lsn_mark(9)


def test_capture_does_not_pause_inside_a_transaction_nor_after_a_restart_inside_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sinks commit at a transaction's end: before it they consume nothing."""
    capture = Capture()
    capture.source = Large([], capture.calls)
    monkeypatch.setattr(capture.stream, "backlog_full", lambda: "the bound" if len(capture.events) in (1, 2) else "")
    usual = capture.stream.publish

    def crash(runs: Sequence[Run], state: Mapping[str, bytes | None], more: bool = False) -> None:
        if runs and len(capture.events) == 1 and len(capture.source.given) == 1:
            raise UnreachableError("the stream went away")
        usual(runs, state)

    monkeypatch.setattr(capture.stream, "publish", crash)
    with pytest.raises(UnreachableError):
        capture.run()
    assert capture.events == [("c", 1)]
    capture.run()
    assert capture.events == [("c", 1), ("c", 2), ("c", 3)]
    assert "paused" not in [report.state for report in capture.reports]


def test_a_load_that_is_asked_to_stop_leaves_at_once_and_stores_no_position() -> None:
    capture = Capture()
    usual = capture.stream.publish

    def publish(runs: Sequence[Run], state: Mapping[str, bytes | None], more: bool = False) -> None:
        usual(runs, state, more)
        if runs:
            capture.control.stop.set()

    capture.stream.publish = publish  # type: ignore[method-assign]
    capture.run()
    assert capture.events == [("r", 1)]
    assert POSITION_KEY not in capture.stream.state()


# ---- how far behind


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports, and measurements, come more often than once a second."""
    monkeypatch.setattr(progress, "REPORT_SECONDS", 0.05)


def stored(ago: float) -> dict[str, bytes]:
    """A position whose last change was committed so many seconds ago."""
    position = replace(START, commit_ts_ms=int((time.time() - ago) * 1000))
    return {POSITION_KEY: position.to_json(), load_key(TOPIC): TableLoad(done=True).to_json()}


def test_a_log_that_is_busy_with_other_tables_leaves_the_lag_small(often: None) -> None:
    capture = Capture()
    capture.stream.publish([], stored(ago=3600))
    capture.source.log = 1000
    with capture.running():
        wait_until(lambda: capture.reports and capture.last.lag_bytes, 5, "it is behind")
        assert 3600 <= (capture.last.lag_seconds or 0) < 3700, "an old backlog may wait there"
        capture.source.reads = True

        def busy() -> bool:
            capture.source.log += 1000
            return 0 < (capture.last.lag_seconds or 0) < 3

        wait_until(busy, 10, "what was the end at the start is passed")


def test_a_first_start_in_the_past_is_as_far_behind_as_the_place_where_it_begins(often: None) -> None:
    capture = Capture()
    capture.source.begins = replace(START, commit_ts_ms=int((time.time() - 3600) * 1000))
    capture.source.log = 1000
    with capture.running():
        wait_until(lambda: capture.reports and capture.last.lag_bytes, 5, "it is behind")
        assert 3600 <= (capture.last.lag_seconds or 0) < 3700


def test_while_paused_the_lag_grows_and_is_measured(often: None) -> None:
    capture = Capture()
    capture.source.reads = True
    with capture.running():
        wait_until(lambda: capture.reports and capture.last.lag_bytes == 0, 5, "caught up")
        assert capture.last.lag_seconds == 0
        capture.stream.full = ["the sinks are behind"] * 1000
        wait_until(lambda: capture.last.state == "paused", 5, "it pauses")
        capture.source.log += 500
        wait_until(lambda: capture.last.lag_bytes == 500, 5, "what comes is measured")
        wait_until(lambda: (capture.last.lag_seconds or 0) > 0.5, 5, "and grows old")
        capture.stream.full = []
        wait_until(lambda: capture.last.lag_seconds == 0, 5, "caught up again")


def test_a_source_that_is_away_at_the_start_leaves_the_age_of_what_was_stored() -> None:
    capture = Capture()
    capture.stream.publish([], stored(ago=600))

    def away(*_: object) -> Any:
        raise UnreachableError("away")

    capture.source.open = away  # type: ignore[assignment,method-assign]
    with pytest.raises(UnreachableError):
        capture.run()
    assert 600 <= (capture.last.lag_seconds or 0) < 660
    assert capture.last.lag_bytes is None


def test_a_first_start_behind_nothing_is_not_behind(often: None) -> None:
    capture = Capture()
    capture.source.rows = []
    with capture.running():
        wait_until(lambda: capture.reports and capture.last.lag_bytes == 0, 5, "caught up")
        capture.source.log += 10
        wait_until(lambda: capture.last.lag_bytes == 10, 5, "behind")
        assert 0 < (capture.last.lag_seconds or 0) < 5


def test_a_suspended_tables_lag_grows_from_where_its_changes_went_missing_also_after_a_restart(often: None) -> None:
    capture = Capture()
    capture.stream.publish([], stored(ago=300))
    capture.source.log = 3
    capture.source.coming[table_key(TOPIC)] = suspension("DDL")
    with capture.running():
        wait_until(lambda: capture.reports and capture.last.tables, 5, "tables are shown")
        wait_until(lambda: capture.last.tables[0].state == "suspended", 5, "the table is suspended")
        first = wait_until(lambda: capture.last.tables[0].lag_seconds or 0.0, 5, "its lag is known")
        assert 300 <= first < 360, "capture was behind when it met the reason"
        capture.source.reads = True
        wait_until(lambda: capture.last.lag_seconds == 0, 5, "capture itself catches up")
        wait_until(lambda: (capture.last.tables[0].lag_seconds or 0) > first + 0.3, 5, "the table does not")
    again = Capture()
    again.stream.publish([], capture.stream.state())
    with again.running():
        wait_until(lambda: again.reports and again.last.lag_bytes is not None, 5, "it runs again")
        assert (again.last.tables[0].lag_seconds or 0) > first


def test_a_table_that_is_refused_at_every_start_is_missing_since_the_first() -> None:
    capture = Capture()
    capture.source.refusal = "no key"
    capture.run()
    (since,) = [value for key, value in capture.stream.state().items() if key == f"refused:{TOPIC}"]
    earlier = b"2026-01-01T00:00:00Z"
    assert since > earlier
    capture.stream.publish([], {f"refused:{TOPIC}": earlier})
    capture.run()
    (table,) = capture.last.tables
    assert table.since.encode() == earlier
    assert (table.lag_seconds or 0) > 86400
    # Somebody mends it, and breaks it again.
    capture.source.refusal = ""
    capture.run()
    capture.source.refusal = "no key"
    capture.run()
    (table,) = capture.last.tables
    assert (table.lag_seconds or 86400) < 60


def test_events_and_bytes_are_told_by_table() -> None:
    capture = Capture()
    capture.run()
    (table,) = capture.last.tables
    assert (table.name, table.events) == (str(NAME), 3)
    assert table.bytes == capture.last.bytes > 0
    assert table.lag_seconds is None, "its lag is capture's"
