"""The decoder on bytes made by hand: framing, positions, checksums, and what it must not pass over."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from contextlib import suppress

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.emitter import Emitter, EventTable
from tailrace.errors import DataLossError, LogFormatError, TailraceError
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.sequence import binlog_mark
from tailrace_mysql.binlog import event_types as types
from tailrace_mysql.binlog.binding import Binding, Version
from tailrace_mysql.binlog.decoder import Decoder, ServerError
from tailrace_mysql.binlog.events import Query
from tailrace_mysql.binlog.packets import Packets
from tailrace_mysql.binlog.rows import PlanColumn, RowPlan
from tailrace_mysql.binlog.table_map import TableMap
from tailrace_mysql.binlog.tables import Effect, LackingError, Place
from tailrace_mysql.gtid import DomainPosition
from tailrace_mysql.restart import Restart
from tailrace_mysql.types import column_type, parse

FILE = "binlog.000007"
NAME = TableName("shop", None, "t")
INT = Type(Kind.INTEGER, "int", size=32)
SCHEMA = TableSchema(1, NAME, "p.shop.t", (Column(1, "id", INT, key=1), Column(2, "n", INT)))
TABLE_ID = 99


class OneTable:
    """The table shop.t (id INT PRIMARY KEY, n INT); every other one is nobody's."""

    def __init__(self) -> None:
        self.generation = 0
        self.suspended = ""
        self.statements: list[bytes] = []
        self.taken_back: list[str] = []
        kind = column_type(parse("int"))
        columns = [PlanColumn(name, kind.reader(0), key, kind.native(0)) for name, key in (("id", 1), ("n", 0))]
        self.binding = Binding(Version(EventTable(SCHEMA, "mariadb", "p")), RowPlan(columns))

    def captures(self, database: str, table: str) -> bool:
        return (database, table) == ("shop", "t")

    def bind(self, table: TableMap, place: Place) -> Binding | None:
        return None if self.suspended else self.binding

    def holds(self, binding: Binding, place: Place) -> bool:
        return not self.suspended

    def takes_back(self, binding: Binding, place: Place) -> None:
        self.taken_back.append(str(place))

    def statement(self, query: Query, place: Place) -> Sequence[Effect]:
        self.statements.append(query.text)
        return ()

    def suspend(self, database: str, table: str, reason: str) -> None:
        self.suspended = reason

    def defaults(self, name: TableName, columns: Sequence[str], place: Place) -> Sequence[bytes]:
        raise LackingError("nobody knows the DEFAULT (binlog_row_image)")

    def current(
        self,
        schema: TableSchema,
        key: Sequence[tuple[str, bytes]],
        columns: Sequence[str],
        place: Place,
        transaction: str,
    ) -> Sequence[bytes] | None:
        raise LackingError("nobody knows the row")

    def release(self) -> None:
        pass


