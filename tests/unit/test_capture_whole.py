"""A table without a key is loaded whole beside the stream: what of the stream's events waits, goes or is dropped."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from tailrace.batch import Batch
from tailrace.capture import kept
from tailrace.capture.kept import Kept
from tailrace.capture.load import Load
from tailrace.capture.spans import TableLoad
from tailrace.capture.whole import WholeLoads
from tailrace.emitter import Emitter, EventTable
from tailrace.errors import TableBusyError
from tailrace.position import load_key
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.sequence import lsn_mark
from tailrace.source import Chunk, SourceTable

NUMBER = Type(Kind.INTEGER, "int", 32)


def event_table(name: str) -> EventTable:
    schema = TableSchema(1, TableName("app", "public", name), f"shop.{name}", (Column(1, "n", NUMBER),))
    return EventTable(schema, "postgresql", "shop")


BARE, OTHER = event_table("bare"), event_table("other")
SOURCE_TABLE = SourceTable(BARE.schema.name, BARE.topic, keyless=True)


@dataclass
class Reader:
    """Both readers: a view at `place` with these pieces of rows.

    Attributes:
        busy: why no view can be opened, as often as there are reasons.
    """

    place: str = lsn_mark(10)
    pieces: list[list[int]] = field(default_factory=lambda: [[1, 2], [3]])
    busy: list[str] = field(default_factory=list)
    views: int = 0
    _left: list[list[int]] = field(default_factory=list)

    def prepare_whole(self, topic: str) -> Any:
        return topic

    def whole_reader(self) -> Reader:
        return self

    def open(self, reading: Any) -> str:
        if self.busy:
            raise TableBusyError(self.busy.pop())
        self.views += 1
        self._left = list(self.pieces)
        return self.place

    def read(self, limit_bytes: int) -> Chunk:
        rows = self._left.pop(0)
        after = "more" if self._left else None
        return Chunk(BARE, [(None, orjson.dumps({"n": n})) for n in rows], after, self, self.place)

    def awaited(self, mark: str) -> None:
        pass

    def sees(self, transaction: str) -> bool:
        raise AssertionError("its place alone tells")

    def interrupt(self) -> None:
        pass

    def close(self) -> None:
        pass


class Capture:
    """The loop's part around it. `out` is what was published: operation and number, and whether it ends a
    transaction."""

    def __init__(self, intact: bool) -> None:
        """`intact`: the table streams, and somebody asks; else it resumes what a crash cut off."""
        self.reader = Reader()
        self.emitter = Emitter(1, "0", mark=lsn_mark(0))
        state = {} if intact else Load.plan([SOURCE_TABLE])
        reader: Any = self.reader
        self.whole = WholeLoads([SOURCE_TABLE], state, reader, self.emitter, 1 << 20)
        if intact:
            self.whole.again(SOURCE_TABLE, 0, intact=True)
        self.out: list[tuple[str, int | None, bool]] = []
        self.state: dict[str, bytes] = {}

    def transaction(self, mark: int, *changes: tuple[EventTable, int]) -> None:
        self.emitter.begin(lsn_mark(mark), 0, b"")
        for ordinal, (table, n) in enumerate(changes, 1):
            self.emitter.insert(table, ordinal, None, orjson.dumps({"n": n}))
        self.emitter.commit(str(mark), lsn_mark(mark))

    def step(self, sends: bool = True) -> None:
        """Publishes what has gathered, and what the load adds."""
        batch = self.emitter.take()
        self.whole.hold(batch)
        if sends:
            self.state.update(self.whole.add_to(batch))
        assert batch.events == sum(len(run) for run in batch.runs)
        assert batch.bytes == sum(run.size for run in batch.runs)
        self.publish(batch)

    def publish(self, batch: Batch) -> None:
        for run in batch.runs:
            for value in run.values:
                assert value is not None
                event = orjson.loads(value)
                row = event["after"]
                self.out.append((event["op"], row and row["n"], event["source"]["tx_end"]))

    def until(self, what: str) -> None:
        """Lets the reader work until it has opened its view ("view"), or read a piece."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            self.whole.read()
            attempt = self.whole._attempt
            if attempt is not None and (attempt.place if what == "view" else attempt.chunk) is not None:
                return
            time.sleep(0.001)
        raise AssertionError(f"no {what}")

    def finish(self) -> None:
        deadline = time.monotonic() + 10
        while not self.whole.done:
            assert time.monotonic() < deadline
            self.whole.read()
            self.step()
        assert TableLoad.from_json(self.state[load_key(BARE.topic)]).done

    def brief(self) -> list[tuple[str, int | None]]:
        out, self.out = self.out, []
        return [(op, n) for op, n, _ in out]


ROWS = [("t", None), ("r", 1), ("r", 2), ("r", 3)]


def test_rows_go_out_at_the_place_of_the_view_and_later_changes_behind_them() -> None:
    capture = Capture(intact=True)
    capture.transaction(5, (BARE, 50))
    capture.step()
    capture.until("view")
    capture.transaction(8, (BARE, 80), (OTHER, 81))
    capture.until("piece")
    capture.step()
    assert capture.brief() == [("c", 50), ("c", 80), ("c", 81)], "the stream has not come to the view yet"
    capture.transaction(10, (BARE, 100))
    capture.step()
    assert capture.brief() == [("c", 100), ("t", None), ("r", 1), ("r", 2)]
    capture.transaction(12, (OTHER, 120), (BARE, 121))
    capture.step()
    assert capture.brief() == [("c", 120)], "other tables go on"
    capture.finish()
    assert capture.brief() == [("r", 3), ("c", 100), ("c", 121)]
    capture.transaction(13, (BARE, 130))
    capture.step()
    assert capture.brief() == [("c", 130)]


