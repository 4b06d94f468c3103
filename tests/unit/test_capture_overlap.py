"""One batch is on its way into the stream while the next one is read."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest

from tailrace.batch import Batch, Run
from tailrace.capture import session
from tailrace.capture.progress import Progress
from tailrace.capture.session import Session
from tailrace.emitter import Emitter, EventTable
from tailrace.errors import UnreachableError
from tailrace.position import POSITION_KEY, Position, take_up_key
from tailrace.report import Control, Reload, WorkerReport
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.sequence import lsn_mark
from tailrace.source import ChunkReader, Opened, Retained, SourceTable
from tailrace.testing import MemoryStream

NAME = TableName("app", "public", "t")
TABLES = {
    topic: EventTable(TableSchema(1, NAME, topic, (Column(1, "n", Type(Kind.INTEGER), key=1),)), "postgresql", "p")
    for topic in ("p.t", "p.u")
}
PATIENCE = 10.0


class Source:
    """Each `read` gives one transaction of one event; `read_second` is set when the second one is asked for."""

    def __init__(self, transactions: int, bytes_each: int) -> None:
        self.acknowledged: list[str] = []
        self.read_second = threading.Event()
        self._last = transactions
        self._bytes = bytes_each
        self._count = 0
        self.topics = ["p.t"] * transactions

    def open(self, position: Position | None, state: dict[str, bytes]) -> Opened:
        self._emitter = Emitter(1, "0", "", lsn_mark(0))
        return Opened(Position(1, "server", "0", mark=lsn_mark(0)), [], self._emitter)

    def chunks(self) -> ChunkReader:
        raise AssertionError("nothing is loaded here")

    def snapshot(self) -> Source:
        return self

    def read(self, timeout: float, limit_bytes: int) -> Batch | None:
        if self._count == self._last:
            return None
        self._count += 1
        if self._count == 2:
            self.read_second.set()
        number = self._count
        self._emitter.begin(lsn_mark(10 * number - 5), 0, b"")
        row = orjson.dumps({"n": number, "v": "x" * self._bytes})
        self._emitter.insert(TABLES[self.topics[number - 1]], 1, b"%d" % number, row)
        self._emitter.commit(str(number), lsn_mark(10 * number))
        return self._emitter.take()

    def acknowledge(self, position: Position) -> None:
        self.acknowledged.append(position.restart)

    def position_text(self, position: Position) -> str:
        return position.restart

    def log_end(self) -> str:
        return lsn_mark(10 * self._last)

    def lag_bytes(self, mark: str) -> int:
        return 0

    def end(self) -> str:
        return lsn_mark(10 * self._last)

    def retained(self, position: Position | None) -> Retained | None:
        return None

    def close(self) -> None: ...


class Suspended(Source):
    """Besides, it has a table that is suspended; `taken_up` is set when it is asked to capture that again."""

    def __init__(self, transactions: int, bytes_each: int) -> None:
        super().__init__(transactions, bytes_each)
        self.topics = ["p.u"] * transactions
        self.taken_up = threading.Event()

    def tables(self) -> list[SourceTable]:
        return [SourceTable(NAME, "p.t", "suspended", "its columns were changed")]

    def open(self, position: Position | None, state: dict[str, bytes]) -> Opened:
        opened = super().open(position, state)
        opened.tables = self.tables()
        return opened

    def take_up(self, topic: str) -> bool:
        self.taken_up.set()
        return False


class Stream(MemoryStream):
    """The first batch that holds events is not published before `released` is set; `fails` says what becomes of it."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        self.released = source.read_second
        self.waited: list[bool] = []
        self.acknowledged_before: list[list[str]] = []
        self.fails: Exception | None = None
        self.ended: list[bool] = []  # of each call with events, whether its transaction ended with it

    def publish(self, runs: Sequence[Run], state: Mapping[str, bytes | None], more: bool = False) -> None:
        if runs and not self.waited:
            self.waited.append(self.released.wait(0 if self.fails else PATIENCE))
            if self.fails:
                raise self.fails
        self.acknowledged_before.append(list(self.source.acknowledged))
        if runs:
            self.ended.append(not more)
        super().publish(runs, state, more)


class Quiet:
    def send(self, report: WorkerReport) -> None: ...


def run(source: Source, stream: Stream) -> None:
    control = Control()
    control.finish.set()
    anything: Any = source
    capture = Session(anything, stream, "cdc", control, Progress(Quiet()))
    try:
        capture.open()
        capture.run()
    finally:
        capture.close()


def test_a_batch_is_read_while_a_large_one_is_on_its_way_and_order_holds() -> None:
    source = Source(5, session.BATCH_BYTES)
    stream = Stream(source)
    run(source, stream)
    assert stream.waited == [True], "the second batch was not read before the first one was published"
    pieces = stream.reader("").poll(0.0, 1 << 40)
    keys = [key for piece in pieces for part in piece.runs for key in part.keys]
    assert keys == [b"1", b"2", b"3", b"4", b"5"]
    assert Position.from_json(stream.state()[POSITION_KEY]).restart == "5"


