"""The DynamoDB sink's positions where requests or their answers get lost."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.errors import OwnershipLostError
from tests.sinks import PARTITION, STREAM, Applied, upserts
from tests.sinks.dynamodb import USERS, MakeSink
from tests.sinks.dynamodb_proxy import LOST, Proxy

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
    lost = lose_one(proxy, "PutItem", POSITIONS)
    sink.commit({PARTITION: 1})
    assert lost
    lost = lose_one(proxy, "UpdateItem", POSITIONS)
    sink.commit({PARTITION: 2})
    assert lost
    sink.commit({PARTITION: 3})
    assert make_sink().open(STREAM) == {PARTITION: 3}


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