class Log:
    """Writes events as a server sends them."""

    def __init__(self, pos: int = 4, checksum: bool = True) -> None:
        self.pos = pos
        self.checksum = checksum
        self.sequence = 0

    def event(self, kind: int, body: bytes, flags: int = 0, end_pos: int | None = None) -> bytes:
        size = 19 + len(body) + 4 * self.checksum
        self.pos += size
        end = self.pos if end_pos is None else end_pos
        event = struct.pack("<IBIIIH", 1_700_000_000, kind, 1, size, end & 0xFFFFFFFF, flags) + body
        if self.checksum:
            event += struct.pack("<I", zlib.crc32(event))
        return self.packet(b"\0" + event)

    def packet(self, payload: bytes) -> bytes:
        pieces = b""
        while True:
            piece, payload = payload[:0xFFFFFF], payload[0xFFFFFF:]
            pieces += len(piece).to_bytes(3, "little") + bytes([self.sequence & 0xFF]) + piece
            self.sequence += 1
            if len(piece) < 0xFFFFFF:
                return pieces

    def format(self) -> bytes:
        lengths = bytearray(171)
        lengths[types.TABLE_MAP - 1] = 8
        body = struct.pack("<H50sIB", 4, b"10.11.0-MariaDB", 0, 19) + bytes(lengths) + bytes([int(self.checksum)])
        size = 19 + len(body) + 4
        event = struct.pack("<IBIIIH", 1, types.FORMAT_DESCRIPTION, 1, size, 0, 0) + body
        return self.packet(b"\0" + event + struct.pack("<I", zlib.crc32(event) if self.checksum else 0))

    def gtid(self, number: int, flags: int = 0) -> bytes:
        return self.event(types.MARIADB_GTID, struct.pack("<QIB6x", number, 0, flags))

    def table_map(self, database: bytes = b"shop", table: bytes = b"t", codes: bytes = b"\x03\x03") -> bytes:
        body = TABLE_ID.to_bytes(6, "little") + b"\1\0" + bytes([len(database)]) + database + b"\0"
        body += bytes([len(table)]) + table + b"\0" + bytes([len(codes)]) + codes + b"\0" + b"\x02"
        return self.event(types.TABLE_MAP, body)

    def rows(self, kind: int, images: bytes, bitmaps: bytes = b"\xff", table_id: int = TABLE_ID) -> bytes:
        return self.event(kind, table_id.to_bytes(6, "little") + b"\1\0" + b"\2" + bitmaps + images)

    def xid(self) -> bytes:
        return self.event(types.XID, bytes(8))

    def turn(self, file: str = FILE) -> bytes:
        """What the server sends first: which file follows, from its beginning."""
        self.pos = 4
        packet = self.event(types.ROTATE, struct.pack("<Q", 4) + file.encode(), flags=0x20, end_pos=0)
        self.pos = 4
        return packet

    def query(self, text: bytes, database: bytes = b"shop") -> bytes:
        head = struct.pack("<IIBHH", 7, 0, len(database), 0, 0)
        return self.event(types.QUERY, head + database + b"\0" + text)


def image(number: int, value: int | None) -> bytes:
    if value is None:
        return b"\x02" + struct.pack("<i", number)
    return b"\x00" + struct.pack("<ii", number, value)


class Bench:
    """A decoder with everything around it."""

    def __init__(self, restart: Restart | None = None, checksum: bool = True, skip_to: int = 0) -> None:
        restart = restart or Restart(FILE, 4)
        self.log = Log(restart.pos, checksum)
        self.tables = OneTable()
        self.emitter = Emitter(1, restart.to_text(), mark=restart.mark)
        self.decoder = Decoder(
            self.emitter,
            self.tables,
            restart,
            DomainPosition(restart.gtid),
            mariadb=True,
            checksum=checksum,
            skip_to=skip_to,
        )
        self.feed(self.log.format())

    def feed(self, *packets: bytes) -> None:
        for packet in packets:
            self.decoder.feed(packet, 0, len(packet))

    def values(self) -> list[bytes | None]:
        return [value for run in self.emitter.take().runs for value in run.values]


def test_an_event_in_any_pieces() -> None:
    bench = Bench()
    log = bench.log
    data = b"".join(
        [
            log.gtid(1),
            log.table_map(),
            log.rows(types.WRITE_ROWS_V1, image(1, 2) + image(3, None)),
            log.rows(types.UPDATE_ROWS_V1, image(1, 2) + image(1, 5), b"\xff\xff"),
            log.rows(types.DELETE_ROWS_V1, image(3, None)),
            log.xid(),
        ]
    )
    for position in range(0, len(data), 7):
        bench.feed(data[position : position + 7])
    batch = bench.emitter.take()
    values = [value for run in batch.runs for value in run.values]
    assert [b'"after":{"id":1,"n":2}' in (value or b"") for value in values] == [True, False, False, False, False]
    assert b'"before":{"id":1,"n":2},"after":{"id":1,"n":5}' in (values[2] or b"")
    assert values[4] is None
    assert batch.mark == binlog_mark(7, log.pos)
    assert Restart.from_text(batch.restart) == Restart(FILE, log.pos, "0-1-1", 1)


