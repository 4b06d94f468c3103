"""Compressed transactions of MySQL and compressed events of MariaDB, on bytes made by hand."""

from __future__ import annotations

import re
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.emitter import Emitter
from tailrace.errors import LogFormatError, TailraceError
from tailrace.schema import TableName
from tailrace_mysql.binlog import event_types as types
from tailrace_mysql.binlog.decoder import Decoder, ServerError
from tailrace_mysql.gtid import DomainPosition, GtidSet, GtidState
from tailrace_mysql.restart import Restart
from tailrace_mysql.scan import _Statements, spoken
from tests.unit.test_mysql_decoder import FILE, TABLE_ID, Log, OneTable, image

SERVER = bytes(range(16))
ZSTD, NONE = 0, 255
COMPRESSED_KINDS = {
    types.QUERY: 165,
    types.WRITE_ROWS_V1: 166,
    types.UPDATE_ROWS_V1: 167,
    types.DELETE_ROWS_V1: 168,
    types.WRITE_ROWS: 169,
    types.UPDATE_ROWS: 170,
    types.DELETE_ROWS: 171,
}


def packed(value: int) -> bytes:
    return bytes([value]) if value < 251 else b"\xfe" + value.to_bytes(8, "little")


def field(number: int, value: int) -> bytes:
    return packed(number) + packed(len(packed(value))) + packed(value)


class CompressedLog(Log):
    """Writes both dialects; in MySQL's, the events of one payload have no packets and no places of their own."""

    def mysql_gtid(self, number: int) -> bytes:
        body = b"\1" + SERVER + struct.pack("<QB", number, 2) + bytes(16)
        body += (1_700_000_000_123_456).to_bytes(7, "little") + b"\xfc\0\0"
        return self.event(types.GTID if number else types.ANONYMOUS_GTID, body)

    def inner(self) -> CompressedLog:
        return Inner()

    def payload(
        self, plain: bytes, algorithm: int = ZSTD, says: int | None = None, data: bytes | None = None, more: bytes = b""
    ) -> bytes:
        if data is None:
            data = zstandard.compress(plain) if algorithm == ZSTD else plain
        head = field(1, len(data)) + field(2, algorithm) + field(3, len(plain) if says is None else says) + more + b"\0"
        return self.event(types.TRANSACTION_PAYLOAD, head + data)


class Inner(CompressedLog):
    """What stands in a payload: neither packets nor checksums."""

    def __init__(self) -> None:
        super().__init__(0, checksum=False)

    def packet(self, payload: bytes) -> bytes:
        return payload[1:]


class Bench:
    def __init__(self, mariadb: bool, checksum: bool = True, delivered: str = "") -> None:
        state: GtidState = DomainPosition("") if mariadb else GtidSet("")
        self.log = CompressedLog(4, checksum)
        self.tables = OneTable()
        self.emitter = Emitter(3, "none", delivered)
        self.decoder = Decoder(self.emitter, self.tables, Restart(FILE, 4), state, mariadb=mariadb, checksum=checksum)
        self.feed(self.log.format())

    def feed(self, *packets: bytes) -> None:
        for packet in packets:
            self.decoder.feed(packet, 0, len(packet))
            while self.decoder.pending:
                self.decoder.feed(b"", 0, 0)

    def events(self) -> list[tuple[bytes, bytes, bytes, str]]:
        """Before, after and operation of each event, and what its sequence ends with; `pos` and `row` apart."""
        found = []
        for run in self.emitter.take().runs:
            for value in run.values:
                if value is not None:
                    match = re.fullmatch(
                        rb'{"before":(.*),"after":(.*),"source":.*"tailrace_seq":"(.*?)".*,"op":"(.)".*}', value
                    )
                    assert match
                    found.append((match[1], match[2], match[4], match[3].decode()[-16:]))
        return found


