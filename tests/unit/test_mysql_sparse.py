"""Row images without all columns, and JSON documents as differences, on bytes made by hand."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.emitter import UNCHANGED_PLACEHOLDER, Emitter, EventTable
from tailrace.errors import LogFormatError, TailraceError
from tailrace.schema import Column, Kind, TableName, TableSchema
from tailrace_mysql.binlog import event_types as types
from tailrace_mysql.binlog.binding import Binding, Version
from tailrace_mysql.binlog.decoder import Decoder, ServerError
from tailrace_mysql.binlog.rows import PlanColumn, RowPlan
from tailrace_mysql.binlog.tables import LackingError, Place
from tailrace_mysql.gtid import DomainPosition, GtidSet, GtidState
from tailrace_mysql.restart import Restart
from tailrace_mysql.types import column_type, json_text, parse
from tailrace_mysql.types.json_diff import patched
from tests.unit.test_mysql_compressed import CompressedLog, packed
from tests.unit.test_mysql_decoder import FILE, NAME, TABLE_ID, OneTable

#: Declared type and metadata of the columns id, a, j and k; all but the first may be left out.
COLUMNS = {"id": ("int", 0), "a": ("varchar(20)", 80), "j": ("json", 4), "k": ("json", 4)}


class Table(OneTable):
    """shop.t (id INT PRIMARY KEY, a VARCHAR(20), j JSON, k JSON)."""

    def __init__(self, keyless: bool = False) -> None:
        super().__init__()
        schema = []
        planned = []
        for number, (name, (declared, metadata)) in enumerate(COLUMNS.items(), 1):
            kind = column_type(parse(declared, "utf8mb4"))
            key = int(number == 1 and not keyless)
            schema.append(Column(number, name, kind.type, key=key))
            document = 4 if declared == "json" else 0
            planned.append(PlanColumn(name, kind.reader(metadata), key, kind.native(metadata), document))
        table = EventTable(TableSchema(1, NAME, "p.shop.t", tuple(schema)), "mysql", "p")
        self.binding = Binding(Version(table), RowPlan(planned))
        self.known: dict[str, bytes] = {}
        self.rows: dict[bytes, dict[str, bytes]] = {}
        self.asked: list[tuple[Any, ...]] = []

    def defaults(self, name: TableName, columns: Sequence[str], place: Place) -> Sequence[bytes]:
        if not set(columns) <= set(self.known):
            raise LackingError("nobody knows the DEFAULT")
        return [self.known[column] for column in columns]

    def current(
        self,
        schema: TableSchema,
        key: Sequence[tuple[str, bytes]],
        columns: Sequence[str],
        place: Place,
        transaction: str,
    ) -> Sequence[bytes] | None:
        self.asked.append((key, columns, transaction))
        row = self.rows.get(key[0][1])
        return [row[column] for column in columns] if row else None


class Bench:
    def __init__(self, keyless: bool = False, checksum: bool = True, mariadb: bool = False) -> None:
        self.log = CompressedLog(4, checksum)
        self.tables = Table(keyless)
        self.emitter = Emitter(1, "none")
        state: GtidState = DomainPosition("") if mariadb else GtidSet("")
        self.decoder = Decoder(self.emitter, self.tables, Restart(FILE, 4), state, mariadb=mariadb, checksum=checksum)
        self.mariadb = mariadb
        self.feed(self.log.format())
        self.number = 0

    def feed(self, *packets: bytes) -> None:
        for packet in packets:
            self.decoder.feed(packet, 0, len(packet))

    def table_map(self) -> bytes:
        body = TABLE_ID.to_bytes(6, "little") + b"\1\0\4shop\0\1t\0\4\x03\x0f\xf5\xf5\4\x50\0\4\4\x0e"
        return self.log.event(types.TABLE_MAP, body)

    def row_event(self, kind: int, bitmaps: Sequence[int], images: bytes) -> bytes:
        head = TABLE_ID.to_bytes(6, "little") + b"\1\0" + (b"\2\0" if kind >= types.WRITE_ROWS else b"")
        return self.log.event(kind, head + b"\4" + bytes(bitmaps) + images)

    def take(self, kind: int, bitmaps: Sequence[int], images: bytes) -> list[tuple[str, Any, Any, list[str]]]:
        """The events of a transaction with this one: operation, before, after, unchanged."""
        self.number += 1
        log = self.log
        begun = log.gtid(self.number) if self.mariadb else log.mysql_gtid(self.number) + log.query(b"BEGIN")
        self.feed(begun, self.table_map(), self.row_event(kind, bitmaps, images), log.xid())
        found = []
        for run in self.emitter.take().runs:
            for value in run.values:
                if value:
                    event = orjson.loads(value)
                    found.append((event["op"], event["before"], event["after"], event["source"]["unchanged"]))
        return found


def row(present: int, *values: int | str | bytes | None) -> bytes:
    """An image of the columns in a bit field: numbers, text, documents."""
    nulls, body = 0, b""
    for place, value in enumerate(values):
        if value is None:
            nulls |= 1 << place
        elif isinstance(value, int):
            body += struct.pack("<i", value)
        elif isinstance(value, str):
            body += bytes([len(value)]) + value.encode()
        else:
            body += struct.pack("<I", len(value)) + value
    assert present.bit_count() == len(values)
    return bytes([nulls]) + body


# ---- binary JSON


def binary(value: Any) -> bytes:
    """A document in MySQL's binary form (large containers only)."""
    kind, body = _value(value)
    return bytes([kind]) + body


