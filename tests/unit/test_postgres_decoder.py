"""The pgoutput decoder, fed with messages made by hand."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.emitter import UNCHANGED_PLACEHOLDER, Emitter, EventTable
from tailrace.errors import LogFormatError, TailraceError, ValueRefusedError
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.sequence import lsn_mark
from tailrace_postgres.pgoutput import Decoder
from tailrace_postgres.relation import Relation
from tailrace_postgres.rowplan import RowPlan

OID, OTHER = 1000, 2000
NAME = TableName("shop", "public", "t")


def make_plan(whole_old: bool = False, keyed: bool = True, version: int = 1) -> RowPlan:
    columns = (
        Column(1, "id", Type(Kind.INTEGER, name="integer", size=32), nullable=False, key=int(keyed)),
        Column(2, "v", Type(Kind.TEXT, name="text")),
    )
    schema = TableSchema(version, NAME, "p.public.t", columns)
    return RowPlan(EventTable(schema, "postgresql", "p"), whole_old)


@dataclass
class FakeRelations:
    found: RowPlan | None = field(default_factory=make_plan)
    present: list[bytes] | None = None
    asked: list[Any] = field(default_factory=list)
    described: list[tuple[Relation, int]] = field(default_factory=list)
    lacked: list[str] = field(default_factory=list)

    def plan(self, relation: Relation, xid: int) -> RowPlan | None:
        self.described.append((relation, xid))
        return self.found if relation.oid == OID else None

    def renamed_label(self, plan: RowPlan) -> None:
        self.found = None

    def lack(self, plan: RowPlan, what: str) -> None:
        plan.suspended = True
        self.lacked.append(what)

    def missing(self, plan: RowPlan, key: list[bytes | None], columns: list[int], xid: int) -> list[bytes] | None:
        self.asked.append((key, columns))
        return self.present


# ---- messages


def data(payload: bytes, lsn: int = 0x5000) -> bytes:
    return b"w" + struct.pack("!QQq", lsn, lsn, 0) + payload


def keepalive(end: int, reply: bool = False) -> bytes:
    return b"k" + struct.pack("!QqB", end, 0, reply)


def begin(lsn: int = 0x6000, xid: int = 700) -> bytes:
    return b"B" + struct.pack("!QqI", lsn, 1_000_000, xid)


def commit(lsn: int = 0x6000, end: int = 0x6100) -> bytes:
    return b"C" + struct.pack("!BQQq", 0, lsn, end, 1_000_000)


def relation(oid: int = OID, identity: bytes = b"d") -> bytes:
    columns = b"\1id\0" + struct.pack("!Ii", 23, -1) + b"\0v\0" + struct.pack("!Ii", 25, -1)
    return b"R" + struct.pack("!I", oid) + b"public\0t\0" + identity + struct.pack("!H", 2) + columns


def values(*columns: bytes | type | None) -> bytes:
    """TupleData; `...` (its type) stands for unchanged."""
    parts = [struct.pack("!H", len(columns))]
    for column in columns:
        if column is None:
            parts.append(b"n")
        elif isinstance(column, bytes):
            parts.append(b"t" + struct.pack("!i", len(column)) + column)
        else:
            parts.append(b"u")
    return b"".join(parts)


UNCHANGED = type(...)


def insert(*columns: bytes | None, oid: int = OID) -> bytes:
    return b"I" + struct.pack("!I", oid) + b"N" + values(*columns)


def update(new: bytes, old: bytes = b"", oid: int = OID) -> bytes:
    return b"U" + struct.pack("!I", oid) + old + b"N" + new


def delete(old: bytes, oid: int = OID) -> bytes:
    return b"D" + struct.pack("!I", oid) + old


def truncate(*oids: int, options: int = 0) -> bytes:
    return b"T" + struct.pack(f"!IB{len(oids)}I", len(oids), options, *oids)


# ---- what comes out


def decoded(relations: FakeRelations, *payloads: bytes) -> list[dict[str, Any]]:
    """The events of one transaction with these messages."""
    emitter = Emitter(1, "0/5000", mark=lsn_mark(0x5000))
    decoder = Decoder(emitter, relations, 0x5000, {"p.public.t": 1})
    for payload in (begin(), *payloads, commit()):
        message = data(payload)
        decoder.feed(message, 0, len(message))
    batch = emitter.take()
    assert batch.restart == "0/6100"
    assert batch.mark == lsn_mark(0x6100)
    return [orjson.loads(value) for run in batch.runs for _, value in run if value is not None]


def test_a_transaction() -> None:
    relations = FakeRelations()
    events = decoded(
        relations,
        relation(),
        insert(b"1", b'a"\\'),
        update(values(b"1", None)),
        delete(b"K" + values(b"1", None)),
        truncate(OID),
    )
    assert [(event["op"], event["before"], event["after"]) for event in events] == [
        ("c", None, {"id": 1, "v": 'a"\\'}),
        ("u", None, {"id": 1, "v": None}),
        ("d", {"id": 1}, None),
        ("t", None, None),
    ]
    source = events[0]["source"]
    assert source["txId"] == 700
    assert source["lsn"] == 0x5000
    assert source["xmin"] is None
    assert orjson.loads(source["sequence"]) == [str(0x5000), str(0x5000)]
    assert source["ts_ms"] == 946_684_801_000
    assert source["tailrace_seq"].startswith(f"0001-{lsn_mark(0x6000)}-")
    (found, xid) = relations.described[0]
    assert xid == 700
    assert (found.schema, found.table, found.identity) == ("public", "t", "d")
    assert [(c.name, c.type_oid, c.modifier, c.key) for c in found.columns] == [
        ("id", 23, -1, True),
        ("v", 25, -1, False),
    ]


def test_ordinals_count_what_is_not_captured_too() -> None:
    events = decoded(
        FakeRelations(),
        relation(),
        relation(OTHER),
        insert(b"1", b"a"),
        insert(b"9", b"x", oid=OTHER),
        update(values(b"9", b"y"), b"O" + values(b"9", b"x"), oid=OTHER),
        delete(b"K" + values(b"9", None), oid=OTHER),
        truncate(OTHER, OID, OTHER),
        insert(b"2", b"b"),
    )
    ordinals = [int(event["source"]["tailrace_seq"].rpartition("-")[2], 16) >> 2 for event in events]
    assert [event["op"] for event in events] == ["c", "t", "c"]
    assert ordinals == [1, 6, 8]


def test_types_origins_and_messages_are_passed_over() -> None:
    events = decoded(
        FakeRelations(),
        b"O" + struct.pack("!Q", 5) + b"origin\0",
        b"Y" + struct.pack("!I", 77) + b"public\0mood\0",
        relation(),
        b"M" + struct.pack("!BQ", 1, 5) + b"prefix\0" + struct.pack("!I", 3) + b"abc",
        insert(b"1", b"a"),
    )
    assert len(events) == 1


def test_the_old_row_fills_unchanged_values() -> None:
    relations = FakeRelations(make_plan(whole_old=True))
    (event,) = decoded(relations, relation(), update(values(b"1", UNCHANGED), b"O" + values(b"1", b"old")))
    assert event["before"] == {"id": 1, "v": "old"}
    assert event["after"] == {"id": 1, "v": "old"}
    assert event["source"]["unchanged"] == []


def test_unchanged_values_are_named() -> None:
    (event,) = decoded(FakeRelations(), relation(), update(values(b"1", UNCHANGED)))
    assert event["after"] == {"id": 1, "v": UNCHANGED_PLACEHOLDER}
    assert event["source"]["unchanged"] == ["v"]


@pytest.mark.parametrize("present", [[b'"v":"read"'], None])
def test_a_changed_key_asks_for_unchanged_values(present: list[bytes] | None) -> None:
    relations = FakeRelations(present=present)
    old = b"K" + values(b"1", None)
    removed, created = decoded(relations, relation(), update(values(b"2", UNCHANGED), old))
    assert relations.asked == [([b"2"], [1])]
    assert (removed["op"], removed["before"]) == ("d", {"id": 1})
    if present:
        assert (created["op"], created["after"], created["source"]["unchanged"]) == ("c", {"id": 2, "v": "read"}, [])
    else:
        assert (created["op"], created["source"]["unchanged"]) == ("u", ["v"])
    assert removed["source"]["tailrace_seq"] < created["source"]["tailrace_seq"]


def test_an_old_key_that_did_not_change_is_no_change_of_key() -> None:
    (event,) = decoded(FakeRelations(), relation(), update(values(b"1", b"b"), b"K" + values(b"1", None)))
    assert (event["op"], event["before"]) == ("u", None)


def test_a_keyless_row_has_no_key() -> None:
    relations = FakeRelations(make_plan(whole_old=True, keyed=False))
    events = decoded(
        relations,
        relation(identity=b"f"),
        update(values(b"2", b"b"), b"O" + values(b"1", b"a")),
        delete(b"O" + values(b"2", b"b")),
    )
    assert [(event["op"], event["before"], event["after"]) for event in events] == [
        ("u", {"id": 1, "v": "a"}, {"id": 2, "v": "b"}),
        ("d", {"id": 2, "v": "b"}, None),
    ]


TUPLES = st.builds(values, st.sampled_from([b"1", b"2"]), st.sampled_from([None, b"a", b"b", UNCHANGED]))
OLD = st.one_of(st.just(b""), TUPLES.map(lambda row: b"O" + row), st.just(b"K" + values(b"1", None)))


@settings(max_examples=300, deadline=None)
@given(new=TUPLES, old=OLD, gone=st.one_of(OLD.filter(bool)), whole_old=st.booleans(), keyed=st.booleans())
def test_old_rows_are_read_alike_by_the_compiled_and_the_interpreted_reader(
    new: bytes, old: bytes, gone: bytes, whole_old: bool, keyed: bool
) -> None:
    results = []
    for compiled in (True, False):
        plan = make_plan(whole_old=whole_old, keyed=keyed)
        if not compiled:
            plan.reader = None
        relations = FakeRelations(plan, present=[b'"v":"read"'])
        try:
            events = decoded(relations, relation(), update(new, old), delete(gone))
        except TailraceError as error:
            results.append(str(error))
            continue
        for event in events:
            del event["ts_ms"]  # when it was made
        results.append(str(events))
    assert results[0] == results[1]


# ---- descriptions


class Described(FakeRelations):
    """Plans rows as they are described; OTHER is not captured."""

    def plan(self, relation: Relation, xid: int) -> RowPlan | None:
        if relation.oid == OTHER:
            return None
        columns = tuple(
            Column(number, column.name, Type(Kind.TEXT, name="text"), key=int(column.key))
            for number, column in enumerate(relation.columns, 1)
        )
        schema = TableSchema(1, NAME, f"p.public.{relation.oid}", columns)
        return RowPlan(EventTable(schema, "postgresql", "p"), relation.identity == "f")


def described(oid: int, names: tuple[str, ...], identity: bytes) -> bytes:
    columns = b"".join(
        bytes([number == 0 or identity == b"f"]) + name.encode() + b"\0" + struct.pack("!Ii", 25, -1)
        for number, name in enumerate(names)
    )
    return b"R" + struct.pack("!I", oid) + b"public\0t\0" + identity + struct.pack("!H", len(names)) + columns


OIDS = st.sampled_from([OID, OID + 1, OTHER])
NAMES = st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True).map(tuple)
STEPS = st.one_of(
    st.tuples(st.just("describe"), OIDS, NAMES, st.sampled_from([b"d", b"f", b"i", b"n"])),
    st.tuples(st.just("insert"), OIDS),
    st.tuples(st.just("commit"), OIDS),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_a_row_is_read_as_its_table_was_described_last(steps: list[Any]) -> None:
    """However often, in whichever order and transaction descriptions come."""
    emitter = Emitter(1, "0/5000", mark=lsn_mark(0x5000))
    decoder = Decoder(emitter, Described(), 0x5000, {f"p.public.{oid}": 1 for oid in (OID, OID + 1)})
    known: dict[int, tuple[str, ...]] = {}
    expected = []
    lsn = 0x6000
    messages = [begin(lsn)]
    for number, (action, oid, *rest) in enumerate(steps):
        if action == "describe":
            known[oid] = rest[0]
            messages.append(described(oid, *rest))
        elif action == "commit":
            messages += [commit(lsn, lsn + 0x80), begin(lsn := lsn + 0x100)]
        elif oid in known:
            row = {name: f"{number}{name}" for name in known[oid]}
            messages.append(insert(*(value.encode() for value in row.values()), oid=oid))
            if oid != OTHER:
                expected.append((f"p.public.{oid}", row))
        else:
            error = outcome(decoder, *(data(message) for message in [*messages, insert(b"1", oid=oid)]))
            assert error is not None
            assert f"a change of relation {oid}, which was not described before" in error
            return
    assert outcome(decoder, *(data(message) for message in [*messages, commit(lsn, lsn + 0x80)])) is None
    found = [(run.topic, orjson.loads(value)["after"]) for run in emitter.take().runs for _, value in run if value]
    assert found == expected


def test_a_new_version_is_announced_with_its_first_change() -> None:
    relations = FakeRelations(make_plan(version=2))
    assert [event["op"] for event in decoded(relations, relation())] == []
    announced, created = decoded(relations, relation(), insert(b"1", b"a"))
    assert announced["op"] == "s"
    assert announced["source"]["schema_id"] == 2
    assert announced["source"]["tailrace_seq"] < created["source"]["tailrace_seq"]


def test_keepalives_count_between_transactions_only() -> None:
    emitter = Emitter(1, "0/5000", mark=lsn_mark(0x5000))
    decoder = Decoder(emitter, FakeRelations(), 0x5000, {})
    for message in (keepalive(0x5500, reply=True), data(begin()), keepalive(0x5900)):
        decoder.feed(message, 0, len(message))
    assert decoder.idle == 0x5500
    assert decoder.received == 0x5900
    assert decoder.reply_requested
    message = data(commit())
    decoder.feed(message, 0, len(message))
    message = keepalive(0x6200)
    decoder.feed(message, 0, len(message))
    assert decoder.idle == 0x6200


def test_a_message_may_lie_anywhere_in_a_buffer() -> None:
    emitter = Emitter(1, "0/5000", mark=lsn_mark(0x5000))
    decoder = Decoder(emitter, FakeRelations(), 0x5000, {"p.public.t": 1})
    messages = [data(part) for part in (begin(), relation(), insert(b"1", b"a"), commit())]
    buffer = b"??" + b"".join(messages) + b"??"
    position = 2
    for message in messages:
        decoder.feed(buffer, position, position + len(message))
        position += len(message)
    assert emitter.take().events == 1


# ---- what is no log


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (b"x", "unknown replication message"),
        (b"w", "cut short"),
        (data(b"?"), "unknown message '\\?'"),
        (data(insert(b"1", b"a")), "outside of any transaction"),
        (data(begin()) + b"\0", "length"),
        (data(begin())[:-1], "cut short"),
        (keepalive(5)[:-1], "cut short"),
    ],
)
def test_what_is_unknown_is_an_error_with_its_position(message: bytes, text: str) -> None:
    decoder = Decoder(Emitter(1, ""), FakeRelations(), 0, {})
    with pytest.raises(LogFormatError, match=text) as caught:
        decoder.feed(message, 0, len(message))
    assert "log position" in str(caught.value)


def test_values_that_do_not_fit_are_refused_by_name() -> None:
    with pytest.raises(ValueRefusedError, match=r"public\.t\.v is no valid UTF-8") as refused:
        decoded(FakeRelations(), relation(), insert(b"1", b"secret\xff"))
    assert "secret" not in str(refused.value)
    with pytest.raises(LogFormatError, match=r"public\.t\.id does not look like integer") as wrong:
        decoded(FakeRelations(), relation(), insert(b"12x", b"a"))
    assert "12x" not in str(wrong.value)


def outcome(decoder: Decoder, *messages: bytes) -> str | None:
    """The named error that these messages end in; any other error fails the test."""
    try:
        for message in messages:
            decoder.feed(message, 0, len(message))
            while decoder.replaying:
                decoder.replay(1 << 40, 1 << 40)
    except TailraceError as error:
        return str(error)
    return None


VALID = [
    begin(),
    relation(),
    relation(OTHER),
    insert(b"1", b"a"),
    update(values(b"2", UNCHANGED), b"K" + values(b"1", None)),
    update(values(b"2", b"b"), oid=OTHER),
    delete(b"K" + values(b"2", None)),
    truncate(OID, OTHER),
    commit(),
]


@st.composite
def damaged(draw: st.DrawFn) -> list[bytes]:
    """Valid messages, some with wrong bytes, some cut short."""
    messages = []
    for payload in VALID:
        message = bytearray(data(payload))
        for _ in range(draw(st.integers(0, 2))):
            place = draw(st.integers(0, len(message) - 1))
            message[place] = draw(st.integers(0, 255))
        cut = draw(st.integers(0, len(message)))
        messages.append(bytes(message if draw(st.booleans()) else message[:cut]))
    return messages


@settings(max_examples=150, deadline=None)
@given(damaged())
def test_damaged_messages_give_events_or_a_named_error(messages: list[bytes]) -> None:
    decoder = Decoder(Emitter(1, ""), FakeRelations(), 0, {"p.public.t": 1})
    error = outcome(decoder, *messages)
    assert error is None or error


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_named_error_or_nothing(message: bytes) -> None:
    for fed in (message, data(message)):
        error = outcome(Decoder(Emitter(1, ""), FakeRelations(), 0, {}), fed)
        assert error is None or "log position" in error
