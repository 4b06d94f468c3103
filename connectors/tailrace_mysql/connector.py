"""Entry points; the driver is imported only when something is created."""

from __future__ import annotations

from tailrace.connectors import Context, SinkConnector, SourceConnector
from tailrace.conversion.statistics import Statistics
from tailrace.sink import Sink
from tailrace.source import Source
from tailrace_mysql.settings import MySQLSinkSettings, MySQLSourceSettings


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


source = SourceConnector(MySQLSourceSettings, _create_source, statistics=_statistics)
sink = SinkConnector(MySQLSinkSettings, _create_sink)
