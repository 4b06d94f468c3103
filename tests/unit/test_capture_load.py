"""The load between two reads of the stream: what becomes of a chunk while the table changes under it."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest

from tailrace.batch import Batch
from tailrace.capture import delays
from tailrace.capture import load as load_module
from tailrace.capture import window as window_module
from tailrace.capture.load import Load
from tailrace.capture.spans import Span, TableLoad
from tailrace.emitter import Emitter, EventTable
from tailrace.errors import TableBusyError, TableGoneError
from tailrace.load_mark import LoadMark
from tailrace.position import Position, load_key, table_key
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.sequence import lsn_mark, sequence
from tailrace.source import Chunk, OpenView, SourceTable, WholeReader
from tailrace.structure import POSTGRES, Index, Part, TableStructure
from tests.servers import wait_until

NAME = TableName("app", "public", "users")
TOPIC = "shop.public.users"
ID = Column(1, "id", Type(Kind.INTEGER, "bigint", 64), nullable=False, key=1)
NOTE = Column(2, "note", Type(Kind.TEXT, "text"), initial="added")
V1 = EventTable(TableSchema(1, NAME, TOPIC, (ID,)), "postgresql", "shop")
V2 = EventTable(TableSchema(2, NAME, TOPIC, (ID, NOTE)), "postgresql", "shop")


@dataclass(frozen=True)
class Reading:
    topic: str
    table: EventTable
    order: str = "id"
    private: bool = False
    estimated_rows: int = 0


class Reader:
    """A table that a test changes; a view sees the transactions that were committed when it was opened.

    Attributes:
        gates: a chunk of this topic waits, its view open, until the gate is.
        bounds_now: where the table is divided.
        chunk_rows: rows of each chunk of a view; 0: all. `chunk_bytes` is their size, `yielded` counts them.
        asked: the ranges that were read.
    """

    def __init__(self) -> None:
        self.rows_now: list[dict[str, Any]] = []
        self.committed: set[str] = set()
        self.table = V1
        self.high = lsn_mark(1)
        self.busy: set[str] = set()
        self.gone: set[str] = set()
        self.demands: list[str] = []
        self.gates: dict[str, threading.Event] = {}
        self.bounds_now: list[str] = []
        self.asked: list[tuple[str | None, str | None]] = []
        self.altered = False
        self.order = "id"
        self.estimated = 0
        self.chunk_rows = self.chunk_bytes = self.yielded = 0

    def demand(self, topic: str, position: Position) -> None:
        self.demands.append(topic)

    def prepare(self, topic: str, where: str) -> Reading:
        if topic in self.gone:
            raise TableGoneError("it was dropped")
        return Reading(topic, self.table, self.order, estimated_rows=self.estimated)

    def chunks(self) -> Reader:
        return self

    def read_view(
        self, reading: Any, after: str | None, until: str | None, limit_rows: int, limit_bytes: int, view: OpenView
    ) -> Generator[Chunk]:
        if reading.topic in self.busy:
            raise TableBusyError("it is locked")
        rows_now, table, high = self.rows_now, self.table, self.high
        seen = view(lambda: View(set(self.committed)))
        self.asked.append((after, until))
        if (gate := self.gates.pop(until or "", None)) is not None:
            assert gate.wait(10)
        if reading.table is not table:
            return
        rows: list[tuple[bytes | None, bytes]] = [
            (key(row["id"]), orjson.dumps(row))
            for row in rows_now
            if (after is None or row["id"] > int(after)) and (until is None or row["id"] <= int(until))
        ]
        more = len(rows) > limit_rows
        rows = rows[:limit_rows]
        step = self.chunk_rows or max(len(rows), 1)
        for start in range(0, max(len(rows), 1), step):
            part = rows[start : start + step]
            ended = not more and start + step >= len(rows)
            last = None if ended else str(orjson.loads(part[-1][1])["id"])
            yield Chunk(table, part, last, seen, high, size=self.chunk_bytes)
            self.yielded += 1

    def bound(self, reading: Any, after: str | None, rows: int) -> str | None:
        return next((bound for bound in self.bounds_now if after is None or int(bound) > int(after)), None)

    def awaited(self, mark: str) -> None:
        pass

    def interrupt(self) -> None:
        pass

    def whole(self, topic: str, limit_bytes: int) -> Iterator[Chunk]:
        raise AssertionError("no keyless table here")

    def prepare_whole(self, topic: str) -> Any:
        raise AssertionError("no keyless table here")

    def whole_reader(self) -> WholeReader:
        raise AssertionError("no keyless table here")

    def sees_all(self, transactions: Sequence[str]) -> bool:
        return self.committed.issuperset(transactions)

    def structure(self, topic: str) -> TableStructure:
        return TableStructure(POSTGRES, indexes=(Index(f"of {topic}", (Part("name"),)),))

    def rows(self, topic: str) -> Iterator[tuple[bytes | None, bytes]]:
        return iter(())

    def close(self) -> None:
        pass


class View:
    def __init__(self, visible: set[str]) -> None:
        self._visible = visible

    def sees(self, transaction: str) -> bool:
        return transaction in self._visible


#: Between two transactions.
HERE = Position(1, "", "0", mark=lsn_mark(1 << 40))


class Capture:
    """The loop's part around a load: an emitter as the source, a list of events as the stream."""

    def __init__(
        self,
        *others: TableName,
        state: dict[str, bytes] | None = None,
        readers: int = 1,
        idle: bool = False,
        marks: bool = False,
        indexes: str = "none",
    ) -> None:
        """`idle`: the stream has reached the chunks' marks without anything more being written."""
        self.reader = Reader()
        if idle:
            self.reader.high = lsn_mark(0)
        self.emitter = Emitter(1, "0", mark=lsn_mark(0))
        tables = [SourceTable(name, f"shop.{name}") for name in (NAME, *others)]
        entries = Load.plan(tables) | (state or {})
        self.load = Load(tables, entries, self.reader, self.emitter, 1 << 20, readers, marks=marks, indexes=indexes)
        self.sent: list[Any] = []
        self.lsn = 1

    def read(self) -> None:
        """Begins to read what can be, and waits until it was read."""
        self.load.read(HERE)

        def settled() -> bool:
            if self.load.reading:
                self.load.read(HERE)
            return not self.load.reading

        wait_until(settled, 10, "the readers have nothing in hand", pause=0.001)

    def wait(self, waiting: int) -> None:
        """Until so many chunks were read; others may be held up."""

        def read() -> bool:
            self.load.read(HERE)
            return sum(len(task.chunks) for task in self.load._tasks) == waiting

        wait_until(read, 10, f"{waiting} chunks wait", pause=0.001)

    def begin(self, token: str) -> Emitter:
        self.lsn += 1
        self.emitter.begin(lsn_mark(self.lsn), 1, b"", token)
        return self.emitter

    def commit(self, token: str) -> None:
        self.emitter.commit(str(self.lsn), lsn_mark(self.lsn))
        self.reader.committed.add(token)
        self.reader.high = lsn_mark(self.lsn)

    def stream(self, batch: Batch | None = None) -> dict[str, bytes]:
        """What the loop does between two chunks."""
        batch = batch or self.emitter.take()
        self.load.observe(batch)
        entries = self.load.send()
        for part in (batch, self.emitter.take()):
            values = (value for run in part.runs for value in run.values if value is not None)
            self.sent += [orjson.loads(value) for value in values]
        return entries

    @property
    def shown(self) -> list[tuple[str, int, Any]]:
        """Operation, schema version, row."""
        return [(event["op"], event["source"]["schema_id"], event["after"]) for event in self.sent]


