"""Tables in DynamoDB, and their columns' versions."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from tailrace.errors import StuckError, UnreachableError
from tailrace.schema import Kind
from tailrace.sink import TableWork, TargetTable
from tailrace_dynamodb import service as service_module
from tests.servers import DynamoDB
from tests.sinks import Applied, column, deletes, integer, rows, seq, target, text, upserts
from tests.sinks.dynamodb import USERS, MakeSink


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