def test_a_row_event_outside_a_transaction_is_an_error() -> None:
    bench = Bench()
    log = bench.log
    bench.feed(log.gtid(1), log.table_map(), log.rows(types.WRITE_ROWS_V1, image(1, 2)), log.xid(), log.table_map())
    with pytest.raises(LogFormatError, match="outside a transaction"):
        bench.feed(log.rows(types.WRITE_ROWS_V1, image(2, 2)))


def test_packets_beyond_16_mib() -> None:
    class Found(Packets):
        def packet(self, payload: bytes) -> None:
            found.append(payload)

    found: list[bytes] = []
    packets = Found()
    for size in (0xFFFFFE, 0xFFFFFF, 0x1000000, 2 * 0xFFFFFF, 10):
        data = Log().packet(b"x" * size)
        for start in range(0, len(data), 1 << 16):
            packets.feed(data, start, min(start + (1 << 16), len(data)))
    assert [len(payload) for payload in found] == [0xFFFFFE, 0xFFFFFF, 0x1000000, 2 * 0xFFFFFF, 10]


def test_positions_beyond_4_gib() -> None:
    """Headers have 32 bits; the position goes on."""
    start = (1 << 32) - 60
    bench = Bench(Restart(FILE, start))
    log = bench.log
    bench.feed(log.gtid(1), log.table_map(), log.rows(types.WRITE_ROWS_V1, image(1, 2)), log.xid())
    assert log.pos > 1 << 32
    assert bench.emitter.mark == binlog_mark(7, log.pos)
    assert binlog_mark(7, log.pos) > binlog_mark(7, start)
    log.pos += 1000  # the server left something out
    bench.feed(log.gtid(2), log.xid())
    assert bench.emitter.mark == binlog_mark(7, log.pos)
    heartbeat = log.event(types.HEARTBEAT, FILE.encode(), end_pos=log.pos + 500)
    bench.feed(heartbeat)
    assert bench.emitter.mark >= binlog_mark(7, log.pos)
    stale = struct.pack("<I", (log.pos - 400) & 0xFFFFFFFF)
    before = bench.emitter.mark
    bench.feed(log.event(types.HEARTBEAT, FILE.encode(), end_pos=int.from_bytes(stale, "little")))
    assert bench.emitter.mark == before


def test_heartbeats_with_64_bits() -> None:
    bench = Bench()
    place = (5 << 32) + 123
    body = b"\1" + bytes([len(FILE)]) + FILE.encode() + b"\2\x09\xfe" + place.to_bytes(8, "little") + b"\0"
    bench.feed(bench.log.event(types.HEARTBEAT_V2, body))
    assert bench.emitter.mark == binlog_mark(7, place)


def test_rotation() -> None:
    bench = Bench()
    log = bench.log
    bench.feed(log.event(types.ROTATE, struct.pack("<Q", 4) + b"binlog.1000000"))
    assert bench.emitter.mark == binlog_mark(1_000_000, 4)
    log.pos = 4
    bench.feed(log.event(types.ROTATE, struct.pack("<Q", 4) + b"binlog.1000000", flags=0x20, end_pos=0))
    log.pos = 4
    bench.feed(log.format(), log.gtid(1), log.xid())
    assert bench.emitter.mark == binlog_mark(1_000_000, log.pos)


def test_wrong_checksum() -> None:
    bench = Bench()
    packet = bytearray(bench.log.gtid(1))
    packet[30] ^= 1
    with pytest.raises(LogFormatError, match="checksum") as raised:
        bench.feed(bytes(packet))
    assert raised.value.where.startswith(FILE)


def test_no_checksum() -> None:
    bench = Bench(checksum=False)
    log = bench.log
    bench.feed(log.gtid(1), log.table_map(), log.rows(types.WRITE_ROWS_V1, image(1, 2)), log.xid())
    assert len(bench.values()) == 1


