"""The DynamoDB sink on DynamoDB Local."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailrace.connectors import Context
from tailrace.errors import (
    ConfigError,
    DataLossError,
    OwnershipLostError,
    RefusedError,
    StuckError,
    UnreachableError,
    ValueRefusedError,
)
from tailrace.schema import Kind
from tailrace.sink import TableWork, TargetTable
from tailrace.stream import Partition
from tailrace_dynamodb import service as service_module
from tailrace_dynamodb.settings import DynamoDBSinkSettings
from tailrace_dynamodb.sink import DynamoDBSink
from tests.servers import DynamoDB, unique_name
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
from tests.sinks.dynamodb_proxy import Proxy, failure
from tests.sinks.values import MYSQL_VALUES, POSTGRES_VALUES

MakeSink = Callable[..., DynamoDBSink]

USERS = target("users", [integer(1, "id", key=1), text(2, "name"), integer(3, "age", size=32)])


@pytest.fixture
def prefix(dynamodb: DynamoDB) -> Iterator[str]:
    """A test's own tables, deleted at its end."""
    chosen = unique_name("kv") + "."
    yield chosen
    client = dynamodb.client()
    for page in client.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            if name.startswith(chosen):
                client.delete_table(TableName=name)


@pytest.fixture
def make_sink(dynamodb: DynamoDB, prefix: str) -> Iterator[MakeSink]:
    made: list[DynamoDBSink] = []

    def make(endpoint: str = "", name: str = "kv", **settings: Any) -> DynamoDBSink:
        validated = DynamoDBSinkSettings.model_validate(
            {
                "name": name,
                "connector": "dynamodb",
                "endpoint_url": endpoint or dynamodb.endpoint,
                "region": "eu-west-1",
                "prefix": prefix,
                **settings,
            }
        )
        sink = DynamoDBSink(validated, Context("shop", "full-load-and-cdc", Path("/nonexistent")))
        made.append(sink)
        return sink

    yield make
    for sink in made:
        sink.close()


@pytest.fixture
def applied(make_sink: MakeSink) -> Applied:
    return Applied(make_sink())


@pytest.fixture
def proxy(dynamodb: DynamoDB) -> Iterator[Proxy]:
    with Proxy(dynamodb.endpoint) as started:
        yield started


def item(dynamodb: DynamoDB, table: str, **key: Any) -> dict[str, Any] | None:
    found = dynamodb.client().get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
    return dict(found) if found is not None else None


# ---- rows


def test_upserts_updates_and_deletes_twice_leave_what_once_leaves(applied: Applied) -> None:
    applied.ensure(USERS)
    first = [{"id": number, "name": f"n{number}", "age": number} for number in range(5)]
    second = TableWork(
        USERS,
        upserts=rows([{"id": 1, "name": "one", "age": None}, {"id": 9, "name": "nine", "age": 9}], 2),
        updates=rows([{"id": 2, "age": 22}, {"id": 3, "name": None}, {"id": 77, "age": 7}], 2),
        deletes=rows([{"id": 0}, {"id": 88}], 2),
    )
    for _ in range(2):  # the second time everything is older than what is there
        applied(upserts(USERS, *first))
        applied(second)
        assert applied.rows(USERS) == [
            {"id": 1, "name": "one", "age": None},
            {"id": 2, "name": "n2", "age": 22},
            {"id": 3, "name": None, "age": 3},
            {"id": 4, "name": "n4", "age": 4},
            {"id": 9, "name": "nine", "age": 9},
        ]


def test_an_older_write_never_wins(applied: Applied) -> None:
    applied.ensure(USERS)
    applied(upserts(USERS, {"id": 1, "name": "new", "age": 1}, number=5))
    applied(upserts(USERS, {"id": 1, "name": "old", "age": 1}, number=4))
    applied(TableWork(USERS, updates=rows([{"id": 1, "name": "older"}], 3)))
    applied(deletes(USERS, {"id": 1}, number=2))
    assert applied.rows(USERS) == [{"id": 1, "name": "new", "age": 1}]


