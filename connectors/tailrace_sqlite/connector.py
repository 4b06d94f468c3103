"""Entry points of the embedded stream and of the SQLite sink."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailrace.connectors import Context, SinkConnector, StreamConnector
from tailrace_sqlite.settings import EmbeddedStreamSettings, SQLiteSinkSettings

if TYPE_CHECKING:
    from tailrace.conversion.target import SchemaTarget
    from tailrace.sink import Sink
    from tailrace.stream import Stream


def _create_stream(settings: EmbeddedStreamSettings, context: Context) -> Stream:
    from tailrace_sqlite.stream import EmbeddedStream

    return EmbeddedStream(settings, context)


def _create_sink(settings: SQLiteSinkSettings, context: Context) -> Sink:
    from tailrace_sqlite.sink import SQLiteSink

    return SQLiteSink(settings, context)


def _schema(settings: SQLiteSinkSettings | None, context: Context | None) -> SchemaTarget:
    from tailrace_sqlite.schema.target import SQLiteSchemaTarget

    return SQLiteSchemaTarget(settings, context)


stream = StreamConnector(EmbeddedStreamSettings, _create_stream)
sink = SinkConnector(SQLiteSinkSettings, _create_sink, _schema)