def test_unknown_events() -> None:
    bench = Bench()
    bench.feed(bench.log.event(99, b"whatever", flags=types.IGNORABLE_FLAG))
    with pytest.raises(LogFormatError, match="99"):
        bench.feed(bench.log.event(99, b"whatever"))


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        (types.INCIDENT, DataLossError, "incident"),
        (types.MARIADB_START_ENCRYPTION, LogFormatError, "encrypt_binlog"),
    ],
)
def test_events_that_are_refused(kind: int, error: type[TailraceError], words: str) -> None:
    bench = Bench()
    with pytest.raises(error) as raised:
        bench.feed(bench.log.event(kind, bytes(20)))
    assert words in str(raised.value)
    assert FILE in str(raised.value)


def test_a_log_that_is_encrypted_in_its_file_alone_is_read_on() -> None:
    """MariaDB sends it deciphered, and marks the event as one that may be passed over."""
    bench = Bench()
    log = bench.log
    bench.feed(log.event(types.MARIADB_START_ENCRYPTION, bytes(17), flags=types.IGNORABLE_FLAG))
    assert bench.emitter.mark == binlog_mark(7, log.pos)
    bench.feed(log.gtid(1), log.table_map(), log.rows(types.WRITE_ROWS_V1, image(1, 2)), log.xid())
    assert len(bench.values()) == 1


def test_what_is_taken_back_inside_the_log_is_no_event() -> None:
    bench = Bench()
    log = bench.log

    def insert(number: int) -> None:
        bench.feed(log.table_map(), log.rows(types.WRITE_ROWS_V1, image(number, 0)))

    bench.feed(log.gtid(1))
    insert(1)
    bench.feed(log.query(b"SAVEPOINT `s`"))
    insert(2)
    bench.feed(log.query(b"SAVEPOINT `Inner one`"))
    insert(3)
    bench.feed(log.query(b"ROLLBACK TO `inner one`"))
    insert(4)
    bench.feed(log.query(b"ROLLBACK TO `S`"))
    insert(5)
    bench.feed(log.query(b"SAVEPOINT `other`"), log.query(b"SAVEPOINT `s`"))
    insert(6)
    bench.feed(log.query(b"ROLLBACK TO `s`"))
    insert(7)
    assert bench.emitter.in_transaction
    bench.feed(log.xid())
    events = [orjson.loads(value or b"") for value in bench.values()]
    assert [event["after"]["id"] for event in events] == [1, 5, 7]
    assert [event["source"]["tx_end"] for event in events] == [False, False, True]
    ordinals = [int(event["source"]["tailrace_seq"].split("-")[2], 16) >> 26 for event in events]
    assert ordinals == [1, 5, 7]
    assert len(bench.tables.taken_back) == 3
    # All of it: what stood behind a savepoint was not handed on yet.
    bench.feed(log.gtid(2), log.query(b"SAVEPOINT `s`"))
    insert(8)
    bench.feed(log.query(b"ROLLBACK"))
    assert bench.values() == []
    assert bench.emitter.mark == binlog_mark(7, log.pos)


def test_what_was_handed_on_cannot_be_taken_back() -> None:
    bench = Bench()
    log = bench.log
    bench.feed(log.gtid(1), log.query(b"ROLLBACK TO `s`"), log.xid())
    bench.feed(log.gtid(2), log.table_map(), log.rows(types.WRITE_ROWS_V1, image(1, 2)))
    with pytest.raises(LogFormatError, match="taken back to a savepoint"):
        bench.feed(log.query(b"ROLLBACK TO `s`"))
    bench = Bench()
    log = bench.log
    bench.feed(log.gtid(1), log.table_map(), log.rows(types.WRITE_ROWS_V1, image(1, 2)))
    bench.emitter.take()
    with pytest.raises(LogFormatError, match="handed on"):
        bench.feed(log.query(b"ROLLBACK"))