def key(number: int) -> bytes:
    return orjson.dumps({"id": number})


def test_rows_of_a_chunk_do_not_come_back_after_a_truncate() -> None:
    capture = Capture()
    capture.reader.rows_now = [{"id": 1}, {"id": 2}]
    capture.read()
    capture.begin("t1").truncate(V1, 1)
    capture.reader.rows_now = []
    capture.commit("t1")
    assert load_key(TOPIC) not in capture.stream()
    capture.read()
    entries = capture.stream()
    assert capture.load.done
    assert orjson.loads(entries[load_key(TOPIC)])["done"]
    assert capture.shown == [("t", 1, None)]


def test_a_chunk_is_not_sent_in_an_older_version_than_the_stream_has_reached() -> None:
    """The target would lose what the new column gave to its rows: the older version brings none of it."""
    capture = Capture()
    capture.reader.rows_now = [{"id": 1}]
    capture.read()
    emitter = capture.begin("t1")
    emitter.schema_change(V2, 1)
    emitter.insert(V2, 1, key(2), orjson.dumps({"id": 2, "note": "x"}))
    capture.reader.rows_now = [{"id": 1, "note": "added"}, {"id": 2, "note": "x"}]
    capture.reader.table = V2
    capture.commit("t1")
    capture.stream()
    capture.read()
    capture.stream()
    assert capture.load.done
    assert capture.shown == [
        ("s", 2, None),
        ("c", 2, {"id": 2, "note": "x"}),
        ("r", 2, {"id": 1, "note": "added"}),
        ("r", 2, {"id": 2, "note": "x"}),
    ]