def changes(log: Log, version: int = 2) -> list[bytes]:
    """Row events of all kinds."""
    kinds = (types.WRITE_ROWS, types.UPDATE_ROWS, types.DELETE_ROWS)
    if version == 1:
        kinds = (types.WRITE_ROWS_V1, types.UPDATE_ROWS_V1, types.DELETE_ROWS_V1)
    head = TABLE_ID.to_bytes(6, "little") + b"\1\0" + (b"\2\0" if version == 2 else b"") + b"\2"
    return [
        log.table_map(),
        log.event(kinds[0], head + b"\xff" + b"".join(image(number, number) for number in range(1, 40))),
        log.event(kinds[1], head + b"\xff\xff" + image(1, 1) + image(1, None) + image(2, 2) + image(50, 2)),
        log.table_map(table=b"u"),
        log.event(kinds[0], head + b"\xff" + image(1, 2)),
        log.table_map(),
        log.event(kinds[2], head + b"\xff" + image(3, 3) + image(4, 4)),
    ]


def transaction(log: CompressedLog, number: int, algorithm: int | None) -> list[bytes]:
    """A transaction of MySQL; `algorithm` None: not compressed."""
    begin = log.mysql_gtid(number)
    into = log if algorithm is None else log.inner()
    parts = [into.query(b"BEGIN"), *changes(into), into.xid()]
    return [begin, *parts] if algorithm is None else [begin, log.payload(b"".join(parts), algorithm)]


@pytest.mark.parametrize("algorithm", [ZSTD, NONE])
@pytest.mark.parametrize("checksum", [True, False])
def test_a_compressed_transaction_gives_the_events_of_a_plain_one(algorithm: int, checksum: bool) -> None:
    plain, compressed = Bench(mariadb=False, checksum=checksum), Bench(mariadb=False, checksum=checksum)
    for number in (1, 2):
        plain.feed(*transaction(plain.log, number, None))
        compressed.feed(*transaction(compressed.log, number, algorithm))
    expected = plain.events()
    assert len(expected) == 2 * 44
    assert compressed.events() == expected
    restart = Restart.from_text(compressed.emitter.take().restart)
    assert (restart.pos, restart.gtid) == (compressed.log.pos, "00010203-0405-0607-0809-0a0b0c0d0e0f:1-2")


def test_events_stand_at_the_place_of_their_payload() -> None:
    bench = Bench(mariadb=False)
    begin, payload = transaction(bench.log, 1, ZSTD)
    bench.feed(begin)
    place = bench.log.pos - len(payload) + 5
    bench.feed(payload)
    (run,) = bench.emitter.take().runs
    assert {match for value in run.values if value for match in re.findall(rb'"pos":([0-9]+),', value)} == {
        b"%d" % place
    }


def test_a_transaction_that_is_none_of_ours_moves_the_position() -> None:
    bench = Bench(mariadb=False)
    inner = bench.log.inner()
    body = inner.query(b"BEGIN") + inner.table_map(table=b"u") + inner.xid()
    bench.feed(bench.log.mysql_gtid(1), bench.log.payload(body))
    batch = bench.emitter.take()
    assert (batch.events, Restart.from_text(batch.restart).pos) == (0, bench.log.pos)


def test_a_resume_goes_on_inside_a_compressed_transaction() -> None:
    whole = Bench(mariadb=False)
    whole.feed(*transaction(whole.log, 1, ZSTD))
    (run,) = whole.emitter.take().runs
    values = [value for value in run.values if value]
    sequences = [str(match) for match in re.findall(r'"tailrace_seq":"(.*?)"', b"".join(values).decode())]
    for index in (0, 20, 39, 41, 42):
        resumed = Bench(mariadb=False, delivered=sequences[index])
        resumed.feed(*transaction(resumed.log, 1, ZSTD))
        assert len(resumed.events()) == len(values) - index - 1


def long_payload(log: CompressedLog, table: bytes, count: int) -> tuple[bytes, int]:
    """A transaction of so many row events of 400 rows each, and how long they are; never in memory as a whole."""
    inner = log.inner()
    head = TABLE_ID.to_bytes(6, "little") + b"\1\0\2\0\2\xff"
    rows = inner.event(types.WRITE_ROWS, head + image(1, 2) * 400)
    pieces = [inner.query(b"BEGIN") + inner.table_map(table=table), *[rows] * count, inner.xid()]
    compressor = zstandard.ZstdCompressor().compressobj()
    data = b"".join([compressor.compress(piece) for piece in pieces]) + compressor.flush()
    size = sum(map(len, pieces))
    return log.mysql_gtid(1) + log.payload(b"", data=data, says=size), size


