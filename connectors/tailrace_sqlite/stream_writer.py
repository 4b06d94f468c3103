"""Capture's side of the embedded stream."""

from __future__ import annotations

import shutil
import sqlite3
import time
import uuid
import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from tailrace import failpoints
from tailrace.batch import Run
from tailrace.errors import OwnershipLostError, UnreachableError
from tailrace.locks import LockFile
from tailrace.stream import Partition
from tailrace_sqlite import frames, segments
from tailrace_sqlite.cursors import Cursors
from tailrace_sqlite.segments import Folder, Identity

#: The embedded stream's only partition.
PARTITION = Partition("", 0)

# A segment is the unit of retention: small against the bounds, large enough that there are few files.
_SEGMENT_BYTES = 64 << 20
_SEGMENT_SECONDS = (60.0, 3600.0)
#: What is left of the disk to others, and to what must still be written.
SPILL_LEAVES_BYTES = 1 << 30
_PARTS = 16  # of retain and retain_bytes that a segment may take
_EXPIRY_SECONDS = 1.0  # between two looks at what can be removed
_ENTRY = "INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept: until every consumer has it and `seconds` have passed, or until there are `bytes`."""

    seconds: float
    bytes: int
    consumers: tuple[str, ...]

    @property
    def segment_bytes(self) -> int:
        return max(min(self.bytes // _PARTS, _SEGMENT_BYTES), 1)

    @property
    def segment_ms(self) -> float:
        least, most = _SEGMENT_SECONDS
        return 1000 * max(min(self.seconds / _PARTS, most), least)


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A segment that gets no more events."""

    path: Path
    end: int
    written_ms: int

    @property
    def bytes(self) -> int:
        return segments.file_bytes(self.path)


class EmbeddedWriter:
    """A transaction of the newest segment holds frames and state entries together."""

    def __init__(self, folder: Folder, cursors: Cursors, retention: Retention) -> None:
        self._folder = folder
        self._cursors = cursors
        self._retention = retention
        self._sealed: deque[_Sealed] = deque()
        self._connection: sqlite3.Connection | None = None
        self._lock = LockFile(folder.path / "lock")
        self._own()
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise

    # ---- the protocol

    def state(self) -> dict[str, bytes]:
        return dict(self._state)

    def prepare(self, topics: Sequence[str]) -> None:
        """All topics share the one log: nothing to create."""

    def publish(self, runs: Sequence[Run], state: Mapping[str, bytes | None], more: bool = False) -> None:
        if self._connection is None:
            raise UnreachableError("the writer of the embedded stream was closed", where=str(self._folder.path))
        try:
            if not self._connection.in_transaction and self._is_due():
                self._roll()
            self._write(runs, state, more)
        except BaseException:
            # What is durable is not known to this object any more.
            self._disconnect()
            raise
        for key, value in state.items():
            if value is None:
                self._state.pop(key, None)
            else:
                self._state[key] = value
        if not more and time.monotonic() >= self._expire_at:
            self._expire()

    def backlog_full(self) -> str:
        if self._bytes() < self._retention.bytes:
            return ""
        self._expire()
        consumed, slowest = self._consumed()
        kept = [segment for segment in self._sealed if consumed is None or segment.end > consumed]
        unread = sum(segment.bytes for segment in kept)
        if consumed is None or self._end > consumed:
            unread += segments.file_bytes(self._path)
        if unread < self._retention.bytes or not slowest:
            return ""
        return (
            f"the embedded stream holds {unread:,} bytes that {', '.join(slowest)} did not consume yet, "
            f"retain_bytes is {self._retention.bytes:,}"
        )

    def spill_full(self) -> str:
        with segments.translated(self._folder.path):
            free = shutil.disk_usage(self._folder.path).free
        if free >= SPILL_LEAVES_BYTES:
            return ""
        return (
            f"the embedded stream is beyond retain_bytes for the source's sake, and its disk has only {free:,} bytes"
            f" left, of which {SPILL_LEAVES_BYTES:,} stay free"
        )

    def close(self) -> None:
        self._disconnect()
        self._lock.release()

    # ---- opening

    def _own(self) -> None:
        with segments.translated(self._folder.path):
            self._folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._lock.acquire():
                raise OwnershipLostError(
                    f"process {self._lock.holder()} is writing the embedded stream",
                    where=str(self._folder.path),
                    fix="stop it first, or give this pipeline a state_dir of its own",
                )

    def _open(self) -> None:
        with segments.translated(self._folder.path):
            segments.remove_leftovers(self._folder)
            self._folder.sync()
        bases = self._folder.bases()
        if not bases:
            segments.create(self._folder.segment(0), Identity(uuid.uuid4().hex, 0, 0), {})
            bases = [0]
        for base in bases[:-1]:
            self._sealed.append(self._look_at(base))
        self._enter(bases[-1])
        segments.make_durable(self._connected, self._path)
        with segments.translated(self._path):
            self._stream_id = segments.identity(self._connected).stream_id
            self._state = segments.state(self._connected)
        self._expire()

    def _look_at(self, base: int) -> _Sealed:
        path = self._folder.segment(base)
        connection = segments.open_to_read(path)
        assert connection is not None  # this process alone removes segments
        with closing(connection), segments.translated(path):
            return _Sealed(path, *segments.extent(connection, base))

    def _enter(self, base: int) -> None:
        """Makes this the segment that is written."""
        self._path = self._folder.segment(base)
        self._connection = segments.open_to_write(self._path)
        with segments.translated(self._path):
            row = self._connection.execute("SELECT min(written_ms) FROM frames").fetchone()
            self._begun_ms: int | None = row[0]
            self._end, self._written_ms = segments.extent(self._connection, base)
            self._total = segments.total(self._connection, self._end)

    # ---- writing

    @property
    def _connected(self) -> sqlite3.Connection:
        assert self._connection is not None
        return self._connection

    def _write(self, runs: Sequence[Run], state: Mapping[str, bytes | None], more: bool) -> None:
        connection = self._connected
        end, total = self._end, self._total
        written_ms = segments.now_ms()
        with segments.translated(self._path):
            if not connection.in_transaction:
                connection.execute("BEGIN IMMEDIATE")
            for events, body, size in frames.encode(runs):
                total += size
                connection.execute(
                    "INSERT INTO frames (last, first, written_ms, total, crc, body) VALUES (?, ?, ?, ?, ?, ?)",
                    (end + events - 1, end, written_ms, total, zlib.crc32(body), body),
                )
                end += events
            failpoints.reached("stream.produced")
            for key, value in state.items():
                if value is None:
                    connection.execute("DELETE FROM state WHERE key = ?", (key,))
                else:
                    connection.execute(_ENTRY, (key, value))
            if not more:
                failpoints.reached("stream.positioned")
                connection.execute("COMMIT")
                failpoints.reached("stream.committed")
        if end > self._end:
            self._end = end
            self._total = total
            self._written_ms = written_ms
            self._begun_ms = self._begun_ms or written_ms

    def _is_due(self) -> bool:
        """Whether the next events go into a new segment; an empty one is never left behind."""
        if self._begun_ms is None:
            return False
        old = segments.now_ms() - self._begun_ms >= self._retention.segment_ms
        return old or segments.file_bytes(self._path) >= self._retention.segment_bytes

    def _roll(self) -> None:
        path = self._folder.segment(self._end)
        segments.create(path, Identity(self._stream_id, self._end, self._total), self._state)
        # Readers of a sealed segment find everything in its one file, unless one of them is in its way just now.
        with segments.translated(self._path):
            self._connected.execute("PRAGMA busy_timeout = 0")
            self._connected.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._disconnect()
        self._sealed.append(_Sealed(self._path, self._end, self._written_ms))
        self._enter(self._end)
        self._expire()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    # ---- retention

    def _expire(self) -> None:
        """Removes segments that every consumer has and that are old enough, or too many."""
        self._expire_at = time.monotonic() + _EXPIRY_SECONDS
        if not self._sealed:
            return
        consumed, _ = self._consumed()
        total = self._bytes()
        kept_since = segments.now_ms() - 1000 * self._retention.seconds
        while self._sealed:
            oldest = self._sealed[0]
            if consumed is not None and oldest.end > consumed:
                return
            if oldest.written_ms > kept_since and total < self._retention.bytes:
                return
            total -= oldest.bytes
            with segments.translated(oldest.path):
                segments.remove(oldest.path)
            self._sealed.popleft()

    def _consumed(self) -> tuple[int | None, list[str]]:
        return self._cursors.lowest(self._retention.consumers, self._stream_id)

    def _bytes(self) -> int:
        return sum(segment.bytes for segment in self._sealed) + segments.file_bytes(self._path)
