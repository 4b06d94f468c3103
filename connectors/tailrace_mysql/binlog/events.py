"""The small events: each function takes a whole event (header first, checksum cut off) and returns what is in it.

Layouts: https://dev.mysql.com/doc/dev/mysql-server/latest/namespacemysql_1_1binlog_1_1event.html and
https://mariadb.com/kb/en/2-binlog-event-header/ with the pages behind it.
"""

from __future__ import annotations

import re
import uuid
from functools import cache
from typing import NamedTuple

from tailrace_mysql.binlog.integers import cut, number

HEADER = 19

# MariaDB's GTID event
STANDALONE = 1
_GROUP_COMMIT = 2
PREPARED_XA = 64
COMPLETED_XA = 128
# its second byte of flags
START_ALTER = 2
COMMIT_ALTER = 4
ROLLBACK_ALTER = 8

# The server's own text of an outcome: the name's two parts in hexadecimal, and its format.
_OUTCOME = re.compile(rb"\s*XA (COMMIT|ROLLBACK) X'([0-9a-f]*)',X'([0-9a-f]*)',([0-9]+)", re.IGNORECASE)

_SAVEPOINT = re.compile(r"\s*(?:SAVEPOINT|ROLLBACK\s+TO)\s+(?:SAVEPOINT\s+)?(.*?)\s*", re.IGNORECASE | re.DOTALL)

# Status variables of a query: number -> fixed size in bytes
_FIXED_STATUS = {0: 4, 1: 8, 3: 4, 4: 6, 7: 2, 8: 2, 9: 8, 10: 4, 13: 3, 128: 3, 129: 8}
_MICROSECONDS = 128
_TIME_ZONE, _CATALOG_NZ, _INVOKER, _UPDATED_DATABASES, _EXPLICIT_TIMESTAMPS = 5, 6, 11, 12, 16
_NO_DATABASES = 254  # there were too many to name
# MariaDB says the same by a bit of its flags, which MySQL never sets.
_MARIADB_EXPLICIT_TIMESTAMPS = 1 << 24


class Format(NamedTuple):
    """FORMAT_DESCRIPTION: how the file's events are built.

    Attributes:
        checksum: whether a CRC-32 follows each event.
        table_id_size: bytes of a table id in TABLE_MAP and row events.
    """

    server_version: str
    checksum: bool
    table_id_size: int


class Gtid:
    """The event that begins a transaction.

    Attributes:
        text: the transaction's id, "" for an anonymous one.
        source, number: its parts, as `GtidState.add` takes them.
        ts_ms: commit time at the server where it was first executed, 0 where the event has none.
        standalone: one statement follows and nothing else (MariaDB).
        xa: the transaction is prepared or decided by XA (MariaDB).
        alter: START_ALTER, COMMIT_ALTER or ROLLBACK_ALTER of MariaDB's two-phase ALTER; else 0.
    """

    __slots__ = ("alter", "number", "source", "standalone", "text", "ts_ms", "xa")

    def __init__(
        self,
        text: str = "",
        source: str = "",
        number: int = 0,
        ts_ms: int = 0,
        standalone: bool = False,
        xa: bool = False,
        alter: int = 0,
    ) -> None:
        self.text = text
        self.source = source
        self.number = number
        self.ts_ms = ts_ms
        self.standalone = standalone
        self.xa = xa
        self.alter = alter


def _gtid(
    text: str, source: str, number: int, ts_ms: int, standalone: bool = False, xa: bool = False, alter: int = 0
) -> Gtid:
    """As the class itself makes one, but without a call of Python's in compiled code: there is one a transaction."""
    made = Gtid.__new__(Gtid)
    made.text = text
    made.source = source
    made.number = number
    made.ts_ms = ts_ms
    made.standalone = standalone
    made.xa = xa
    made.alter = alter
    return made


class Query(NamedTuple):
    """A statement.

    Attributes:
        thread: the connection that executed it.
        sql_mode: the bits of that session's sql_mode, -1 unknown.
        charset: number of the collation that the text came in, 0 unknown.
        time_zone: of that session, "" unknown.
        explicit_timestamps: its explicit_defaults_for_timestamp, None unknown.
        micros: microseconds of the moment at which it began; -1 unknown (MariaDB).
    """

    thread: int
    database: str
    text: bytes
    sql_mode: int
    charset: int
    time_zone: str
    explicit_timestamps: bool | None = None
    micros: int = -1


