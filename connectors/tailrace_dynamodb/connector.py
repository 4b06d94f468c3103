"""Entry point; the driver is imported only when something is created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailrace.connectors import Context, SinkConnector
from tailrace_dynamodb.settings import DynamoDBSinkSettings

if TYPE_CHECKING:
    from tailrace.conversion.target import SchemaTarget
    from tailrace.sink import Sink


def _create_sink(settings: DynamoDBSinkSettings, context: Context) -> Sink:
    from tailrace_dynamodb.sink import DynamoDBSink

    return DynamoDBSink(settings, context)


def _schema_target(settings: DynamoDBSinkSettings | None, context: Context | None) -> SchemaTarget:
    from tailrace_dynamodb.schema.target import DynamoDBSchemaTarget

    return DynamoDBSchemaTarget(settings, context)


sink = SinkConnector(DynamoDBSinkSettings, _create_sink, _schema_target)
