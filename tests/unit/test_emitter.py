"""The envelope, the look-ahead, the fence and the resume, as every decoder relies on them."""

from typing import Any

import orjson
import pytest

from tailrace.batch import Batch
from tailrace.emitter import Emitter, EventTable
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.sequence import lsn_mark, sequence

ID = Column(1, "id", Type(Kind.INTEGER, "bigint", 64), nullable=False, key=1)
NAME = Column(2, "name", Type(Kind.TEXT, "text"))
SCHEMA = TableSchema(1, TableName("app", "public", "users"), "shop.public.users", (ID, NAME))
TABLE = EventTable(SCHEMA, "postgresql", "shop")


def row(key: int, name: str) -> bytes:
    return orjson.dumps({"id": key, "name": name})


def key(number: int) -> bytes:
    return orjson.dumps({"id": number})


def events(batch: Batch) -> list[Any]:
    return [orjson.loads(value) if value is not None else None for run in batch.runs for value in run.values]


def begin(emitter: Emitter, lsn: int) -> None:
    emitter.begin(lsn_mark(lsn), 1_700_000_000_000, b'"lsn":%d,' % lsn, token=str(lsn))


def test_the_last_event_of_a_transaction_alone_carries_tx_end() -> None:
    emitter = Emitter(1, "0")
    begin(emitter, 16)
    emitter.insert(TABLE, 1, key(1), row(1, "a"))
    emitter.insert(TABLE, 2, key(2), row(2, "b"))
    emitter.commit("32", lsn_mark(32))
    assert [event["source"]["tx_end"] for event in events(emitter.take())] == [False, True]


def test_a_batch_taken_inside_a_transaction_keeps_the_look_ahead_event_and_the_old_restart() -> None:
    emitter = Emitter(1, "old")
    begin(emitter, 16)
    emitter.insert(TABLE, 1, key(1), row(1, "a"))
    emitter.insert(TABLE, 2, key(2), row(2, "b"))
    first = emitter.take()
    assert [event["after"]["id"] for event in events(first)] == [1]
    assert first.restart == "old"
    assert first.delivered == events(first)[-1]["source"]["tailrace_seq"]
    emitter.commit("new", lsn_mark(32))
    second = emitter.take()
    assert [event["after"]["id"] for event in events(second)] == [2]
    assert second.restart == "new"


def test_a_resume_skips_exactly_what_was_delivered() -> None:
    emitter = Emitter(1, "0")
    begin(emitter, 16)
    for number in (1, 2, 3):
        emitter.insert(TABLE, number, key(number), row(number, "x"))
    partial = emitter.take()  # 1 and 2; 3 waits for the look-ahead
    resumed = Emitter(1, partial.restart, delivered=partial.delivered)
    begin(resumed, 16)
    for number in (1, 2, 3):
        resumed.insert(TABLE, number, key(number), row(number, "x"))
    resumed.commit("32", lsn_mark(32))
    assert [event["after"]["id"] for event in events(resumed.take())] == [3]


def test_a_batch_that_ends_between_the_halves_of_a_key_change_loses_neither_on_resume() -> None:
    def change(emitter: Emitter) -> None:
        begin(emitter, 16)
        emitter.update(TABLE, 1, key(1), key(9), row(1, "a"), row(9, "a"))

    emitter = Emitter(1, "0")
    change(emitter)
    partial = emitter.take()
    assert [event and event["op"] for event in events(partial)] == ["d", None]
    resumed = Emitter(1, partial.restart, delivered=partial.delivered)
    change(resumed)
    resumed.commit("32", lsn_mark(32))
    (create,) = events(resumed.take())
    assert (create["op"], create["after"]["id"]) == ("c", 9)


def test_a_delete_is_followed_by_a_tombstone_with_the_same_key() -> None:
    emitter = Emitter(1, "0")
    begin(emitter, 16)
    emitter.delete(TABLE, 1, key(1), row(1, "a"))
    emitter.commit("32", lsn_mark(32))
    batch = emitter.take()
    assert batch.runs[0].keys == [key(1), key(1)]
    assert batch.runs[0].values[1] is None
    assert batch.events == 1


