"""A sink's side of the embedded stream, or `tail`'s."""

from __future__ import annotations

import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tailrace.batch import Run
from tailrace.errors import DataLossError, UnreachableError
from tailrace.logs import logger
from tailrace.position import SCHEMA_PREFIX
from tailrace.stream import Partition, Slice
from tailrace_sqlite import frames, segments
from tailrace_sqlite.cursors import Cursors
from tailrace_sqlite.segments import Folder
from tailrace_sqlite.stream_writer import PARTITION

# Between two looks for new frames: an event is seen within the longer one, and an idle reader looks 50 times a
# second, which costs next to nothing.
_SHORTEST_WAIT = 0.001
_LONGEST_WAIT = 0.02
#: Cursors only hold retention: writing them this seldom spares a flush per commit of the sink.
_CURSOR_SECONDS = 1.0
log = logger()

_FETCH = "SELECT first, last, crc, body FROM frames WHERE last >= ? ORDER BY last"


@dataclass(slots=True)
class _Open:
    """The segment that is being read."""

    base: int
    path: Path
    connection: sqlite3.Connection
    inode: int


class EmbeddedReader:
    """Reads frames with short read transactions; waits where capture has not made the stream yet.

    Until then `stream_id` is "" and there are no partitions.
    """

    total_order = True

    def __init__(self, folder: Folder, cursors: Cursors, consumer: str, needs_beginning: bool) -> None:
        self._folder = folder
        self._cursors = cursors
        self._consumer = consumer
        self._needs_beginning = needs_beginning
        self._stream_id = ""
        self._segment: _Open | None = None
        #: None: from the stream's beginning.
        self._next: int | None = None
        self._paused = False
        self._wait = _SHORTEST_WAIT
        self._cursor: int | None = None
        self._cursor_at = 0.0
        self._cursor_fails = False

    # ---- the protocol

    @property
    def stream_id(self) -> str:
        if not self._stream_id:
            newest = segments.open_newest(self._folder)
            if newest is not None:
                self._look_at(*newest).connection.close()
        return self._stream_id

    def partitions(self) -> Mapping[Partition, str]:
        return {PARTITION: self.stream_id} if self.stream_id else {}

    def seek(self, positions: Mapping[Partition, int]) -> None:
        self._leave()
        self._next = positions.get(PARTITION)
        # Before there is a stream the first poll finds out.
        if self._enter() and self._consumer:
            self._note_cursor(self._next)

    def poll(self, timeout: float, limit_bytes: int) -> list[Slice]:
        deadline = time.monotonic() + timeout
        while True:
            found = None if self._paused else self._fetch(limit_bytes)
            if found is not None:
                self._wait = _SHORTEST_WAIT
                return [found]
            self._flush_cursor()
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            time.sleep(min(self._wait, left))
            self._wait = min(2 * self._wait, _LONGEST_WAIT)

    def pause(self, partition: Partition) -> None:
        self._paused = True

    def resume(self, partition: Partition) -> None:
        self._paused = False

    def positions(self) -> Mapping[Partition, int]:
        if self._next is None:
            bases = self._folder.bases()
            return {PARTITION: bases[0]} if bases else {}
        return {PARTITION: self._next}

    def ends(self) -> Mapping[Partition, int]:
        newest = segments.open_newest(self._folder)
        if newest is None:
            return {}
        base, connection = newest
        with closing(connection), segments.translated(self._folder.segment(base)):
            return {PARTITION: segments.extent(connection, base).end}

    def lag_bytes(self, positions: Mapping[Partition, int], ends: Mapping[Partition, int]) -> Mapping[Partition, int]:
        """See `StreamReader.lag_bytes`; exact. A frame counts until it is handed on whole."""
        return {p: self._bytes_between(positions.get(p, 0), end) for p, end in ends.items()}

    def schemas(self) -> list[bytes]:
        entries = [(key, value) for key, value in self.state().items() if key.startswith(SCHEMA_PREFIX)]
        return [value for _, value in sorted(entries, key=_version)]

    def state(self) -> dict[str, bytes]:
        newest = segments.open_newest(self._folder)
        if newest is None:
            return {}
        base, connection = newest
        with closing(connection), segments.translated(self._folder.segment(base)):
            return segments.state(connection)

    def commit(self, positions: Mapping[Partition, int]) -> None:
        if self._consumer and PARTITION in positions:
            self._cursor = positions[PARTITION]
            self._flush_cursor()

    def close(self) -> None:
        self._flush_cursor(at_once=True)
        self._leave()

    # ---- segments

    def _look_at(self, base: int, connection: sqlite3.Connection) -> _Open:
        path = self._folder.segment(base)
        try:
            with segments.translated(path):
                stream_id = segments.identity(connection).stream_id
                inode = os.stat(path).st_ino
            if self._stream_id and stream_id != self._stream_id:
                raise DataLossError(
                    "the embedded stream was torn down and made anew while it was being read",
                    where=str(self._folder.path),
                    fix="start again",
                )
        except BaseException:
            connection.close()
            raise
        self._stream_id = stream_id
        return _Open(base, path, connection, inode)

    def _enter(self) -> bool:
        """Opens the segment that holds the next offset; False where there is no stream yet.

        Raises:
            DataLossError: that offset is not there any more, or never was.
        """
        while bases := self._folder.bases():
            if self._next is None:
                self._begin(bases[0])
            assert self._next is not None
            if self._next < bases[0]:
                raise self._give_up(
                    f"events from offset {self._next:,} on are asked for, kept are those from {bases[0]:,}"
                )
            base = max(base for base in bases if base <= self._next)
            connection = segments.open_to_read(self._folder.segment(base))
            if connection is None:
                continue  # it was removed meanwhile
            self._segment = self._look_at(base, connection)
            with segments.translated(self._segment.path):
                end = segments.extent(connection, base).end
            if self._next <= end:
                return True
            self._leave()
            # A newer segment may have come between the two looks.
            if bases == self._folder.bases():
                raise self._give_up(f"offset {self._next:,} is asked for, but the stream ends at {end:,}")
        return False

    def _begin(self, first: int) -> None:
        if first and self._needs_beginning:
            raise self._give_up(
                f"{self._consumer} has no position yet, and the stream's beginning, with the rows of the full load, "
                f"is not kept any more"
            )
        self._next = first

    def _give_up(self, what: str) -> DataLossError:
        """What the consumer asks for is gone: the stream keeps nothing more for it."""
        if self._consumer and self.stream_id:
            self._cursor = None
            self._write_cursor(lambda: self._cursors.refuse(self._consumer, self._stream_id))
        return DataLossError(
            what,
            where=str(self._folder.path),
            fix="only a new full load makes the target whole: run `tailrace teardown`, then `tailrace run`",
        )

    def _leave(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.connection.close()

    def _advance(self) -> bool:
        """Goes on to the next segment if there is one; the present one has been read to its end."""
        segment = self._segment
        assert segment is not None
        assert self._next is not None
        if self._next > segment.base:
            following = self._folder.segment(self._next)
            connection = segments.open_to_read(following) if following.exists() else None
            if connection is not None:
                self._leave()
                self._segment = self._look_at(self._next, connection)
                return True
        # Retention, or a teardown, may have removed the file that is open here; nothing more comes in it.
        if _inode(segment.path) != segment.inode:
            self._leave()
            return self._enter()
        return False

    def _bytes_between(self, start: int, end: int) -> int:
        return self._bytes_before(end) - self._bytes_before(start) if start < end else 0

    def _bytes_before(self, offset: int) -> int:
        """Of all frames that end before this offset, since the stream was made."""
        while bases := self._folder.bases():
            # What retention has removed counts as read: `seek` says what that means.
            base = max((base for base in bases if base <= offset), default=bases[0])
            connection = segments.open_to_read(self._folder.segment(base))
            if connection is not None:
                with closing(connection), segments.translated(self._folder.segment(base)):
                    return segments.total(connection, offset)
        return 0

    # ---- frames

    def _fetch(self, limit_bytes: int) -> Slice | None:
        if self._segment is None and not self._enter():
            return None
        while True:
            found = self._fetch_here(limit_bytes)
            if found is not None or not self._advance():
                return found

    def _fetch_here(self, limit_bytes: int) -> Slice | None:
        segment = self._segment
        assert segment is not None
        assert self._next is not None
        runs: list[Run] = []
        offsets: list[Sequence[int]] = []
        size = 0
        offset = self._next
        with (
            segments.translated(segment.path),
            closing(segment.connection.execute(_FETCH, (offset,))) as rows,
        ):
            for first, last, crc, body in rows:
                if first > offset:
                    raise segments.damaged(segment.path, f"offsets {offset:,} to {first:,} are missing")
                body = self._unpack(body, crc)
                for run in self._decode(body, offset - first):
                    runs.append(run)
                    offsets.append(range(offset, offset + len(run)))
                    offset += len(run)
                if offset != last + 1:
                    raise segments.damaged(segment.path, f"the frame before offset {last + 1:,} lacks events")
                size += len(body)
                if size >= limit_bytes:
                    break
        if not runs:
            return None
        self._next = offset
        return Slice(PARTITION, runs, offsets, offset, size)

    def _unpack(self, body: bytes, crc: int) -> bytes:
        assert self._segment is not None
        if zlib.crc32(body) != crc:
            raise segments.damaged(self._segment.path, "a frame's checksum is wrong")
        try:
            return frames.unpacked(body)
        except ValueError as error:
            raise segments.damaged(self._segment.path, str(error)) from None

    def _decode(self, body: bytes, skip: int) -> list[Run]:
        assert self._segment is not None
        try:
            return frames.decode(body, skip)
        except ValueError as error:
            raise segments.damaged(self._segment.path, str(error)) from None

    # ---- the cursor

    def _note_cursor(self, offset: int | None) -> None:
        self._cursor = offset
        self._flush_cursor(at_once=True)

    def _flush_cursor(self, at_once: bool = False) -> None:
        offset = self._cursor
        if offset is None or not self._stream_id:
            return
        if not at_once and time.monotonic() < self._cursor_at + _CURSOR_SECONDS:
            return
        self._cursor_at = time.monotonic()
        if self._write_cursor(lambda: self._cursors.write(self._consumer, self._stream_id, offset)):
            self._cursor = None

    def _write_cursor(self, write: Callable[[], None]) -> bool:
        """A failure is no reason to stop a sink, nor to hide what has ended it: it is said once, and tried again."""
        try:
            write()
        except UnreachableError as error:
            if not self._cursor_fails:
                log.warning("how far a sink is cannot be noted as its cursor; retention waits", error=str(error))
            self._cursor_fails = True
            return False
        self._cursor_fails = False
        return True


def _version(entry: tuple[str, bytes]) -> tuple[str, int]:
    """Orders `schema:{topic}:{id}` by topic and number."""
    topic, _, number = entry[0].rpartition(":")
    return topic, int(number)


def _inode(path: Path) -> int:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return 0
