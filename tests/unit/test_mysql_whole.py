"""Small transactions take a shorter way through the compiled decoder; it gives what the long way gives."""

from __future__ import annotations

import re
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.batch import Batch
from tailrace.compiled import compiled_class
from tailrace.emitter import Emitter
from tailrace.errors import TailraceError
from tailrace.schema import Column, TableSchema
from tailrace.shaping.building import build
from tailrace.shaping.expressions import parse_expression
from tailrace.shaping.masks import Mask
from tailrace.shaping.rules import Rules
from tailrace_mysql.binlog import event_types as types
from tailrace_mysql.binlog.binding import Binding
from tailrace_mysql.binlog.decoder import Decoder, ServerError
from tailrace_mysql.binlog.rows import PlanColumn, RowPlan
from tailrace_mysql.gtid import DomainPosition, GtidSet, GtidState, NoGtids
from tailrace_mysql.restart import Restart
from tailrace_mysql.types import column_type, parse
from tests.unit.test_mysql_decoder import FILE, NAME, TABLE_ID, Log, OneTable, image

Whole: Any = compiled_class("tailrace_mysql.binlog.whole", "Whole")
pytestmark = pytest.mark.skipif(Whole is None, reason="nothing is compiled: there is no shorter way")
#: Key, another column before and after, and by how much the key changes in an update.
Row = tuple[int, int | None, int | None, int]
SERVERS = [bytes(range(16)), bytes(range(16, 32))]


class MySQLLog(Log):
    def mysql_gtid(self, number: int, server: bytes, micros: int | None) -> bytes:
        body = b"\1" + server + struct.pack("<QB", number, 2) + bytes(16)
        if micros is not None:
            body += micros.to_bytes(7, "little") + b"\xfc\0\0"
        return self.event(types.GTID if number else types.ANONYMOUS_GTID, body)

    def skipped(self, size: int) -> None:
        """An event that the server does not send."""
        self.pos += size


class Bench:
    """A decoder of one of the two dialects."""

    def __init__(self, mariadb: bool, checksum: bool, gtids: bool) -> None:
        self.mariadb, self.gtids = mariadb, gtids
        self.log = MySQLLog(4, checksum)
        state: GtidState = DomainPosition("") if mariadb else GtidSet("") if gtids else NoGtids()
        self.tables = OneTable()
        self.emitter = Emitter(3, "none")
        self.decoder = Decoder(self.emitter, self.tables, Restart(FILE, 4), state, mariadb=mariadb, checksum=checksum)
        self.decoder.feed(self.log.format(), 0, len(self.log.format()))

    def transaction(self, number: int, choices: dict[str, Any]) -> bytes:
        log = self.log
        if self.mariadb:
            parts = [log.gtid(number)]
            log.skipped(choices["skipped"])
        else:
            identity = number if self.gtids else 0
            parts = [log.mysql_gtid(identity, SERVERS[choices["server"]], choices["micros"]), log.query(b"BEGIN")]
        parts.append(log.table_map(table=choices["table"]))
        parts += [rows(log, op, choices["values"], choices["v2"]) for op in choices["ops"]]
        return b"".join([*parts, log.xid()])


def rows(log: Log, op: str, values: list[Row], v2: bool) -> bytes:
    """One row event."""
    kinds = {"c": (types.WRITE_ROWS_V1, types.WRITE_ROWS), "d": (types.DELETE_ROWS_V1, types.DELETE_ROWS)}
    kinds["u"] = (types.UPDATE_ROWS_V1, types.UPDATE_ROWS)
    images = b"".join(
        image(key, old) + (image(key + moved, new) if op == "u" else b"") for key, old, new, moved in values
    )
    bitmaps = b"\xff\xff" if op == "u" else b"\xff"
    head = TABLE_ID.to_bytes(6, "little") + b"\1\0" + (b"\2\0" if v2 else b"")
    return log.event(kinds[op][v2], head + b"\2" + bitmaps + images)


NUMBERS = st.one_of(st.none(), st.integers(-(1 << 31), (1 << 31) - 1))
TRANSACTION = st.fixed_dictionaries(
    {
        "ops": st.lists(st.sampled_from("cud"), min_size=1, max_size=2),
        "values": st.lists(
            st.tuples(st.integers(0, 9), NUMBERS, NUMBERS, st.sampled_from([0, 0, 0, 10])), min_size=1, max_size=4
        ),
        "v2": st.booleans(),
        "server": st.sampled_from([0, 0, 0, 1]),
        "micros": st.sampled_from([None, 0, 1_700_000_000_123_456]),
        "skipped": st.sampled_from([0, 0, 60]),
        "table": st.sampled_from([b"t", b"t", b"t", b"t", b"u"]),
    }
)


def outcome(batch: Batch) -> Any:
    """All of it but for the moment at which it was made."""
    runs = []
    for run in batch.runs:
        values = [value and re.sub(rb'"ts_ms":[0-9]+,"transaction"', b'"transaction"', value) for value in run.values]
        runs.append((run.topic, run.keys, values, run.every_partition, run.size))
    return (
        *(runs, batch.events, batch.bytes, batch.restart, batch.delivered, batch.mark),
        *(batch.commit_ts_ms, batch.transactions, batch.touched, batch.state),
    )


def in_pieces(decoder: Decoder, log: bytes) -> None:
    """No transaction is ever in one piece."""
    for at in range(0, len(log), 20):
        decoder.feed(log, at, min(at + 20, len(log)))