def test_no_chunk_is_read_before_what_an_earlier_run_streamed_is_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream goes on meanwhile; which keys those transactions wrote, nobody remembers."""
    capture = Capture(state={load_module.UNSEEN_KEY: b'{"epoch":1,"tokens":["t1"]}'})
    capture.reader.rows_now = [{"id": 1}]
    capture.read()
    assert not capture.load.waiting
    capture.begin("t2").insert(V1, 1, key(2), orjson.dumps({"id": 2}))
    capture.commit("t2")
    capture.stream()
    assert capture.shown == [("c", 1, {"id": 2})]
    monkeypatch.setattr(capture.load, "_visible_until", 0.0)
    monkeypatch.setattr(delays, "FIRST_SECONDS", 0.0)
    capture.read()
    assert not capture.load.waiting
    assert "invisible" in capture.load.delayed
    capture.reader.committed.add("t1")
    capture.read()
    assert capture.load.waiting
    assert capture.load.delayed == ""


def test_on_another_server_the_tokens_of_the_one_before_are_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They may be places in a log that is gone; no view ever sees them, or each does by chance."""
    unseen = b'{"epoch":0,"tokens":["a place in the old log"]}'
    for committed in (set(), {"a place in the old log"}):
        capture = Capture(state={load_module.UNSEEN_KEY: unseen})
        capture.reader.committed |= committed
        capture.read()
        assert not capture.load.waiting, "what was committed there needs a moment to be visible here"
        capture.begin("t2").insert(V1, 1, key(2), orjson.dumps({"id": 2}))
        capture.commit("t2")
        stored = orjson.loads(capture.stream()[load_module.UNSEEN_KEY])
        assert stored == {"epoch": 0, "tokens": ["a place in the old log", "t2"]}, (
            "a restart does not take them for new"
        )
        monkeypatch.setattr(capture.load, "_visible_until", 0.0)
        capture.read()
        assert capture.load.waiting


def test_a_table_that_cannot_be_read_leaves_its_turn_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delays, "FIRST_SECONDS", 3600.0)
    capture = Capture(TableName("app", "public", "orders"))
    capture.reader.busy = {TOPIC}
    capture.read()
    assert capture.load.waiting
    assert TOPIC in capture.load.delayed
    capture.load.suspend([TOPIC])
    assert capture.load.delayed == ""


def test_a_chunk_is_read_again_when_too_much_was_written_while_it_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_module, "MOST_TRANSACTIONS", 2)
    capture = Capture()
    capture.reader.rows_now = [{"id": 1}]
    capture.read()
    for number in range(3):
        capture.begin(f"t{number}").insert(V1, 1, key(5), orjson.dumps({"id": 5}))
        capture.commit(f"t{number}")
    emitter = capture.begin("t9")
    emitter.insert(V1, 1, key(6), orjson.dumps({"id": 6}))  # no chunk goes out inside a transaction
    capture.stream()
    assert not capture.load.waiting
    capture.commit("t9")
    capture.read()
    capture.stream()
    assert capture.load.done
    assert capture.shown[-1] == ("r", 1, {"id": 1})


