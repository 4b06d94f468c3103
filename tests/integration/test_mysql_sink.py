"""The MySQL sink on MariaDB and MySQL."""

from __future__ import annotations

import gc
import json
import math
import random
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailrace.connectors import Context
from tailrace.errors import (
    DataLossError,
    OwnershipLostError,
    RefusedError,
    StuckError,
    TransactionConflictError,
    UnreachableError,
    ValueRefusedError,
)
from tailrace.schema import Kind
from tailrace.sink import TableWork, TargetTable
from tailrace.stream import Partition
from tailrace_mysql.connection import Connector
from tailrace_mysql.settings import MySQLSinkSettings, MySQLSourceSettings
from tailrace_mysql.sink import MySQLSink
from tests.servers import unique_name, wait_until
from tests.servers.sql import Database
from tests.sinks import (
    PARTITION,
    STREAM,
    Applied,
    change,
    column,
    deletes,
    integer,
    rows,
    seq,
    target,
    text,
    upserts,
)
from tests.sinks.values import MYSQL_VALUES, POSTGRES_VALUES

MakeSink = Callable[..., MySQLSink]


@pytest.fixture(params=["mariadb", "mysql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("sink") as made:
        yield made


@pytest.fixture
def make_sink(database: Database) -> Iterator[MakeSink]:
    made: list[MySQLSink] = []

    def make(url: str = "", mode: str = "full-load-and-cdc", name: str = "wh", **settings: Any) -> MySQLSink:
        validated = MySQLSinkSettings.model_validate(
            {"name": name, "connector": "mysql", "url": url or database.url, **settings}
        )
        sink = MySQLSink(validated, Context("shop", mode, Path("/nonexistent")))
        made.append(sink)
        return sink

    yield make
    for sink in made:
        sink.close()


@pytest.fixture
def applied(make_sink: MakeSink) -> Applied:
    return Applied(make_sink())


def is_mariadb(database: Database) -> bool:
    return "MariaDB" in database.value("SELECT VERSION()")


def column_types(database: Database, table: str) -> dict[str, str]:
    found = database.query(
        "SELECT column_name, column_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
        (database.name, table),
    )
    plain = {name: kind.decode() if isinstance(kind, bytes) else kind for name, kind in found}
    for name, kind in plain.items():  # MariaDB still prints display widths
        for word in ("tinyint", "smallint", "mediumint", "bigint", "int", "year"):
            if kind.startswith(word + "(") and not kind.startswith("tinyint(1)"):
                plain[name] = word + kind.partition(")")[2]
                break
    return plain


USERS = target("users", [integer(1, "id", key=1), text(2, "name"), integer(3, "age", size=32)])


# ---- rows


def test_upserts_updates_and_deletes_twice_leave_what_once_leaves(applied: Applied) -> None:
    applied.ensure(USERS)
    first = [{"id": number, "name": f"n{number}", "age": number} for number in range(5)]
    for _ in range(2):
        applied(upserts(USERS, *first))
        work = TableWork(
            USERS,
            upserts=rows([{"id": 1, "name": "one", "age": None}, {"id": 9, "name": "nine", "age": 9}], 2),
            updates=rows([{"id": 2, "age": 22}, {"id": 77, "age": 7}], 2),
            deletes=rows([{"id": 0}, {"id": 88}], 2),
        )
        applied(work)
        assert applied.rows(USERS) == [
            {"id": 1, "name": "one", "age": None},
            {"id": 2, "name": "n2", "age": 22},
            {"id": 3, "name": "n3", "age": 3},
            {"id": 4, "name": "n4", "age": 4},
            {"id": 9, "name": "nine", "age": 9},
        ]


def test_many_rows_take_many_statements(applied: Applied) -> None:
    table = applied.ensure(target("big", [integer(1, "a", key=1), text(2, "b", key=2, size=40), text(3, "c")]))
    rng = random.Random(3)
    data = {
        (number, f"k'{number}\\"): {"a": number, "b": f"k'{number}\\", "c": rng.choice(["x", "é𝄞", "'"]) * 400}
        for number in range(6000)
    }
    applied(upserts(table, *data.values()))
    gone = [key for key in data if key[0] % 3 == 0]
    changed = [key for key in data if key[0] % 3 == 1]
    for key in changed:
        data[key]["c"] = f"changed {key}"
    applied(
        TableWork(
            table,
            deletes=rows([{"a": a, "b": b} for a, b in gone], 2),
            updates=rows([{"a": a, "b": b, "c": data[a, b]["c"]} for a, b in changed], 2),
        )
    )
    for key in gone:
        del data[key]
    found = {(row["a"], row["b"]): row for row in applied.sink.rows(table)}
    assert found == data


def test_truncate_empties_the_table_within_the_transaction(applied: Applied) -> None:
    applied.ensure(USERS)
    applied(upserts(USERS, {"id": 1, "name": "a", "age": 1}))
    applied.sink.apply([TableWork(USERS, truncate=True, truncate_seq=seq(2))])
    applied.sink.rollback()
    assert len(applied.rows(USERS)) == 1
    new = {"id": 2, "name": "b", "age": 2}
    applied(TableWork(USERS, truncate=True, truncate_seq=seq(2), upserts=rows([new], 3)))
    assert applied.rows(USERS) == [new]


def test_a_table_of_key_columns_only(applied: Applied) -> None:
    table = applied.ensure(target("pairs", [integer(1, "a", key=1), integer(2, "b", key=2)]))
    for _ in range(2):
        applied(upserts(table, {"a": 1, "b": 2}, {"a": 1, "b": 3}))
    assert applied.rows(table) == [{"a": 1, "b": 2}, {"a": 1, "b": 3}]


def test_keys_that_differ_in_case_blanks_or_accents_are_different_rows(applied: Applied) -> None:
    table = applied.ensure(target("words", [text(1, "word", key=1), integer(2, "n")], schema="public"))
    words = ["a", "A", "a ", "á", "", " ", "a\t", "ａ", "ss", "ß", "a\0"]
    data = [{"word": word, "n": number} for number, word in enumerate(words)]
    applied(upserts(table, *data))
    assert sorted(applied.sink.rows(table), key=lambda row: row["n"]) == data
    applied(deletes(table, {"word": "A"}, {"word": "a "}, {"word": ""}))
    assert sorted(row["word"] for row in applied.sink.rows(table)) == sorted(set(words) - {"A", "a ", ""})


def test_rows_that_swap_a_unique_value(applied: Applied, database: Database) -> None:
    applied.ensure(USERS)
    database.execute("ALTER TABLE users ADD UNIQUE KEY (age)")
    applied.sink.close()
    again = Applied(applied.sink)
    again.ensure(USERS)
    again(upserts(USERS, {"id": 1, "name": "a", "age": 1}, {"id": 2, "name": "b", "age": 2}))
    swapped = [{"id": 1, "name": "a", "age": 2}, {"id": 2, "name": "b", "age": 1}]
    again(upserts(USERS, *swapped, number=2))
    assert again.rows(USERS) == swapped
    # The value of a deleted row, taken over by a new one.
    moved = TableWork(USERS, deletes=rows([{"id": 1}], 3), upserts=rows([{"id": 3, "name": "c", "age": 2}], 3))
    again(moved)
    assert again.rows(USERS) == [swapped[1], {"id": 3, "name": "c", "age": 2}]
    with pytest.raises(StuckError, match="unique index"):
        again(upserts(USERS, {"id": 4, "name": "d", "age": 2}, number=4))


# ---- tables without a key


KEYLESS = target(
    "log", [text(1, "line"), column(2, "f", Kind.FLOAT, "float", size=32), column(3, "j", Kind.JSON, "json")]
)


def test_a_keyless_change_takes_exactly_one_row(applied: Applied) -> None:
    applied.ensure(KEYLESS)
    twin = {"line": "x", "f": 0.1, "j": '{"a": 1.10}'}
    other = {"line": None, "f": None, "j": None}
    moved = {"line": "y", "f": 3.4028235e38, "j": "[1, 2]"}
    inserts = [change("c", None, twin), change("c", None, twin), change("c", None, twin), change("c", None, other)]
    applied(TableWork(KEYLESS, sequential=[*inserts, change("u", twin, moved), change("d", twin, None)]))
    assert sorted(map(repr, applied.sink.rows(KEYLESS))) == sorted(map(repr, [twin, moved, other]))
    applied(TableWork(KEYLESS, sequential=[change("u", other, twin), change("d", moved, None)]))
    assert list(applied.sink.rows(KEYLESS)) == [twin, twin]


def test_a_keyless_change_without_its_row_is_an_error(applied: Applied) -> None:
    applied.ensure(KEYLESS)
    row = {"line": "x", "f": 1.5, "j": None}
    applied(TableWork(KEYLESS, sequential=[change("c", None, row)]))
    with pytest.raises(StuckError, match=r"table log.*no row of the target"):
        applied.sink.apply([TableWork(KEYLESS, sequential=[change("d", {**row, "line": "X"}, None)])])
    applied.sink.rollback()
    assert list(applied.sink.rows(KEYLESS)) == [row]


def test_a_keyless_change_without_its_row_where_no_load_ran(make_sink: MakeSink) -> None:
    applied = Applied(make_sink(mode="cdc"))
    applied.ensure(KEYLESS)
    old = {"line": "x", "f": 1.5, "j": None}
    new = {"line": "y", "f": 1.5, "j": None}
    newer = {"line": "z", "f": 1.5, "j": None}
    changes = [change("d", old, None), change("u", old, new), change("u", new, newer)]
    applied(TableWork(KEYLESS, sequential=changes))
    assert list(applied.sink.rows(KEYLESS)) == [newer]


# ---- values


@pytest.mark.parametrize(("schema", "values"), [(None, MYSQL_VALUES), ("public", POSTGRES_VALUES)])
def test_values_come_back_as_they_went(
    applied: Applied, schema: str | None, values: dict[str, tuple[Any, list[Any]]]
) -> None:
    columns = [integer(100, "id", key=1), *(entry[0] for entry in values.values())]
    table = applied.ensure(target("zoo", columns, schema=schema))
    most = max(len(entry[1]) for entry in values.values())
    data = [{"id": 0, **dict.fromkeys(values)}]
    data += [
        {"id": number + 1, **{name: found[number % len(found)] for name, (_, found) in values.items()}}
        for number in range(most)
    ]
    applied(upserts(table, *data))
    found = {row["id"]: row for row in applied.sink.rows(table)}
    for row in data:
        assert found[row["id"]] == row
        assert {n: type(v) for n, v in found[row["id"]].items()} == {n: type(v) for n, v in row.items()}
    # The same by partial updates.
    applied(TableWork(table, updates=rows([{**row, "id": 0} for row in data[1:2]], 2)))
    assert next(row for row in applied.sink.rows(table) if row["id"] == 0) == {**data[1], "id": 0}
    applied.sink.close()
    Applied(applied.sink).ensure(table)  # an existing table of these types is taken as it is


def test_every_key_type_finds_its_row(applied: Applied) -> None:
    for schema, values in ((None, MYSQL_VALUES), ("public", POSTGRES_VALUES)):
        for name, (kind, found) in values.items():
            if kind.type.kind == Kind.JSON and schema is None:
                continue  # no primary key in MySQL
            key = replace(kind, id=1, name="k", nullable=False, key=1)
            table = applied.ensure(
                target(f"key_{'m' if schema is None else 'p'}_{name}", [key, integer(2, "n")], schema=schema)
            )
            short = [value for value in found if len(str(value)) < 500]
            if not short:
                continue
            applied(upserts(table, *({"k": value, "n": 1} for value in short)))
            applied(upserts(table, *({"k": value, "n": 2} for value in short)))
            applied(TableWork(table, updates=rows([{"k": short[0], "n": 3}], 2)))
            assert sorted((repr(row["k"]), row["n"]) for row in applied.sink.rows(table)) == sorted(
                (repr(value), 3 if value == short[0] else 2) for value in short
            ), table.source
            applied(deletes(table, *({"k": value} for value in short)))
            assert list(applied.sink.rows(table)) == []


def test_every_type_of_a_keyless_table_is_found(applied: Applied) -> None:
    for schema, values in ((None, MYSQL_VALUES), ("public", POSTGRES_VALUES)):
        table = applied.ensure(target(f"keyless_{schema}", [entry[0] for entry in values.values()], schema=schema))
        most = max(len(entry[1]) for entry in values.values())
        for number in range(most):
            row = {name: found[number % len(found)] for name, (_, found) in values.items()}
            before = [change("c", None, row), change("c", None, dict.fromkeys(values))]
            after = [change("d", row, None), change("u", dict.fromkeys(values), row), change("d", row, None)]
            applied(TableWork(table, sequential=[*before, *after]))
            assert list(applied.sink.rows(table)) == []


def test_random_floats_survive(applied: Applied) -> None:
    columns = [
        integer(1, "id", key=1),
        column(2, "d", Kind.FLOAT, "double", size=64),
        column(3, "f", Kind.FLOAT, "float", size=32),
    ]
    table = applied.ensure(target("floats", columns))
    rng = random.Random(11)
    data = []
    for number in range(3000):
        double = struct.unpack("<d", rng.randbytes(8))[0]
        single = struct.unpack("<f", rng.randbytes(4))[0]
        if math.isfinite(double) and math.isfinite(single):
            data.append({"id": number, "d": double, "f": single})
    applied(upserts(table, *data))
    found = {row["id"]: row for row in applied.sink.rows(table)}
    for row in data:
        back = found[row["id"]]
        assert back["d"] == row["d"]
        assert struct.pack("<f", back["f"]) == struct.pack("<f", row["f"])
        assert len(repr(back["f"])) <= len(repr(row["f"]))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (column(2, "v", Kind.FLOAT, size=64), "NaN"),
        (column(2, "v", Kind.FLOAT, size=32), "-Infinity"),
        (column(2, "v", Kind.DECIMAL, "numeric(5,2)", size=5, scale=2), "NaN"),
        (column(2, "v", Kind.DECIMAL, "numeric(5,2)", size=5, scale=2), "1.234"),
        (column(2, "v", Kind.DECIMAL, "numeric(5,2)", size=5, scale=2), "12345.00"),
        (column(2, "v", Kind.DATE), "infinity"),
        (column(2, "v", Kind.DATE), "0044-03-15 BC"),
        (column(2, "v", Kind.DATE), "10000-01-01"),
        (column(2, "v", Kind.TIMESTAMP), "-infinity"),
        (column(2, "v", Kind.TIMESTAMP), "20240-01-01T00:00:00"),
        (column(2, "v", Kind.TIMESTAMPTZ), "0044-03-15T00:00:00Z BC"),
        (column(2, "v", Kind.INTEGER, size=16), 70000),
        (column(2, "v", Kind.TEXT, "varchar(3)", size=3), "abcd"),
        (column(2, "v", Kind.BOOLEAN), "true"),
        (column(2, "v", Kind.INTEGER, size=64), "secret"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(applied: Applied, kind: Any, value: Any) -> None:
    table = applied.ensure(target("t", [integer(1, "id", key=1), kind], schema="public"))
    with pytest.raises(ValueRefusedError, match=r"table t, column v") as caught:
        applied.sink.apply([upserts(table, {"id": 1, "v": value})])
    applied.sink.rollback()
    assert "secret" not in str(caught.value)
    assert list(applied.sink.rows(table)) == []


def test_values_of_a_mysql_source_that_do_not_fit_are_refused_by_name(applied: Applied, database: Database) -> None:
    for number, (kind, value) in enumerate(
        [
            (column(2, "v", Kind.ENUM, "enum('a')", labels=("a",)), "secret"),
            (column(2, "v", Kind.DATE, "date"), "2024-13-01"),
            (column(2, "v", Kind.TIMESTAMPTZ, "timestamp", size=0), "2039-01-01T00:00:00Z"),
            (column(2, "v", Kind.TIME, "time", size=0), "999:00:00"),
            (column(2, "v", Kind.BYTES, "varbinary(2)", size=2), "c2VjcmV0"),
            (column(2, "v", Kind.YEAR, "year"), 2156),
        ]
    ):
        table = applied.ensure(target(f"t{number}", [integer(1, "id", key=1), kind]))
        with pytest.raises(ValueRefusedError, match=rf"table t{number}, column v") as caught:
            applied.sink.apply([upserts(table, {"id": 1, "v": value})])
        applied.sink.rollback()
        assert str(value) not in str(caught.value)


def test_a_negative_zero_is_kept_or_refused(applied: Applied, database: Database) -> None:
    table = applied.ensure(target("t", [integer(1, "id", key=1), column(2, "v", Kind.FLOAT, size=64)]))
    work = upserts(table, {"id": 1, "v": -0.0})
    if is_mariadb(database):
        with pytest.raises(ValueRefusedError, match="negative zero"):
            applied.sink.apply([work])
        return
    applied(work)
    assert [math.copysign(1, row["v"]) for row in applied.sink.rows(table)] == [-1]


def test_a_key_too_long_for_an_index_is_refused(applied: Applied) -> None:
    table = applied.ensure(target("t", [text(1, "k", key=1), text(2, "l", key=2)], schema="public"))
    fits = {"k": "𝄞" * 380, "l": "x" * 380}
    applied(upserts(table, fits))
    assert list(applied.sink.rows(table)) == [fits]
    with pytest.raises(ValueRefusedError, match="column k"):
        applied.sink.apply([upserts(table, {"k": "x" * 800, "l": "x"})])
    applied.sink.rollback()


def test_a_row_larger_than_a_packet_is_refused(applied: Applied, database: Database) -> None:
    limit = int(database.value("SELECT @@max_allowed_packet"))
    table = applied.ensure(
        target("t", [integer(1, "id", key=1), column(2, "v", Kind.TEXT, "longtext"), integer(3, "n")])
    )
    large = "x" * (limit - 3000)
    applied(upserts(table, {"id": 1, "v": large, "n": 1}, {"id": 2, "v": "small", "n": 2}))
    assert [len(row["v"]) for row in applied.rows(table)] == [len(large), 5]
    for work in (
        upserts(table, {"id": 3, "v": large + "x" * 3000, "n": 3}),
        TableWork(table, updates=rows([{"id": 2, "v": "é" * (limit // 2)}])),
    ):
        with pytest.raises(ValueRefusedError, match="max_allowed_packet"):
            applied.sink.apply([work])
        applied.sink.rollback()


def test_a_wide_table_of_varchars_fits_the_row(applied: Applied, database: Database) -> None:
    columns = [column(n, f"c{n}", Kind.TEXT, "varchar(4000)", size=4000) for n in range(2, 40)]
    table = applied.ensure(target("wide", [integer(1, "id", key=1), *columns]))
    row = {"id": 1, **{c.name: "é" * 4000 for c in columns}}
    applied(upserts(table, row))
    assert list(applied.sink.rows(table)) == [row]
    more = [*columns, column(50, "added", Kind.TEXT, "varchar(16000)", size=16000)]
    wider = target("wide", [integer(1, "id", key=1), *more], version=2)
    applied.ensure(wider, table)
    applied(upserts(wider, {**row, "added": "x" * 16000}))


# ---- tables


def test_a_missing_table_gets_the_source_s_types(applied: Applied, database: Database) -> None:
    columns = [integer(100, "id", key=1), *(entry[0] for entry in MYSQL_VALUES.values())]
    applied.ensure(target("zoo", columns))
    found = column_types(database, "zoo")
    assert found["bu"] == "bigint unsigned"
    assert found["de"] == "decimal(65,30)"
    assert found["d3"] == "datetime(3)"
    assert found["ts"] == "timestamp(6)"
    assert found["se"] == "set('x','y','z')"
    assert found["bt"] == "bit(9)"
    assert found["ye"] == "year"
    assert found["tx"] == "text"
    assert found["bn"] == "binary(4)"
    assert found["ch"] == "char(3)"
    assert found["js"] == ("longtext" if is_mariadb(database) else "json")
    head = database.query(
        "SELECT engine, table_collation FROM information_schema.tables WHERE table_schema = %s AND table_name = 'zoo'",
        (database.name,),
    )
    assert head == [("InnoDB", "utf8mb4_nopad_bin" if is_mariadb(database) else "utf8mb4_0900_bin")]


def evolved(applied: Applied, before: TargetTable, after: TargetTable) -> None:
    """Goes to a version, and once more as after a crash that lost the knowledge that it was done."""
    applied.ensure(before)
    applied.ensure(after, before)
    again = Applied(applied.sink)
    again.ensure(after, before)
    applied.offset = again.offset


def test_added_columns_get_what_the_source_s_rows_got(applied: Applied) -> None:
    applied.ensure(USERS)
    applied(upserts(USERS, {"id": 1, "name": "a", "age": 1}))
    initials: dict[str, tuple[Kind, dict[str, Any], Any]] = {
        "n": (Kind.INTEGER, {"size": 32}, 5),
        "t": (Kind.TEXT, {}, "it's \\ ok"),
        "v": (Kind.TEXT, {"size": 20}, "x'y\\"),
        "d": (Kind.DECIMAL, {"size": 5, "scale": 2}, "1.50"),
        "b": (Kind.BYTES, {}, "AP8nXA=="),
        "f": (Kind.FLOAT, {"size": 64}, 0.1),
        "ts": (Kind.TIMESTAMPTZ, {"size": 6}, "2024-01-31T12:34:56.5Z"),
        "bo": (Kind.BOOLEAN, {}, True),
        "j": (Kind.JSON, {}, '{"a": 1.5}'),
        "bi": (Kind.BITS, {"size": 4, "fixed": True}, "0101"),
        "da": (Kind.DATE, {}, "2024-01-31"),
        "none": (Kind.TEXT, {}, None),
    }
    added = [
        column(10 + number, name, kind, initial=initial, **fields)
        for number, (name, (kind, fields, initial)) in enumerate(initials.items())
    ]
    for schema in ("public", None):
        table = f"users_{schema}"
        before = target(table, USERS.columns, schema=schema)
        applied.ensure(before)
        applied(upserts(before, {"id": 1, "name": "a", "age": 1}))
        if schema is None:
            late = next(c for c in added if c.name == "ts")
            added[added.index(late)] = replace(late, initial="2024-01-31T12:34:56.500000Z")
        after = target(table, [*before.columns, *added], schema=schema, version=2)
        evolved(applied, before, after)
        (row,) = applied.sink.rows(after)
        assert row == {"id": 1, "name": "a", "age": 1, **{c.name: c.initial for c in added}}
        # The default has done its work: other writers' rows do not get it.
        applied(upserts(after, {"id": 2, "name": "b", "age": 2, **dict.fromkeys(initials)}))
        assert applied.rows(after)[1]["n"] is None


def test_renamed_dropped_and_swapped_columns(applied: Applied) -> None:
    a, b, c = integer(1, "id", key=1), text(2, "b"), text(3, "c")
    before = applied.ensure(target("t", [a, b, c]))
    applied(upserts(before, {"id": 1, "b": "B", "c": "C"}))
    swapped = target("t", [a, text(2, "c"), text(3, "b")], version=2)
    evolved(applied, before, swapped)
    assert list(applied.sink.rows(swapped)) == [{"id": 1, "c": "B", "b": "C"}]
    chained = target("t", [integer(1, "key", key=1), text(2, "d"), text(3, "c")], version=3)
    evolved(applied, swapped, chained)
    assert list(applied.sink.rows(chained)) == [{"key": 1, "d": "B", "c": "C"}]
    dropped = target("t", [integer(1, "key", key=1), text(2, "d")], version=4, retained=[text(3, "c")])
    evolved(applied, chained, dropped)
    applied(upserts(dropped, {"key": 2, "d": "D"}))
    assert list(applied.sink.rows(dropped)) == [{"key": 1, "d": "B"}, {"key": 2, "d": "D"}]
    anew = target(
        "t",
        [integer(1, "key", key=1), text(2, "d"), integer(9, "c", initial=7)],
        version=5,
        retained=[text(3, "c_dropped_3")],
    )
    evolved(applied, dropped, anew)
    assert list(applied.sink.rows(anew)) == [{"key": 1, "d": "B", "c": 7}, {"key": 2, "d": "D", "c": 7}]
    old = target("t", [integer(1, "key", key=1), text(3, "c_dropped_3")])
    assert [row["c_dropped_3"] for row in applied.sink.rows(old)] == ["C", None]


def test_rows_keep_values_of_dropped_columns(applied: Applied) -> None:
    before = applied.ensure(USERS)
    applied(upserts(before, {"id": 1, "name": "a", "age": 1}))
    after = target("users", USERS.columns[:2], version=2, retained=[USERS.columns[2]])
    applied.ensure(after, before)
    applied(upserts(after, {"id": 1, "name": "b"}))
    assert list(applied.sink.rows(USERS)) == [{"id": 1, "name": "b", "age": 1}]


def test_a_widened_type_is_followed_and_another_one_refused(applied: Applied, database: Database) -> None:
    key = integer(1, "id", key=1)
    before = applied.ensure(
        target(
            "t",
            [
                key,
                integer(2, "n", size=16),
                column(3, "v", Kind.TEXT, "varchar(5)", size=5),
                column(4, "d", Kind.DECIMAL, "decimal(5,1)", size=5, scale=1),
                column(5, "e", Kind.ENUM, "enum('a')", labels=("a",)),
                column(6, "ts", Kind.TIMESTAMP, "datetime(1)", size=1),
            ],
        )
    )
    applied(upserts(before, {"id": 1, "n": 5, "v": "abcde", "d": "1.5", "e": "a", "ts": "2024-01-31T12:34:56.1"}))
    after = target(
        "t",
        [
            key,
            integer(2, "n", size=64),
            column(3, "v", Kind.TEXT, "varchar(50)", size=50),
            column(4, "d", Kind.DECIMAL, "decimal(9,3)", size=9, scale=3),
            column(5, "e", Kind.ENUM, "enum('a','b')", labels=("a", "b")),
            column(6, "ts", Kind.TIMESTAMP, "datetime(3)", size=3),
        ],
        version=2,
    )
    evolved(applied, before, after)
    row = {"id": 2, "n": 2**40, "v": "x" * 50, "d": "1.125", "e": "b", "ts": "2024-01-31T12:34:56.123"}
    applied(upserts(after, row))
    first = {"id": 1, "n": 5, "v": "abcde", "d": "1.500", "e": "a", "ts": "2024-01-31T12:34:56.100"}
    assert applied.rows(after) == [first, row]
    # Back again: what is there holds the narrower type's values too, where they print alike.
    narrower = target("t", [key, integer(2, "n", size=16), *after.columns[2:]], version=3)
    applied.ensure(narrower, after)
    assert column_types(database, "t")["n"] == "bigint"
    other = target("t", [key, column(2, "n", Kind.DATE, "date"), *after.columns[2:]], version=4)
    with pytest.raises(StuckError, match=r"table t: the column n is bigint.*MODIFY COLUMN `n` DATE"):
        applied.sink.ensure(other, narrower)


def test_a_changed_key(applied: Applied) -> None:
    before = applied.ensure(USERS)
    applied(upserts(before, {"id": 1, "name": "a", "age": 1}))
    after = target("users", [integer(1, "id"), text(2, "name", key=1), integer(3, "age", size=32)], version=2)
    evolved(applied, before, after)
    applied(upserts(after, {"id": None, "name": "b", "age": 2}, {"id": 1, "name": "a", "age": 3}))
    assert applied.rows(after) == [{"id": 1, "name": "a", "age": 3}, {"id": None, "name": "b", "age": 2}]
    keyless = target("users", [integer(1, "id"), text(2, "name"), integer(3, "age", size=32)], version=3)
    evolved(applied, after, keyless)
    applied(TableWork(keyless, sequential=[change("c", None, {"id": 5, "name": None, "age": 1})]))


def test_tables_that_a_person_made(applied: Applied, database: Database) -> None:
    database.script(
        "CREATE TABLE users (surrogate BIGINT AUTO_INCREMENT UNIQUE, id BIGINT PRIMARY KEY, name VARCHAR(10), "
        "age INT NOT NULL, twice INT AS (age * 2))",
        "CREATE TABLE ci (k VARCHAR(10) COLLATE utf8mb4_general_ci PRIMARY KEY)",
        "CREATE TABLE other_key (a INT PRIMARY KEY, b INT NOT NULL)",
        "CREATE TABLE engine (id BIGINT PRIMARY KEY) ENGINE = MyISAM",
        "CREATE VIEW looks AS SELECT 1 AS id",
        "CREATE TABLE loses (id BIGINT PRIMARY KEY, d DECIMAL(5,1))",
    )
    applied.ensure(USERS)  # name is widened, age may be NULL as at the source
    applied(upserts(USERS, {"id": 1, "name": "x" * 100, "age": None}))
    assert applied.rows(USERS) == [{"id": 1, "name": "x" * 100, "age": None}]
    generated = target("users", [*USERS.columns, integer(4, "twice", size=32)], version=2)
    applied.ensure(generated, USERS)
    applied(upserts(generated, {"id": 2, "name": "", "age": 4, "twice": 8}))
    assert applied.rows(generated)[1] == {"id": 2, "name": "", "age": 4, "twice": 8}
    for table, said in [
        (target("ci", [column(1, "k", Kind.TEXT, "varchar(10)", key=1, size=10)]), "texts that differ"),
        (target("other_key", [integer(1, "a", size=32), integer(2, "b", key=1, size=32)]), "primary key is \\(a\\)"),
        (target("engine", [integer(1, "id", key=1)]), "MyISAM"),
        (target("looks", [integer(1, "id", key=1)]), "view"),
        (
            target("loses", [integer(1, "id", key=1), column(2, "d", Kind.DECIMAL, "decimal(5,2)", size=5, scale=2)]),
            "decimal\\(5,1\\)",
        ),
    ]:
        with pytest.raises(StuckError, match=said):
            applied.sink.ensure(table, None)


def test_ddl_needs_nothing_from_the_open_transaction(applied: Applied, database: Database) -> None:
    applied.ensure(USERS)
    applied.sink.apply([upserts(USERS, {"id": 1, "name": "a", "age": 1})])
    applied.sink.ensure(target("other", [integer(1, "id", key=1)]), None)
    applied.sink.rollback()
    assert list(applied.sink.rows(USERS)) == []


def test_names_that_need_quoting(applied: Applied, database: Database) -> None:
    odd = ["a b", "per%cent %s", "back`tick", "quo'te\"", "semi;colon", "select", "ünï", "x" * 63]
    columns = [column(1, "k`; %s", Kind.INTEGER, key=1, size=64), *(text(n, name) for n, name in enumerate(odd, 2))]
    table = applied.ensure(target("we`ird %s ; tâble", columns))
    data = [{"k`; %s": n, **{name: f"{name};{n}'" for name in odd}} for n in range(3)]
    applied(upserts(table, *data))
    applied(TableWork(table, updates=rows([{"k`; %s": 1, "select": "new"}], 2), deletes=rows([{"k`; %s": 0}], 2)))
    assert list(applied.sink.rows(table)) == [{**data[1], "select": "new"}, data[2]]
    later = target(
        "we`ird %s ; tâble", [columns[0], text(2, "re`named"), *columns[2:], integer(20, "a;d`d")], version=2
    )
    evolved(applied, table, later)
    assert [row["re`named"] for row in applied.sink.rows(later)] == ["a b;1'", "a b;2'"]
    keyless = applied.ensure(target("key`less", columns[1:]))
    applied(TableWork(keyless, sequential=[change("c", None, {name: name for name in odd})]))
    applied(TableWork(keyless, sequential=[change("d", {name: name for name in odd}, None)]))
    assert list(applied.sink.rows(keyless)) == []


# ---- positions


def test_rows_and_positions_are_one_transaction(make_sink: MakeSink, database: Database) -> None:
    first = Applied(make_sink())
    first.ensure(USERS)
    first(upserts(USERS, {"id": 1, "name": "a", "age": 1}))
    first.sink.apply([upserts(USERS, {"id": 2, "name": "b", "age": 2})])
    with closing(make_sink()) as second:
        first.sink.close()  # as in a crash
        assert second.open(STREAM) == {PARTITION: 2}
        assert [row["id"] for row in second.rows(USERS)] == [1]


def test_a_worker_that_was_replaced_rolls_back(make_sink: MakeSink) -> None:
    old = Applied(make_sink())
    old.ensure(USERS)
    new = Applied(make_sink())
    assert new.offset == old.offset
    new.ensure(USERS)
    old.sink.apply([upserts(USERS, {"id": 1, "name": "old", "age": 1})])
    with pytest.raises(OwnershipLostError, match="sink wh of pipeline shop"):
        old.commit()
    new(upserts(USERS, {"id": 2, "name": "new", "age": 1}))
    assert [row["name"] for row in new.rows(USERS)] == ["new"]


def test_two_workers_that_start_with_nothing(make_sink: MakeSink) -> None:
    old, new = make_sink(), make_sink()
    assert old.open(STREAM) == {} == new.open(STREAM)
    with pytest.raises(OwnershipLostError):
        old.commit({Partition("a", 0): 5})
    new.commit({Partition("b", 0): 7})
    new.commit({})
    assert make_sink().open(STREAM) == {Partition("b", 0): 7}


def test_positions_of_another_stream_are_refused(make_sink: MakeSink) -> None:
    Applied(make_sink()).commit()
    with pytest.raises(DataLossError, match="another stream"):
        make_sink().open("stream-2")
    assert make_sink().open(STREAM) == {PARTITION: 1}


def test_sinks_have_their_own_positions_and_teardown(make_sink: MakeSink, database: Database) -> None:
    one, two = Applied(make_sink(name="one")), Applied(make_sink(name="two"))
    one.commit()
    two.commit()
    with closing(make_sink(name="one")) as sink:
        assert len(sink.teardown(dry_run=True)) == 1
        assert len(sink.teardown(dry_run=False)) == 1
        assert sink.teardown(dry_run=False) == []
    two.commit()
    assert database.value("SELECT COUNT(*) FROM _tailrace_positions") == 2
    with closing(make_sink(name="two")) as sink:
        assert "sink two" in sink.teardown(dry_run=False)[0]
    assert database.query("SHOW TABLES") == []


def test_another_database_by_schema(make_sink: MakeSink, database: Database) -> None:
    with database.server.database("other") as other:
        applied = Applied(make_sink(url=database.url, schema=other.name))
        applied.ensure(USERS)
        applied(upserts(USERS, {"id": 1, "name": "a", "age": 1}))
        assert other.value("SELECT name FROM users") == "a"
        assert database.query("SHOW TABLES") == []
        applied.sink.close()


# ---- faults


def test_a_lost_deadlock_is_a_conflict(applied: Applied, database: Database) -> None:
    applied.ensure(USERS)
    applied(upserts(USERS, *({"id": n, "name": "a", "age": n} for n in range(10))))
    rival = database.connect(autocommit=False)
    with rival.cursor() as cursor:
        # Heavier, so that the sink is the victim.
        cursor.execute("UPDATE users SET name = 'rival' WHERE id BETWEEN 2 AND 9")
        applied.sink.apply([upserts(USERS, {"id": 1, "name": "sink", "age": 1})])
        rival._execute_command(3, "UPDATE users SET name = 'rival' WHERE id = 1")  # sent, not awaited
        wait_for_lock(database)
        with pytest.raises(TransactionConflictError):
            applied.sink.apply([upserts(USERS, {"id": 2, "name": "sink", "age": 2})])
        applied.sink.rollback()
        rival._read_query_result()
    rival.commit()
    applied(upserts(USERS, {"id": 2, "name": "sink", "age": 2}))
    assert [row["name"] for row in applied.rows(USERS)][:3] == ["a", "rival", "sink"]


def wait_for_lock(database: Database) -> None:
    def waiting() -> bool:
        return bool(database.value("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"))

    wait_until(waiting, 20, "the rival waits for the sink's row")


def test_what_no_peer_acknowledges_ends_the_connection_soon(applied: Applied, database: Database) -> None:
    sink: Any = applied.sink
    settings = MySQLSourceSettings.model_validate({"connector": "mysql", "url": database.url})
    with closing(Connector(settings).connect()) as source:
        for connection in (sink._work, sink._ddl, source):
            milliseconds = connection._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert milliseconds == 30_000


def test_a_killed_connection_is_unreachable(applied: Applied, database: Database) -> None:
    applied.ensure(USERS)
    for (number,) in database.query(
        "SELECT id FROM information_schema.processlist WHERE db = %s AND id <> CONNECTION_ID()", (database.name,)
    ):
        database.execute(f"KILL {number}")
    with pytest.raises(UnreachableError):
        applied(upserts(USERS, {"id": 1, "name": "a", "age": 1}))
    applied.sink.rollback()
    again = Applied(applied.sink)
    again.ensure(USERS)
    again(upserts(USERS, {"id": 1, "name": "a", "age": 1}))
    assert len(again.rows(USERS)) == 1


def test_an_abandoned_read_leaves_nothing_behind(applied: Applied) -> None:
    applied.ensure(USERS)
    applied(upserts(USERS, *({"id": n, "name": "x" * 100, "age": n} for n in range(20_000))))
    reading = applied.sink.rows(USERS)
    assert next(reading)["id"] == 0
    del reading
    gc.collect()
    assert sum(1 for _ in applied.sink.rows(USERS)) == 20_000
    assert list(applied.sink.rows(target("missing", USERS.columns))) == []


def test_refusals_are_one_clear_line(make_sink: MakeSink, database: Database) -> None:
    user, password = unique_name("u")[:30], "s3cr'et\\ü𝄞"
    database.execute(f"CREATE USER {user}@'%%' IDENTIFIED BY %s", (password,))
    try:
        good, wrong = database.url_as(user, password), database.url_as(user, "wrong-secret")
        with pytest.raises(RefusedError, match="password") as caught:
            make_sink(url=wrong).open(STREAM)
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)
        with pytest.raises(RefusedError, match="may not use the database"):
            make_sink(url=good).open(STREAM)
        database.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON `{database.name}`.* TO {user}@'%'")
        with pytest.raises(RefusedError, match="privilege"):
            make_sink(url=good).open(STREAM)
        findings = {finding.name: finding for finding in make_sink(url=good).check()}
        assert findings["connection"].ok
        assert findings["grants"].ok is False
        assert "CREATE, ALTER, DROP" in findings["grants"].fix
        database.execute(findings["grants"].fix.replace(user + "@%", user + "@'%'"))
        assert all(finding.ok for finding in make_sink(url=good).check())
        assert make_sink(url=good).open(STREAM) == {}
    finally:
        database.execute(f"DROP USER {user}@'%'")
    with pytest.raises(RefusedError, match="does not exist"):
        make_sink(url=database.url + "_missing").open(STREAM)
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1/"):
        make_sink(url="mysql://root@127.0.0.1:1/x").open(STREAM)
    assert [finding.ok for finding in make_sink(url="mysql://root@127.0.0.1:1/x").check()] == [False]


def test_connections_are_encrypted_and_checked_as_the_file_says(make_sink: MakeSink, database: Database) -> None:
    if is_mariadb(database):  # the distribution's server has no certificate
        with pytest.raises(RefusedError, match="TLS failed"):
            make_sink(tls={"mode": "require"}).open(STREAM)
        return
    sink = make_sink(tls={"mode": "require"})
    sink.open(STREAM)
    ciphers = database.query(
        "SELECT variable_value FROM performance_schema.status_by_thread "
        "JOIN performance_schema.threads USING (thread_id) "
        "WHERE variable_name = 'Ssl_cipher' AND processlist_db = %s AND processlist_id <> CONNECTION_ID()",
        (database.name,),
    )
    assert len(ciphers) == 2
    assert all(cipher for (cipher,) in ciphers)
    with pytest.raises(RefusedError, match="CERTIFICATE_VERIFY_FAILED"):
        make_sink(tls={"mode": "verify-full"}).open(STREAM)


def test_json_documents_keep_their_text(applied: Applied, database: Database) -> None:
    """What MySQL itself prints for documents of all kinds of numbers, written again."""
    if is_mariadb(database):
        database.execute("CREATE TABLE made (id INT PRIMARY KEY, j LONGTEXT)")
    else:
        database.execute("CREATE TABLE made (id INT PRIMARY KEY, j JSON)")
    rng = random.Random(5)
    made = []
    for number in range(300):
        double = struct.unpack("<d", rng.randbytes(8))[0]
        digits = rng.randint(1, 60)
        scale = rng.randint(0, min(digits, 30))
        text_ = str(rng.randrange(10**digits)).rjust(scale + 1, "0")
        decimal = f"{text_[: len(text_) - scale]}.{text_[len(text_) - scale :]}" if scale else text_
        value = rng.random() * 10 ** rng.randint(-6, 18)
        if is_mariadb(database):
            made.append((number, json.dumps({"d": decimal, "v": value})))
            continue
        floats = f"{double!r}" if math.isfinite(double) and "e" in repr(double) else "1e0"
        database.execute(
            f"INSERT INTO made VALUES ({number}, JSON_OBJECT('d', CAST({decimal} AS DECIMAL(65, {scale})), "
            f"'a', JSON_ARRAY({floats}, {value!r}{'' if 'e' in repr(value) else 'e0'}, {rng.randrange(1 << 64)})))"
        )
    if made:
        database.executemany("INSERT INTO made VALUES (%s, %s)", made)
    documents = dict(database.query("SELECT id, j FROM made"))
    table = applied.ensure(target("copied", [integer(1, "id", key=1), column(2, "j", Kind.JSON, "json")]))
    applied(upserts(table, *({"id": number, "j": document} for number, document in documents.items())))
    assert {row["id"]: row["j"] for row in applied.sink.rows(table)} == documents
