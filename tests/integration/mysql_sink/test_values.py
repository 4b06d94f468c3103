"""Values in MySQL and MariaDB: exact, or refused by name."""

from __future__ import annotations

import json
import math
import random
import struct
from dataclasses import replace
from typing import Any

import pytest

from tailrace.errors import ValueRefusedError
from tailrace.schema import Kind
from tailrace.sink import TableWork
from tests.servers.sql import Database
from tests.sinks import Applied, change, column, deletes, integer, rows, target, text, upserts
from tests.sinks.mysql import is_mariadb
from tests.sinks.values import MYSQL_VALUES, POSTGRES_VALUES


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
