"""Sinks on DynamoDB Local, each test with tables of its own, and a proxy that can make the service fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.connectors import Context
from tailrace_dynamodb.settings import DynamoDBSinkSettings
from tailrace_dynamodb.sink import DynamoDBSink
from tests.servers import DynamoDB, unique_name
from tests.sinks import Applied
from tests.sinks.dynamodb import MakeSink
from tests.sinks.dynamodb_proxy import Proxy


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
