"""Partitions that a captured table gets later: the rows that one had before it was attached are in no log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from tailrace.emitter import Emitter
from tailrace.logs import logger
from tailrace_postgres.catalog import Catalog
from tailrace_postgres.connection import identifier
from tailrace_postgres.relations import RELOAD
from tailrace_postgres.selection import Selected

log = logger()

#: State entry by topic: OIDs of the partitions that were looked at.
PARTITIONS_PREFIX = "postgres-partitions:"

# The youngest link between the partition and the captured table is what made it a part of it. A row is older by its
# transaction; or by its place in the transaction that attached it, which is the only one that can have written it
# before where the table was made in that transaction, too. The first 32 MiB are looked at: rows that were there before
# others lie at the beginning.
_EARLIER_ROW = """
WITH attached AS (
     SELECT i.xmin AS xid, i.cmin::text::int8 AS command, age(i.xmin) AS age, t.xmin = i.xmin AS made
       FROM pg_inherits i, pg_class c JOIN pg_type t ON t.oid = c.reltype
      WHERE c.oid = %(leaf)s AND i.inhrelid IN (SELECT relid FROM pg_partition_ancestors(%(leaf)s))
        AND i.inhrelid NOT IN (SELECT relid FROM pg_partition_ancestors(%(root)s))
      ORDER BY age(i.xmin) LIMIT 1)
SELECT EXISTS (
       SELECT FROM ONLY {leaf} held, attached
        WHERE held.ctid < '(4096,0)'::tid
          AND (held.xmin = attached.xid AND held.cmin::text::int8 < attached.command
               OR NOT attached.made AND age(held.xmin) > attached.age))
"""


class Partitions:
    """Which partitions the captured tables have had so far."""

    def __init__(self, catalog: Catalog, emitter: Emitter, state: Mapping[str, bytes]) -> None:
        self._catalog = catalog
        self._emitter = emitter
        self._seen: dict[str, set[int]] = {
            key.removeprefix(PARTITIONS_PREFIX): set(orjson.loads(value))
            for key, value in state.items()
            if key.startswith(PARTITIONS_PREFIX)
        }

    def forget(self, topic: str) -> None:
        """The table is loaded anew: what its partitions hold is no matter."""
        self._seen.pop(topic, None)

    def look(self, tables: Iterable[Selected]) -> list[tuple[Selected, str]]:
        """The tables that have got a partition with rows since they were looked at last, and why they end."""
        roots = {table.table.oid: table for table in tables if table.captured and table.table.kind == "p"}
        if not roots:
            return []
        result = []
        for oid, leaves in self._catalog.leaves(roots).items():
            table = roots[oid]
            topic = table.source.topic
            if self._seen.get(topic) == leaves.keys():
                continue
            for leaf in sorted(leaves.keys() - self._seen.get(topic, leaves.keys())):
                name = ".".join(leaves[leaf])
                if self._had_rows(leaf, oid, leaves[leaf]):
                    reason = f"partition {name} was attached with rows that are in no log; {RELOAD}"
                    result.append((table, reason))
                    break
            self._seen[topic] = set(leaves)
            self._emitter.record_state(PARTITIONS_PREFIX + topic, orjson.dumps(sorted(leaves)))
        return result

    def _had_rows(self, leaf: int, root: int, name: tuple[str, str]) -> bool:
        connection = self._catalog.connection
        if not connection.value("SELECT has_table_privilege(%s::oid, 'SELECT')", [leaf]):
            log.warning(
                "a partition was attached that our role may not read: rows that it had before would be missing",
                partition=".".join(name),
                fix=f"GRANT SELECT ON {identifier(*name)}, for partitions that come later too",
            )
            return False
        sql = _EARLIER_ROW.format(leaf=identifier(*name).replace("%", "%%"))
        return bool(connection.query(sql, {"leaf": leaf, "root": root})[0][0])