def test_a_deleted_row_stays_deleted_until_something_newer_comes(
    applied: Applied, dynamodb: DynamoDB, prefix: str
) -> None:
    applied.ensure(USERS)
    applied(upserts(USERS, {"id": 1, "name": "a", "age": 1}, number=1))
    applied(deletes(USERS, {"id": 1}, number=5))
    marker = item(dynamodb, prefix + "users", id={"N": "1"})
    assert marker is not None
    days = (int(marker.pop("_tailrace_expires")["N"]) - time.time()) / 86400
    assert 29.9 < days <= 30
    assert set(marker) == {"id", "_tailrace_seq", "_tailrace_stream", "_tailrace_deleted"}
    assert marker["_tailrace_seq"] == {"S": seq(5)}
    applied(upserts(USERS, {"id": 1, "name": "late", "age": 1}, number=4))
    applied(TableWork(USERS, updates=rows([{"id": 1, "name": "ghost"}], 6)))
    assert applied.rows(USERS) == []
    new = {"id": 1, "name": None, "age": 7}
    applied(upserts(USERS, new, number=7))
    assert applied.rows(USERS) == [new]
    assert "_tailrace_expires" not in (item(dynamodb, prefix + "users", id={"N": "1"}) or {})


def test_a_partial_update_makes_no_ghost(applied: Applied, dynamodb: DynamoDB, prefix: str) -> None:
    applied.ensure(USERS)
    applied(TableWork(USERS, updates=rows([{"id": 1, "name": "ghost"}], 2)))
    assert item(dynamodb, prefix + "users", id={"N": "1"}) is None
    applied(upserts(USERS, {"id": 1, "name": "loaded", "age": 1}, number=1))
    assert applied.rows(USERS) == [{"id": 1, "name": "loaded", "age": 1}]


def test_truncate_takes_what_is_older(applied: Applied) -> None:
    applied.ensure(USERS)
    applied(upserts(USERS, *({"id": n, "name": "x", "age": n} for n in range(100)), number=1))
    newer = {"id": 200, "name": "newer", "age": 1}
    applied(upserts(USERS, newer, number=9))
    applied(TableWork(USERS, truncate=True, truncate_seq=seq(5)))
    assert applied.rows(USERS) == [newer]
    applied(upserts(USERS, {"id": 1, "name": "late", "age": 1}, number=4))
    assert applied.rows(USERS) == [newer]
    after = {"id": 2, "name": "after", "age": 2}
    applied(TableWork(USERS, truncate=True, truncate_seq=seq(10), upserts=rows([after], 11)))
    assert applied.rows(USERS) == [after]