def test_a_long_transaction_is_taken_in_steps() -> None:
    bench = Bench(mariadb=False)
    log, size = long_payload(bench.log, b"t", 100)
    log += b"".join(transaction(bench.log, 2, None))  # and what follows it waits
    bench.decoder.feed(log, 0, len(log))
    events = steps = largest = 0
    while bench.decoder.pending:
        batch = bench.emitter.take()
        events += batch.events
        largest = max(largest, batch.bytes)
        steps += 1
        bench.decoder.feed(b"", 0, 0)
    assert steps > size // (32 << 10)
    assert largest < 4 << 20
    assert events + bench.emitter.take().events == 400 * 100 + 44


def test_compressed_events_of_mariadb_are_taken_in_steps() -> None:
    bench = Bench(mariadb=True)
    bench.log.__class__ = CompressingLog
    head = TABLE_ID.to_bytes(6, "little") + b"\1\0\2\xff"
    log = bench.log
    parts = [log.gtid(1), log.table_map()]
    parts += [log.event(types.WRITE_ROWS_V1, head + image(1, 2) * 400) for _ in range(100)]
    data = b"".join([*parts, log.xid()])
    assert len(data) < 16 << 10
    bench.decoder.feed(data, 0, len(data))
    events = steps = largest = 0
    while bench.decoder.pending:
        batch = bench.emitter.take()
        events += batch.events
        largest = max(largest, batch.bytes)
        steps += 1
        bench.decoder.feed(b"", 0, 0)
    assert steps > 10
    assert largest < 4 << 20
    assert events + bench.emitter.take().events == 400 * 100


def test_a_long_transaction_takes_little_memory() -> None:
    bench = Bench(mariadb=False)
    log, size = long_payload(bench.log, b"u", 30_000)
    tracemalloc.start()
    bench.feed(log)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 100 << 20
    assert peak < 4 << 20
    assert Restart.from_text(bench.emitter.take().restart).pos == bench.log.pos


# ---- what is damaged is an error with its place


def refusal(plain: bytes, **change: Any) -> str:
    """What is said of a payload."""
    bench = Bench(mariadb=False)
    bench.feed(bench.log.mysql_gtid(1))
    packet = bench.log.payload(plain, **change)
    with pytest.raises(LogFormatError) as raised:
        bench.feed(packet)
    assert raised.value.where.startswith(FILE)
    return raised.value.what


def test_what_holds_more_than_it_says_is_refused_before_it_is_all_read() -> None:
    inner = CompressedLog().inner()
    begin = inner.query(b"BEGIN") + inner.table_map()
    compressor = zstandard.ZstdCompressor().compressobj()
    bomb = b"".join([compressor.compress(bytes(1 << 20)) for _ in range(1024)]) + compressor.flush()
    assert len(bomb) < 1 << 18
    assert "impossible length" in refusal(b"", data=bomb, says=1 << 40)
    two = zstandard.compress(begin) + bomb
    assert "impossible length" in refusal(b"", data=two, says=1 << 40)
    assert "more than it says" in refusal(b"", data=two, says=len(begin))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"says": 1 << 33}, "ends too early"),
        ({"says": 0}, "more than it says"),
        ({"algorithm": 7}, "unknown algorithm"),
        ({"data": b"no zstd at all"}, "damaged"),
        ({"more": b"\x09\x05"}, ""),
        ({"more": b"\xff"}, "malformed"),
    ],
)
def test_payloads_that_are_refused(change: dict[str, Any], words: str) -> None:
    inner = CompressedLog().inner()
    assert words in refusal(b"".join([inner.query(b"BEGIN"), *changes(inner), inner.xid()]), **change)


