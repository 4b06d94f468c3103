"""Values and keys in DynamoDB: exact, or refused by name."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from tailrace.errors import ValueRefusedError
from tailrace.schema import Kind
from tailrace.sink import TableWork
from tests.servers import DynamoDB
from tests.sinks import Applied, column, deletes, integer, rows, target, text, upserts
from tests.sinks.dynamodb import item
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
    applied(TableWork(table, updates=rows([{**data[1], "id": 0}], 2)))
    assert next(row for row in applied.sink.rows(table) if row["id"] == 0) == {**data[1], "id": 0}
    applied(TableWork(table, updates=rows([data[0]], 3)))
    assert next(row for row in applied.sink.rows(table) if row["id"] == 0) == data[0]


def test_numbers_are_numbers_and_the_rest_is_exact(applied: Applied, dynamodb: DynamoDB, prefix: str) -> None:
    columns = [
        integer(1, "id", key=1),
        column(2, "price", Kind.DECIMAL, "decimal(12,2)", size=12, scale=2),
        column(3, "ratio", Kind.FLOAT, "double", size=64),
        column(4, "flag", Kind.BOOLEAN),
        column(5, "raw", Kind.BYTES, "blob"),
        column(6, "huge", Kind.DECIMAL, "numeric"),
    ]
    table = applied.ensure(target("typed", columns))
    row = {"id": 2**63 - 1, "price": "12.50", "ratio": -0.0, "flag": False, "raw": "AP8=", "huge": "1.0"}
    applied(upserts(table, row))
    found = item(dynamodb, prefix + "typed", id={"N": str(2**63 - 1)})
    assert found is not None
    assert found["price"] == {"N": "12.5"}
    assert found["ratio"] == {"S": "-0.0"}
    assert found["flag"] == {"BOOL": False}
    assert found["raw"] == {"B": b"\0\xff"}
    assert found["huge"] == {"S": "1.0"}
    assert repr(list(applied.sink.rows(table))) == repr([row])


@pytest.mark.parametrize(
    ("schema", "values"), [(None, MYSQL_VALUES), ("public", POSTGRES_VALUES)], ids=["mysql", "postgres"]
)
def test_every_key_type_finds_its_row(applied: Applied, schema: str | None, values: dict[str, Any]) -> None:
    for name, (kind, found) in values.items():
        key = replace(kind, id=1, name="k", nullable=False, key=1)
        table = applied.ensure(target(f"key_{name}", [key, integer(2, "n")], schema=schema))
        good = [value for value in found if value != "" and len(str(value)) < 500]
        applied(upserts(table, *({"k": value, "n": 1} for value in good), number=1))
        applied(upserts(table, *({"k": value, "n": 2} for value in good), number=2))
        assert sorted((repr(row["k"]), row["n"]) for row in applied.sink.rows(table)) == sorted(
            (repr(value), 2) for value in good
        )
        applied(deletes(table, *({"k": value} for value in good), number=3))
        assert list(applied.sink.rows(table)) == []


def test_keys_of_two_and_more_columns(applied: Applied, dynamodb: DynamoDB, prefix: str) -> None:
    two = applied.ensure(target("two", [text(1, "a", key=1), integer(2, "b", key=2), text(3, "v")]))
    pairs = [{"a": "x", "b": 1, "v": "1"}, {"a": "x", "b": 2, "v": "2"}, {"a": "y", "b": 1, "v": None}]
    applied(upserts(two, *pairs))
    assert applied.rows(two) == pairs
    applied(deletes(two, {"a": "x", "b": 1}, number=2))
    assert applied.rows(two) == pairs[1:]
    schema = dynamodb.client().describe_table(TableName=prefix + "two")["Table"]["KeySchema"]
    assert schema == [{"AttributeName": "a", "KeyType": "HASH"}, {"AttributeName": "b", "KeyType": "RANGE"}]

    columns = [text(1, "a", key=1), text(2, "b", key=2), integer(3, "c", key=3), text(4, "v")]
    three = applied.ensure(target("three", columns))
    tricky = ["", "|", "\\", "|\\", "\\|", "a|b", "a\\", "b"]
    data = [{"a": a, "b": b, "c": 1, "v": f"{a}/{b}"} for a, b in itertools.product(tricky, tricky)]
    applied(upserts(three, *data))
    assert sorted(map(repr, applied.sink.rows(three))) == sorted(map(repr, data))
    applied(TableWork(three, updates=rows([{**row, "v": "new"} for row in data[:5]], 2)))
    applied(deletes(three, *({k: row[k] for k in "abc"} for row in data[5:]), number=2))
    assert sorted(map(repr, applied.sink.rows(three))) == sorted(repr({**row, "v": "new"}) for row in data[:5])
    found = item(dynamodb, prefix + "three", _tailrace_key={"S": "|\\||1"})
    assert found is not None
    assert (found["a"], found["b"], found["c"]) == ({"S": ""}, {"S": "|"}, {"N": "1"})


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (text(1, "k", key=1), "", "empty"),
        (text(1, "k", key=1), "é" * 1025, "2050 bytes"),
        (column(1, "k", Kind.BYTES, key=1), "", "empty"),
        (column(1, "k", Kind.DECIMAL, key=1, size=5, scale=2), "NaN", "NaN"),
        (integer(1, "k", key=1), None, "NULL"),
    ],
)
def test_a_key_that_dynamodb_does_not_take_is_refused_by_name(
    applied: Applied, kind: Any, value: Any, said: str
) -> None:
    table = applied.ensure(target("bad", [kind, integer(2, "n")]))
    with pytest.raises(ValueRefusedError, match=rf"shop\.bad, column k.*{said}"):
        applied.sink.apply([upserts(table, {"k": value, "n": 1})])


def test_values_that_do_not_fit_are_refused_by_name(applied: Applied) -> None:
    columns = [
        integer(1, "id", key=1),
        column(2, "d", Kind.DECIMAL, size=38, scale=0),
        text(3, "t"),
        column(4, "b", Kind.BYTES),
    ]
    table = applied.ensure(target("refuse", columns))
    fine = {"id": 1, "d": "9" * 38, "t": "x" * 390_000, "b": None}
    applied(upserts(table, fine))
    assert list(applied.sink.rows(table)) == [fine]
    wrongs: list[tuple[dict[str, Any], str]] = [
        ({"d": "1" * 39}, "column d.*38 digits"),
        ({"d": "NaN"}, "column d.*NaN"),
        ({"t": "x" * 410_000}, "400 KB"),
        ({"t": 5}, "column t"),
        ({"b": "!secret!"}, "column b"),
    ]
    for wrong, said in wrongs:
        for work in (
            upserts(table, {"id": 2, "d": None, "t": None, "b": None, **wrong}),
            TableWork(table, updates=rows([{"id": 1, **wrong}], 2)),
        ):
            with pytest.raises(ValueRefusedError, match=said) as caught:
                applied.sink.apply([work])
            assert "secret" not in str(caught.value)
    assert list(applied.sink.rows(table)) == [fine]
