"""`_tailrace_positions`: how far each pipeline's sink has got, kept in the target beside the rows.

One row per partition, changed in the transaction that writes the rows, by compare-and-set on owner and old offset. One
more row per sink (topic "", partition -1) names the owner, so that a second worker is noticed before any partition is.
Where workers share the sink, each topic has such a row (partition -1), and that of the sink says so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from typing import Any

import pymysql.err
from pymysql.connections import Connection

from tailrace.errors import ONE_OR_SHARED, DataLossError, OwnershipLostError
from tailrace.stream import Partition
from tailrace_mysql.quoting import identifier
from tailrace_mysql.sink_errors import DUPLICATE_ENTRY, number

TABLE = "_tailrace_positions"
_OWNER_NUMBER = -1
_OWNER = ("", _OWNER_NUMBER)
_SHARED = "shared"


class Positions:
    """One sink's rows of the table. Nothing here commits but `create`.

    Args:
        owner: our token; another one in the table means that another worker has taken over.
        where: the target, for messages.
    """

    def __init__(self, database: str, pipeline: str, sink: str, owner: str, where: str) -> None:
        self._database = database
        self._table = f"{identifier(database)}.{identifier(TABLE)}"
        self._sink = (pipeline, sink)
        self._owner = owner
        self._where = f"{where}, table {TABLE}"
        self._stored: dict[Partition, int] = {}
        self._stream_id = ""
        self._topics: frozenset[str] | None = None

    def exists(self, connection: Connection[Any]) -> bool:
        with contextlib.closing(connection.cursor()) as cursor:
            found = cursor.execute(
                "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
                (self._database, TABLE),
            )
        return bool(found)

    def create(self, connection: Connection[Any], collation: str) -> None:
        if self.exists(connection):
            return  # CREATE TABLE IF NOT EXISTS would still need the privilege
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {self._table} ("
                "pipeline VARCHAR(100) NOT NULL, sink VARCHAR(100) NOT NULL, topic VARCHAR(255) NOT NULL, "
                "partition_number INT NOT NULL, stream_id VARCHAR(255) NOT NULL, next_offset BIGINT NOT NULL, "
                "owner VARCHAR(255) NOT NULL, updated_at TIMESTAMP(6) NULL, "
                "PRIMARY KEY (pipeline, sink, topic, partition_number)"
                f") ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE {collation}"
            )

    def owners(self, connection: Connection[Any], topics: Collection[str] | None = None) -> set[str]:
        """Of these topics, or of all: the other workers that have them now."""
        only, values = self._only(topics)
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(
                f"SELECT DISTINCT owner FROM {self._table} WHERE pipeline = %s AND sink = %s{only}",
                (*self._sink, *values),
            )
            found = {str(row[0]) for row in cursor.fetchall()}
        connection.rollback()
        return found - {self._owner, _SHARED}

    def lock(self, connection: Connection[Any], topic: str) -> None:
        """Keeps others from taking the topic over until the open transaction ends.

        Raises:
            OwnershipLostError: another worker has it.
        """
        owned = _OWNER if self._topics is None else (topic, _OWNER_NUMBER)
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(
                f"SELECT owner FROM {self._table} WHERE pipeline = %s AND sink = %s AND topic = %s AND "
                "partition_number = %s FOR UPDATE",
                (*self._sink, *owned),
            )
            found = cursor.fetchone()
        if found is None or found[0] != self._owner:
            raise self._lost()

    def _only(self, topics: Collection[str] | None) -> tuple[str, list[str]]:
        """A condition, and its values. Rows of other workers' topics are left alone: they may be locked for long."""
        if topics is None:
            return "", []
        wanted = ["", *sorted(topics)]
        return f" AND topic IN ({', '.join(['%s'] * len(wanted))})", wanted

    def take(
        self, connection: Connection[Any], stream_id: str, topics: Collection[str] | None = None
    ) -> dict[Partition, int]:
        """Reads the positions, of these topics or of all, and makes them ours; the caller commits.

        Raises:
            DataLossError: they belong to another stream's content.
        """
        only, wanted = self._only(topics)
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(
                f"SELECT topic, partition_number, stream_id, next_offset FROM {self._table} "
                f"WHERE pipeline = %s AND sink = %s{only} FOR UPDATE",
                (*self._sink, *wanted),
            )
            rows = cursor.fetchall()
            if any(row[2] != stream_id for row in rows):
                raise DataLossError(
                    "the positions stored in the target belong to another stream",
                    where=self._where,
                    fix="run `tailrace teardown` and load the tables anew, or give back the stream's old state",
                )
            if rows and topics is None:
                cursor.execute(
                    f"UPDATE {self._table} SET owner = %s WHERE pipeline = %s AND sink = %s",
                    (self._owner, *self._sink),
                )
            known = {(row[0], int(row[1])) for row in rows}
            if _OWNER not in known:
                self._insert(cursor, *_OWNER, stream_id, 0)
            if topics is not None:
                self._share(cursor, stream_id, topics, known)
        self._stream_id = stream_id
        self._stored = {Partition(row[0], int(row[1])): int(row[3]) for row in rows if int(row[1]) != _OWNER_NUMBER}
        return dict(self._stored)

    def _share(self, cursor: Any, stream_id: str, topics: Collection[str], known: Collection[tuple[str, int]]) -> None:
        self._topics = frozenset(topics)
        where = f"UPDATE {self._table} SET owner = %s WHERE pipeline = %s AND sink = %s AND topic "
        cursor.execute(f"{where} = %s AND partition_number = %s", (_SHARED, *self._sink, *_OWNER))
        if topics:
            cursor.execute(f"{where} IN ({', '.join(['%s'] * len(topics))})", (self._owner, *self._sink, *topics))
        for topic in topics:
            if (topic, _OWNER_NUMBER) not in known:
                self._insert(cursor, topic, _OWNER_NUMBER, stream_id, 0)

    def advance(
        self, connection: Connection[Any], positions: Mapping[Partition, int], written: Collection[str] = ()
    ) -> None:
        """Moves the positions on, in the open transaction.

        Args:
            written: topics whose tables the transaction has changed.

        Raises:
            OwnershipLostError: the table holds another owner or offset than we left there.
        """
        with contextlib.closing(connection.cursor()) as cursor:
            for topic in self._owned(positions, written):
                self._advance_one(cursor, topic, _OWNER_NUMBER, 0, 0)
            for partition, offset in positions.items():
                before = self._stored.get(partition)
                if before is None:
                    self._insert(cursor, partition.topic, partition.number, self._stream_id, offset)
                elif before != offset:
                    self._advance_one(cursor, partition.topic, partition.number, before, offset)

    def _owned(self, positions: Mapping[Partition, int], written: Collection[str]) -> Collection[str]:
        """Whose owner must still be this worker: the sink's ("") or that of topics."""
        if self._topics is None:
            return [""]
        topics = {partition.topic for partition in positions} | self._topics.intersection(written)
        return sorted(topics or self._topics)

    def advanced(self, positions: Mapping[Partition, int]) -> None:
        """The transaction of `advance` was committed."""
        self._stored.update(positions)

    def _advance_one(self, cursor: Any, topic: str, partition: int, before: int, offset: int) -> None:
        found = cursor.execute(
            f"UPDATE {self._table} SET next_offset = %s, updated_at = CURRENT_TIMESTAMP(6) WHERE pipeline = %s AND "
            "sink = %s AND topic = %s AND partition_number = %s AND owner = %s AND next_offset = %s",
            (offset, *self._sink, topic, partition, self._owner, before),
        )
        if found != 1:
            raise self._lost()

    def _insert(self, cursor: Any, topic: str, partition: int, stream_id: str, offset: int) -> None:
        try:
            cursor.execute(
                f"INSERT INTO {self._table} (pipeline, sink, topic, partition_number, stream_id, next_offset, owner, "
                "updated_at) VALUES (%s, %s, %s, %s, %s, %s, %s, CURRENT_TIMESTAMP(6))",
                (*self._sink, topic, partition, stream_id, offset, self._owner),
            )
        except pymysql.err.IntegrityError as error:
            if number(error) != DUPLICATE_ENTRY:
                raise
            raise self._lost() from None

    def _lost(self) -> OwnershipLostError:
        return OwnershipLostError(
            f"another worker has taken over sink {self._sink[1]} of pipeline {self._sink[0]}",
            where=self._where,
            fix=ONE_OR_SHARED,
        )

    def forget(self, connection: Connection[Any], dry_run: bool) -> int:
        """Deletes this sink's rows, and the table when it is empty then; returns their number."""
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(
                f"SELECT COUNT(*) FROM {self._table} WHERE pipeline = %s AND sink = %s",
                self._sink,
            )
            counted = cursor.fetchone()
            if not dry_run:
                cursor.execute(f"DELETE FROM {self._table} WHERE pipeline = %s AND sink = %s", self._sink)
                connection.commit()
                if not cursor.execute(f"SELECT 1 FROM {self._table} LIMIT 1"):
                    cursor.execute(f"DROP TABLE {self._table}")
        return int(counted[0]) if counted else 0