@pytest.fixture
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction of the stream for each batch."""
    monkeypatch.setattr(session, "TRANSACTION_BYTES", session.BATCH_BYTES)


@pytest.mark.usefixtures("small_transactions")
def test_the_source_is_acknowledged_only_for_what_was_published() -> None:
    source = Source(4, session.BATCH_BYTES)
    stream = Stream(source)
    run(source, stream)
    # Of each batch the publishing began after its predecessor was acknowledged, and before it was itself.
    assert [before[-1] for before in stream.acknowledged_before[1:]] == ["0", "1", "2", "3"]
    assert source.acknowledged[-1] == "4"


def test_a_small_batch_is_waited_for() -> None:
    source = Source(3, 10)
    stream = Stream(source)
    stream.released = threading.Event()
    stream.released.set()
    seen: list[bool] = []
    publish = stream.publish

    def watched(runs: Sequence[Run], state: Mapping[str, bytes | None], more: bool = False) -> None:
        publish(runs, state, more)
        seen.append(source.read_second.is_set())

    stream.publish = watched  # type: ignore[method-assign]
    run(source, stream)
    assert seen[:2] == [False, False], "the second batch was read before the first one was published"


def test_what_failed_to_be_published_is_neither_acknowledged_nor_passed_over() -> None:
    source = Source(5, session.BATCH_BYTES)
    stream = Stream(source)
    stream.fails = UnreachableError("the broker is away")
    with pytest.raises(UnreachableError, match="the broker is away"):
        run(source, stream)
    assert set(source.acknowledged) <= {"0"}
    assert Position.from_json(stream.state()[POSITION_KEY]).restart == "0"
    assert stream.reader("").poll(0.0, 1 << 40) == []


def test_under_backlog_a_transaction_takes_several_batches_and_its_position_goes_with_the_last() -> None:
    count = 3 * session.TRANSACTION_BYTES // session.BATCH_BYTES // 2
    source = Source(count, session.BATCH_BYTES)
    stream = Stream(source)
    run(source, stream)
    ends = [number for number, ended in enumerate(stream.ended, 1) if ended]
    assert len(stream.ended) == count
    assert 0 < len(ends) < count / 4, "each batch was a transaction of its own"
    # Ends of transactions were acknowledged and, where the log ended before one was full, all of it.
    assert source.acknowledged[-1] == str(count)
    assert {int(restart) for restart in source.acknowledged} <= {0, *ends, count}
    assert Position.from_json(stream.state()[POSITION_KEY]).restart == str(count)
    assert len(stream.reader("").poll(0.0, 1 << 40)[0].runs[0]) == count


def test_a_transaction_that_fails_in_the_middle_leaves_nothing() -> None:
    source = Source(5, session.BATCH_BYTES)
    stream = Stream(source)
    usual = stream.publish

    def publish(runs: Sequence[Run], state: Mapping[str, bytes | None], more: bool = False) -> None:
        if len(stream.ended) == 3:
            raise UnreachableError("the broker is away")
        usual(runs, state, more)

    stream.publish = publish  # type: ignore[method-assign]
    with pytest.raises(UnreachableError, match="the broker is away"):
        run(source, stream)
    assert set(source.acknowledged) <= {"0"}
    assert Position.from_json(stream.state()[POSITION_KEY]).restart == "0"
    assert stream.reader("").poll(0.0, 1 << 40) == []


def test_a_topic_that_is_new_ends_the_transaction_before_it_is_made() -> None:
    source = Source(4, session.BATCH_BYTES)
    stream = Stream(source)
    usual = stream.prepare
    seen: dict[str, tuple[int, str]] = {}

    def prepare(topics: Sequence[str]) -> None:
        stored = Position.from_json(stream.state()[POSITION_KEY]).restart
        for topic in topics:
            seen.setdefault(topic, (len(stream.ended), stored))
        usual(topics)

    run_with = Session.open

    def opened(self: Session) -> None:
        run_with(self)
        stream.prepare = prepare  # type: ignore[method-assign]

    source.topics = ["p.t", "p.t", "p.u", "p.u"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "open", opened)
        run(source, stream)
    assert seen == {"p.t": (0, "0"), "p.u": (2, "2")}


def test_a_request_that_is_published_in_the_middle_of_a_transaction_is_followed_when_that_ends() -> None:
    """A suspended table is asked back from the source once the request is durable, and not in the next session only."""
    source = Suspended(3, session.BATCH_BYTES)
    stream = Stream(source)
    control = Control()
    control.reloads.put(Reload((str(NAME),)))
    anything: Any = source
    capture = Session(anything, stream, "cdc", control, Progress(Quiet()))

    def until_stopped() -> None:
        try:
            capture.open()
            capture.run()
        finally:
            capture.close()

    thread = threading.Thread(target=until_stopped)
    thread.start()
    try:
        assert source.taken_up.wait(PATIENCE), "the source was not asked"
        assert stream.ended[0] is False, "the request was to go with a batch that does not end its transaction"
        assert take_up_key("p.t") in stream.state(), "the source was asked before the request was durable"
    finally:
        control.stop.set()
        thread.join(PATIENCE)
    assert not thread.is_alive()
