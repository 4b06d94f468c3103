"""PostgreSQL's logical replication stream."""

from __future__ import annotations

import struct

from tailrace.batch import Batch
from tailrace.emitter import Emitter, EventTable
from tailrace.errors import TailraceError
from tailrace.schema import Column, Kind, TableSchema, Type
from tailrace_postgres.pgoutput import Decoder
from tailrace_postgres.relation import Relation
from tailrace_postgres.rowplan import RowPlan
from tests.fuzz.choices import Choices, damaged
from tests.unit import test_postgres_decoder as messages
from tests.unit.test_postgres_decoder import NAME, OID, OTHER, UNCHANGED

#: Type, its OID, and texts of it.
_COLUMNS: tuple[tuple[Type, int, tuple[bytes, ...]], ...] = (
    (Type(Kind.INTEGER, "integer", 32), 23, (b"0", b"-7", b"2147483647")),
    (Type(Kind.TEXT, "text"), 25, (b"", b'a"\\', "é漢".encode(), b"x" * 300)),
    (Type(Kind.BOOLEAN, "boolean"), 16, (b"t", b"f")),
    (Type(Kind.DECIMAL, "numeric"), 1700, (b"1.50", b"NaN", b"-12345678901234567890.5")),
    (Type(Kind.FLOAT, "double precision", 64), 701, (b"0.1", b"-1.5e+300", b"Infinity")),
    (Type(Kind.BYTES, "bytea"), 17, (b"\\x", b"\\x00ff80")),
    (Type(Kind.TIMESTAMPTZ, "timestamp with time zone", 6), 1184, (b"2024-01-31 12:00:00.5+00", b"infinity")),
    (Type(Kind.DATE, "date"), 1082, (b"2024-02-29", b"0044-03-15 BC")),
    (Type(Kind.UUID, "uuid"), 2950, (b"123e4567-e89b-12d3-a456-426655440000",)),
    (Type(Kind.JSON, "jsonb"), 3802, (b'{"a": [1, null]}', b"null")),
    (Type(Kind.ENUM, "mood", labels=("sad", "glad")), 90000, (b"sad", b"new")),
)


class Relations:
    """One table; the row that is asked for is there or not."""

    def __init__(self, whole_old: bool, keyed: bool, present: bool) -> None:
        self._whole_old, self._keyed, self._present = whole_old, keyed, present

    def plan(self, relation: Relation, xid: int) -> RowPlan | None:
        if relation.oid != OID:
            return None
        columns = tuple(
            Column(number, f"c{number}", type_, key=int(self._keyed and number == 1))
            for number, (type_, _, _) in enumerate(_COLUMNS, 1)
        )
        return RowPlan(EventTable(TableSchema(1, NAME, "p.public.t", columns), "postgresql", "p"), self._whole_old)

    def renamed_label(self, plan: RowPlan) -> None:
        """The table is suspended."""

    def lack(self, plan: RowPlan, what: str) -> None:
        raise AssertionError("no table has rules")

    def missing(self, plan: RowPlan, key: list[bytes | None], columns: list[int], xid: int) -> list[bytes] | None:
        return [plan.fragment(index, b"0") for index in columns] if self._present and columns == [0] else None


def _relation(oid: int, identity: bytes) -> bytes:
    parts = [b"R", struct.pack("!I", oid), b"public\0t\0", identity, struct.pack("!H", len(_COLUMNS))]
    for number, (_, type_oid, _) in enumerate(_COLUMNS, 1):
        parts.append(bytes([number == 1]) + b"c%d\0" % number + struct.pack("!Ii", type_oid, -1))
    return b"".join(parts)


def _tuple(choices: Choices, unchanged: bool = True) -> bytes:
    values: list[bytes | type | None] = []
    for _, _, texts in _COLUMNS:
        what = choices.number(8)
        values.append(None if what == 0 else UNCHANGED if what == 1 and unchanged else texts[what % len(texts)])
    return messages.values(*values)


def _change(choices: Choices) -> bytes:
    oid = OTHER if choices.number(6) == 0 else OID
    head = struct.pack("!I", oid)
    what = choices.number(5)
    if what == 0:
        return messages.truncate(*([oid] * (1 + choices.number(3))))
    if what == 1:
        return b"D" + head + b"KO"[choices.number(2) :][:1] + _tuple(choices, unchanged=choices.number(9) == 1)
    if what == 2:
        return b"I" + head + b"N" + _tuple(choices, unchanged=choices.number(9) == 1)
    old = (b"", b"K" + _tuple(choices), b"O" + _tuple(choices))[choices.number(3)]
    return b"U" + head + old + b"N" + _tuple(choices)


def _between(choices: Choices) -> bytes:
    what = choices.number(6)
    if what == 0:
        return b"O" + struct.pack("!Q", 5) + b"origin\0"
    if what == 1:
        return b"Y" + struct.pack("!I", 77) + b"public\0mood\0"
    if what == 2:
        return b"M" + struct.pack("!BQ", 1, 5) + b"prefix\0" + struct.pack("!I", 3) + b"abc"
    return _change(choices)


def outcome(data: bytes) -> tuple[Batch, Exception | None, str, int]:
    """As `tests.fuzz.mysql.outcome`."""
    choices, damages = Choices(data[::2]), Choices(data[1::2])
    relations = Relations(choices.number(2) == 1, choices.number(4) > 0, choices.number(2) == 1)
    identity = b"dfin"[choices.number(4) :][:1]
    payloads: list[bytes] = []
    for number in range(1 + choices.number(4)):
        payloads.append(messages.begin(0x6000 + 0x1000 * number, 700 + number))
        if number == 0 or choices.number(3) == 0:
            payloads += [_relation(OID, identity), _relation(OTHER, b"d")]
        payloads += [_between(choices) for _ in range(1 + choices.number(4))]
        payloads.append(messages.commit(0x6000 + 0x1000 * number, 0x6100 + 0x1000 * number))
    stream = [messages.data(payload, 0x5000 + number) for number, payload in enumerate(payloads)]
    if choices.number(2):
        stream.insert(choices.number(len(stream)), messages.keepalive(0x7000, bool(choices.number(2))))
    stream = damaged(stream, damages, lambda message: message)
    emitter = Emitter(1, "0/5000")
    decoder = Decoder(emitter, relations, 0x5000, {"p.public.t": 1})
    error: Exception | None = None
    where = ""
    try:
        for message in stream:
            decoder.feed(message, 0, len(message))
    except TailraceError as caught:
        error, where = caught, caught.where
    return emitter.take(), error, where, sum(map(len, stream))
