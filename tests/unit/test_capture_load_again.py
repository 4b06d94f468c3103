"""Tables that are loaded once more, and the marks that tell where a load begins and ends."""

from __future__ import annotations

import threading
from dataclasses import replace

import orjson
import pytest

from tailrace.capture.spans import TableLoad
from tailrace.load_mark import LoadMark
from tailrace.position import Position, load_key
from tailrace.sequence import lsn_mark, sequence
from tailrace.source import SourceTable
from tests.doubles.loading import HERE, NAME, TOPIC, V1, Capture, divided, key, rows
from tests.servers import wait_until


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