def test_a_group_that_ends_in_rollback_leaves_no_trace() -> None:
    """As if it had not been there: next to events of the transaction before, and of the one after."""
    outcomes = []
    for rolled_back in (True, False):
        bench = Bench()
        log = bench.log
        before = [log.gtid(1), log.table_map(), log.rows(types.WRITE_ROWS_V1, image(1, 2)), log.xid()]
        bench.feed(*before)
        group = [
            log.gtid(2),
            log.table_map(),
            log.rows(types.WRITE_ROWS_V1, image(2, 2) + image(3, 3)),
            log.rows(types.DELETE_ROWS_V1, image(3, 3)),
            log.rows(types.UPDATE_ROWS_V1, image(2, 2) + image(4, 2), b"\xff\xff"),
            log.query(b"ROLLBACK"),
        ]
        if rolled_back:
            bench.feed(*group)
            assert len(bench.tables.taken_back) == 1
        assert not bench.emitter.in_transaction
        bench.feed(log.gtid(3), log.table_map(), log.rows(types.WRITE_ROWS_V1, image(5, 5)), log.xid())
        batch = bench.emitter.take()
        values = [orjson.loads(value or b"") | {"ts_ms": 0} for run in batch.runs for value in run.values]
        sizes = [run.size for run in batch.runs]
        outcomes.append((values, sizes, batch.events, batch.bytes, batch.delivered, batch.mark, batch.transactions))
    assert outcomes[0] == outcomes[1]
    assert [value["after"]["id"] for value in outcomes[0][0]] == [1, 5]


def test_statements_stand_alone_or_inside() -> None:
    bench = Bench()
    log = bench.log
    bench.feed(log.gtid(1, flags=1), log.query(b"CREATE TABLE x (a INT)"))
    assert not bench.emitter.in_transaction
    assert bench.emitter.mark == binlog_mark(7, log.pos)
    bench.feed(log.gtid(2), log.query(b"CREATE TABLE y (a INT)"))
    assert bench.emitter.mark < binlog_mark(7, log.pos)
    bench.feed(log.xid())
    assert bench.emitter.mark == binlog_mark(7, log.pos)
    assert bench.tables.statements == [b"CREATE TABLE x (a INT)", b"CREATE TABLE y (a INT)"]


def test_incomplete_row_images_suspend() -> None:
    bench = Bench()
    log = bench.log
    bench.feed(log.gtid(1), log.table_map(), log.rows(types.WRITE_ROWS_V1, b"\x02" + bytes(4), b"\x01"), log.xid())
    assert "binlog_row_image" in bench.tables.suspended
    assert bench.values() == []


def test_a_file_of_the_same_name_begun_at_another_time() -> None:
    with pytest.raises(DataLossError, match="reset"):
        Bench(Restart(FILE, 4, created=2))
    Bench(Restart(FILE, 4, created=1))


def test_server_errors_and_the_end() -> None:
    bench = Bench()
    with pytest.raises(ServerError) as raised:
        bench.feed(bench.log.packet(b"\xff\xd4\x04#HY000Could not find first log file"))
    assert (raised.value.number, raised.value.message) == (1236, "Could not find first log file")
    with pytest.raises(ServerError):
        bench.feed(bench.log.packet(b"\xfe\0\0\2\0"))


def _transaction(log: Log) -> list[bytes]:
    return [
        log.gtid(1),
        log.query(b"ALTER TABLE t ADD x INT"),
        log.table_map(),
        log.rows(types.WRITE_ROWS_V1, image(1, 2) + image(3, None)),
        log.rows(types.UPDATE_ROWS_V1, image(1, 2) + image(1, 5), b"\xff\xff"),
        log.xid(),
    ]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_bytes_give_events_or_one_named_error(data: st.DataObject) -> None:
    """Without checksums, so that the damage reaches the parsers."""
    bench = Bench(checksum=False)
    packets = _transaction(bench.log)
    index = data.draw(st.integers(0, len(packets) - 1))
    packet = bytearray(packets[index])
    for _ in range(data.draw(st.integers(1, 3))):
        packet[data.draw(st.integers(5, len(packet) - 1))] = data.draw(st.integers(0, 255))
    packets[index] = bytes(packet)
    with suppress(TailraceError, ServerError):
        bench.feed(*packets)
