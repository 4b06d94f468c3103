"""The table `_tailrace_positions` in a PostgreSQL target: where each sink stands, and which worker owns that."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from tailrace.errors import ONE_OR_SHARED, DataLossError, OwnershipLostError
from tailrace.stream import Partition
from tailrace_postgres.sink_connection import literal, quoted

TABLE = "_tailrace_positions"
#: Instead of a partition's number, in rows that name an owner, though no partition was read yet: of the sink (topic "")
#: or, where workers share it, of a topic.
OWNER_NUMBER = -1
OWNER = Partition("", OWNER_NUMBER)
#: Of the sink, where workers share it.
SHARED = "shared"
#: Of pg_advisory_xact_lock: two sinks of one database may make the table at the same moment.
_LOCK = 0x7461_696C_7261_6365

_CREATE = """
CREATE TABLE IF NOT EXISTS {table} (
    pipeline text NOT NULL, sink text NOT NULL, topic text NOT NULL, partition integer NOT NULL,
    stream_id text NOT NULL, next_offset bigint NOT NULL, owner text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pipeline, sink, topic, partition)
)
"""


class Positions:
    """One sink's rows; every method runs inside the caller's transaction."""

    def __init__(self, schema: str, pipeline: str, sink: str, where: str) -> None:
        self._table = quoted(schema, TABLE)
        self._mine = f"pipeline = {literal(pipeline)} AND sink = {literal(sink)}"
        self._name = f"{literal(pipeline)}, {literal(sink)}"
        self._where = where
        self._owner = literal(uuid.uuid4().hex)
        self._stream_id = ""
        self._stored: dict[Partition, int] = {}
        self._topics: frozenset[str] | None = None

    def take_over(self, cursor: Any, stream_id: str, topics: Collection[str] | None = None) -> dict[Partition, int]:
        """Makes this worker the owner, of these topics or of all; returns the positions.

        Raises:
            DataLossError: they belong to another stream's content.
        """
        self._stream_id = literal(stream_id)
        cursor.execute(f"SELECT to_regclass({literal(self._table)})")
        if cursor.fetchone()[0] is None:
            cursor.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
            cursor.execute(_CREATE.format(table=self._table))
        cursor.execute(
            f"INSERT INTO {self._table} (pipeline, sink, topic, partition, stream_id, next_offset, owner)"
            f" VALUES ({self._name}, '', {OWNER.number}, {self._stream_id}, 0, {self._owner}) ON CONFLICT DO NOTHING"
        )
        mine = self._mine
        if topics is not None:
            mine = self._share(cursor, topics)
        # The update waits for a commit of the present owner's that is under way, so that what is read is the last.
        cursor.execute(
            f"UPDATE {self._table} SET owner = {self._owner} WHERE {mine}"
            " RETURNING topic, partition, stream_id, next_offset"
        )
        for topic, number, stored_id, offset in cursor.fetchall():
            if stored_id != stream_id and number != OWNER_NUMBER:
                raise DataLossError(
                    "the positions in this target belong to another stream, which is gone",
                    where=self._where,
                    fix="empty the target's tables, run `tailrace teardown`, and load anew",
                )
            self._stored[Partition(topic, number)] = offset
        return {partition: offset for partition, offset in self._stored.items() if partition.number != OWNER_NUMBER}

    def _share(self, cursor: Any, topics: Collection[str]) -> str:
        """Makes rows that name owners of these topics; returns the condition of what is taken with them."""
        self._topics = frozenset(topics)
        cursor.execute(
            f"UPDATE {self._table} SET owner = {literal(SHARED)}"
            f" WHERE {self._mine} AND topic = '' AND partition = {OWNER.number} AND owner <> {literal(SHARED)}"
        )
        # In one order everywhere: two workers that take topics from each other do not wait for each other.
        names = [literal(topic) for topic in sorted(topics)]
        if not names:
            return "false"
        rows = ", ".join(
            f"({self._name}, {name}, {OWNER_NUMBER}, {self._stream_id}, 0, {self._owner})" for name in names
        )
        cursor.execute(
            f"INSERT INTO {self._table} (pipeline, sink, topic, partition, stream_id, next_offset, owner)"
            f" VALUES {rows} ON CONFLICT DO NOTHING"
        )
        listed = f"{self._mine} AND topic IN ({', '.join(names)})"
        cursor.execute(f"SELECT 1 FROM {self._table} WHERE {listed} ORDER BY topic, partition FOR UPDATE")
        return listed

    def _owners(self, positions: Mapping[Partition, int], written: Collection[str]) -> dict[Partition, int]:
        """The rows that must still name this worker."""
        if self._topics is None:
            return {OWNER: 0}
        topics = {partition.topic for partition in positions} | self._topics.intersection(written) or self._topics
        return {Partition(topic, OWNER_NUMBER): 0 for topic in topics}

    def move(self, cursor: Any, positions: Mapping[Partition, int], written: Collection[str] = ()) -> None:
        """Compare-and-set of these positions, and of the ownership in any case.

        Args:
            written: topics whose tables the transaction has changed.

        Raises:
            OwnershipLostError: another worker has them.
        """
        known = self._owners(positions, written)
        owners = len(known)
        known |= {partition: offset for partition, offset in positions.items() if partition in self._stored}
        if not known:  # of a share without topics nothing moves
            return
        before = self._stored
        moves = ", ".join(
            f"({literal(partition.topic)}, {partition.number}, {before.get(partition, 0)}::bigint, {offset}::bigint)"
            for partition, offset in known.items()
        )
        cursor.execute(
            f"UPDATE {self._table} AS p SET next_offset = m.new, updated_at = now()"
            f" FROM (VALUES {moves}) AS m (topic, partition, old, new) WHERE {self._mine} AND owner = {self._owner}"
            " AND p.topic = m.topic AND p.partition = m.partition AND p.next_offset = m.old"
        )
        moved = cursor.rowcount - owners
        new = [partition for partition in positions if partition not in self._stored]
        if new:
            rows = ", ".join(
                f"({self._name}, {literal(partition.topic)}, {partition.number}, {self._stream_id},"
                f" {positions[partition]}, {self._owner})"
                for partition in new
            )
            cursor.execute(
                f"INSERT INTO {self._table} (pipeline, sink, topic, partition, stream_id, next_offset, owner)"
                f" VALUES {rows} ON CONFLICT DO NOTHING"
            )
            moved += cursor.rowcount
        if moved != len(positions):
            raise OwnershipLostError("another worker has taken this sink over", where=self._where, fix=ONE_OR_SHARED)

    def moved(self, positions: Mapping[Partition, int]) -> None:
        """The transaction with these is committed."""
        self._stored.update(positions)

    def remove(self, cursor: Any, dry_run: bool) -> bool:
        """Deletes the sink's rows, and the table with the last one; False where there are none."""
        cursor.execute(f"SELECT to_regclass({literal(self._table)})")
        if cursor.fetchone()[0] is None:
            return False
        cursor.execute(f"SELECT 1 FROM {self._table} WHERE {self._mine} LIMIT 1")
        if cursor.fetchone() is None:
            return False
        if not dry_run:
            cursor.execute(f"DELETE FROM {self._table} WHERE {self._mine}")
            cursor.execute(f"SELECT 1 FROM {self._table} LIMIT 1")
            if cursor.fetchone() is None:
                cursor.execute(f"DROP TABLE {self._table}")
        return True
