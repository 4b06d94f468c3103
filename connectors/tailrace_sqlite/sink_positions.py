"""The table `_tailrace_positions` in a SQLite target: where each sink stands, and which worker owns that."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from tailrace.errors import DataLossError, OwnershipLostError
from tailrace.stream import Partition

TABLE = "_tailrace_positions"
#: The row that names the owner, though no partition was read yet.
OWNER = Partition("", -1)

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

    def take_over(self, stream_id: str) -> dict[Partition, int]:
        """Makes this worker the owner; returns the positions.

        Raises:
            DataLossError: they belong to another stream's content.
        """
        execute = self._connection.execute
        execute(_CREATE)
        for topic, number, stored_id, offset in execute(_SELECT, self._name).fetchall():
            if stored_id != stream_id and number != OWNER.number:
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
        execute(_TAKE_OVER, (self._owner, *self._name))
        return {partition: offset for partition, offset in self._stored.items() if partition != OWNER}

    def move(self, positions: Mapping[Partition, int]) -> None:
        """Compare-and-set of these positions, and of the ownership in any case.

        Raises:
            OwnershipLostError: another worker has them.
        """
        now = _now()
        for partition, offset in {OWNER: 0, **positions}.items():
            known = self._stored.get(partition)
            if known is None:
                moved = self._insert(partition, offset)
            else:
                values = (offset, now, *self._name, *partition, self._owner, known)
                moved = self._connection.execute(_MOVE, values).rowcount
            if moved != 1:
                raise OwnershipLostError(
                    "another worker has taken this sink over", where=self._where, fix="run one daemon per pipeline"
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
