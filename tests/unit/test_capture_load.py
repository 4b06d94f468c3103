"""The load between two reads of the stream: what becomes of a chunk while the table changes under it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pytest

from tailrace.batch import Batch
from tailrace.capture import load as load_module
from tailrace.capture import window as window_module
from tailrace.capture.load import Load
from tailrace.emitter import Emitter, EventTable
from tailrace.errors import TableBusyError
from tailrace.position import load_key, table_key
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.sequence import lsn_mark
from tailrace.source import Chunk, SourceTable

NAME = TableName("app", "public", "users")
TOPIC = "shop.public.users"
ID = Column(1, "id", Type(Kind.INTEGER, "bigint", 64), nullable=False, key=1)
NOTE = Column(2, "note", Type(Kind.TEXT, "text"), initial="added")
V1 = EventTable(TableSchema(1, NAME, TOPIC, (ID,)), "postgresql", "shop")
V2 = EventTable(TableSchema(2, NAME, TOPIC, (ID, NOTE)), "postgresql", "shop")


class Reader:
    """A table that a test changes; a view sees the transactions that were committed when it was opened."""

    def __init__(self) -> None:
        self.rows_now: list[dict[str, Any]] = []
        self.committed: set[str] = set()
        self.table = V1
        self.high = lsn_mark(1)
        self.busy: set[str] = set()

    def chunk(self, topic: str, after: str | None, limit_rows: int, limit_bytes: int) -> Chunk:
        if topic in self.busy:
            raise TableBusyError("it is locked")
        view = View(set(self.committed))
        rows: list[tuple[bytes | None, bytes]] = [(key(row["id"]), orjson.dumps(row)) for row in self.rows_now]
        return Chunk(self.table, rows, None, view, self.high)

    def whole(self, topic: str, limit_bytes: int) -> Iterator[Chunk]:
        raise AssertionError("no keyless table here")

    def sees_all(self, transactions: Sequence[str]) -> bool:
        return self.committed.issuperset(transactions)

    def rows(self, topic: str) -> Iterator[tuple[bytes | None, bytes]]:
        return iter(())

    def close(self) -> None:
        pass


class View:
    def __init__(self, visible: set[str]) -> None:
        self._visible = visible

    def sees(self, transaction: str) -> bool:
        return transaction in self._visible


class Capture:
    """The loop's part around a load: an emitter as the source, a list of events as the stream."""

    def __init__(self, *others: TableName, **state: bytes) -> None:
        self.reader = Reader()
        self.emitter = Emitter(1, "0", mark=lsn_mark(0))
        tables = [SourceTable(name, f"shop.{name}") for name in (NAME, *others)]
        self.load = Load(tables, Load.plan(tables) | state, self.reader, self.emitter, 1 << 20)
        self.sent: list[Any] = []
        self.lsn = 1

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
    capture.load.read()
    capture.begin("t1").truncate(V1, 1)
    capture.reader.rows_now = []
    capture.commit("t1")
    assert load_key(TOPIC) not in capture.stream()
    capture.load.read()
    entries = capture.stream()
    assert capture.load.done
    assert orjson.loads(entries[load_key(TOPIC)])["done"]
    assert capture.shown == [("t", 1, None)]


def test_a_chunk_is_not_sent_in_an_older_version_than_the_stream_has_reached() -> None:
    """The target would lose what the new column gave to its rows: the older version brings none of it."""
    capture = Capture()
    capture.reader.rows_now = [{"id": 1}]
    capture.load.read()
    emitter = capture.begin("t1")
    emitter.schema_change(V2, 1)
    emitter.insert(V2, 1, key(2), orjson.dumps({"id": 2, "note": "x"}))
    capture.reader.rows_now = [{"id": 1, "note": "added"}, {"id": 2, "note": "x"}]
    capture.reader.table = V2
    capture.commit("t1")
    capture.stream()
    capture.load.read()
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
    capture = Capture(**{load_module.UNSEEN_KEY: b'{"epoch":1,"tokens":["t1"]}'})
    capture.reader.rows_now = [{"id": 1}]
    capture.load.read()
    assert not capture.load.waiting
    capture.begin("t2").insert(V1, 1, key(2), orjson.dumps({"id": 2}))
    capture.commit("t2")
    capture.stream()
    assert capture.shown == [("c", 1, {"id": 2})]
    monkeypatch.setattr(capture.load, "_visible_until", 0.0)
    monkeypatch.setattr(load_module, "FIRST_DELAY_SECONDS", 0.0)
    capture.load.read()
    assert not capture.load.waiting
    assert "invisible" in capture.load.delayed
    capture.reader.committed.add("t1")
    capture.load.read()
    assert capture.load.waiting
    assert capture.load.delayed == ""


def test_on_another_server_the_tokens_of_the_one_before_are_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They may be places in a log that is gone; no view ever sees them, or each does by chance."""
    unseen = b'{"epoch":0,"tokens":["a place in the old log"]}'
    for committed in (set(), {"a place in the old log"}):
        capture = Capture(**{load_module.UNSEEN_KEY: unseen})
        capture.reader.committed |= committed
        capture.load.read()
        assert not capture.load.waiting, "what was committed there needs a moment to be visible here"
        capture.begin("t2").insert(V1, 1, key(2), orjson.dumps({"id": 2}))
        capture.commit("t2")
        stored = orjson.loads(capture.stream()[load_module.UNSEEN_KEY])
        assert stored == {"epoch": 0, "tokens": ["a place in the old log", "t2"]}, (
            "a restart does not take them for new"
        )
        monkeypatch.setattr(capture.load, "_visible_until", 0.0)
        capture.load.read()
        assert capture.load.waiting


def test_a_table_that_cannot_be_read_leaves_its_turn_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "FIRST_DELAY_SECONDS", 3600.0)
    capture = Capture(TableName("app", "public", "orders"))
    capture.reader.busy = {TOPIC}
    capture.load.read()
    assert not capture.load.waiting
    capture.load.read()
    assert capture.load.waiting
    assert TOPIC in capture.load.delayed
    capture.load.suspend([TOPIC])
    assert capture.load.delayed == ""


def test_a_chunk_is_read_again_when_too_much_was_written_while_it_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_module, "MOST_TRANSACTIONS", 2)
    capture = Capture()
    capture.reader.rows_now = [{"id": 1}]
    capture.load.read()
    for number in range(3):
        capture.begin(f"t{number}").insert(V1, 1, key(5), orjson.dumps({"id": 5}))
        capture.commit(f"t{number}")
    emitter = capture.begin("t9")
    emitter.insert(V1, 1, key(6), orjson.dumps({"id": 6}))  # no chunk goes out inside a transaction
    capture.stream()
    assert not capture.load.waiting
    capture.commit("t9")
    capture.load.read()
    capture.stream()
    assert capture.load.done
    assert capture.shown[-1] == ("r", 1, {"id": 1})


def test_a_table_that_is_suspended_is_not_loaded_any_further() -> None:
    capture = Capture()
    capture.reader.rows_now = [{"id": 1}]
    capture.load.read()
    entry = orjson.dumps({"state": "suspended", "reason": "renamed"})
    assert not capture.stream(Batch(state={table_key(TOPIC): entry}))
    assert capture.load.done
    assert capture.shown == []
    assert not capture.emitter.traced