def test_what_is_no_part_of_a_transaction_is_refused_inside_one() -> None:
    inner = CompressedLog().inner()
    begin, xid = inner.query(b"BEGIN"), inner.xid()
    assert "type 2 " in refusal(begin + xid + begin)
    assert "type 40 " in refusal(begin + inner.payload(begin + xid) + xid)
    assert "type 4 " in refusal(begin + inner.event(types.ROTATE, bytes(8) + b"binlog.000009") + xid)
    assert "inside another" in refusal(begin + inner.mysql_gtid(2) + xid)
    assert "impossible length" in refusal(begin + xid + bytes(19))
    assert "cut off" in refusal(begin + xid + bytes(18))
    assert "type 99 " in refusal(begin + inner.event(99, b"") + xid)
    bench = Bench(mariadb=False)
    with pytest.raises(LogFormatError, match="no beginning"):
        bench.feed(bench.log.payload(begin + xid))


# ---- MariaDB


def record(plain: bytes) -> bytes:
    width = max(1, (len(plain).bit_length() + 7) // 8)
    return bytes([0x80 | width]) + len(plain).to_bytes(width, "big") + zlib.compress(plain)


def compressed(log: Log, kind: int, head: bytes, rest: bytes) -> bytes:
    return log.event(COMPRESSED_KINDS[kind], head + record(rest))


class CompressingLog(CompressedLog):
    """Writes what can be compressed so."""

    def event(self, kind: int, body: bytes, flags: int = 0, end_pos: int | None = None) -> bytes:
        if kind in COMPRESSED_KINDS:
            at = 13 + body[8] + 1 if kind == types.QUERY else 8 + 2 * (kind >= types.WRITE_ROWS) + 2
            at += kind in (types.UPDATE_ROWS, types.UPDATE_ROWS_V1)
            kind, body = COMPRESSED_KINDS[kind], body[:at] + record(body[at:])
        return super().event(kind, body, flags, end_pos)


@pytest.mark.parametrize("version", [1, 2])
def test_compressed_events_of_mariadb_give_the_events_of_plain_ones(version: int) -> None:
    plain, small = Bench(mariadb=True), Bench(mariadb=True)
    small.log.__class__ = CompressingLog
    for bench in (plain, small):
        log = bench.log
        bench.feed(log.gtid(1), log.query(b"BEGIN"), *changes(log, version), log.xid())
        bench.feed(log.gtid(2, flags=1), log.query(b"ALTER TABLE t ADD x INT"))
    expected = plain.events()
    assert len(expected) == 44
    assert small.events() == expected
    assert small.tables.statements == plain.tables.statements == [b"ALTER TABLE t ADD x INT"]


def test_compressed_events_of_mariadb_that_are_refused() -> None:
    head = TABLE_ID.to_bytes(6, "little") + b"\1\0\2\xff"
    good = record(image(1, 2) * 50)

    def of(body: bytes) -> str:
        bench = Bench(mariadb=True)
        bench.feed(bench.log.gtid(1), bench.log.table_map())
        with pytest.raises(LogFormatError) as raised:
            bench.feed(bench.log.event(166, body))
        assert FILE in raised.value.where
        return raised.value.what

    assert "unknown algorithm" in of(head + b"\x92" + good[1:])
    assert "unknown algorithm" in of(head + b"\x80" + good[1:])
    assert "impossible length" in of(head + b"\x84\xff\xff\xff\xff" + good[3:])
    assert "size that it says" in of(head + b"\x82\x00\x01" + good[3:])
    assert "size that it says" in of(head + b"\x82\xff\x01" + good[3:])
    assert "size that it says" in of(head + good + b"more")
    assert "damaged" in of(head + good[:10] + b"\0\1\2\3" + good[14:])
    bomb = zlib.compress(bytes(1 << 26))
    assert "size that it says" in of(head + b"\x84\0\0\1\0" + bomb)


# ---- damage


def mysql_log(log: CompressedLog) -> list[bytes]:
    return transaction(log, 1, ZSTD) + transaction(log, 2, NONE)


def mariadb_log(log: CompressedLog) -> list[bytes]:
    log.__class__ = CompressingLog
    return [log.gtid(1), log.query(b"BEGIN"), *changes(log, 1), *changes(log, 2), log.xid()]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_bytes_give_events_or_one_named_error(data: st.DataObject) -> None:
    """Without checksums, so that the damage reaches the parsers."""
    mariadb = data.draw(st.booleans())
    bench = Bench(mariadb, checksum=False)
    packets = (mariadb_log if mariadb else mysql_log)(bench.log)
    for _ in range(data.draw(st.integers(1, 2))):
        index = data.draw(st.integers(0, len(packets) - 1))
        packet = bytearray(packets[index])
        for _ in range(data.draw(st.integers(1, 3))):
            packet[data.draw(st.integers(5, len(packet) - 1))] = data.draw(st.integers(0, 255))
        packets[index] = bytes(packet)
    with suppress(TailraceError, ServerError):
        bench.feed(*packets)


# ---- reading aside


def asides(mariadb: bool) -> Iterator[bytes]:
    log = CompressedLog(4)
    if mariadb:
        log.__class__ = CompressingLog
        yield log.query(b"ALTER TABLE orders ADD COLUMN x INT")
    else:
        inner = log.inner()
        create = inner.query(b"CREATE TABLE orders (a INT) START TRANSACTION")
        yield log.payload(b"".join([inner.query(b"BEGIN"), create, *changes(inner), inner.xid()]))


@pytest.mark.parametrize("mariadb", [True, False])
def test_statements_are_looked_for_in_what_is_compressed(mariadb: bool) -> None:
    for word, found in (("orders", True), ("users", False)):
        statements = _Statements([word])
        for packet in asides(mariadb):
            statements.feed(packet, 0, len(packet))
        assert statements.found is found
    damaged = next(asides(mariadb))[:-30]
    damaged = Log().packet(damaged[4:])
    statements = _Statements(["users"])
    statements.feed(damaged, 0, len(damaged))
    assert statements.found


def test_a_name_with_quotes_is_found_however_it_is_written() -> None:
    name = TableName("shop", None, 'My`odd"er')
    for statement in ('ALTER TABLE `My``odd"er` ADD x INT', 'ALTER TABLE "My`odd""er" ADD x INT'):
        log = CompressedLog(4)
        packet = log.query(statement.encode())
        statements = _Statements([spoken(name)])
        statements.feed(packet, 0, len(packet))
        assert statements.found


LATIN1, GBK, SWE7 = 8, 28, 10


@pytest.mark.parametrize(
    ("text", "collation", "found"),
    [
        ("ALTER TABLE Größe ADD x INT".encode("latin-1"), LATIN1, True),
        ("DROP TABLE `größe` /* worded by the server */".encode(), LATIN1, True),
        ("ALTER TABLE GRÖSSE ADD x INT".encode("latin-1"), LATIN1, False),
        ("ALTER TABLE t COMMENT 'größe'".encode("latin-1"), LATIN1, True),
        ("ALTER TABLE größe ADD x INT".encode(), 0, True),
        ("ALTER TABLE 汉字 ADD x INT".encode("gbk"), GBK, False),
        (b"ALTER TABLE \xff ADD x INT", GBK, True),
        (b"ALTER TABLE t ADD \xe4 INT", SWE7, True),
        (b"ALTER TABLE t ADD x INT", SWE7, False),
        ("SAVEPOINT größe".encode("latin-1"), LATIN1, False),
    ],
)
@pytest.mark.parametrize("checksum", [True, False])
def test_names_are_looked_for_in_the_clients_character_set(
    text: bytes, collation: int, found: bool, checksum: bool
) -> None:
    """What cannot be read so is no proof that nothing was said."""
    statements = _Statements(["größe"], {LATIN1: "latin1", GBK: "gbk", SWE7: "swe7"})
    log = CompressedLog(4, checksum=checksum)
    charsets = b"\4" + struct.pack("<HHH", collation, collation, collation) if collation else b""
    head = struct.pack("<IIBHH", 7, 0, 4, 0, len(charsets)) + charsets
    for packet in (log.format(), log.event(types.QUERY, head + b"shop\0" + text)):
        statements.feed(packet, 0, len(packet))
    assert statements.found is found
