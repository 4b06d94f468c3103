"""The DynamoDB sink's positions where requests or their answers get lost."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.errors import OwnershipLostError, StuckError
from tailrace.schema import Column, Kind, Type
from tailrace.stream import Partition
from tailrace.testing import MemoryStream
from tailrace_dynamodb import service as service_module
from tests.integration.sink_rig import ID, Rig
from tests.servers import DynamoDB, wait_until
from tests.sinks import PARTITION, STREAM, Applied, upserts
from tests.sinks.dynamodb import USERS, MakeSink
from tests.sinks.dynamodb_proxy import LOST, Proxy, failure

POSITIONS = "_tailrace_positions"


def lose_one(proxy: Proxy, wanted: str, table: str) -> list[str]:
    """Loses the answer to the next such request; returns a list that then holds the operation."""
    lost: list[str] = []

    def rule(operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        if lost or operation != wanted or not str(request.get("TableName", "")).endswith(table):
            return None
        lost.append(operation)
        return LOST

    proxy.rule = rule
    return lost


def test_a_position_whose_answer_is_lost_was_moved(make_sink: MakeSink, proxy: Proxy) -> None:
    sink = make_sink(proxy.endpoint)
    assert sink.open(STREAM) == {}
    for offset in (1, 2):  # the first makes the item
        lost = lose_one(proxy, "UpdateItem", POSITIONS)
        sink.commit({PARTITION: offset})
        assert lost
    sink.commit({PARTITION: 3})
    lost = lose_one(proxy, "PutItem", POSITIONS)
    taken = make_sink(proxy.endpoint)
    assert taken.open(STREAM) == {PARTITION: 3}
    assert lost
    taken.commit({PARTITION: 4})


def test_a_lost_answer_hides_no_other_worker(make_sink: MakeSink, proxy: Proxy) -> None:
    old = Applied(make_sink(proxy.endpoint))
    old.commit()
    new = make_sink()
    assert new.open(STREAM) == {PARTITION: 1}
    lose_one(proxy, "UpdateItem", POSITIONS)
    with pytest.raises(OwnershipLostError):
        old.commit()
    new.commit({PARTITION: 2})
    with pytest.raises(OwnershipLostError):
        old.commit()


@pytest.mark.parametrize("operation", ["CreateTable", "UpdateTimeToLive", "PutItem", "BatchWriteItem"])
def test_rows_and_tables_whose_answer_is_lost_are_there(make_sink: MakeSink, proxy: Proxy, operation: str) -> None:
    applied = Applied(make_sink(proxy.endpoint))
    lost = lose_one(proxy, operation, "users" if operation != "BatchWriteItem" else "")
    applied.ensure(USERS)
    row = {"id": 1, "name": "a", "age": 1}
    work = upserts(USERS, row)
    work.inserts_only = operation == "BatchWriteItem"
    applied(work)
    assert lost == [operation]
    assert applied.rows(USERS) == [row]


def refuse_from_the_second_on(proxy: Proxy) -> list[str]:
    """Position writes after the first are refused until a session begins anew; returns a list of those refused."""
    refused: list[str] = []
    seen: list[str] = []

    def rule(operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        if operation not in ("PutItem", "UpdateItem") or not request["TableName"].endswith(POSITIONS):
            return None
        name = request.get("Key", request.get("Item", {}))["item"]["S"]
        if name == "owner" and refused:
            proxy.rule = None
        elif name.startswith("topic#") and request.get("UpdateExpression") != "SET #o = :owner":
            seen.append(name)
            if len(seen) > 1:
                refused.append(name)
                return 500, failure("InternalServerError")[1]
        return None

    proxy.rule = rule
    return refused


@pytest.mark.parametrize("truncated", [False, True], ids=["new topics", "truncate"])
def test_a_commit_that_ends_half_way_holds_no_partition(
    make_sink: MakeSink, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, truncated: bool
) -> None:
    monkeypatch.setattr(service_module, "OUTAGE_SECONDS", 0.3)
    rig = Rig(lambda: make_sink(proxy.endpoint), MemoryStream(partitions=2))
    columns = [ID, Column(2, "a", Type(Kind.TEXT, "text"))]
    tables = [rig.script.table(f"shop.{name}", columns, "mysql") for name in ("one", "two")]
    rows = [{"id": number, "a": "x"} for number in range(20)]
    with rig.script.transaction():
        for table in tables:
            for row in rows:
                table.insert(row)
    if truncated:
        rig.apply()
        rows = rows[5:15]
        for table in tables:
            table.truncate()
            for row in rows:
                table.insert(row)
    refused = refuse_from_the_second_on(proxy)
    with rig.running():
        wait_until(lambda: refused and proxy.rule is None, 20, "a session that begins after a refused write")
        later = [{"id": number, "a": "later"} for number in range(100, 110)]  # of both partitions
        for table in tables:
            for row in later:
                table.insert(row)
        rows = rows + later
        expected = sorted(rows, key=lambda row: str([row["id"]]))
        wait_until(lambda: all(rig.rows(table) == expected for table in tables), 20, "the target is equal")


def test_positions_of_an_older_form_are_named(make_sink: MakeSink, dynamodb: DynamoDB, prefix: str) -> None:
    sink = make_sink()
    assert sink.open(STREAM) == {}
    sink.commit({Partition("shop.users", 1): 3})
    old = {"sink": {"S": "shop#kv"}, "item": {"S": "partition#shop.users#0"}, "next_offset": {"N": "1"}}
    dynamodb.client().put_item(TableName=prefix + POSITIONS, Item={**old, "stream_id": {"S": STREAM}})
    with pytest.raises(StuckError, match=r"older form.*teardown"):
        make_sink().open(STREAM)
    assert make_sink().teardown(dry_run=False)
    assert make_sink().open(STREAM) == {}
