"""System-versioned tables: their period in statements and in the log, and which rows become events."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from tailrace.emitter import Emitter, EventTable
from tailrace.schema import TableName
from tailrace_mysql import system_time
from tailrace_mysql.binlog import event_types as types
from tailrace_mysql.binlog.binding import Binding, Version
from tailrace_mysql.binlog.decoder import Decoder
from tailrace_mysql.binlog.table_map import MapColumn, TableMap
from tailrace_mysql.binlog.tables import Place
from tailrace_mysql.ddl import alter, statements
from tailrace_mysql.definition import ColumnDefinition, Period
from tailrace_mysql.gtid import DomainPosition
from tailrace_mysql.initials import initial, moment
from tailrace_mysql.matching import Match, bound, match
from tailrace_mysql.restart import Restart
from tailrace_mysql.types import UnsupportedTypeError
from tailrace_mysql.versions import first_schema
from tests.unit.test_mysql_decoder import FILE, NAME, TABLE_ID, Log, OneTable

EXPLICIT = (
    "b TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) AS ROW END INVISIBLE, PERIOD FOR SYSTEM_TIME (b, e)"
)
VERSIONED = "WITH SYSTEM VERSIONING"
NOW = b"\x65\x00\x00\x00\x00\x00\x01"
NEVER = b"\x7f\xff\xff\xff\x0f\x42\x3f"


def read(sql: str) -> statements.Statement:
    return statements.read_statement(sql, "shop", lambda table: "utf8mb4", 0, True)


def created(text: str, options: str = VERSIONED) -> tuple[tuple[ColumnDefinition, ...], Period | None]:
    found = read(f"CREATE TABLE t ({text}) {options}")
    assert isinstance(found, statements.Create)
    assert found.columns is not None
    return system_time.separated(found.columns, found.by_time)


def altered(
    before: tuple[tuple[ColumnDefinition, ...], Period | None], clauses: str
) -> tuple[tuple[ColumnDefinition, ...], Period | None]:
    found = read(f"ALTER TABLE t {clauses}")
    assert isinstance(found, statements.Alter)
    assert found.clauses is not None, found.reason
    columns, period = before
    return system_time.altered(alter.apply(system_time.joined(columns, period), found.clauses), period)


def names(columns: Sequence[ColumnDefinition]) -> list[str]:
    return [column.name for column in columns]


# ---- statements


@pytest.mark.parametrize(
    ("text", "options", "shown", "period"),
    [
        ("id INT, n INT", VERSIONED, ["id", "n"], Period("row_start", "row_end", True, (2, 3))),
        ("id INT WITH SYSTEM VERSIONING, n INT", "", ["id", "n"], Period("row_start", "row_end", True, (2, 3))),
        ("id INT, n INT WITHOUT SYSTEM VERSIONING", "", ["id", "n"], None),
        (f"id INT, {EXPLICIT}", f"ENGINE=InnoDB {VERSIONED}", ["id", "b", "e"], Period("b", "e")),
        (
            "id INT",
            f"{VERSIONED} PARTITION BY SYSTEM_TIME LIMIT 10 (PARTITION p HISTORY, PARTITION c CURRENT)",
            ["id"],
            Period("row_start", "row_end", True, (1, 2), by_time=True),
        ),
        ("id INT, period INT", "PARTITION BY HASH (id)", ["id", "period"], None),
        ("id INT, a DATE, b DATE, PERIOD FOR p (a, b)", "", ["id", "a", "b"], None),
    ],
)
def test_created_tables(text: str, options: str, shown: list[str], period: Period | None) -> None:
    columns, found = created(text, options)
    assert names(columns) == shown
    assert found == period


def test_columns_of_a_period_have_no_null_and_are_computed() -> None:
    columns, _ = created(f"id INT, {EXPLICIT}")
    assert [(column.nullable, column.generated) for column in columns] == [(True, False), (False, True), (False, True)]
    columns, _ = created("id INT, a DATE, b DATE, PERIOD FOR p (a, b)", "")
    assert [column.nullable for column in columns] == [True, False, False]
    columns, _ = altered(created("id INT, a DATE, b DATE", ""), "ADD PERIOD FOR p (a, b)")
    assert [column.nullable for column in columns] == [True, False, False]


@pytest.mark.parametrize(
    ("key", "expected"), [("id, n", {"id": 1, "n": 2}), ("n, id, e", {"n": 1, "id": 2}), ("e, id", {"id": 1})]
)
def test_the_end_of_the_period_is_no_part_of_the_key(key: str, expected: dict[str, int]) -> None:
    columns, _ = created(f"id INT, n INT, {EXPLICIT}, PRIMARY KEY ({key})")
    assert {column.name: column.key for column in columns if column.key} == expected


def test_hidden_columns_stay_last() -> None:
    table = created("id INT, a INT, b INT")
    for clauses, shown in (
        ("ADD c INT", ["id", "a", "b", "c"]),
        ("ADD d INT FIRST, DROP b", ["d", "id", "a", "c"]),
        ("ADD f INT AFTER a, DROP id", ["d", "a", "f", "c"]),
        ("MODIFY c INT FIRST", ["c", "d", "a", "f"]),
        ("ENGINE=InnoDB, ADD INDEX (a)", ["c", "d", "a", "f"]),
        ("DROP c", ["d", "a", "f"]),
    ):
        table = altered(table, clauses)
        assert (names(table[0]), table[1]) == (
            shown,
            Period("row_start", "row_end", True, (len(shown), len(shown) + 1)),
        )


def test_hidden_columns_take_the_places_of_those_that_are_dropped() -> None:
    explicit = created(f"id INT, {EXPLICIT}, n INT")
    for clauses, shown, places in (
        ("DROP b, DROP e", ["id", "n"], (1, 2)),
        ("ADD y INT, DROP e, DROP b", ["id", "n", "y"], (1, 2)),
        ("DROP b, DROP e, MODIFY id INT AFTER n", ["n", "id"], (0, 1)),
    ):
        table = altered(explicit, clauses)
        assert (names(table[0]), table[1]) == (shown, Period("row_start", "row_end", True, places))
        # Whether the next statement did anything is not certain: then no place is known.
        assert altered(table, "ADD COLUMN IF NOT EXISTS id INT")[1] == Period("row_start", "row_end", True)
        later = altered(table, "ADD z INT")
        assert later[1] == Period("row_start", "row_end", True, (len(shown) + 1, len(shown) + 2))


def test_versioning_comes_and_goes() -> None:
    plain = created("id INT PRIMARY KEY, n INT", "")
    hidden = altered(plain, "ADD SYSTEM VERSIONING, ADD c INT")
    assert hidden[1] == Period("row_start", "row_end", True, (3, 4))
    assert altered(plain, "ENGINE=InnoDB WITH SYSTEM VERSIONING")[1] == Period("row_start", "row_end", True, (2, 3))
    assert altered(hidden, "DROP SYSTEM VERSIONING, DROP c") == plain
    explicit = altered(
        plain,
        "ADD b TIMESTAMP(6) AS ROW START, ADD e TIMESTAMP(6) AS ROW END, ADD PERIOD FOR SYSTEM_TIME (b, e),"
        " ADD SYSTEM VERSIONING",
    )
    assert (names(explicit[0]), explicit[1]) == (["id", "n", "b", "e"], Period("b", "e"))
    assert altered(explicit, "DROP PERIOD FOR SYSTEM_TIME, DROP b, DROP e, DROP SYSTEM VERSIONING") == plain
    # Without the last clause the table stays versioned.
    assert altered(explicit, "DROP b, DROP e")[1] == Period("row_start", "row_end", True, (2, 3))
    for clauses in ("DROP SYSTEM VERSIONING", "DROP b, DROP e, ADD f TIMESTAMP(6) AS ROW END"):
        with pytest.raises(ValueError):
            altered(explicit, clauses)


def test_partitions_by_system_time() -> None:
    table = created("id INT")
    by_time = altered(table, "ENGINE=InnoDB PARTITION BY SYSTEM_TIME INTERVAL 1 DAY AUTO")
    assert by_time[1] == Period("row_start", "row_end", True, (1, 2), by_time=True)
    assert altered(by_time, "ADD PARTITION PARTITIONS 1") == by_time
    assert altered(by_time, "REMOVE PARTITIONING") == table
    assert altered(by_time, "PARTITION BY HASH (id)") == table
    dropped = read("ALTER TABLE t DROP PARTITION p0, p1")
    assert isinstance(dropped, statements.Alter)
    assert dropped.old
    truncated = read("ALTER TABLE t TRUNCATE PARTITION p0")
    assert isinstance(truncated, statements.Alter)
    assert not truncated.old


def test_history_by_transaction_is_refused_by_name() -> None:
    found = read(
        "ALTER TABLE t ADD b BIGINT UNSIGNED AS ROW START, ADD e BIGINT UNSIGNED AS ROW END, ADD SYSTEM VERSIONING"
    )
    assert isinstance(found, statements.Alter)
    assert "history is by transaction" in found.reason


def test_a_place_that_is_not_known_becomes_known_when_the_table_is_rebuilt() -> None:
    columns, _ = created("id INT, n INT")
    unknown = columns, Period("row_start", "row_end", hidden=True)
    assert altered(unknown, "DISABLE KEYS") == unknown
    assert altered(unknown, "ADD c INT")[1] == Period("row_start", "row_end", True, (3, 4))
    assert altered(created("id INT, n INT"), "DISABLE KEYS")[1] == Period("row_start", "row_end", True, (2, 3))


@pytest.mark.parametrize(
    "period",
    [None, Period("b", "e", by_time=True), Period("row_start", "row_end", True, (2, 3)), Period("x", "y", True)],
)
def test_periods_are_stored_as_json(period: Period | None) -> None:
    record = orjson.loads(orjson.dumps(system_time.to_record(period)))
    assert system_time.from_record(record) == period


def test_rows_that_are_there_begin_with_the_statement() -> None:
    _, start, end = created(f"id INT, {EXPLICIT}")[0]
    assert start.system == "start"
    for version, never in (((10, 11, 6), "2038-01-19T03:14:07.999999Z"), ((11, 5, 2), "2106-02-07T06:28:15.999999Z")):
        at = moment(1_700_000_000, "SYSTEM", "UTC", 42, version)
        assert (initial(start, at), initial(end, at)) == ("2023-11-14T22:13:20.000042Z", never)
    for at in (moment(1_700_000_000, "SYSTEM", "UTC"), moment(0, "", "", 42)):
        with pytest.raises(UnsupportedTypeError, match="column b"):
            initial(start, at)


# ---- columns of the log


def fits(text: str, period: Period | None, logged: str, named: bool, key: str = "") -> Match:
    """Letters of `logged`: i INT, t TIMESTAMP(6) NOT NULL, s the start and e the end of the hidden period."""
    columns, _ = created(text, "")
    kinds = {"i": (3, 0, True), "t": (17, 6, False), "s": (17, 6, False), "e": (17, 6, False)}
    shown = iter(names(columns))
    found = []
    for place, letter in enumerate(logged):
        code, metadata, nullable = kinds[letter]
        column = MapColumn(code, metadata, nullable)
        if named:
            column.name = {"s": "row_start", "e": "row_end"}.get(letter) or next(shown)
            column.key = key.find(str(place)) + 1
        found.append(column)
    schema = first_schema("p.shop.t", NAME, columns, "")
    return match(schema.columns, period, TableMap(1, "shop", "t", found, named, b""), {})


HIDDEN = Period("row_start", "row_end", hidden=True)
AT = "TIMESTAMP(6) NOT NULL DEFAULT 0"


@pytest.mark.parametrize(
    ("text", "logged", "places"),
    [
        ("id INT, n INT", "iise", (2, 3)),
        ("id INT, n INT", "isei", (1, 2)),
        (f"id INT, a {AT}, n INT", "itise", (3, 4)),
    ],
)
def test_hidden_columns_are_found(text: str, logged: str, places: tuple[int, int]) -> None:
    for named in (False, True):
        found = fits(text, HIDDEN, logged, named)
        assert (found.difference, found.hidden, found.end) == ("", places, places[1])


def test_hidden_columns_beside_others_of_their_type_need_names_or_a_known_place() -> None:
    text = f"id INT, a {AT}"
    assert "binlog_row_metadata" in fits(text, HIDDEN, "itse", named=False).difference
    assert fits(text, HIDDEN, "itse", named=True).hidden == (2, 3)
    known = Period("row_start", "row_end", True, (1, 2))
    assert fits(text, known, "iset", named=False).hidden == (1, 2)


def test_columns_of_a_log_with_another_period_do_not_fit() -> None:
    text = "id INT, n INT"
    assert fits(text, None, "iise", named=False).difference == "the log has 4 columns, not 2"
    for named in (False, True):
        assert "period" in fits(text, HIDDEN, "ii", named).difference
    assert "period" in fits(text, Period("row_start", "row_end", True, (0, 1)), "iise", named=False).difference


def test_the_servers_own_part_of_the_key_is_left_out() -> None:
    text = "id INT PRIMARY KEY, n INT"
    assert fits(text, HIDDEN, "iise", named=True, key="03").difference == ""
    assert fits(text, HIDDEN, "iise", named=True, key="13").difference == "column id: the log has another primary key"
    explicit = f"id INT PRIMARY KEY, b {AT}, e {AT}"
    assert fits(explicit, Period("b", "e"), "itt", named=True, key="02").difference == ""
    assert fits(explicit, Period("b", "e"), "itt", named=True, key="02").end == 2
    assert fits(explicit, None, "itt", named=True, key="02").difference


# ---- rows


class Versioned(OneTable):
    """shop.t (id INT PRIMARY KEY, n INT) with a hidden period."""

    def __init__(self, key: str = "PRIMARY KEY") -> None:
        super().__init__()
        columns, period = created(f"id INT {key}, n INT")
        schema = first_schema("p.shop.t", NAME, columns, "")
        logged = [MapColumn(3, 0, True), MapColumn(3, 0, True), MapColumn(17, 6, False), MapColumn(17, 6, False)]
        found = match(schema.columns, period, TableMap(TABLE_ID, "shop", "t", logged, False, b""), {})
        assert not found.difference
        self.binding: Binding = bound(Version(EventTable(schema, "mariadb", "p")), found)

    def defaults(self, name: TableName, columns: Sequence[str], place: Place) -> Sequence[bytes]:
        return [b"7" for _ in columns]


def row(number: int, value: int, end: bytes, start: bytes = NOW) -> bytes:
    return b"\0" + struct.pack("<ii", number, value) + start + end


class Bench:
    def __init__(self, key: str = "PRIMARY KEY") -> None:
        self.tables = Versioned(key)
        self.emitter = Emitter(1, "none")
        self.log = Log()
        self.decoder = Decoder(
            self.emitter, self.tables, Restart(FILE, 4), DomainPosition(""), mariadb=True, checksum=True
        )
        self.feed(self.log.format())
        self.number = 0

    def feed(self, *packets: bytes) -> None:
        for packet in packets:
            self.decoder.feed(packet, 0, len(packet))

    def take(self, *events: tuple[int, bytes, bytes]) -> list[tuple[str, Any, Any]]:
        """The events of a transaction with these row events: kind, bit fields, images."""
        self.number += 1
        body = TABLE_ID.to_bytes(6, "little") + b"\1\0\4shop\0\1t\0\4\x03\x03\x11\x11\2\6\6\x03"
        self.feed(self.log.gtid(self.number), self.log.event(types.TABLE_MAP, body))
        for kind, bits, images in events:
            self.feed(self.log.event(kind, TABLE_ID.to_bytes(6, "little") + b"\1\0\4" + bits + images))
        self.feed(self.log.xid())
        self.batch = self.emitter.take()
        found = [orjson.loads(value) for run in self.batch.runs for value in run.values if value]
        return [(event["op"], event["before"], event["after"]) for event in found]


WRITE, UPDATE, DELETE = types.WRITE_ROWS_V1, types.UPDATE_ROWS_V1, types.DELETE_ROWS_V1
ALL = b"\x0f"


def test_current_rows_become_events_and_history_does_not() -> None:
    bench = Bench()
    assert bench.take((WRITE, ALL, row(1, 10, NEVER) + row(2, 20, NOW) + row(3, 30, NEVER))) == [
        ("c", None, {"id": 1, "n": 10}),
        ("c", None, {"id": 3, "n": 30}),
    ]
    assert bench.take(
        (UPDATE, ALL * 2, row(1, 10, NEVER) + row(1, 11, NEVER)),
        (WRITE, ALL, row(1, 10, NOW)),
        (UPDATE, ALL * 2, row(3, 30, NEVER) + row(3, 30, NOW)),
    ) == [
        ("u", {"id": 1, "n": 10}, {"id": 1, "n": 11}),
        ("d", {"id": 3, "n": 30}, None),
    ]
    assert bench.take(
        (DELETE, ALL, row(1, 10, NOW) + row(1, 11, NEVER)), (UPDATE, ALL * 2, row(3, 30, NOW) + row(3, 31, NEVER))
    ) == [
        ("d", {"id": 1, "n": 11}, None),
        ("c", None, {"id": 3, "n": 31}),
    ]


def test_the_end_of_time_of_later_servers_is_known() -> None:
    assert Bench().take((WRITE, ALL, row(1, 10, b"\xff" * 4 + NEVER[4:]))) == [("c", None, {"id": 1, "n": 10})]


def test_a_transaction_of_history_alone_moves_the_position() -> None:
    bench = Bench()
    before = bench.emitter.mark
    assert bench.take((DELETE, ALL, row(1, 10, NOW))) == []
    assert bench.batch.mark > before
    assert f'"pos":{bench.log.pos},' in bench.batch.restart


def test_rows_are_counted_as_they_stand_in_the_log() -> None:
    bench = Bench()
    bench.take((WRITE, ALL, row(1, 10, NOW) + row(2, 20, NEVER)))
    [event] = [orjson.loads(value) for run in bench.batch.runs for value in run.values if value]
    assert event["source"]["row"] == 1
    assert event["source"]["tx_end"]


def test_a_row_ended_by_an_image_without_all_columns_is_a_delete_of_its_key() -> None:
    bench = Bench()
    old = b"\0" + struct.pack("<i", 1) + NEVER  # id and the end
    assert bench.take((UPDATE, b"\x09\x08", old + b"\0" + NOW)) == [("d", {"id": 1}, None)]
    new = b"\0" + struct.pack("<i", 2) + NOW + NEVER  # without n
    assert bench.take((WRITE, b"\x0d", new)) == [("c", None, {"id": 2, "n": 7})]
    assert bench.tables.suspended == ""


@pytest.mark.parametrize(
    ("kind", "bits", "images", "reason"),
    [
        (UPDATE, b"\x09\x06", b"\0" + struct.pack("<i", 1) + NEVER + b"\0" + struct.pack("<i", 5) + NOW, "REPLACE"),
        (WRITE, b"\x03", b"\0" + struct.pack("<ii", 1, 1), "without the end"),
        (DELETE, b"\x01", b"\0" + struct.pack("<i", 1), "without the end"),
    ],
)
def test_images_that_do_not_decide_suspend_the_table(kind: int, bits: bytes, images: bytes, reason: str) -> None:
    bench = Bench()
    assert bench.take((kind, bits, images)) == []
    assert reason in bench.tables.suspended


def test_tables_without_a_key_have_whole_rows() -> None:
    bench = Bench(key="")
    assert bench.take((UPDATE, ALL * 2, row(1, 10, NEVER) + row(1, 10, NOW))) == [("d", {"id": 1, "n": 10}, None)]
    assert bench.take((UPDATE, b"\x09\x08", b"\0" + struct.pack("<i", 1) + NEVER + b"\0" + NOW)) == []
    assert "no primary key" in bench.tables.suspended