def _value(value: Any) -> tuple[int, bytes]:
    if value is None or isinstance(value, bool):
        return 4, bytes([0 if value is None else 1 if value else 2])
    if isinstance(value, int):
        return 9, struct.pack("<q", value)
    if isinstance(value, float):
        return 11, struct.pack("<d", value)
    if isinstance(value, str):
        data = value.encode()
        assert len(data) < 1 << 14
        return 12, bytes([len(data) & 0x7F | 0x80, len(data) >> 7]) + data
    if isinstance(value, list):
        names, values = [], list(value)
    else:
        members = sorted(value.items(), key=lambda member: (len(member[0].encode()), member[0].encode()))
        names, values = [name.encode() for name, _ in members], [inner for _, inner in members]
    head = 8 + 6 * len(names) + 5 * len(values)
    body, entries = b"", b""
    for name in names:
        entries += struct.pack("<IH", head + len(body), len(name))
        body += name
    for inner in values:
        kind, data = _value(inner)
        if kind == 4:
            entries += bytes([kind]) + data + bytes(3)
        else:
            entries += struct.pack("<BI", kind, head + len(body))
            body += data
    return (3 if isinstance(value, list) else 1), struct.pack("<II", len(values), head + len(body)) + entries + body


def difference(operation: int, path: str, value: Any = ...) -> bytes:
    data = bytes([operation]) + packed(len(path.encode())) + path.encode()
    if value is not ...:
        document = binary(value)
        data += b"\xfd" + len(document).to_bytes(3, "little") + document
    return data


REPLACE, INSERT, REMOVE = 0, 1, 2
DOCUMENT = {"a": 1, "bb": [1, 2.5, {"x": "y"}], "c": None, "a b": {"é.": "\n"}}


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([], DOCUMENT),
        ([difference(REPLACE, "$.a", [])], {**DOCUMENT, "a": []}),
        ([difference(REPLACE, "$.bb[1]", "z"), difference(REMOVE, "$.c")], {"a": 1, "bb": [1, "z", {"x": "y"}]}),
        ([difference(INSERT, "$.d", {})], {**DOCUMENT, "d": {}}),
        ([difference(INSERT, "$.bb[0]", 7)], {**DOCUMENT, "bb": [7, 1, 2.5, {"x": "y"}]}),
        ([difference(INSERT, "$.bb[9]", 7)], {**DOCUMENT, "bb": [1, 2.5, {"x": "y"}, 7]}),
        ([difference(REPLACE, "$.bb[last].x", 1), difference(REMOVE, "$.bb[last-2]")], {"bb": [2.5, {"x": 1}]}),
        ([difference(REPLACE, '$."a b"."é."', 1e100)], {"a b": {"é.": 1e100}}),
        ([difference(INSERT, '$."a b"."\\"\\\\\\n"', 1)], {"a b": {"é.": "\n", '"\\\n': 1}}),
        ([difference(INSERT, "$.e", {"b": 1}), difference(INSERT, "$.e.a", 2)], {"e": {"b": 1, "a": 2}}),
    ],
)
def test_a_patched_document_is_printed_as_a_whole_one_is(differences: list[bytes], expected: dict[str, Any]) -> None:
    """Members that `expected` does not name are as they were, unless removed."""
    whole = {**DOCUMENT, **expected}
    if difference(REMOVE, "$.c") in differences:
        del whole["c"]
    assert patched(binary(DOCUMENT), b"".join(differences)) == json_text.json_text(binary(whole))


