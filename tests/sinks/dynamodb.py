"""What tests of the DynamoDB sink have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tailrace_dynamodb.sink import DynamoDBSink
from tests.servers import DynamoDB
from tests.sinks import integer, target, text

MakeSink = Callable[..., DynamoDBSink]

USERS = target("users", [integer(1, "id", key=1), text(2, "name"), integer(3, "age", size=32)])


def item(dynamodb: DynamoDB, table: str, **key: Any) -> dict[str, Any] | None:
    found = dynamodb.client().get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
    return dict(found) if found is not None else None
