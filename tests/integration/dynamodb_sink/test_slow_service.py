"""The DynamoDB sink where the service is in the way of itself, and how long delete markers live."""

from __future__ import annotations

import math
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tailrace.config import load
from tailrace.errors import UnreachableError
from tailrace.sink import TableWork
from tailrace.source import Finding
from tailrace_dynamodb import service as service_module
from tailrace_dynamodb.check import markers
from tests.pipelines import text
from tests.servers import DynamoDB, Kafka, unique_name
from tests.sinks import PARTITION, STREAM, Applied, deletes, rows, upserts
from tests.sinks.dynamodb import USERS, MakeSink
from tests.sinks.dynamodb_proxy import Proxy, failure


def test_a_write_that_meets_a_transaction_is_sent_again(make_sink: MakeSink, proxy: Proxy) -> None:
    applied = Applied(make_sink(proxy.endpoint))
    applied.ensure(USERS)
    met: list[str] = []

    def rule(operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        if operation != "PutItem" or len(met) > 2:
            return None
        met.append(operation)
        return failure("TransactionConflictException")

    proxy.rule = rule
    applied(upserts(USERS, {"id": 1, "name": "a", "age": 1}))
    assert len(met) == 3
    assert len(applied.rows(USERS)) == 1


def test_a_batch_of_which_nothing_is_taken_is_given_up(
    make_sink: MakeSink, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "THROTTLED_SECONDS", 0.5)
    applied = Applied(make_sink(proxy.endpoint))
    applied.ensure(USERS)

    def rule(operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        return (200, {"UnprocessedItems": request["RequestItems"]}) if operation == "BatchWriteItem" else None

    proxy.rule = rule
    work = TableWork(USERS, upserts=rows([{"id": 1, "name": "a", "age": 1}]), inserts_only=True)
    with pytest.raises(UnreachableError, match=r"users: .*slowing us down.*on-demand"):
        applied.sink.apply([work])


@pytest.mark.parametrize(
    ("kept", "ok", "said"),
    [
        (86400.0, True, "may lag by 29 days"),
        (30 * 86400.0, False, "keeps events for 30 days"),
        (math.inf, None, "for good"),
        (None, None, "not known"),
    ],
)
def test_markers_must_outlive_the_stream_s_events(kept: float | None, ok: bool | None, said: str) -> None:
    found = markers(kept)
    assert found.ok is ok
    assert said in found.detail
    assert bool(found.fix) is (ok is not True)


def checked(folder: Path, dynamodb: DynamoDB, stream: str, name: str = "") -> Finding:
    kv = f'[[sinks]]\nname = "kv"\nconnector = "dynamodb"\nendpoint_url = "{dynamodb.endpoint}"\nregion = "eu-west-1"\n'
    file = folder / "pipeline.toml"
    file.write_text(text.pipeline(folder, text.source("postgresql://u@127.0.0.1/d"), stream, kv, name=name))
    return next(f for f in load(file).create_sink("kv").check() if f.name == "delete markers")


def test_check_compares_the_embedded_stream_s_retention(dynamodb: DynamoDB, tmp_path: Path) -> None:
    assert checked(tmp_path, dynamodb, "").ok
    assert checked(tmp_path, dynamodb, '[stream]\nretain = "31d"\n').ok is False


@pytest.mark.parametrize(("days", "ok"), [(7, True), (31, False)])
def test_check_compares_the_topics_retention(
    dynamodb: DynamoDB, kafka: Kafka, tmp_path: Path, days: int, ok: bool
) -> None:
    name = unique_name("keep").lower()
    stream = text.kafka(kafka.bootstrap)
    assert checked(tmp_path, dynamodb, stream, name).ok is None, "there are no topics yet"
    topic = f"{name}.public.users"
    kept = {"retention.ms": str(days * 86_400_000)}
    kafka.create_topic(topic, config=kept)
    with closing(load(tmp_path / "pipeline.toml").create_stream().writer()) as writer:
        writer.prepare([topic])
    assert checked(tmp_path, dynamodb, stream, name).ok is ok


class Capacity:
    """A rule by which the service takes a write every so many seconds only, and counts how many it is asked at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._free_at = 0.0
        self.throttled = 0

    def __call__(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        if operation not in ("PutItem", "UpdateItem") or not request["TableName"].endswith("users"):
            return None
        with self._lock:
            if time.monotonic() >= self._free_at:
                self._free_at = time.monotonic() + self._seconds
                return None
            self.throttled += 1
            return failure("ProvisionedThroughputExceededException")


def test_throttled_writes_lose_no_row_and_keep_the_order_of_each(make_sink: MakeSink, proxy: Proxy) -> None:
    applied = Applied(make_sink(proxy.endpoint))
    applied.ensure(USERS)
    proxy.rule = capacity = Capacity(0.003)
    expected: dict[int, dict[str, Any]] = {}
    for number in range(1, 6):
        # Every batch writes most keys again; a write of an older batch that came late would show.
        new: list[dict[str, Any]] = [
            {"id": n, "name": f"batch {number}", "age": number} for n in range(20) if n % 5 != number % 5
        ]
        gone = [{"id": n} for n in range(20) if n % 5 == number % 5]
        work = upserts(USERS, *new, number=number)
        work.deletes = deletes(USERS, *gone, number=number).deletes
        applied(work)
        expected.update({row["id"]: row for row in new})
        for row in gone:
            expected.pop(row["id"], None)
    proxy.rule = None
    assert capacity.throttled > 0
    assert sorted(applied.rows(USERS), key=lambda row: row["id"]) == [expected[n] for n in sorted(expected)]


def test_a_service_that_throttles_is_asked_less_at_once(make_sink: MakeSink, proxy: Proxy) -> None:
    sink = make_sink(proxy.endpoint, concurrency=16)
    applied = Applied(sink)
    applied.ensure(USERS)
    proxy.rule = Capacity(0.01)
    applied(upserts(USERS, *({"id": n, "name": "a", "age": 1} for n in range(60))))
    assert sink._connected is not None
    pace = sink._connected.pace
    assert pace.allowed < 16
    proxy.rule = None
    for number in range(2, 30):
        applied(upserts(USERS, *({"id": n, "name": "b", "age": 1} for n in range(60)), number=number))
        if pace.allowed == 16:
            break
    assert pace.allowed == 16


def test_a_table_that_takes_little_but_takes_it_is_waited_for(
    make_sink: MakeSink, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "THROTTLED_SECONDS", 1.0)
    monkeypatch.setattr(service_module, "_LONGEST_PAUSE", 0.1)
    applied = Applied(make_sink(proxy.endpoint))
    applied.ensure(USERS)
    proxy.rule = capacity = Capacity(0.05)
    data = [{"id": n, "name": "a", "age": 1} for n in range(40)]  # two seconds
    applied(upserts(USERS, *data))
    proxy.rule = None
    assert capacity.throttled > 0
    assert sorted(applied.rows(USERS), key=lambda row: row["id"]) == data


def test_the_position_moves_only_behind_the_last_throttled_write(make_sink: MakeSink, proxy: Proxy) -> None:
    applied = Applied(make_sink(proxy.endpoint))
    applied.ensure(USERS)
    throttled: list[str] = []

    def rule(operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        last = operation == "PutItem" and request.get("Item", {}).get("id") == {"N": "7"}
        if last and len(throttled) < 5:
            throttled.append(operation)
            return failure("ThrottlingException")
        return None

    proxy.rule = rule
    proxy.operations.clear()
    applied(upserts(USERS, *({"id": n, "name": "a", "age": 1} for n in range(10))))
    assert len(throttled) == 5
    assert proxy.operations[-1] == "UpdateItem", "the position's, behind all writes"
    assert proxy.operations.count("PutItem") == 15
    assert make_sink().open(STREAM) == {PARTITION: applied.offset}


def test_what_cannot_go_over_the_wire_goes_through_the_sdk(
    make_sink: MakeSink, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.endpoint)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    applied = Applied(make_sink("http://dynamodb.example"))
    applied.ensure(USERS)
    row = {"id": 1, "name": "a", "age": 1}
    applied(upserts(USERS, row))
    assert applied.rows(USERS) == [row]
    assert "PutItem" in proxy.operations