def test_changes_of_before_the_view_are_left_out_where_targets_have_a_part_of_the_rows() -> None:
    capture = Capture(intact=False)
    capture.transaction(5, (BARE, 50), (OTHER, 51))
    capture.step()
    capture.until("view")
    capture.transaction(8, (BARE, 80))
    capture.step()
    capture.transaction(11, (BARE, 110))
    capture.step()
    capture.finish()
    assert capture.brief() == [("c", 51), *ROWS, ("c", 110)]


def test_what_came_while_the_view_was_asked_for_is_told_apart_by_its_place() -> None:
    capture = Capture(intact=True)
    capture.whole.read()  # it is being opened
    capture.transaction(9, (BARE, 90))
    capture.transaction(10, (BARE, 100))
    capture.step()
    assert capture.brief() == [("c", 90), ("c", 100)], "targets have all rows until they are told to empty the table"
    capture.finish()
    assert capture.brief() == [*ROWS, ("c", 100)]


def test_the_last_event_that_is_left_of_a_transaction_ends_it() -> None:
    capture = Capture(intact=False)
    capture.until("view")
    capture.transaction(11, (OTHER, 1), (BARE, 2))
    capture.transaction(12, (BARE, 3), (OTHER, 4), (BARE, 5), (OTHER, 6))
    capture.step(sends=False)
    assert [(n, end) for _, n, end in capture.out] == [(1, True), (4, False), (6, True)]
    capture.out.clear()
    capture.finish()
    assert [(n, end) for _, n, end in capture.out[-3:]] == [(2, True), (3, False), (5, True)]


def test_a_truncate_in_the_log_leads_to_another_view() -> None:
    capture = Capture(intact=False)
    capture.until("piece")
    capture.transaction(11, (BARE, 110))
    capture.step()
    assert capture.brief() == [("t", None), ("r", 1), ("r", 2)]
    capture.emitter.begin(lsn_mark(12), 0, b"")
    capture.emitter.truncate(BARE, 1)
    capture.emitter.insert(BARE, 2, None, b'{"n":120}')
    capture.emitter.commit("12", lsn_mark(12))
    capture.reader.place = lsn_mark(13)
    capture.step()
    assert capture.brief() == [("t", None)], "the view that comes has all of it"
    capture.transaction(13, (BARE, 130))
    capture.step()
    capture.brief()
    capture.transaction(14, (OTHER, 140))
    capture.finish()
    assert capture.brief() == [("c", 140), *ROWS]
    assert capture.reader.views == 2


def test_a_view_that_is_given_up_before_its_rows_go_out_loses_nothing() -> None:
    capture = Capture(intact=True)
    capture.until("view")
    capture.transaction(11, (BARE, 110))
    capture.step(sends=False)
    capture.emitter.begin(lsn_mark(12), 0, b"")
    capture.emitter.truncate(BARE, 1)
    capture.emitter.commit("12", lsn_mark(12))
    capture.transaction(13, (BARE, 130))
    capture.step(sends=False)
    assert capture.brief() == [("c", 110), ("t", None), ("c", 130)]


def test_a_table_that_is_busy_is_tried_again_and_the_reason_told() -> None:
    capture = Capture(intact=True)
    capture.reader.busy = ["somebody holds its lock"]
    deadline = time.monotonic() + 10
    while not capture.whole.delayed:
        assert time.monotonic() < deadline
        capture.whole.read()
    assert "somebody holds its lock" in capture.whole.delayed
    capture.transaction(20, (BARE, 200))
    capture.step()
    capture.finish()
    assert capture.brief() == [("c", 200), *ROWS]


def test_a_suspended_table_is_not_loaded_any_further() -> None:
    capture = Capture(intact=False)
    capture.until("piece")
    capture.whole.suspend([BARE.topic])
    assert capture.whole.done
    capture.transaction(20, (OTHER, 1))
    capture.step()
    assert capture.brief() == [("c", 1)]


def test_events_that_wait_are_in_a_file_beyond_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MEMORY_BYTES", 3000)
    queue = Kept()
    emitter = Emitter(1, "0")
    for mark in range(1, 40):
        emitter.begin(lsn_mark(mark), 0, b"")
        emitter.insert(BARE, 1, None, b'{"n":%d}' % mark)
        emitter.insert(BARE, 2, b'{"n":1}', b'{"n":%d}' % mark)
        emitter.commit("x", lsn_mark(mark))
    events = [event for run in emitter.take().runs for event in run]
    for event in [*events[:40], (b"key", None), *events[40:]]:
        queue.add(*event)
    assert queue._file is not None
    taken = []
    while queue:
        taken += queue.take(2000)
    assert taken == [*events[:40], (b"key", None), *events[40:]]
    assert queue.bytes == 0


@pytest.mark.parametrize("intact", [True, False])
def test_where_there_is_no_room_for_what_waits_the_view_is_left_and_said_why(
    intact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a device on which there is no room at all."""
    capture = Capture(intact)
    monkeypatch.setattr(kept, "MEMORY_BYTES", 0)
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: open("/dev/full", "r+b", buffering=0))  # noqa: SIM115
    capture.until("view")
    capture.transaction(11, (BARE, 4), (OTHER, 5))
    capture.step(sends=False)
    assert capture.brief() == ([("c", 4), ("c", 5)] if intact else [("c", 5)]), "the log goes on"
    reason = capture.whole.delayed
    assert "bytes of changes that wait for a table's load cannot be kept: No space left on device; make room" in reason
    monkeypatch.undo()
    capture.reader.place = lsn_mark(11)
    capture.finish()
    assert capture.brief() == ROWS
    assert capture.reader.views == 2
    assert capture.whole.delayed == ""