def test_numbers_stay_as_the_server_prints_them() -> None:
    document = {"a": [1.0, 1e-7, 2**63 - 1, -0.0, 1e15], "b": 1}
    text = patched(binary(document), difference(REPLACE, "$.b", 2))
    assert text == json_text.json_text(binary({**document, "b": 2}))
    assert "[1.0, 0.0000001, 9223372036854775807, -0.0, " in text


def test_a_document_whose_values_share_bytes_is_refused() -> None:
    """Arrays of the same array in turn, 2^90 values; and a long string many times."""
    nested = struct.pack("<HHBHBH", 2, 10, 2, 10, 2, 10) * 90
    with pytest.raises(ValueError, match="malformed"):
        json_text.json_text(b"\2" + nested + b"\0\0\4\0")
    count, text = 5000, b"\xff\x7f" + b"x" * 16383
    entries = struct.pack("<BH", 12, 4 + 3 * count) * count
    with pytest.raises(ValueError, match="malformed"):
        json_text.json_text(b"\2" + struct.pack("<HH", count, 4 + len(entries) + len(text)) + entries + text)


@pytest.mark.parametrize(
    "differences",
    [
        difference(REPLACE, "$.d", 1),
        difference(REPLACE, "$", 1),
        difference(REPLACE, "$[0]", 1),
        difference(REPLACE, "$.bb[3]", 1),
        difference(REPLACE, "$.bb[last-3]", 1),
        difference(REPLACE, "$.a[0]", 1),
        difference(REPLACE, "$.bb[2][last].x", 1),
        difference(INSERT, "$.a", 1),
        difference(INSERT, "$", 1),
        difference(INSERT, "$.a.b", 1),
        difference(INSERT, "$.a[0]", 1),
        difference(INSERT, "$.bb.x", 1),
        difference(REMOVE, "$.d"),
        difference(REMOVE, "$"),
        difference(3, "$.a", 1),
        difference(REPLACE, "a", 1),
        difference(REPLACE, "$.*", 1),
        difference(REPLACE, "$**.a", 1),
        difference(REPLACE, '$."a', 1),
        difference(REPLACE, "$.a"),
        difference(REPLACE, "$.a", 1)[:-1],
        difference(REPLACE, "$.a") + b"\0",
        b"\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff",
    ],
)
def test_differences_that_do_not_fit_are_refused(differences: bytes) -> None:
    with pytest.raises(ValueError, match="JSON"):
        patched(binary(DOCUMENT), differences)


def test_differences_cannot_nest_a_document_without_bound() -> None:
    deeper = b"".join(difference(REPLACE, "$" + ".a" * level, {"a": 1}) for level in range(1, 60))
    assert patched(binary({"a": 1}), deeper).count("a") == 60
    deeper = b"".join(difference(REPLACE, "$" + ".a" * level, {"a": 1}) for level in range(1, 120))
    with pytest.raises(ValueError, match="too deeply"):
        patched(binary({"a": 1}), deeper)


# ---- PARTIAL_UPDATE_ROWS


def test_documents_are_patched_by_their_bits() -> None:
    bench = Bench()
    before = row(15, 1, "x", binary({"a": 1}), binary([1]))
    whole = binary({"b": 2})
    one, both = difference(REPLACE, "$.a", 2), difference(INSERT, "$[1]", {})
    images = before + b"\1\1" + row(15, 1, "y", one, whole)
    images += before + b"\0" + row(15, 1, "z", whole, whole)
    images += before + b"\1\3" + row(15, 1, None, one, both)
    images += before + b"\1\2" + row(15, 2, "x", whole, both)
    images += row(15, 1, "x", None, None) + b"\1\0" + row(15, 1, "x", whole, None)
    events = bench.take(types.PARTIAL_UPDATE_ROWS, [15, 15], images)
    old = {"id": 1, "a": "x", "j": '{"a": 1}', "k": "[1]"}
    assert events == [
        ("u", old, {"id": 1, "a": "y", "j": '{"a": 2}', "k": '{"b": 2}'}, []),
        ("u", old, {"id": 1, "a": "z", "j": '{"b": 2}', "k": '{"b": 2}'}, []),
        ("u", old, {"id": 1, "a": None, "j": '{"a": 2}', "k": "[1, {}]"}, []),
        ("d", old, None, []),
        ("c", None, {"id": 2, "a": "x", "j": '{"b": 2}', "k": "[1, {}]"}, []),
        ("u", {**old, "j": None, "k": None}, {"id": 1, "a": "x", "j": '{"b": 2}', "k": None}, []),
    ]


