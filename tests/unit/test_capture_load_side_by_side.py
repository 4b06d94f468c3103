"""The load with several readers: spans, views that bring many chunks, tables that go together."""

from __future__ import annotations

import threading

import orjson
import pytest

from tailrace.capture import load as load_module
from tailrace.capture.spans import Span, TableLoad
from tailrace.position import load_key
from tailrace.schema import TableName
from tests.doubles.loading import HERE, TOPIC, V1, V2, Capture, divided, key, rows
from tests.servers import wait_until


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
