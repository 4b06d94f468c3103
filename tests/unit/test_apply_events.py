"""Events read by compiled code are what the reader in Python makes of them; what is not ordinary is left to it."""

from __future__ import annotations

import os
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.apply.change import Change, values
from tailrace.apply.changes import SchemaCatalog, parse, take_plain
from tailrace.emitter import Emitter, EventTable
from tailrace.errors import StuckError
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.sequence import lsn_mark
from tailrace.stream import Partition

pytestmark = pytest.mark.skipif(
    take_plain is None or os.environ.get("TAILRACE_PURE") == "1", reason="this is the interpreted run"
)

ID = Column(1, 'i"d', Type(Kind.INTEGER, "bigint", 64), nullable=False, key=1)
NOTE = Column(2, "note", Type(Kind.TEXT, "text"))
SCHEMA = TableSchema(1, TableName("app", "public", 'a "table"'), "shop.public.t", (ID, NOTE))
HERE = Partition(SCHEMA.topic, 3)

#: Texts that look like parts of an event, among others.
TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(['"', "\\", '\\"', "\0\x1f", "[{", "}]}", '},"after":{', ',"source":{', '"tailrace_seq":"']),
    st.just('},"op":"d","ts_ms":1,"transaction":null}'),
)


def row(key: int, note: str | None) -> bytes:
    return orjson.dumps({'i"d': key, "note": note})


def key_of(number: int) -> bytes:
    return orjson.dumps({'i"d': number})


def run_of(write: Any) -> tuple[list[bytes | None], list[bytes | None]]:
    """Keys and values of what is written into a transaction."""
    emitter = Emitter(1, "0")
    emitter.begin(lsn_mark(16), 1_700_000_000_000, b'"lsn":16,"odd":"},\\"op\\":{",')
    write(emitter, EventTable(SCHEMA, "postgresql", "shop"))
    emitter.commit("32", lsn_mark(32))
    batch = emitter.take()
    return [key for run in batch.runs for key in run.keys], [value for run in batch.runs for value in run.values]


def take(keys: list[bytes | None], events: list[bytes | None], start: int = 0) -> tuple[int, list[Change]]:
    assert take_plain is not None
    changes: list[Change] = []
    offsets = range(100, 100 + len(events))
    return take_plain(keys, events, offsets, start, HERE, {1: SCHEMA}, changes), changes


def said(change: Change) -> dict[str, Any]:
    """`before` is only asked for in keyless tables, and those are not for the compiled reader."""
    return {
        "op": change.op,
        "seq": change.seq,
        "schema": change.schema,
        "key": change.key,
        "after": None if change.after is None else values(change.after),
        "unchanged": change.unchanged,
        "tx_end": change.tx_end,
        "ts_ms": change.ts_ms,
        "place": (change.partition, change.offset),
        "size": change.size,
        "control": change.control,
        "also_at": change.also_at,
    }


def parsed(key: bytes | None, value: bytes, offset: int) -> dict[str, Any]:
    catalog = SchemaCatalog(lambda: [SCHEMA.to_json()], wait=0)
    return said(parse(SCHEMA.topic, key, value, HERE, offset, catalog))


@given(notes=st.lists(st.tuples(st.sampled_from("cudr"), st.one_of(st.none(), TEXTS)), min_size=1, max_size=8))
@settings(max_examples=300, deadline=None)
def test_every_ordinary_event_is_read_and_says_what_it_says(notes: list[tuple[str, str | None]]) -> None:
    def write(emitter: Emitter, table: EventTable) -> None:
        for number, (op, note) in enumerate(notes, start=1):
            if op == "c":
                emitter.insert(table, number, key_of(number), row(number, note))
            elif op == "d":
                emitter.delete(table, number, key_of(number), row(number, note))
            else:
                emitter.update(table, number, key_of(number), key_of(number), row(number, "}"), row(number, note))

    keys, events = run_of(write)
    reached, changes = take(keys, events)
    assert reached == len(events)
    expected = [
        parsed(key, value, 100 + place)
        for place, (key, value) in enumerate(zip(keys, events, strict=True))
        if value is not None
    ]
    assert [said(change) for change in changes] == expected


def test_rows_of_a_load_are_read() -> None:
    emitter = Emitter(1, "0")
    emitter.snapshot_rows(EventTable(SCHEMA, "mysql", "shop"), [(key_of(1), row(1, "x"))], lsn_mark(16), b"")
    (run,) = emitter.take().runs
    reached, (change,) = take(run.keys, run.values)
    assert reached == 1
    assert said(change) == parsed(run.keys[0], run.values[0] or b"", 100)


def test_reading_stops_before_what_is_not_ordinary() -> None:
    def write(emitter: Emitter, table: EventTable) -> None:
        emitter.insert(table, 1, key_of(1), row(1, "x"))
        emitter.update(table, 2, key_of(1), key_of(1), row(1, "x"), row(1, "?"), ("note",))
        emitter.insert(table, 3, key_of(3), row(3, "x"))
        emitter.truncate(table, 4)
        emitter.insert(table, 5, None, row(5, "x"))

    keys, events = run_of(write)
    assert [take(keys, events, start)[0] for start in range(5)] == [1, 1, 3, 3, 4]
    newer = events[0].replace(b'"schema_id":1,', b'"schema_id":2,') if events[0] else b""
    assert take([key_of(1)], [newer]) == (0, [])


@given(data=st.data())
@settings(max_examples=1000, deadline=None)
def test_no_other_bytes_are_taken_for_something_else(data: st.DataObject) -> None:
    keys, events = run_of(lambda emitter, table: emitter.insert(table, 1, key_of(1), row(1, data.draw(TEXTS))))
    value = events[0]
    assert value is not None
    cut = data.draw(st.integers(0, len(value)))
    how = data.draw(st.sampled_from(["cut", "insert", "replace", "spaces", "reorder"]))
    piece = data.draw(st.one_of(st.binary(max_size=3), st.sampled_from([b'"', b"}", b"{", b",", b"0", b"\\", b"null"])))
    if how == "cut":
        value = value[:cut]
    elif how == "insert":
        value = value[:cut] + piece + value[cut:]
    elif how == "replace":
        value = value[:cut] + piece + value[cut + len(piece) :]
    elif how == "spaces":
        value = value.replace(b'":', b'": ')
    else:
        event = orjson.loads(value)
        names = data.draw(st.permutations(sorted(event)))
        value = orjson.dumps({name: event[name] for name in names})
    reached, changes = take(keys, [value])
    try:
        orjson.loads(value)
        expected = parsed(keys[0], value, 100)
    except (StuckError, orjson.JSONDecodeError):
        return  # only that nothing breaks: what is no JSON was written by nobody
    assert reached == 0 or [said(change) for change in changes] == [expected]
