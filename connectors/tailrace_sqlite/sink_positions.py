"""The table `_tailrace_positions` in a SQLite target: where each sink stands, and which worker owns that."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from tailrace.errors import ONE_OR_SHARED, DataLossError, OwnershipLostError
from tailrace.stream import Partition

TABLE = "_tailrace_positions"
#: Instead of a partition's number, in rows that name an owner, though no partition was read yet: of the sink (topic "")
#: or, where workers share it, of a topic.
OWNER_NUMBER = -1
OWNER = Partition("", OWNER_NUMBER)
#: Of the sink, where workers share it.
SHARED = "shared"

_CREATE = f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
    pipeline TEXT NOT NULL, sink TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    stream_id TEXT NOT NULL, next_offset INTEGER NOT NULL, owner TEXT NOT NULL, updated_at TEXT NOT NULL,
    PRIMARY KEY (pipeline, sink, topic, partition)
) WITHOUT ROWID
"""
_SELECT = f"SELECT topic, partition, stream_id, next_offset FROM {TABLE} WHERE pipeline = ? AND sink = ?"
_INSERT = f"INSERT OR IGNORE INTO {TABLE} VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_TAKE_OVER = f"UPDATE {TABLE} SET owner = ? WHERE pipeline = ? AND sink = ?"
_TAKE_TOPIC = f"{_TAKE_OVER} AND topic = ?"
_SHARE = f"UPDATE {TABLE} SET owner = ? WHERE pipeline = ? AND sink = ? AND topic = '' AND partition = {OWNER_NUMBER}"
_MOVE = (
    f"UPDATE {TABLE} SET next_offset = ?, updated_at = ?"
    " WHERE pipeline = ? AND sink = ? AND topic = ? AND partition = ? AND owner = ? AND next_offset = ?"
)
_DELETE = f"DELETE FROM {TABLE} WHERE pipeline = ? AND sink = ?"


class Positions:
    """One sink's rows; every method runs inside the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, pipeline: str, sink: str, where: str) -> None:
        self._connection = connection
        self._name = (pipeline, sink)
        self._where = where
        self._owner = uuid.uuid4().hex
        self._stream_id = ""
        self._stored: dict[Partition, int] = {}
        self._topics: frozenset[str] | None = None

    def take_over(self, stream_id: str, topics: Collection[str] | None = None) -> dict[Partition, int]:
        """Makes this worker the owner, of these topics or of all; returns the positions.

        Raises:
            DataLossError: they belong to another stream's content.
        """
        execute = self._connection.execute
        execute(_CREATE)
        for topic, number, stored_id, offset in execute(_SELECT, self._name).fetchall():
            if topics is not None and topic and topic not in topics:
                continue
            if stored_id != stream_id and number != OWNER_NUMBER:
                raise DataLossError(
                    "the positions in this target belong to another stream, which is gone",
                    where=self._where,
                    fix="empty the target's tables, run `tailrace teardown`, and load anew",
                )
            self._stored[Partition(topic, number)] = offset
        self._stream_id = stream_id
        if OWNER not in self._stored:
            self._insert(OWNER, 0)
            self._stored[OWNER] = 0
        if topics is None:
            execute(_TAKE_OVER, (self._owner, *self._name))
        else:
            self._share(topics)
        return {partition: offset for partition, offset in self._stored.items() if partition.number != OWNER_NUMBER}

    def _share(self, topics: Collection[str]) -> None:
        self._topics = frozenset(topics)
        self._connection.execute(_SHARE, (SHARED, *self._name))
        for topic in topics:
            self._insert(Partition(topic, OWNER_NUMBER), 0)
            self._stored[Partition(topic, OWNER_NUMBER)] = 0
            self._connection.execute(_TAKE_TOPIC, (self._owner, *self._name, topic))

    def _owners(self, positions: Mapping[Partition, int], written: Collection[str]) -> dict[Partition, int]:
        """The rows that must still name this worker."""
        if self._topics is None:
            return {OWNER: 0}
        topics = {partition.topic for partition in positions} | self._topics.intersection(written) or self._topics
        return {Partition(topic, OWNER_NUMBER): 0 for topic in topics}

    def move(self, positions: Mapping[Partition, int], written: Collection[str] = ()) -> None:
        """Compare-and-set of these positions, and of the ownership in any case.

        Args:
            written: topics whose tables the transaction has changed.

        Raises:
            OwnershipLostError: another worker has them.
        """
        now = _now()
        for partition, offset in {**self._owners(positions, written), **positions}.items():
            known = self._stored.get(partition)
            if known is None:
                moved = self._insert(partition, offset)
            else:
                values = (offset, now, *self._name, *partition, self._owner, known)
                moved = self._connection.execute(_MOVE, values).rowcount
            if moved != 1:
                raise OwnershipLostError(
                    "another worker has taken this sink over", where=self._where, fix=ONE_OR_SHARED
                )
        self._stored.update(positions)

    def _insert(self, partition: Partition, offset: int) -> int:
        values = (*self._name, *partition, self._stream_id, offset, self._owner, _now())
        return self._connection.execute(_INSERT, values).rowcount


def remove(connection: sqlite3.Connection, pipeline: str, sink: str, dry_run: bool) -> bool:
    """Deletes a sink's rows, and the table with the last one; False where there are none."""
    execute = connection.execute
    if not execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (TABLE,)).fetchone():
        return False
    if not execute(_SELECT, (pipeline, sink)).fetchone():
        return False
    if not dry_run:
        execute(_DELETE, (pipeline, sink))
        if not execute(f"SELECT 1 FROM {TABLE} LIMIT 1").fetchone():
            execute(f"DROP TABLE {TABLE}")
    return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
