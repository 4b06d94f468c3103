"""The DynamoDB sink where the service is in the way of itself, and how long delete markers live."""

from __future__ import annotations

import math
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
from tests.sinks import Applied, rows, upserts
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