def format_description(event: bytes) -> Format:
    """Must be called with the checksum still on: the event says itself whether there is one."""
    version = int.from_bytes(event[19:21], "little")
    header = event[75]
    if version != 4 or header != HEADER or len(event) < 76 + 19 + 5:
        raise ValueError("the binlog's format is not that of MySQL 5.6 or MariaDB 10 and later")
    server_version = event[21:71].rstrip(b"\0").decode("ascii", "replace")
    algorithm = event[-5]
    if algorithm > 1:
        raise ValueError(f"checksum algorithm {algorithm} is unknown")
    table_map_header = event[76 + 19 - 1]
    return Format(server_version, algorithm == 1, 4 if table_map_header == 6 else 6)


def rotate(event: bytes) -> tuple[str, int]:
    """The next file and the position in it."""
    return event[27:].rstrip(b"\0").decode(), int.from_bytes(event[19:27], "little")


def heartbeat(event: bytes, position: int) -> tuple[str, int]:
    """File and position (the header's, 32 bits) up to which everything was sent."""
    return event[19:].rstrip(b"\0").decode(), position


def heartbeat_v2(event: bytes) -> tuple[str, int]:
    """The same with 64 bits of position; tagged fields: 1 the file, 2 the position, 0 the end."""
    file, position, at = "", 0, HEADER
    while at < len(event) and event[at]:
        field = event[at]
        length, at = packed_integer(event, at + 1)
        if field == 1:
            file = event[at : at + length].decode()
        elif field == 2:
            position, _ = packed_integer(event, at)
        at += length
    return file, position


def gtid(event: bytes) -> Gtid:
    """GTID and ANONYMOUS_GTID of MySQL."""
    sequence = _sequence(event, 36)
    ts_ms = 0
    if len(event) >= 68:
        micros = number(event, 61, 7)
        if micros >> 55:
            micros = number(event, 68, 7)
        ts_ms = micros // 1000
    if not sequence:
        return _gtid("", "", 0, ts_ms)
    server = server_text(cut(event, 20, 36))
    return _gtid(f"{server}:{sequence}", server, sequence, ts_ms)


def _sequence(event: bytes, at: int) -> int:
    """A transaction's number, which has 63 bits."""
    if event[at + 7] & 0x80:
        raise ValueError("a transaction's number is larger than it can be")
    return number(event, at, 4) | number(event, at + 4, 4) << 32


@cache
def server_text(octets: bytes) -> str:
    """A server's UUID; there are few of them in a log."""
    return str(uuid.UUID(bytes=octets))