def test_bounds_that_have_hidden_values_are_not_stored() -> None:
    load = TableLoad(rows=5, order="id", divided=True, spans=[Span("{key}", None)], private=True)
    stored = orjson.loads(load.to_json())
    assert (stored["spans"], stored["divided"], stored["rows"]) == ([[None, None]], False, 5)
    assert b"key" in TableLoad(spans=[Span("{key}", None)]).to_json()


def test_a_table_that_is_suspended_is_not_loaded_any_further() -> None:
    capture = Capture()
    capture.reader.rows_now = [{"id": 1}]
    capture.read()
    entry = orjson.dumps({"state": "suspended", "reason": "renamed"})
    assert not capture.stream(Batch(state={table_key(TOPIC): entry}))
    assert capture.load.done
    assert capture.shown == []
    assert not capture.emitter.traced


# ---- several at a time


def rows(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": number} for number in numbers]


def divided(*bounds: str) -> bytes:
    load = TableLoad()
    for bound in (*bounds, None):
        load.divide(bound)
    return load.to_json()


def test_each_chunk_goes_by_its_own_view() -> None:
    """The first view does not see the change, the second one does: what it saw, it alone brings."""
    capture = Capture(readers=2, idle=True, state={load_key(TOPIC): divided("5")})
    gate = capture.reader.gates["5"] = threading.Event()
    capture.reader.rows_now = rows(1, 5, 9)
    capture.load.read(HERE)
    wait_until(lambda: capture.reader.asked, 10, "the first chunk's view is open")
    emitter = capture.begin("t1")
    emitter.delete(V1, 1, key(1), b'{"id":1}')
    emitter.insert(V1, 2, key(8), b'{"id":8}')
    capture.commit("t1")
    capture.reader.rows_now = rows(5, 8, 9)
    capture.stream()
    capture.wait(1)
    capture.stream()
    assert capture.load._window.unseen == ["t1"], "the older view is still in use"
    gate.set()
    capture.wait(1)
    capture.stream()
    assert capture.load.done
    assert capture.reader.asked in ([(None, "5"), ("5", None)], [("5", None), (None, "5")])
    ids = [(event["op"], (event["after"] or event["before"])["id"]) for event in capture.sent]
    chunks = [pair for pair in ids if pair[0] == "r"]
    if capture.reader.asked[0] == (None, "5"):  # the gate was the first view's
        assert ids[:2] == [("d", 1), ("c", 8)]
        assert sorted(chunks) == [("r", 5), ("r", 8), ("r", 9)]


def test_a_chunk_of_an_older_version_than_a_newer_chunk_has_announced_is_read_again() -> None:
    """PostgreSQL's catalog is ahead of the log: a later view's chunk may bring the new columns first."""
    capture = Capture(readers=2, idle=True, state={load_key(TOPIC): divided("5")})
    gate = capture.reader.gates["5"] = threading.Event()
    capture.reader.rows_now = rows(1)
    capture.load.read(HERE)
    wait_until(lambda: (None, "5") in capture.reader.asked, 10, "the gated chunk's view is open")
    capture.wait(1)  # the other one, of the first version
    capture.load._give_up(lambda task: bool(task.chunks))
    capture.reader.table = V2
    capture.reader.rows_now = [{"id": 1, "note": "added"}, {"id": 7, "note": "added"}]
    capture.wait(1)
    capture.stream()
    gate.set()
    capture.wait(1)
    capture.stream()
    capture.read()
    capture.stream()
    assert capture.load.done
    versions = [event["source"]["schema_id"] for event in capture.sent]
    assert versions == [2, 2, 2]
    assert [after for op, _, after in capture.shown if op == "r"] == [
        {"id": 7, "note": "added"},
        {"id": 1, "note": "added"},
    ]


def test_a_large_table_is_divided_where_the_database_says_and_every_row_goes_out_once() -> None:
    total = orjson.dumps({"done": False, "rows": 0, "total": 10 * load_module.SPAN_ROWS, "spans": [[None, None]]})
    capture = Capture(readers=4, idle=True, state={load_key(TOPIC): total})
    capture.reader.bounds_now = ["3", "6"]
    capture.reader.rows_now = rows(*range(1, 10))
    while not capture.load.done:
        capture.read()
        capture.stream()
    assert sorted(after["id"] for _, _, after in capture.shown) == list(range(1, 10))
    assert sorted(capture.reader.asked, key=str) == sorted([(None, "3"), ("3", "6"), ("6", None)], key=str)


def test_a_table_that_proves_larger_when_it_is_looked_at_is_divided_too() -> None:
    capture = Capture(readers=4, idle=True)
    capture.reader.estimated = 10 * load_module.SPAN_ROWS
    capture.reader.bounds_now = ["3"]
    capture.reader.rows_now = rows(*range(1, 6))
    while not capture.load.done:
        capture.read()
        capture.stream()
    assert sorted(capture.reader.asked, key=str) == sorted([(None, "3"), ("3", None)], key=str)
    assert capture.load.tables[TOPIC].total == capture.reader.estimated


def test_small_tables_that_were_read_together_go_out_together() -> None:
    others = [TableName("app", "public", f"t{number}") for number in range(2)]
    capture = Capture(*others, readers=3, idle=True)
    capture.reader.rows_now = rows(1)
    capture.wait(3)
    entries = capture.stream()
    assert capture.load.done
    assert {load_key(TOPIC), *(load_key(f"shop.{name}") for name in others)} <= entries.keys()
    assert len(capture.sent) == 3
    assert not capture.emitter.traced


def test_a_load_goes_on_where_each_span_was_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "VIEW_ROWS", 2)
    monkeypatch.setattr(load_module, "SMALL_BYTES", 0)
    capture = Capture(idle=True, state={load_key(TOPIC): divided("5")})
    capture.reader.rows_now = rows(*range(1, 10))
    capture.read()
    entries = capture.stream()
    assert [event["after"]["id"] for event in capture.sent] == [1, 2]
    again = Capture(idle=True, state={load_key(TOPIC): entries[load_key(TOPIC)]})
    again.reader.rows_now = capture.reader.rows_now
    while not again.load.done:
        again.read()
        entries = again.stream() or entries
    assert sorted(after["id"] for _, _, after in again.shown) == list(range(3, 10))
    stored = orjson.loads(entries[load_key(TOPIC)])
    assert (stored["done"], stored["rows"], stored["spans"]) == (True, 9, [])