def test_rows_of_a_load_sort_after_earlier_and_before_later_transactions() -> None:
    emitter = Emitter(1, "0")
    begin(emitter, 16)
    emitter.insert(TABLE, 7, key(1), row(1, "a"))
    emitter.commit("32", lsn_mark(32))
    emitter.snapshot_rows(TABLE, [(key(2), row(2, "b"))], lsn_mark(32), b'"lsn":32,')
    begin(emitter, 32)  # begins exactly where the last one ended
    emitter.insert(TABLE, 1, key(3), row(3, "c"))
    emitter.commit("48", lsn_mark(48))
    seqs = [event["source"]["tailrace_seq"] for event in events(emitter.take())]
    assert seqs == sorted(seqs)
    assert len(set(seqs)) == 3


def test_the_envelope_is_debeziums() -> None:
    emitter = Emitter(1, "0")
    begin(emitter, 16)
    emitter.update(TABLE, 1, key(1), key(1), b"null", row(1, "b"), unchanged=("name",))
    emitter.commit("32", lsn_mark(32))
    (event,) = events(emitter.take())
    ts = event.pop("ts_ms")
    assert ts > 1_700_000_000_000
    version = event["source"].pop("version")
    assert version
    assert event == {
        "before": None,
        "after": {"id": 1, "name": "b"},
        "source": {
            "connector": "postgresql",
            "name": "shop",
            "db": "app",
            "schema": "public",
            "table": "users",
            "ts_ms": 1_700_000_000_000,
            "snapshot": "false",
            "lsn": 16,
            "tailrace_seq": sequence(1, lsn_mark(16), 1 << 2 | 1),
            "schema_id": 1,
            "unchanged": ["name"],
            "tx_end": True,
        },
        "op": "u",
        "transaction": None,
    }


def test_a_schema_version_becomes_durable_with_its_control_event_not_before() -> None:
    later = EventTable(TableSchema(2, SCHEMA.name, SCHEMA.topic, (ID, NAME)), "postgresql", "shop")
    emitter = Emitter(1, "0")
    begin(emitter, 16)
    emitter.schema_change(later, 1)
    assert emitter.take().state == {}
    emitter.insert(later, 1, key(1), row(1, "a"))
    batch = emitter.take()
    assert list(batch.state) == ["schema:shop.public.users:2"]
    assert [(run.every_partition, events(Batch([run]))[0]["op"]) for run in batch.runs] == [(True, "s")]


def test_rows_of_a_load_announce_a_version_that_no_event_has_had_yet() -> None:
    later = EventTable(TableSchema(2, SCHEMA.name, SCHEMA.topic, (ID, NAME)), "postgresql", "shop")
    emitter = Emitter(1, "0")
    emitter.snapshot_rows(TABLE, [(key(1), row(1, "a"))], lsn_mark(32), b"")
    emitter.snapshot_rows(later, [(key(2), row(2, "b"))], lsn_mark(32), b"")
    emitter.snapshot_rows(later, [(key(3), row(3, "c"))], lsn_mark(32), b"")
    batch = emitter.take()
    shown = [(event["op"], event["source"]["schema_id"]) for event in events(batch)]
    assert shown == [("r", 1), ("s", 2), ("r", 2), ("r", 2)]
    assert [run.every_partition for run in batch.runs] == [False, True, False]
    assert list(batch.state) == ["schema:shop.public.users:2"]
    assert batch.delivered == ""


def test_a_version_that_the_stream_knows_is_not_announced_again() -> None:
    later = EventTable(TableSchema(2, SCHEMA.name, SCHEMA.topic, (ID, NAME)), "postgresql", "shop")
    emitter = Emitter(1, "0")
    emitter.already_announced(later.schema)
    emitter.snapshot_rows(later, [(key(1), row(1, "a"))], lsn_mark(16), b"")
    begin(emitter, 16)
    emitter.schema_change(later, 1)
    emitter.insert(later, 1, key(2), row(2, "b"))
    emitter.commit("32", lsn_mark(32))
    batch = emitter.take()
    assert [event["op"] for event in events(batch)] == ["r", "c"]
    assert not batch.state