def gtid_tagged(event: bytes) -> Gtid:
    """GTID_TAGGED of MySQL 8.3 and later: numbered fields in the format of ``mysql::serialization``."""
    at = HEADER
    for _ in range(3):  # version, size, last field that must be understood
        _, at = _varlen(event, at)
    server, number, tag, times = b"", 0, "", [0, 0]
    while at < len(event):
        field, at = _varlen(event, at)
        if field == 0:
            _, at = _varlen(event, at)
        elif field == 1:
            octets = []
            for _ in range(16):
                octet, at = _varlen(event, at)
                octets.append(octet)
            server = bytes(octets)
        elif field == 2:
            number, at = _signed_varlen(event, at)
        elif field == 3:
            length, at = _varlen(event, at)
            tag = event[at : at + length].decode("ascii")
            at += length
        elif field in (4, 5):
            _, at = _signed_varlen(event, at)
        elif field in (6, 7):
            times[field - 6], at = _varlen(event, at)
        else:
            break  # lengths and versions, of no use here
    if len(server) != 16 or number < 1:
        raise ValueError("a GTID event lacks its id")
    source = f"{server_text(server)}:{tag}" if tag else server_text(server)
    return Gtid(f"{source}:{number}", source, number, (times[1] or times[0]) // 1000)


def mariadb_gtid(event: bytes) -> Gtid:
    """MariaDB's GTID; the server's number stands in the event's header."""
    sequence = _sequence(event, 19)
    source = f"{number(event, 27, 4)}-{number(event, 5, 4)}"
    flags = event[31]
    at = 40 if flags & _GROUP_COMMIT else 32
    xa = bool(flags & (PREPARED_XA | COMPLETED_XA))
    if xa:
        at += 6 + event[at + 4] + event[at + 5]
    extra = event[at] if at < len(event) else 0
    alter = extra & (START_ALTER | COMMIT_ALTER | ROLLBACK_ALTER)
    return _gtid(f"{source}-{sequence}", source, sequence, 0, bool(flags & STANDALONE), xa, alter)


def begins(event: bytes) -> bool:
    """Whether this QUERY is BEGIN: the one of almost every transaction."""
    text = 33 + number(event, 30, 2) + event[27]
    return len(event) - text == 5 and event[text:] == b"BEGIN"


def query(event: bytes) -> Query:
    thread = int.from_bytes(event[19:23], "little")
    database_length = event[27]
    status = 32
    status_end = status + int.from_bytes(event[30:32], "little")
    text = status_end + database_length + 1
    if text > len(event):
        raise ValueError("a query event is cut off")
    sql_mode, charset, time_zone, micros = -1, 0, "", -1
    explicit: bool | None = None
    while status < status_end:
        code = event[status]
        status += 1
        if code in (_TIME_ZONE, _CATALOG_NZ):
            size = 1 + event[status]
            if code == _TIME_ZONE:
                time_zone = event[status + 1 : status + size].decode("ascii", "replace")
        elif code in _FIXED_STATUS:
            size = _FIXED_STATUS[code]
            if code == 1:
                sql_mode = int.from_bytes(event[status : status + 8], "little")
            elif code == 4:
                charset = int.from_bytes(event[status : status + 2], "little")
            elif code == _MICROSECONDS:
                micros = int.from_bytes(event[status : status + 3], "little")
            elif code == 0 and event[status + 3] << 24 & _MARIADB_EXPLICIT_TIMESTAMPS:
                explicit = True
        elif code == _INVOKER:
            size = 1 + event[status]
            size += 1 + event[status + size]
        elif code == _UPDATED_DATABASES:
            size = 1
            for _ in range(event[status] if event[status] != _NO_DATABASES else 0):
                size = event.index(b"\0", status + size) + 1 - status
        elif code == _EXPLICIT_TIMESTAMPS:
            size = 1
            explicit = event[status] == 1
        else:
            break  # variables come in the order of their numbers; those that are needed came before
        status += size
    database = event[status_end : text - 1].decode()
    return Query(thread, database, event[text:], sql_mode, charset, time_zone, explicit, micros)


#: Between the mark of MariaDB's XA COMMIT and the name of what it decides, in the token that views are asked about.
DECIDED = " xa "


def xa_prepare(event: bytes) -> tuple[bool, str]:
    """XA_PREPARE: whether it commits in one phase, and the transaction's name as `xa_outcome` gives it.

    ``XA_prepare_event`` in ``libs/mysql/binlog/event/control_events.h``; MariaDB's has the same layout.
    """
    if len(event) < HEADER + 13:
        raise ValueError("an XA_PREPARE event is cut off")
    form, first, second = (number(event, HEADER + 1 + 4 * index, 4) for index in range(3))
    at = HEADER + 13
    if at + first + second > len(event):
        raise ValueError("an XA_PREPARE event is cut off")
    return bool(event[HEADER]), xa_name(event[at : at + first], event[at + first : at + first + second], form)


def xa_outcome(text: bytes) -> tuple[str, bool]:
    """The transaction that an ``XA COMMIT`` or ``XA ROLLBACK`` of the log decides, and whether it happened."""
    found = _OUTCOME.match(text)
    if found is None:
        raise ValueError("an outcome of XA does not name its transaction as expected")
    first, second = (bytes.fromhex(found[group].decode()) for group in (2, 3))
    return xa_name(first, second, int(found[4])), found[1].upper() == b"COMMIT"


def savepoint(text: bytes) -> str:
    """The name in a SAVEPOINT or ROLLBACK TO of the log, as names are compared."""
    found = _SAVEPOINT.fullmatch(text.decode("utf-8", "replace"))
    if found is None:
        raise ValueError("a savepoint has no name")
    name = found[1]
    quote = name[:1]
    if quote in ("`", '"') and len(name) > 1 and name.endswith(quote):
        name = name[1:-1].replace(quote * 2, quote)
    return name.casefold()


def xa_name(first: bytes, second: bytes, form: int) -> str:
    """A transaction's name as it is written in SQL, whatever form it has in an event or a list."""
    return f"X'{first.hex()}',X'{second.hex()}',{form & 0xFFFFFFFF}"


def packed_integer(event: bytes, at: int) -> tuple[int, int]:
    """A length-encoded integer."""
    first = event[at]
    if first < 251:
        return first, at + 1
    size = {252: 2, 253: 3, 254: 8}.get(first)
    if size is None or at + 1 + size > len(event):
        raise ValueError("a length is malformed")
    return int.from_bytes(event[at + 1 : at + 1 + size], "little"), at + 1 + size


def _varlen(event: bytes, at: int) -> tuple[int, int]:
    """As many one-bits from below as further bytes follow, then a zero, then the number."""
    first = event[at]
    more = 0
    while more < 8 and first >> more & 1:
        more += 1
    end = at + 1 + more
    if end > len(event):
        raise IndexError
    if more == 8:
        return int.from_bytes(event[at + 1 : end], "little"), end
    return int.from_bytes(event[at:end], "little") >> (more + 1), end


def _signed_varlen(event: bytes, at: int) -> tuple[int, int]:
    """The sign in the lowest bit, over the number or, where negative, its complement."""
    value, at = _varlen(event, at)
    return (~(value >> 1) if value & 1 else value >> 1), at