def test_the_chunks_of_a_view_go_out_one_by_one_and_what_was_sent_is_not_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load_module, "SMALL_BYTES", 0)
    capture = Capture(idle=True)
    capture.reader.rows_now, capture.reader.chunk_rows = rows(*range(1, 8)), 3
    capture.wait(3)
    entries = capture.stream()
    assert [after["id"] for _, _, after in capture.shown] == [1, 2, 3]
    # Of the rows that still wait, one changes, behind the view.
    capture.begin("t1").update(V1, 1, key(5), key(5), b'{"id":5}', b'{"id":5}')
    capture.commit("t1")
    while not capture.load.done:
        capture.stream()
    assert [(op, after["id"]) for op, _, after in capture.shown][3:] == [("u", 5), ("r", 4), ("r", 6), ("r", 7)]
    assert capture.reader.asked == [(None, None)]

    again = Capture(idle=True, state={load_key(TOPIC): entries[load_key(TOPIC)]})
    again.reader.rows_now = rows(*range(1, 8))
    again.read()
    again.stream()
    assert [after["id"] for _, _, after in again.shown] == [4, 5, 6, 7]


def test_what_is_left_of_a_view_is_read_again_after_a_truncate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "SMALL_BYTES", 0)
    capture = Capture(idle=True)
    capture.reader.rows_now, capture.reader.chunk_rows = rows(1, 2, 3, 4), 2
    capture.wait(2)
    capture.stream()
    capture.begin("t1").truncate(V1, 1)
    capture.commit("t1")
    capture.reader.rows_now = rows(9)
    while not capture.load.done:
        capture.read()
        capture.stream()
    assert [(op, after and after["id"]) for op, _, after in capture.shown] == [
        ("r", 1),
        ("r", 2),
        ("t", None),
        ("r", 9),
    ]


