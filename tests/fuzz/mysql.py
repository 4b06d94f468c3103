"""MySQL's and MariaDB's binlog."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

from tailrace.batch import Batch
from tailrace.emitter import Emitter
from tailrace.errors import TailraceError
from tailrace_mysql.binlog import event_types as types
from tailrace_mysql.binlog.decoder import Decoder, ServerError
from tailrace_mysql.binlog.events import Query
from tailrace_mysql.binlog.tables import Effect, Place
from tailrace_mysql.ddl.statements import read_statement
from tailrace_mysql.gtid import DomainPosition, GtidSet, GtidState
from tailrace_mysql.restart import Restart
from tests.fuzz.choices import Choices, damaged
from tests.unit.test_mysql_decoder import FILE, TABLE_ID
from tests.unit.test_mysql_whole import SERVERS, WIDE, MySQLLog, WideTable

_STATEMENTS = (
    b"ALTER TABLE t ADD COLUMN c INT DEFAULT 5 AFTER id, DROP b, CHANGE a `a``b` ENUM('x','y''') CHARACTER SET latin1",
    b"CREATE TABLE t (id INT PRIMARY KEY, d DECIMAL(10,2) DEFAULT -1.5, KEY k (d)) /*!50100 PARTITION BY HASH (id) */",
    b"RENAME TABLE t TO u, v TO t",
    b"TRUNCATE TABLE t",
    b"SAVEPOINT x",
    b"ROLLBACK TO x",
    b"COMMIT",
)


class Tables(WideTable):
    """Reads every statement, as `SchemaHistory` does."""

    def statement(self, query: Query, place: Place) -> Sequence[Effect]:
        read_statement(query.text.decode("utf-8", "replace"), query.database, lambda _: "latin1", query.sql_mode, True)
        return ()


def _image(choices: Choices) -> bytes:
    values = [raw[choices.number(len(raw))] if choices.number(5) else None for _, raw in WIDE.values()]
    nulls = sum(1 << index for index, value in enumerate(values) if value is None)
    return bytes([nulls]) + b"".join(value for value in values if value is not None)


def _rows(log: MySQLLog, choices: Choices) -> bytes:
    what = choices.number(3)
    modern = choices.number(2)
    kind = (
        (types.WRITE_ROWS_V1, types.WRITE_ROWS),
        (types.UPDATE_ROWS_V1, types.UPDATE_ROWS),
        (types.DELETE_ROWS_V1, types.DELETE_ROWS),
    )[what][modern]
    head = TABLE_ID.to_bytes(6, "little") + b"\1\0" + (b"\2\0" if modern else b"") + bytes([len(WIDE)])
    images = b"".join(_image(choices) for _ in range((1 + choices.number(3)) * (1 + (what == 1))))
    return log.event(kind, head + b"\xff" * (1 + (what == 1)) + images)


def _transaction(log: MySQLLog, choices: Choices, number: int, mariadb: bool) -> list[bytes]:
    alone = choices.number(4) == 0
    if mariadb:
        begun = [log.gtid(number, flags=int(alone))]
    else:
        micros = 1_700_000_000_123_456 if choices.number(2) else None
        begun = [log.mysql_gtid(number, SERVERS[choices.number(2)], micros), log.query(b"BEGIN")]
    if alone:
        statement = log.query(_STATEMENTS[choices.number(len(_STATEMENTS))])
        return [begun[0], statement]
    table = b"u" if choices.number(6) == 0 else b"t"
    rows = [_rows(log, choices) for _ in range(1 + choices.number(3))]
    return [*begun, log.table_map(table=table), *rows, log.xid()]


def _between(log: MySQLLog, choices: Choices) -> list[bytes]:
    what = choices.number(6)
    if what == 0:
        return [log.event(types.HEARTBEAT, FILE.encode(), end_pos=log.pos)]
    if what == 1:
        place = log.pos.to_bytes(8, "little")
        body = b"\1" + bytes([len(FILE)]) + FILE.encode() + b"\2\x09\xfe" + place + b"\0"
        return [log.event(types.HEARTBEAT_V2, body)]
    if what == 2:
        rotate = log.event(types.ROTATE, struct.pack("<Q", 4) + b"binlog.000008")
        log.pos = 4
        return [rotate, log.format()]
    return []


def _mended(packet: bytes) -> bytes:
    """With the lengths of the packet and of the event in it."""
    if len(packet) < 24:
        return packet
    whole = bytearray(packet)
    whole[0:3] = (len(packet) - 4).to_bytes(3, "little")
    whole[14:18] = (len(packet) - 5).to_bytes(4, "little")
    return bytes(whole)


def _placed(packets: list[bytes], checksum: bool) -> list[bytes]:
    """With positions that run on and checksums that are right, whatever was done to the events."""
    place = 4
    found = []
    for packet in packets:
        if len(packet) >= 28 and packet[18:22] != bytes(4):
            place += len(packet) - 5
            packet = packet[:18] + place.to_bytes(4, "little") + packet[22:]
            if checksum:
                packet = packet[:-4] + zlib.crc32(packet[5:-4]).to_bytes(4, "little")
            place = 4 if packet[9] == types.ROTATE else place
        found.append(packet)
    return found


def outcome(data: bytes) -> tuple[Batch, Exception | None, str, int]:
    """What the decoder makes of these choices: what it handed on, its error and the error's place, the bytes it read.

    Any error that has no name passes through.
    """
    # One half makes the stream, the other one damages it.
    choices, damages = Choices(data[::2]), Choices(data[1::2])
    mariadb, checksum = choices.number(2) == 1, choices.number(8) == 1
    log = MySQLLog(4, checksum)
    packets = [log.format()]
    for number in range(1, 2 + choices.number(5)):
        packets += _transaction(log, choices, number, mariadb)
        packets += _between(log, choices)
    packets = damaged(packets, damages, _mended)
    stream = b"".join(packets if damages.number(4) == 1 else _placed(packets, checksum))
    size = (len(stream) or 1, 20, 7, 1)[damages.number(4)]
    emitter = Emitter(1, "none")
    gtids: GtidState = DomainPosition("") if mariadb else GtidSet("")
    decoder = Decoder(emitter, Tables(), Restart(FILE, 4), gtids, mariadb=mariadb, checksum=checksum)
    error: Any = None
    where = ""
    try:
        for at in range(0, len(stream), size):
            decoder.feed(stream, at, min(at + size, len(stream)))
    except TailraceError as caught:
        error, where = caught, caught.where
    except ServerError as caught:
        error, where = caught, caught.place
    return emitter.take(), error, where, len(stream)