@given(
    mariadb=st.booleans(),
    checksum=st.booleans(),
    gtids=st.booleans(),
    transactions=st.lists(TRANSACTION, min_size=1, max_size=6),
    damage=st.one_of(st.none(), st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255))),
)
@settings(max_examples=400, deadline=None)
def test_both_ways_give_the_same_events(
    mariadb: bool, checksum: bool, gtids: bool, transactions: list[dict[str, Any]], damage: tuple[float, int] | None
) -> None:
    short, long = Bench(mariadb, checksum, gtids), Bench(mariadb, checksum, gtids)
    log = b"".join(short.transaction(number, choices) for number, choices in enumerate(transactions, 1))
    if damage:
        place = int(damage[0] * len(log))
        log = log[:place] + bytes([log[place] ^ damage[1]]) + log[place + 1 :]
    results = []
    for bench, feed in ((short, whole), (long, in_pieces)):
        try:
            feed(bench.decoder, log)
            failed = ""
        except (TailraceError, ServerError) as error:
            failed = type(error).__name__
        results.append((failed, outcome(bench.emitter.take())))
    assert results[0] == results[1]


def whole(decoder: Decoder, log: bytes) -> None:
    decoder.feed(log, 0, len(log))


@pytest.mark.parametrize("mariadb", [True, False])
def test_an_ordinary_transaction_goes_the_short_way(mariadb: bool) -> None:
    bench = Bench(mariadb, True, True)
    choices = {
        "ops": "u",
        "values": [(1, 2, 3, 0), (2, None, 4, 0)],
        "v2": not mariadb,
        "server": 0,
        "micros": 1_700_000_000_123_456,
        "skipped": 60,
        "table": b"t",
    }
    whole(bench.decoder, bench.transaction(1, choices))  # the table is not known before
    log = bench.transaction(2, choices)
    assert Whole(bench.decoder).take(log, 0) == len(log)
    batch = bench.emitter.take()
    assert (batch.events, batch.transactions) == (4, 2)


#: Declared type, the table map's metadata, and raw values of it.
WIDE = {
    "int": (0, [struct.pack("<i", value) for value in (0, 1, -1, 256)]),
    "varchar(20)": (80, [b"\0", b"\1a", b"\2ab", b"\2a\\", b"\3\xc3\xa9\n"]),
    "text": (2, [b"\0\0", b"\1\0x", b"\2\0xy"]),
    "decimal(10,2)": (
        10 | 2 << 8,
        [b"\x80\0\0\1\0", b"\x80\0\0\1\x32", b"\x7f\xff\xff\xfe\xff"],
    ),
    "double": (8, [struct.pack("<d", value) for value in (0.0, -0.0, 1 / 3, 1e100)]),
    "datetime(6)": (6, [bytes([0x99, 0xB2, 0x7A, 0xC8, 0xF8, 0, 0, micros]) for micros in (0, 1)]),
    "year": (0, [b"\0", b"\x7c"]),
    "json": (4, [b"\3\0\0\0\5\1\0", b"\2\0\0\0\4\1"]),
}


class WideTable(OneTable):
    """A column of each of these types besides the key.

    Args:
        shaped: some are dropped, one is masked, one added.
    """

    def __init__(self, shaped: bool = False) -> None:
        super().__init__()
        kinds = {name: column_type(parse(name, "utf8mb4")) for name in WIDE}
        columns_of_it = enumerate(kinds.items(), 1)
        schema = TableSchema(
            1,
            NAME,
            "p.shop.t",
            tuple(Column(n, name, kind.type, False, int(n == 1)) for n, (name, kind) in columns_of_it),
        )
        rules = Rules(
            drop=("text", "double", "json"),
            renamed={"year": "y%"},
            masks={"varchar(20)": Mask("hash")},
            salt="salt",
            added={"tenant": parse_expression("'ac%me'")},
        )
        shape = build(schema, rules) if shaped else None
        columns = [
            PlanColumn(name, kind.reader(WIDE[name][0]), int(name == "int"), kind.native(WIDE[name][0]))
            for name, kind in kinds.items()
        ]
        self.binding = Binding(self.binding.version, RowPlan(columns, shape=shape))


@st.composite
def wide_image(draw: st.DrawFn) -> bytes:
    values = [draw(st.sampled_from([None, *raw[:2], *raw[:2], *raw])) for _, raw in WIDE.values()]
    values[0] = WIDE["int"][1][0]
    nulls = sum(1 << index for index, value in enumerate(values) if value is None)
    return bytes([nulls]) + b"".join(value for value in values if value is not None)


@given(pairs=st.lists(st.tuples(wide_image(), wide_image()), min_size=1, max_size=4), shaped=st.booleans())
@settings(max_examples=400, deadline=None)
def test_values_that_an_update_did_not_change_come_out_alike(pairs: list[tuple[bytes, bytes]], shaped: bool) -> None:
    results = []
    for feed in (whole, in_pieces):
        bench = Bench(mariadb=True, checksum=True, gtids=True)
        bench.tables = WideTable(shaped)
        bench.decoder = Decoder(
            bench.emitter, bench.tables, Restart(FILE, 4), DomainPosition(""), mariadb=True, checksum=True
        )
        log = bench.log
        whole(bench.decoder, log.format())
        for number in (1, 2):  # the first one makes the table known
            head = TABLE_ID.to_bytes(6, "little") + b"\1\0" + bytes([len(WIDE)]) + b"\xff\xff"
            images = b"".join(before + after for before, after in pairs)
            begun = log.gtid(number) + log.table_map()
            feed(bench.decoder, begun + log.event(types.UPDATE_ROWS_V1, head + images) + log.xid())
        results.append(outcome(bench.emitter.take()))
    assert results[0] == results[1]
    assert results[0][1] == 2 * len(pairs)