def test_workers_at_once_leave_the_newest_of_each_row(make_sink: MakeSink) -> None:
    """As when a worker that was replaced still has requests on their way."""
    workers = [Applied(make_sink()) for _ in range(3)]
    for worker in workers:
        worker.sink.ensure(USERS, None)
    newest: dict[int, tuple[int, str, dict[str, Any]]] = {}
    works: list[list[TableWork]] = [[] for _ in workers]
    rng = random.Random(4)
    numbers = list(range(1, 10))
    for key in range(40):
        rng.shuffle(numbers)
        for number in numbers[:6]:
            row = {"id": key, "name": f"{key}-{number}", "age": number}
            delete = rng.random() < 0.3
            works[rng.randrange(3)].append(
                deletes(USERS, {"id": key}, number=number) if delete else upserts(USERS, row, number=number)
            )
            if key not in newest or newest[key][0] < number:
                newest[key] = (number, "d" if delete else "u", row)
    threads = [
        threading.Thread(target=worker.sink.apply, args=(work,)) for worker, work in zip(workers, works, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [row for _, op, row in newest.values() if op == "u"]
    assert sorted(workers[0].sink.rows(USERS), key=lambda row: row["id"]) == expected


def test_rows_of_another_stream_are_no_fence(make_sink: MakeSink) -> None:
    """A table that a former pipeline filled, whose sequences were higher."""
    applied = Applied(make_sink())
    applied.ensure(USERS)
    applied(upserts(USERS, *({"id": n, "name": "former", "age": n} for n in range(4)), number=1000))
    assert applied.sink.teardown(dry_run=False)
    sink = make_sink()
    assert sink.open("stream-2") == {}
    sink.ensure(USERS, None)
    work = TableWork(
        USERS,
        upserts=rows([{"id": 0, "name": "anew", "age": 0}], 1),
        updates=rows([{"id": 1, "name": "updated"}], 1),
        deletes=rows([{"id": 2}], 1),
    )
    sink.apply([work])
    found = {row["id"]: row["name"] for row in sink.rows(USERS)}
    assert found == {0: "anew", 1: "updated", 3: "former"}
    sink.apply([TableWork(USERS, truncate=True, truncate_seq=seq(2))])
    assert list(sink.rows(USERS)) == []


# ---- values and keys


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


# ---- tables


def test_tables_that_dynamodb_cannot_hold_are_named(applied: Applied, make_sink: MakeSink) -> None:
    for table, said in [
        (target("notes", [text(1, "a")]), r"shop\.notes: DynamoDB needs a key"),
        (target("reserved", [integer(1, "id", key=1), text(2, "_tailrace_seq")]), "_tailrace_seq"),
        (target("sp ace", [integer(1, "id", key=1)]), "takes no table named"),
    ]:
        with pytest.raises(StuckError, match=said):
            applied.sink.ensure(table, None)
    with pytest.raises(StuckError, match="3 to 255"):
        Applied(make_sink(name="short", prefix="")).sink.ensure(target("t", [integer(1, "id", key=1)]), None)


def test_an_existing_table_needs_the_same_key(applied: Applied, dynamodb: DynamoDB, prefix: str) -> None:
    dynamodb.client().create_table(
        TableName=prefix + "users",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(StuckError, match=r"key is id \(S\), and the source's key needs id \(N\)"):
        applied.sink.ensure(USERS, None)


def test_tables_expire_their_delete_markers(applied: Applied, dynamodb: DynamoDB, prefix: str) -> None:
    applied.ensure(USERS)
    found = dynamodb.client().describe_time_to_live(TableName=prefix + "users")["TimeToLiveDescription"]
    assert found["AttributeName"] == "_tailrace_expires"
    assert found["TimeToLiveStatus"] in ("ENABLED", "ENABLING")
    dynamodb.client().update_time_to_live(
        TableName=prefix + "users",
        TimeToLiveSpecification={"Enabled": False, "AttributeName": "_tailrace_expires"},
    )
    findings = {finding.name: finding for finding in applied.sink.check()}
    assert findings["connection"].ok
    table = findings[f"table {prefix}users"]
    assert table.ok is None
    assert "update-time-to-live" in table.fix


def next_version(table: TargetTable, number: int, *columns: Any, retained: Any = ()) -> TargetTable:
    found = target(table.source.table, columns, version=number, retained=retained)
    return replace(found, since=seq(number * 100))


def test_columns_are_added_renamed_swapped_and_dropped(applied: Applied) -> None:
    key = integer(1, "id", key=1)
    first = applied.ensure(target("evolving", [key, text(2, "b"), text(3, "c")]))
    data: list[dict[str, Any]] = [
        {"id": 1, "b": "B", "c": "C"},
        {"id": 2, "b": None, "c": "C"},
        {"id": 3, "b": "B", "c": None},
    ]
    applied(upserts(first, *data))
    applied(upserts(first, {"id": 9, "b": "gone", "c": None}))
    applied(deletes(first, {"id": 9}, number=2))

    swapped = next_version(first, 2, key, text(2, "c"), text(3, "b"), integer(4, "n", initial=5))
    for _ in range(2):  # as after a crash between the change and the position
        applied.ensure(swapped, first)
        applied.sink.close()
        applied = Applied(applied.sink)
    applied.sink.ensure(swapped, first)
    expected = [{"id": row["id"], "c": row["b"], "b": row["c"], "n": 5} for row in data]
    assert applied.rows(swapped) == expected
    # An event from before the change comes again, one after it sets the new column to NULL.
    applied(upserts(swapped, {"id": 1, "c": "old", "b": "old", "n": 5}, number=1))
    newer = {"id": 2, "c": "x", "b": None, "n": None}
    applied(upserts(swapped, newer, number=201))
    applied.sink.close()
    applied = Applied(applied.sink)
    applied.ensure(swapped, first)
    assert applied.rows(swapped) == [expected[0], newer, expected[2]]

    dropped = next_version(swapped, 3, key, text(2, "c"), retained=[text(3, "b"), integer(4, "n")])
    applied.ensure(dropped, swapped)
    applied(upserts(dropped, {"id": 1, "c": "rewritten"}, number=301))
    assert applied.rows(dropped)[0] == {"id": 1, "c": "rewritten"}
    assert applied.rows(swapped)[0] == {"id": 1, "c": "rewritten", "b": "C", "n": 5}
    anew = next_version(
        dropped, 4, key, text(2, "c"), text(8, "b", initial="anew"), retained=[text(3, "b_dropped_3"), integer(4, "n")]
    )
    applied.ensure(anew, dropped)
    assert [row["b"] for row in applied.rows(anew)] == ["anew"] * 3


def test_a_migration_that_dies_half_way_is_finished(applied: Applied, monkeypatch: pytest.MonkeyPatch) -> None:
    key = integer(1, "id", key=1)
    first = applied.ensure(target("half", [key, text(2, "b"), text(3, "c")]))
    applied(upserts(first, *({"id": n, "b": f"b{n}", "c": f"c{n}"} for n in range(200))))
    swapped = next_version(first, 2, key, text(2, "c"), text(3, "b"))
    send = service_module.Service.send
    left = itertools.count()

    def dying(self: Any, operation: str, *args: Any, **parameters: Any) -> Any:
        if operation == "update_item" and next(left) > 90:
            raise UnreachableError("cut off")
        return send(self, operation, *args, **parameters)

    monkeypatch.setattr(service_module.Service, "send", dying)
    with pytest.raises(UnreachableError):
        applied.sink.ensure(swapped, first)
    monkeypatch.undo()
    applied.sink.close()
    applied = Applied(applied.sink)
    applied.ensure(swapped, first)
    assert sorted(applied.sink.rows(swapped), key=lambda row: row["id"]) == [
        {"id": n, "c": f"b{n}", "b": f"c{n}"} for n in range(200)
    ]


def test_changes_that_dynamodb_cannot_follow_are_named(applied: Applied) -> None:
    first = applied.ensure(target("fixed", [integer(1, "id", key=1), integer(2, "n"), text(3, "t")]))
    for columns, said in [
        ([integer(1, "nr", key=1), integer(2, "n"), text(3, "t")], "key"),
        ([integer(1, "id"), integer(2, "n", key=1), text(3, "t")], "key"),
        ([integer(1, "id", key=1), text(2, "n"), text(3, "t")], "rewritten the column n"),
        ([integer(1, "id", key=1), integer(2, "n"), column(3, "t", Kind.DATE)], "rewritten the column t"),
    ]:
        with pytest.raises(StuckError, match=said):
            applied.sink.ensure(next_version(first, 2, *columns), first)
    wider = next_version(first, 3, integer(1, "id", key=1), integer(2, "n", size=32), text(3, "t", size=10))
    applied.ensure(wider, first)


def test_columns_of_any_name(applied: Applied) -> None:
    odd = ["a b", "#f", ":f", "size", "ünï.[0]", "quo'te\"", "x" * 63]
    columns = [column(1, "key #k", Kind.INTEGER, key=1, size=64), *(text(n, name) for n, name in enumerate(odd, 2))]
    table = applied.ensure(target("odd", columns))
    row = {"key #k": 1, **{name: name for name in odd}}
    applied(upserts(table, row))
    applied(TableWork(table, updates=rows([{"key #k": 1, "size": "new", ":f": None}], 2)))
    assert list(applied.sink.rows(table)) == [{**row, "size": "new", ":f": None}]
    later = next_version(table, 2, columns[0], text(2, "#t"), *columns[2:], integer(20, "#s0", initial=1))
    applied.ensure(later, table)
    assert next(iter(applied.sink.rows(later)))["#t"] == "a b"
    applied(TableWork(later, truncate=True, truncate_seq=seq(900)))
    assert list(applied.sink.rows(later)) == []


# ---- the first load


def test_a_first_load_goes_in_batches(make_sink: MakeSink, proxy: Proxy) -> None:
    applied = Applied(make_sink(proxy.endpoint))
    applied.ensure(USERS)
    data = [{"id": n, "name": f"n{n}", "age": n} for n in range(1000)]
    puts = proxy.operations.count("PutItem")
    applied(TableWork(USERS, upserts=rows(data, 3), inserts_only=True))
    assert proxy.operations.count("BatchWriteItem") == 40
    assert proxy.operations.count("PutItem") == puts
    assert sorted(applied.sink.rows(USERS), key=lambda row: row["id"]) == data
    # Once a change of the stream has been there, rows of the load are fenced like any other.
    applied(deletes(USERS, {"id": 5}, number=9))
    applied(TableWork(USERS, upserts=rows(data[5:6], 8), inserts_only=True))
    assert proxy.operations.count("BatchWriteItem") == 40
    assert len(list(applied.sink.rows(USERS))) == 999
    # So are they after a restart.
    again = Applied(make_sink(proxy.endpoint))
    again.ensure(USERS)
    again(TableWork(USERS, upserts=rows(data[5:6], 8), inserts_only=True))
    assert len(list(again.sink.rows(USERS))) == 999


def test_a_worker_that_was_replaced_loads_no_more(make_sink: MakeSink) -> None:
    old = Applied(make_sink())
    old.ensure(USERS)
    Applied(make_sink())
    with pytest.raises(OwnershipLostError):
        old(TableWork(USERS, upserts=rows([{"id": 1, "name": "a", "age": 1}], 3), inserts_only=True))
    assert list(old.sink.rows(USERS)) == []


# ---- faults


def test_throttled_requests_and_unprocessed_items_are_sent_again(make_sink: MakeSink, proxy: Proxy) -> None:
    rng = random.Random(1)
    lock = threading.Lock()

    def rule(operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        with lock:
            lucky = rng.random()
        if operation in ("PutItem", "UpdateItem", "BatchWriteItem", "Scan") and lucky < 0.3:
            return failure("ProvisionedThroughputExceededException")
        if lucky < 0.35:
            return 500, {"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": "x"}
        if lucky < 0.4:
            return 503, {}
        return None

    applied = Applied(make_sink(proxy.endpoint))
    applied.ensure(USERS)
    applied.ensure(target("loaded", USERS.columns))
    proxy.rule = rule
    data = [{"id": n, "name": f"n{n}", "age": n} for n in range(200)]
    applied(TableWork(USERS, upserts=rows(data[:100], 1), deletes=rows([{"id": n} for n in range(500, 520)], 1)))
    loaded = target("loaded", USERS.columns)
    applied(TableWork(loaded, upserts=rows(data, 1), inserts_only=True))
    found = sorted(applied.sink.rows(USERS), key=lambda row: row["id"])
    assert found == data[:100]
    assert sorted(applied.sink.rows(loaded), key=lambda row: row["id"]) == data


def test_a_batch_that_is_taken_in_part(make_sink: MakeSink, proxy: Proxy, dynamodb: DynamoDB) -> None:
    applied = Applied(make_sink(proxy.endpoint))
    applied.ensure(USERS)

    def rule(operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        if operation != "BatchWriteItem":
            return None
        ((table, requests),) = request["RequestItems"].items()
        taken, left = requests[:7], requests[7:]
        for entry in taken:
            dynamodb.client().put_item(TableName=table, Item=entry["PutRequest"]["Item"])
        return 200, {"UnprocessedItems": {table: left} if left else {}}

    proxy.rule = rule
    data = [{"id": n, "name": f"n{n}", "age": n} for n in range(110)]
    applied(TableWork(USERS, upserts=rows(data, 1), inserts_only=True))
    assert sorted(applied.sink.rows(USERS), key=lambda row: row["id"]) == data


def test_patience_has_an_end(make_sink: MakeSink, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "THROTTLED_SECONDS", 0.5)
    monkeypatch.setattr(service_module, "OUTAGE_SECONDS", 0.5)
    applied = Applied(make_sink(proxy.endpoint))
    applied.ensure(USERS)
    work = upserts(USERS, {"id": 1, "name": "a", "age": 1})
    proxy.rule = lambda operation, request: failure("ThrottlingException")
    with pytest.raises(UnreachableError, match=r"slowing us down.*on-demand"):
        applied.sink.apply([work])
    proxy.rule = lambda operation, request: (500, {"__type": "InternalServerError"})
    with pytest.raises(UnreachableError, match="DynamoDB fails"):
        applied.sink.apply([work])
    proxy.rule = lambda operation, request: failure("AccessDeniedException", "secret")
    with pytest.raises(RefusedError, match="lacks a permission") as caught:
        applied.sink.apply([work])
    assert "secret" not in str(caught.value)
    proxy.rule = None
    applied(work)
    assert len(applied.rows(USERS)) == 1


def test_refusals_are_one_clear_line(
    make_sink: MakeSink, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dynamodb: DynamoDB
) -> None:
    monkeypatch.setattr(service_module, "OUTAGE_SECONDS", 0.3)
    nobody = make_sink("http://127.0.0.1:1")
    with pytest.raises(UnreachableError, match=r"http://127\.0\.0\.1:1: cannot reach DynamoDB"):
        nobody.open(STREAM)
    assert [finding.ok for finding in nobody.check()] == [False]
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RefusedError, match=r"no AWS login.*AWS_ACCESS_KEY_ID"):
        make_sink().open(STREAM)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    with pytest.raises(RefusedError, match="AWS login"):
        make_sink().open(STREAM)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    with pytest.raises(ConfigError, match="no AWS region"):
        make_sink(endpoint_url=None, region=None).open(STREAM)


# ---- positions


def test_positions_are_kept_per_sink_and_partition(make_sink: MakeSink) -> None:
    one, two = make_sink(name="one"), make_sink(name="two")
    assert one.open(STREAM) == {} == two.open(STREAM)
    positions = {Partition("p.shop.users#x", number): 10 * number for number in range(3)}
    one.commit(positions)
    one.commit({Partition("p.shop.users#x", 1): 11})
    two.commit({PARTITION: 7})
    two.commit({})
    assert make_sink(name="one").open(STREAM) == {**positions, Partition("p.shop.users#x", 1): 11}
    assert make_sink(name="two").open(STREAM) == {PARTITION: 7}


def test_a_worker_that_was_replaced_cannot_move_positions(make_sink: MakeSink) -> None:
    old = Applied(make_sink())
    old.commit()
    new = Applied(make_sink())
    assert new.offset == 1
    with pytest.raises(OwnershipLostError, match="sink kv of pipeline shop"):
        old.commit()
    new.commit()
    fresh, later = make_sink(name="fresh"), make_sink(name="fresh")
    assert fresh.open(STREAM) == {} == later.open(STREAM)
    with pytest.raises(OwnershipLostError):
        fresh.commit({PARTITION: 5})
    with pytest.raises(OwnershipLostError):
        fresh.commit({})
    later.commit({PARTITION: 6})


def test_positions_of_another_stream_are_refused(make_sink: MakeSink) -> None:
    Applied(make_sink()).commit()
    with pytest.raises(DataLossError, match="another stream"):
        make_sink().open("stream-2")


def test_teardown_takes_positions_and_nothing_else(make_sink: MakeSink, dynamodb: DynamoDB, prefix: str) -> None:
    one, two = Applied(make_sink(name="one")), Applied(make_sink(name="two"))
    one.ensure(USERS)
    one(upserts(USERS, {"id": 1, "name": "a", "age": 1}))
    two.commit()
    sink = make_sink(name="one")
    assert len(sink.teardown(dry_run=True)) == 1
    assert "sink one" in sink.teardown(dry_run=False)[0]
    assert sink.teardown(dry_run=False) == []
    two.commit()
    assert make_sink(name="two").teardown(dry_run=False)
    names = dynamodb.client().list_tables()["TableNames"]
    assert prefix + "_tailrace_positions" not in names
    assert len(list(sink.rows(USERS))) == 1
    assert make_sink(name="two").teardown(dry_run=False) == []


def test_a_missing_table_has_no_rows(make_sink: MakeSink) -> None:
    assert list(make_sink().rows(USERS)) == []
    with pytest.raises(StuckError, match="needs a key"):
        list(make_sink().rows(target("keyless", [text(1, "a")])))
    with pytest.raises(ValueError, match="not ensured"):
        Applied(make_sink()).sink.apply([TableWork(USERS, sequential=[change("c", None, {})])])
