"""Entry points; the driver is imported only when something is created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailrace.connectors import Context, SinkConnector, SourceConnector
from tailrace_postgres.settings import PostgresSinkSettings, PostgresSourceSettings

if TYPE_CHECKING:
    from tailrace.conversion.catalog import Catalog
    from tailrace.conversion.statistics import Statistics
    from tailrace.conversion.target import SchemaTarget
    from tailrace.sink import Sink
    from tailrace.source import Source


def _create_source(settings: PostgresSourceSettings, context: Context) -> Source:
    if context.mode == "full-load":
        from tailrace_postgres.tables_only import PostgresTables

        return PostgresTables(settings, context)
    from tailrace_postgres.source import PostgresSource

    return PostgresSource(settings, context)


def _statistics(settings: PostgresSourceSettings, context: Context) -> Statistics:
    from tailrace_postgres.schema.statistics import statistics

    return statistics(settings, context)


def _create_sink(settings: PostgresSinkSettings, context: Context) -> Sink:
    from tailrace_postgres.sink import PostgresSink

    return PostgresSink(settings, context)


def _read_catalog(settings: PostgresSourceSettings, context: Context) -> Catalog:
    from tailrace_postgres.schema.reader import catalog

    return catalog(settings, context)


def _schema_target(settings: PostgresSinkSettings | None, context: Context | None) -> SchemaTarget:
    from tailrace_postgres.schema.target import PostgresSchemaTarget

    return PostgresSchemaTarget(settings, context)


source = SourceConnector(PostgresSourceSettings, _create_source, _read_catalog, _statistics)
sink = SinkConnector(PostgresSinkSettings, _create_sink, _schema_target)
