"""The embedded stream: one log of all topics in SQLite files, for pipelines that live on one machine."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from tailrace.connectors import Context
from tailrace.errors import OwnershipLostError
from tailrace.locks import LockFile
from tailrace.source import Finding
from tailrace.stream import Partition, StreamSize
from tailrace_sqlite import segments
from tailrace_sqlite.cursors import Cursors
from tailrace_sqlite.segments import Folder
from tailrace_sqlite.stream_reader import EmbeddedReader
from tailrace_sqlite.stream_writer import PARTITION, EmbeddedWriter, Retention

_LEAST_FREE_BYTES = 1 << 30


class Settings(Protocol):
    """What the stream needs of its table in the pipeline file.

    Attributes:
        retain: seconds that an event is kept after it was written, consumed or not.
        retain_bytes: size from which consumed events go before that time, and capture waits for the sinks.
    """

    @property
    def retain(self) -> float: ...

    @property
    def retain_bytes(self) -> int: ...


class EmbeddedStream:
    """Segment files and cursor files in the pipeline's state folder, written by capture alone."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._state_dir = Path(context.state_dir)
        self._folder = Folder(self._state_dir / "stream")
        self._cursors = Cursors(self._state_dir / "cursors")

    def retention(self) -> float | None:
        return self._settings.retain

    def check(self) -> list[Finding]:
        return [self._check_version(), self._check_files(), self._check_space()]

    def writer(self) -> EmbeddedWriter:
        """Opens the stream for writing, making it where there is none.

        Raises:
            OwnershipLostError: another process writes it.
        """
        retention = Retention(self._settings.retain, self._settings.retain_bytes, self._context.sinks)
        return EmbeddedWriter(self._folder, self._cursors, retention)

    def join(self, consumer: str) -> None:
        """The stream is one log, and its file is on one machine: a sink has one worker."""

    def reader(self, consumer: str, membership: Any = None) -> EmbeddedReader:
        # A pipeline that loads its tables has their rows at the stream's beginning: a sink must not begin later.
        whole = bool(consumer) and self._context.mode != "cdc"
        return EmbeddedReader(self._folder, self._cursors, consumer, needs_beginning=whole)

    def size(self) -> StreamSize:
        bases = self._folder.bases()
        newest = segments.open_newest(self._folder)
        if newest is None:
            return StreamSize()
        base, connection = newest
        with closing(connection), segments.translated(self._folder.segment(base)):
            end = segments.extent(connection, base).end
        return StreamSize(self._folder.bytes(), {PARTITION: end - bases[0]})

    def teardown(self, dry_run: bool) -> list[str]:
        names = [str(path) for path in (self._folder.path, self._cursors.path) if path.exists()]
        if dry_run or not names:
            return names
        lock = LockFile(self._folder.path / "lock")
        with segments.translated(self._folder.path):
            self._folder.path.mkdir(mode=0o700, exist_ok=True)
            if not lock.acquire():
                raise OwnershipLostError(
                    f"process {lock.holder()} is writing the embedded stream",
                    where=str(self._folder.path),
                    fix="stop it first",
                )
            with lock:
                shutil.rmtree(self._folder.path)
                self._cursors.remove()
        return names

    # ---- check

    def _check_version(self) -> Finding:
        ok = sqlite3.sqlite_version_info >= (3, 24)
        return Finding("SQLite", ok, sqlite3.sqlite_version, "" if ok else "use a Python with SQLite 3.24 or newer")

    def _check_files(self) -> Finding:
        newest = segments.open_newest(self._folder)
        if newest is None:
            return Finding("embedded stream", True, f"{self._folder.path} will be made")
        base, connection = newest
        with closing(connection), segments.translated(self._folder.segment(base)):
            end = segments.extent(connection, base).end
        size = self._folder.bytes()
        return Finding("embedded stream", True, f"{end:,} events so far, {size:,} bytes in {self._folder.path}")

    def _check_space(self) -> Finding:
        place = self._state_dir
        while not place.exists():
            place = place.parent
        free = shutil.disk_usage(place).free
        missing = self._settings.retain_bytes - self._folder.bytes()
        detail = f"{free:,} bytes free, the stream may still grow by {max(missing, 0):,}"
        if free < _LEAST_FREE_BYTES and free < missing:
            return Finding("disk space", False, detail, "free some space, or lower stream.retain_bytes")
        if free < missing:
            return Finding("disk space", None, detail, "free some space, or lower stream.retain_bytes")
        return Finding("disk space", True, detail)


__all__ = ["PARTITION", "EmbeddedStream", "Partition", "Settings"]
