"""Entry points; the driver is imported only when something is created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailrace.connectors import Context, SinkConnector, SourceConnector
from tailrace_mysql.settings import MySQLSinkSettings, MySQLSourceSettings

if TYPE_CHECKING:
    from tailrace.conversion.catalog import Catalog, Dialect
    from tailrace.conversion.statistics import Statistics
    from tailrace.conversion.target import SchemaTarget
    from tailrace.sink import Sink
    from tailrace.source import Source


def _create_source(settings: MySQLSourceSettings, context: Context) -> Source:
    if context.mode == "full-load":
        from tailrace_mysql.tables_only import MySQLTables

        return MySQLTables(settings, context)
    from tailrace_mysql.source import MySQLSource

    return MySQLSource(settings, context)


def _statistics(settings: MySQLSourceSettings, context: Context) -> Statistics:
    from tailrace_mysql.schema.statistics import statistics

    return statistics(settings, context)


def _create_sink(settings: MySQLSinkSettings, context: Context) -> Sink:
    from tailrace_mysql.sink import MySQLSink

    return MySQLSink(settings, context)


def _catalog(settings: MySQLSourceSettings, context: Context) -> Catalog:
    from tailrace_mysql.schema.source import catalog

    return catalog(settings, context)


def _schema(settings: MySQLSinkSettings | None, context: Context, dialect: Dialect | None = None) -> SchemaTarget:
    from tailrace_mysql.schema.target import MySQLSchema

    return MySQLSchema(settings, context, dialect)


source = SourceConnector(MySQLSourceSettings, _create_source, _catalog, _statistics)
sink = SinkConnector(MySQLSinkSettings, _create_sink, _schema)