def test_a_keyless_tables_documents_are_patched_too() -> None:
    bench = Bench(keyless=True)
    images = row(15, 1, "x", binary([]), None) + b"\1\1" + row(15, 1, "x", difference(INSERT, "$[0]", 1), None)
    ((op, before, after, _),) = bench.take(types.PARTIAL_UPDATE_ROWS, [15, 15], images)
    assert (op, before["j"], after["j"]) == ("u", "[]", "[1]")


def test_a_difference_without_its_document_suspends_the_table() -> None:
    bench = Bench()
    images = row(1, 1) + b"\1\0" + row(4, binary([1])) + row(1, 2) + b"\1\1" + row(4, difference(REMOVE, "$[0]"))
    events = bench.take(types.PARTIAL_UPDATE_ROWS, [1, 4], images)
    assert [after["j"] for _, _, after, _ in events] == ["[1]"]
    for word in ("column j", "PARTIAL_JSON", FILE, "binlog_row_value_options=''"):
        assert word in bench.tables.suspended
    assert bench.take(types.PARTIAL_UPDATE_ROWS, [1, 4], images) == []


def test_malformed_partial_rows_are_refused() -> None:
    before = row(15, 1, "x", binary([]), None)
    for after in (
        b"\2" + row(15, 1, "x", b"", None),
        b"\1\1" + row(15, 1, "x", b"\7", None),
        b"\1\2" + row(15, 1, "x", binary([]), b"\2\1$"),
        b"\1",
    ):
        with pytest.raises(LogFormatError) as raised:
            Bench().take(types.PARTIAL_UPDATE_ROWS, [15, 15], before + after)
        assert FILE in raised.value.where


# ---- images without all columns


def test_an_update_takes_from_the_old_image_what_the_new_one_lacks() -> None:
    bench = Bench()
    images = row(3, 1, "x") + row(4, binary([1])) + row(3, 2, None) + row(4, None)
    assert bench.take(types.UPDATE_ROWS, [3, 4], images) == [
        ("u", None, {"id": 1, "a": "x", "j": "[1]", "k": UNCHANGED_PLACEHOLDER}, ["k"]),
        ("u", None, {"id": 2, "a": None, "j": None, "k": UNCHANGED_PLACEHOLDER}, ["k"]),
    ]
    whole = row(15, 1, "x", binary(1), None)
    assert bench.take(types.UPDATE_ROWS_V1, [15, 2], whole + row(2, "y")) == [
        ("u", {"id": 1, "a": "x", "j": "1", "k": None}, {"id": 1, "a": "y", "j": "1", "k": None}, []),
    ]
    assert bench.tables.asked == []


def test_a_row_under_another_key_is_completed_from_the_source() -> None:
    bench = Bench()
    bench.tables.rows[b"2"] = {"a": b'"now"', "k": b"null"}
    assert bench.take(types.UPDATE_ROWS, [1, 5], row(1, 1) + row(5, 2, binary([1]))) == [
        ("d", {"id": 1}, None, []),
        ("c", None, {"id": 2, "a": "now", "j": "[1]", "k": None}, []),
    ]
    ((key, columns, _),) = bench.tables.asked
    assert (key, columns) == ([("id", b"2")], ["a", "k"])


def test_a_row_that_is_gone_stays_incomplete() -> None:
    bench = Bench()
    after = {"id": 2, "a": UNCHANGED_PLACEHOLDER, "j": "[1]", "k": UNCHANGED_PLACEHOLDER}
    assert bench.take(types.UPDATE_ROWS, [1, 5], row(1, 1) + row(5, 2, binary([1]))) == [
        ("d", {"id": 1}, None, []),
        ("u", None, after, ["a", "k"]),
    ]