def test_a_version_that_rows_of_a_load_announced_is_not_announced_by_the_log_too() -> None:
    later = EventTable(TableSchema(2, SCHEMA.name, SCHEMA.topic, (ID, NAME)), "postgresql", "shop")
    emitter = Emitter(1, "0")
    emitter.first_schema(SCHEMA)
    emitter.snapshot_rows(later, [(key(1), row(1, "a"))], lsn_mark(16), b"")
    begin(emitter, 16)
    emitter.schema_change(later, 1)
    emitter.insert(later, 1, key(2), row(2, "b"))
    emitter.commit("32", lsn_mark(32))
    assert [event["op"] for event in events(emitter.take())] == ["s", "r", "c"]


def test_what_belongs_to_a_version_is_recorded_with_its_announcement() -> None:
    later = EventTable(TableSchema(2, SCHEMA.name, SCHEMA.topic, (ID, NAME)), "postgresql", "shop")
    emitter = Emitter(1, "0")
    emitter.first_schema(SCHEMA)
    emitter.record_with_version(SCHEMA, "files", b"1")
    emitter.record_with_version(later.schema, "files", b"2")
    assert emitter.take().state["files"] == b"1"
    begin(emitter, 16)
    emitter.schema_change(later, 1)
    assert not emitter.take().state
    emitter.commit("32", lsn_mark(32))
    assert set(emitter.take().state) == {"files", "schema:shop.public.users:2"}


def test_a_schema_record_reads_back_unchanged() -> None:
    column = Column(3, "n", Type(Kind.ENUM, "enum('a','b')", labels=("a", "b")), initial=0, generated=True)
    schema = TableSchema(4, TableName("db", None, "t"), "p.db.t", (ID, NAME, column), since="0001-00")
    assert TableSchema.from_json(schema.to_json()) == schema
    assert TableSchema.from_json(schema.to_json()).columns[2].initial == 0


def test_a_transaction_is_undone_while_all_of_it_is_in_hand() -> None:
    emitter = Emitter(1, "0")
    emitter.traced = frozenset({TABLE.topic})
    begin(emitter, 16)
    emitter.insert(TABLE, 1, key(1), row(1, "a"))
    emitter.commit("32", lsn_mark(32))
    begin(emitter, 40)
    emitter.remember()
    for number in range(2, 6):
        emitter.insert(TABLE, number, key(number), row(number, "b"))
    emitter.delete(TABLE, 6, key(5), row(5, "b"))
    assert emitter.undo() == {TABLE.topic}
    assert emitter.undo() is None
    batch = emitter.take()
    assert [event["after"]["id"] for event in events(batch)] == [1]
    assert (batch.events, batch.transactions, [touch.key for touch in batch.touched]) == (1, 1, [key(1)])
    assert batch.bytes == sum(run.size for run in batch.runs)


def test_what_was_taken_or_announced_is_not_undone() -> None:
    for announced in (False, True):
        emitter = Emitter(1, "0")
        begin(emitter, 16)
        emitter.remember()
        emitter.insert(TABLE, 1, key(1), row(1, "a"))
        if announced:
            emitter.schema_change(TABLE, 2)
        else:
            emitter.take()
        assert emitter.undo() is None


def test_rows_of_a_load_are_the_same_events_in_both_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[tuple[bytes | None, bytes]] = [
        (b'{"id":%d}' % n, b'{"id":%d,"v":"%b"}' % (n, b"x" * n)) for n in range(50)
    ]
    rows.append((None, b'{"id":null}'))
    taken = []
    for compiled in (True, False):
        if not compiled:
            monkeypatch.setattr("tailrace.emitter.append_rows", None)
        monkeypatch.setattr("tailrace.emitter.time.time_ns", lambda: 1_700_000_000_000_000_000)
        emitter = Emitter(1, "0", mark=lsn_mark(9))
        assert emitter.snapshot_rows(TABLE, rows, emitter.mark, b'"lsn":9,') == len(rows)
        batch = emitter.take()
        [run] = batch.runs
        taken.append((run.keys, run.values, run.size, batch.events, batch.bytes))
    assert taken[0] == taken[1]
