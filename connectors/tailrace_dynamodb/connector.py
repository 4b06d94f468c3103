"""Entry point; the driver is imported only when something is created."""

from __future__ import annotations

from tailrace.connectors import Context, SinkConnector
from tailrace.sink import Sink
from tailrace_dynamodb.settings import DynamoDBSinkSettings


def _create_sink(settings: DynamoDBSinkSettings, context: Context) -> Sink:
    from tailrace_dynamodb.sink import DynamoDBSink

    return DynamoDBSink(settings, context)


sink = SinkConnector(DynamoDBSinkSettings, _create_sink)