def test_an_update_of_mariadb_that_lacks_columns_suspends_its_table() -> None:
    bench = Bench(mariadb=True)
    assert bench.take(types.UPDATE_ROWS_V1, [1, 15], row(1, 1) + row(15, 1, "x", None, None)) == [
        ("u", None, {"id": 1, "a": "x", "j": None, "k": None}, []),
    ]
    assert bench.take(types.UPDATE_ROWS_V1, [1, 7], row(1, 1) + row(7, 1, "x", None)) == []
    assert "REPLACE" in bench.tables.suspended


def test_a_delete_has_the_key() -> None:
    events = Bench().take(types.DELETE_ROWS, [3], row(3, 1, "x") + row(3, 2, None))
    assert events == [("d", {"id": 1}, None, []), ("d", {"id": 2}, None, [])]


def test_a_new_row_takes_the_defaults_that_are_known() -> None:
    bench = Bench()
    bench.tables.known = {"a": b'"x"', "k": b"null"}
    assert bench.take(types.WRITE_ROWS, [5], row(5, 1, binary(1)) + row(5, 2, None)) == [
        ("c", None, {"id": 1, "a": "x", "j": "1", "k": None}, []),
        ("c", None, {"id": 2, "a": "x", "j": None, "k": None}, []),
    ]
    assert bench.take(types.WRITE_ROWS, [3], row(3, 1, "x")) == []
    assert "DEFAULT" in bench.tables.suspended
    assert FILE in bench.tables.suspended


@pytest.mark.parametrize(
    ("keyless", "kind", "bitmaps"),
    [
        (True, types.DELETE_ROWS, [7]),
        (True, types.UPDATE_ROWS, [15, 1]),
        (False, types.WRITE_ROWS, [14]),
        (False, types.UPDATE_ROWS, [14, 15]),
        (False, types.PARTIAL_UPDATE_ROWS, [14, 15]),
    ],
)
def test_rows_that_cannot_be_told_apart_suspend_their_table(keyless: bool, kind: int, bitmaps: list[int]) -> None:
    bench = Bench(keyless)
    assert bench.take(kind, bitmaps, bytes(40)) == []
    assert "binlog_row_image" in bench.tables.suspended


# ---- damage


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_bytes_give_events_or_one_named_error(data: st.DataObject) -> None:
    """Without checksums, so that the damage reaches the parsers."""
    bench = Bench(checksum=False)
    bench.tables.known = {"a": b'"x"', "k": b"null"}
    differences = difference(REPLACE, "$.bb[1]", "z") + difference(INSERT, "$.q", [1]) + difference(REMOVE, "$.a")
    old = row(15, 1, "x", binary(DOCUMENT), binary([1]))
    packets = [
        bench.log.mysql_gtid(1),
        bench.table_map(),
        bench.row_event(types.PARTIAL_UPDATE_ROWS, [15, 15], old + b"\1\1" + row(15, 1, "x", differences, None)),
        bench.row_event(types.UPDATE_ROWS, [3, 4], row(3, 1, "x") + row(4, binary([1]))),
        bench.row_event(types.WRITE_ROWS, [5], row(5, 1, binary(1))),
        bench.log.xid(),
    ]
    index = data.draw(st.integers(2, 4))
    packet = bytearray(packets[index])
    for _ in range(data.draw(st.integers(1, 3))):
        packet[data.draw(st.integers(5, len(packet) - 1))] = data.draw(st.integers(0, 255))
    packets[index] = bytes(packet)
    with suppress(TailraceError, ServerError):
        bench.feed(*packets)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_differences_give_a_text_or_a_named_error(data: st.DataObject) -> None:
    parts = [difference(REPLACE, "$.bb[1]", "z"), difference(INSERT, "$.q", [1, {"a": 2}]), difference(REMOVE, "$.a")]
    damaged = bytearray(b"".join(parts))
    document = bytearray(binary(DOCUMENT))
    for target in (damaged, document):
        for _ in range(data.draw(st.integers(0, 3))):
            target[data.draw(st.integers(0, len(target) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        assert isinstance(patched(bytes(document), bytes(damaged)), str)


def test_the_kinds_of_columns_here_are_those_of_the_decoder() -> None:
    kinds = {name: column_type(parse(declared, "utf8mb4")).type.kind for name, (declared, _) in COLUMNS.items()}
    assert kinds == {"id": Kind.INTEGER, "a": Kind.TEXT, "j": Kind.JSON, "k": Kind.JSON}