def test_no_more_waits_than_there_is_room_for_and_a_view_does_not_wait_for_it_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load_module, "PATIENCE_SECONDS", -load_module.VIEW_SECONDS)
    monkeypatch.setattr(load_module, "ROOM_SECONDS", 0.01)
    capture = Capture(idle=True)
    capture.reader.rows_now, capture.reader.chunk_rows = rows(*range(1, 10)), 1
    capture.reader.chunk_bytes = 1 << 20  # the limit of one
    capture.read()
    assert sum(len(task.chunks) for task in capture.load._tasks) == load_module.WAITING_CHUNKS
    assert capture.reader.yielded == load_module.WAITING_CHUNKS
    monkeypatch.undo()
    while not capture.load.done:
        capture.stream()
        capture.load.read(HERE)
    assert [after["id"] for _, _, after in capture.shown] == list(range(1, 10))


def test_a_load_of_before_tables_were_divided_goes_on() -> None:
    capture = Capture(idle=True, state={load_key(TOPIC): b'{"done":false,"after":"4","rows":4,"total":9}'})
    capture.reader.rows_now = rows(*range(1, 10))
    capture.read()
    capture.stream()
    assert [after["id"] for _, _, after in capture.shown] == list(range(5, 10))


def test_a_table_whose_key_has_another_order_is_read_from_its_beginning() -> None:
    load = TableLoad(order="id", spans=[Span("5", None)], divided=True)
    capture = Capture(idle=True, state={load_key(TOPIC): load.to_json()})
    capture.reader.order = "id DESC"
    capture.reader.rows_now = rows(1, 9)
    capture.read()
    capture.stream()
    assert capture.load.done
    assert capture.reader.asked == [(None, None)]


def test_a_table_that_is_gone_is_done() -> None:
    capture = Capture(idle=True)
    capture.reader.gone = {TOPIC}
    capture.read()
    assert capture.load.done


def test_what_a_reader_failed_with_is_raised_where_the_stream_is_read() -> None:
    capture = Capture(idle=True)
    capture.reader.rows_now = [{"no": "id"}]
    capture.load.read(HERE)
    wait_until(lambda: not capture.load._readers._outcomes.empty(), 10, "the reader has failed", pause=0.001)
    with pytest.raises(KeyError):
        capture.load.read(HERE)
    capture.load.close()


# ---- once more


def test_a_table_is_loaded_again_beside_its_changes() -> None:
    capture = Capture(idle=True)
    capture.reader.rows_now = rows(1)
    capture.read()
    capture.stream()
    assert capture.load.done
    position = Position(1, "", "", mark=capture.emitter.mark)
    capture.load.again(SourceTable(NAME, TOPIC), "", position)
    assert not capture.load.done
    assert capture.reader.demands == [TOPIC]
    assert capture.emitter.traced == {TOPIC}
    capture.read()
    capture.begin("t1").update(V1, 1, key(1), key(1), b'{"id":1}', b'{"id":1}')
    capture.commit("t1")
    entries = capture.stream()
    stored = orjson.loads(entries[load_key(TOPIC)])
    assert (stored["done"], stored["loads"], stored["rows"]) == (True, 1, 0)
    assert [op for op, _, _ in capture.shown] == ["r", "u"], "the row changed meanwhile: its older self stays out"


