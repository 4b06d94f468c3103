"""First loads, and a service that is slow, partial or refuses."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

import pytest

from tailrace.errors import ConfigError, OwnershipLostError, RefusedError, UnreachableError
from tailrace.sink import TableWork
from tailrace_dynamodb import service as service_module
from tests.servers import DynamoDB
from tests.sinks import STREAM, Applied, deletes, rows, target, upserts
from tests.sinks.dynamodb import USERS, MakeSink
from tests.sinks.dynamodb_proxy import Proxy, failure


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
