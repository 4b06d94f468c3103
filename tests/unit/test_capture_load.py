"""The load between two reads of the stream: what becomes of a chunk while the table changes under it."""

from __future__ import annotations

import orjson
import pytest

from tailrace.batch import Batch
from tailrace.capture import delays
from tailrace.capture import load as load_module
from tailrace.capture import window as window_module
from tailrace.capture.spans import Span, TableLoad
from tailrace.position import load_key, table_key
from tailrace.schema import TableName
from tests.doubles.loading import TOPIC, V1, V2, Capture, key


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