def marks(capture: Capture) -> list[tuple[str, str, int]]:
    """What was sent: operation, Debezium's word for its place in the load, rows that the mark tells."""
    return [
        (event["op"], event["source"]["snapshot"], event["source"].get("load", {}).get("rows", 0))
        for event in capture.sent
    ]


def test_the_stream_tells_where_the_load_of_a_table_begins_and_ends() -> None:
    capture = Capture(idle=True, marks=True)
    capture.reader.rows_now = rows(1, 2)
    capture.read()
    begun = capture.stream()
    capture.stream()
    first, last = "first_in_data_collection", "last_in_data_collection"
    assert marks(capture) == [("s", first, 0), ("r", "true", 0), ("r", "true", 0), ("s", last, 2)]
    since = capture.sent[0]["source"]["tailrace_seq"]
    assert orjson.loads(begun[load_key(TOPIC)])["begun"] == since
    assert capture.sent[-1]["source"]["load"]["since"] == since
    assert capture.reader.demands == [], "what targets hold stays: any view will do"


@pytest.mark.parametrize(
    ("indexes", "told"), [("before", [True, False]), ("after", [False, True]), ("none", [False] * 2)]
)
def test_the_tables_structure_goes_with_the_mark_at_which_sinks_make_it(indexes: str, told: list[bool]) -> None:
    capture = Capture(idle=True, marks=True, indexes=indexes)
    capture.reader.rows_now = rows(1)
    capture.read()
    capture.stream()
    loads = [LoadMark.from_source(event["source"]) for event in capture.sent if event["op"] == "s"]
    structure = capture.reader.structure(TOPIC)
    assert [load is not None and load.structure == structure for load in loads] == told

    again = Capture(idle=True, marks=True, indexes=indexes, state={load_key(TOPIC): TableLoad(loads=1).to_json()})
    again.read()
    again.stream()
    assert not any("structure" in event["source"]["load"] for event in again.sent if event["op"] == "s")


def test_a_beginning_that_the_stream_holds_is_not_told_again() -> None:
    stored = TableLoad(begun="0001-").to_json()
    capture = Capture(idle=True, marks=True, state={load_key(TOPIC): stored})
    capture.reader.rows_now = rows(1)
    capture.read()
    capture.stream()
    assert [op for op, _, _ in marks(capture)] == ["r", "s"]


def test_a_load_does_not_begin_inside_a_transaction() -> None:
    capture = Capture(idle=True, marks=True)
    inside = replace(HERE, delivered=sequence(1, lsn_mark(1 << 41), 4))
    assert inside.in_transaction
    capture.load.read(inside)
    assert not capture.load.reading
    capture.load.read(HERE)
    assert capture.load.reading
    capture.load.close()


def test_where_targets_lose_what_was_streamed_before_the_views_see_it() -> None:
    for stored in (TableLoad(prepare="truncate-before-load"), TableLoad(loads=1, resync=True)):
        capture = Capture(idle=True, marks=True, state={load_key(TOPIC): stored.to_json()})
        capture.read()
        assert capture.reader.demands == [TOPIC]


def test_a_load_that_was_begun_again_is_gone_on_with_after_a_restart() -> None:
    entry = TableLoad(loads=1).to_json()
    capture = Capture(idle=True, state={load_key(TOPIC): entry})
    capture.load.demand(Position(1, "", ""))
    assert capture.reader.demands == [TOPIC], "what the stream had brought before, its views must see"


def test_a_chunk_of_a_suspended_table_that_is_still_being_read_leaves_nothing_behind() -> None:
    """Its outcome is taken by nobody once the load is over: neither the task nor its view may stay in use."""
    capture = Capture(readers=2, idle=True, state={load_key(TOPIC): divided("5")})
    gate = capture.reader.gates["5"] = threading.Event()
    capture.reader.rows_now = rows(1, 9)
    capture.load.read(HERE)
    wait_until(lambda: (None, "5") in capture.reader.asked, 10, "the gated chunk's view is open")
    threading.Timer(0.05, gate.set).start()
    capture.load.suspend({TOPIC})
    assert capture.load.done
    assert not capture.load.reading
    assert not capture.load._window._views
