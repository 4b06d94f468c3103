"""What MySQL and MariaDB know of their tables: InnoDB's estimates, cardinalities of indexes, histograms, and the
counters of the performance schema.

https://dev.mysql.com/doc/refman/9.7/en/optimizer-statistics.html, https://mariadb.com/kb/en/mysqlcolumn_stats-table/
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pymysql.err

from tailrace.connectors import Context
from tailrace.conversion.catalog import ObjectName
from tailrace.conversion.statistics import Changes, ColumnStatistics, Statistics, TableStatistics
from tailrace_mysql.connection import Connector, translated
from tailrace_mysql.settings import MySQLSourceSettings

_OURS = "NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')"
_TABLES = (
    "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_ROWS, AVG_ROW_LENGTH FROM information_schema.TABLES"
    f" WHERE TABLE_TYPE LIKE '%TABLE' AND TABLE_SCHEMA {_OURS}"
)
# Of a further column of an index the cardinality is that of all before it together.
_INDEXES = (
    "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, MAX(CARDINALITY) FROM information_schema.STATISTICS"
    f" WHERE SEQ_IN_INDEX = 1 AND SUB_PART IS NULL AND COLUMN_NAME IS NOT NULL AND TABLE_SCHEMA {_OURS}"
    " GROUP BY TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME"
)
_HISTOGRAMS = "SELECT SCHEMA_NAME, TABLE_NAME, COLUMN_NAME, HISTOGRAM FROM information_schema.COLUMN_STATISTICS"
_MARIADB_COLUMNS = (
    "SELECT db_name, table_name, column_name, nulls_ratio, avg_length, avg_frequency FROM mysql.column_stats"
)
_COUNTERS = (
    "SELECT OBJECT_SCHEMA, OBJECT_NAME, COUNT_INSERT, COUNT_UPDATE, COUNT_DELETE"
    f" FROM performance_schema.table_io_waits_summary_by_table WHERE OBJECT_SCHEMA {_OURS}"
)
_NO_COUNTERS = "the performance schema counts no changes (or may not be read)"


def statistics(settings: MySQLSourceSettings, context: Context) -> Statistics:
    """Of all tables that the user may see.

    Raises:
        UnreachableError, RefusedError: as named.
    """
    connector = Connector(settings)
    with contextlib.closing(connector.connect()) as connection, translated(connector.address):
        return read(connection)


def read(connection: Any) -> Statistics:
    """Args: connection: PyMySQL's."""
    mariadb = "mariadb" in str(_rows(connection, "SELECT VERSION()")[0][0]).lower()
    if not mariadb:
        # MySQL would answer by figures of up to a day ago.
        _rows(connection, "SET SESSION information_schema_stats_expiry = 0")
    tables = {ObjectName(row[0], row[1]): row for row in _rows(connection, _TABLES)}
    columns: dict[ObjectName, dict[str, ColumnStatistics]] = defaultdict(dict)
    for schema, table, column, distinct in _rows(connection, _INDEXES):
        if distinct is not None:
            columns[ObjectName(schema, table)][column] = ColumnStatistics(float(distinct))
    for name, column, found in _frequencies(connection, mariadb, tables):
        indexed = columns[name].get(column)
        columns[name][column] = found if indexed is None else replace(found, distinct=indexed.distinct)
    counters = _may(connection, _COUNTERS)
    changes = {ObjectName(row[0], row[1]): Changes(*map(float, row[2:])) for row in counters or ()}
    uptime = _rows(connection, "SHOW GLOBAL STATUS LIKE 'Uptime'")
    return Statistics(
        {
            name: TableStatistics(
                None if rows is None else float(rows),
                float(length) if length else None,
                columns.get(name, {}),
                changes.get(name, Changes() if changes else None),
            )
            for name, (_, _, rows, length) in tables.items()
        },
        float(uptime[0][1]) if uptime else None,
        () if changes else (_NO_COUNTERS,),
    )


def _frequencies(
    connection: Any, mariadb: bool, tables: dict[ObjectName, tuple[Any, ...]]
) -> Iterator[tuple[ObjectName, str, ColumnStatistics]]:
    """What ANALYZE TABLE … UPDATE HISTOGRAM (MySQL) or … PERSISTENT FOR ALL (MariaDB) has gathered."""
    if not mariadb:
        for schema, table, column, histogram in _may(connection, _HISTOGRAMS) or ():
            yield ObjectName(schema, table), column, _histogram(orjson.loads(histogram))
        return
    for schema, table, column, nulls, width, frequency in _may(connection, _MARIADB_COLUMNS) or ():
        name = ObjectName(_text(schema), _text(table))
        rows = tables[name][2] if name in tables else None
        distinct = float(rows) * (1 - float(nulls)) / float(frequency) if rows and frequency else None
        size = None if width is None else float(width)
        yield name, _text(column), ColumnStatistics(distinct, None if nulls is None else float(nulls), size)


def _histogram(told: dict[str, Any]) -> ColumnStatistics:
    buckets = told["buckets"]
    nulls = float(told["null-values"])
    if told["histogram-type"] == "equi-height":
        return ColumnStatistics(float(sum(bucket[3] for bucket in buckets)), nulls)
    shares, before = [], 0.0
    for _, cumulative in buckets:
        shares.append(cumulative - before)
        before = cumulative
    return ColumnStatistics(float(len(buckets)), nulls, most_common=max(shares, default=None))


def _may(connection: Any, sql: str) -> list[tuple[Any, ...]] | None:
    """None: it is not there, or the user may not read it."""
    try:
        return _rows(connection, sql)
    except (pymysql.err.OperationalError, pymysql.err.ProgrammingError):
        return None


def _rows(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
