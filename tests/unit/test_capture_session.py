"""The capture loop between a source that a test moves and a stream in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest

from tailrace.batch import Batch, Run
from tailrace.capture.progress import Progress
from tailrace.capture.session import Session
from tailrace.emitter import Emitter, EventTable
from tailrace.errors import UnreachableError
from tailrace.position import POSITION_KEY, Position
from tailrace.report import Control, WorkerReport
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.sequence import lsn_mark
from tailrace.source import Chunk, Opened, SourceTable
from tailrace.testing import MemoryStream

NAME = TableName("app", "public", "log")
TOPIC = "shop.public.log"
TABLE = EventTable(TableSchema(1, NAME, TOPIC, (Column(1, "n", Type(Kind.INTEGER, "int", 32)),)), "postgresql", "shop")
START = Position(1, "server", "start", mark=lsn_mark(1))


@dataclass
class Source:
    """A source with one table without a key, in chunks of one row each.

    Attributes:
        calls: what the loop asked, in order, together with the stream's (`Stream.publish`).
        fails_after: chunks that `whole` gives before the server goes away.
    """

    rows: list[int]
    calls: list[str]
    fails_after: int = 1000
    given: list[Position | None] = field(default_factory=list)
    emitter: Emitter = field(init=False)

    def open(self, position: Position | None, state: dict[str, bytes]) -> Opened:
        self.given.append(position)
        now = position or START
        self.emitter = Emitter(now.epoch, now.restart, now.delivered, now.mark)
        if position is None:
            self.emitter.first_schema(TABLE.schema)
        return Opened(now, self.tables(), self.emitter)

    def tables(self) -> list[SourceTable]:
        return [SourceTable(NAME, TOPIC, keyless=True)]

    def snapshot(self) -> Source:
        return self

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
        return None

    def acknowledge(self, position: Position) -> None:
        self.calls.append(f"acknowledge {position.restart}")

    def position_text(self, position: Position) -> str:
        return position.restart

    def log_end(self) -> str:
        return START.mark

    def lag_bytes(self, mark: str) -> int:
        return 0

    def close(self) -> None:
        pass


class Stream(MemoryStream):
    """Attributes: full: what `backlog_full` says next, one after another."""

    def __init__(self, calls: list[str]) -> None:
        super().__init__()
        self.calls = calls
        self.full: list[str] = []

    def publish(self, runs: Sequence[Run], state: Mapping[str, bytes | None]) -> None:
        super().publish(runs, state)
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

    def send(self, report: WorkerReport) -> None:
        self.reports.append(replace(report))

    def run(self) -> None:
        source: Any = self.source
        self.progress = Progress(self)
        session = Session(source, self.stream, "full-load-and-cdc", self.control, self.progress)
        try:
            session.open()
            session.run()
        finally:
            session.close()
            self.progress.send()

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


def test_the_load_of_a_table_without_a_key_waits_for_room_in_the_stream() -> None:
    capture = Capture()
    capture.stream.full = ["the sinks are behind"]
    capture.run()
    assert "paused" in [report.state for report in capture.reports]
    assert len(capture.events) == 3


def test_a_load_that_is_asked_to_stop_leaves_at_once_and_stores_no_position() -> None:
    capture = Capture()
    usual = capture.stream.publish

    def publish(runs: Sequence[Run], state: Mapping[str, bytes | None]) -> None:
        usual(runs, state)
        if runs:
            capture.control.stop.set()

    capture.stream.publish = publish  # type: ignore[method-assign]
    capture.run()
    assert capture.events == [("r", 1)]
    assert POSITION_KEY not in capture.stream.state()
