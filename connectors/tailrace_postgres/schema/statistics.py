"""What PostgreSQL knows of its tables: pg_class, pg_stats (of the last ANALYZE) and the cumulative statistics.

https://www.postgresql.org/docs/18/view-pg-stats.html, https://www.postgresql.org/docs/18/monitoring-stats.html
"""

from __future__ import annotations

import contextlib
from collections import defaultdict

from tailrace.connectors import Context
from tailrace.conversion.catalog import ObjectName
from tailrace.conversion.statistics import Changes, ColumnStatistics, Statistics, TableStatistics
from tailrace_postgres.connection import Connection
from tailrace_postgres.settings import PostgresSourceSettings

# Rows lie in a partitioned table's partitions, whose root is the table of the stream.
_TABLES = """
SELECT n.nspname, r.relname, sum(nullif(c.reltuples, -1))::float8,
       sum(pg_relation_size(c.oid))::float8,
       sum(s.n_tup_ins)::float8, sum(s.n_tup_upd)::float8, sum(s.n_tup_del)::float8
  FROM pg_class c
  JOIN pg_class r ON r.oid = CASE WHEN c.relispartition THEN pg_partition_root(c.oid) ELSE c.oid END
  JOIN pg_namespace n ON n.oid = r.relnamespace
  LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
 WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
 GROUP BY n.nspname, r.relname
"""
_COLUMNS = """
SELECT DISTINCT ON (schemaname, tablename, attname)
       schemaname, tablename, attname, n_distinct::float8, null_frac::float8, avg_width::float8,
       most_common_freqs[1]::float8, correlation::float8
  FROM pg_stats WHERE schemaname <> 'information_schema' AND schemaname NOT LIKE 'pg\\_%'
 ORDER BY schemaname, tablename, attname, inherited DESC
"""
_SINCE = """
SELECT extract(epoch FROM now() - stats_reset)::float8 FROM pg_stat_database WHERE datname = current_database()
"""


def statistics(settings: PostgresSourceSettings, context: Context) -> Statistics:
    """Of all tables of the database.

    Raises:
        UnreachableError, RefusedError: as named.
    """
    with contextlib.closing(Connection(settings)) as connection:
        tables = connection.query(_TABLES, doing="reading statistics of tables")
        columns = connection.query(_COLUMNS, doing="reading statistics of columns")
        seconds = connection.value(_SINCE)
    counted = {ObjectName(row[0], row[1]): row for row in tables}
    found: dict[ObjectName, dict[str, ColumnStatistics]] = defaultdict(dict)
    for schema, table, column, distinct, nulls, width, most_common, correlation in columns:
        name = ObjectName(schema, table)
        rows = counted[name][2] if name in counted else None
        if distinct is not None and distinct < 0:  # a share of the rows
            distinct = -distinct * rows if rows is not None else None
        found[name][column] = ColumnStatistics(distinct, nulls, width, most_common, correlation)
    result = {}
    for name, (_, _, rows, size, inserts, updates, deletes) in counted.items():
        changes = None if inserts is None else Changes(inserts, updates, deletes)
        average = size / rows if rows and size else None
        result[name] = TableStatistics(rows, average, found.get(name, {}), changes)
    notes = () if found else ("there are no statistics of columns: run ANALYZE, as a user who may read the tables",)
    return Statistics(result, seconds, notes)
