"""The files of the embedded stream: `DIR/00000000000000000000.segment`, named by their first event's offset.

Each is an SQLite database in WAL mode with the events of one stretch of the log as frames, and the whole state store
as of its last transaction: the newest segment alone tells where capture stands. One is made under another name, so
that it is complete when it gets its own.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from tailrace.errors import DataLossError, RefusedError, TailraceError, UnreachableError

SUFFIX = ".segment"
_UNFINISHED = ".new"
_FORMAT = 3
#: Frames of this one are not compressed, which the frames themselves tell.
_UNCOMPRESSED = 2
_APPLICATION_ID = 0x7461696C
#: Frames fill many pages, each of which is written with a call and a checksum of its own: 1.6 times the rate of 8 KiB.
#: A commit of one small event is no slower.
_PAGE_BYTES = 32 << 10
#: Commits between two checkpoints write this much into the WAL file: fewer, larger ones cost less.
_CHECKPOINT_BYTES = 16 << 20
#: With less room than this, what SQLite calls an error of the disk is a full one.
_LEAST_ROOM = 1 << 20
#: Only the rebuilding of a WAL index after a crash keeps anybody waiting.
_BUSY_SECONDS = 10.0

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE frames (
    last INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,
    written_ms INTEGER NOT NULL,
    total INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    body BLOB NOT NULL
);
"""


class Identity(NamedTuple):
    """What a segment says of itself; `bytes` are those of all frames before it."""

    stream_id: str
    base: int
    bytes: int


class Extent(NamedTuple):
    """What a segment holds: offsets from its base up to `end`, the last of them written at `written_ms` (0: none)."""

    end: int
    written_ms: int


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of one stream's segments."""

    path: Path

    def segment(self, base: int) -> Path:
        return self.path / f"{base:020d}{SUFFIX}"

    def bases(self) -> list[int]:
        """First offsets of all segment files, ascending; empty where there is no stream yet.

        Raises:
            RefusedError: no permission to look.
        """
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return []
        except PermissionError:
            raise no_permission(self.path) from None
        except OSError as error:
            raise UnreachableError(f"cannot be read: {error.strerror}", where=str(self.path)) from None
        return sorted(int(name[: -len(SUFFIX)]) for name in names if name.endswith(SUFFIX) and name[0].isdigit())

    def bytes(self) -> int:
        """Size of all files."""
        with suppress(FileNotFoundError):
            return sum(_size(entry.path) for entry in os.scandir(self.path))
        return 0

    def sync(self) -> None:
        """Makes the names of new files durable."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def open_newest(folder: Folder) -> tuple[int, sqlite3.Connection] | None:
    """The newest segment for reading; None where there is no stream yet."""
    for base in reversed(folder.bases()):
        connection = open_to_read(folder.segment(base))
        if connection is not None:
            return base, connection
    return None


def open_to_read(path: Path) -> sqlite3.Connection | None:
    """A read-only connection; None where the segment is not there."""
    with translated(path):
        try:
            connection = _connect(path, "ro")
        except sqlite3.OperationalError:
            if not path.exists():
                return None
            raise
        return _known_format(connection, path)


def open_to_write(path: Path) -> sqlite3.Connection:
    """The connection of the one writer."""
    with translated(path):
        connection = _known_format(_connect(path, "rw"), path)
        connection.execute(f"PRAGMA user_version = {_FORMAT}")  # what an earlier tailrace began, it cannot read on
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_BYTES // _PAGE_BYTES}")
        return connection


def make_durable(connection: sqlite3.Connection, path: Path) -> None:
    """After a crash, or an fsync that failed: a file's pages may be in memory alone, though a later fsync says nothing
    of it. What the WAL holds is written once more, into the segment.

    Raises:
        UnreachableError: it cannot be.
    """
    with translated(path):
        busy, frames, done = connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
    if busy or frames != done:
        raise UnreachableError("a reader of the embedded stream is in the way", where=str(path), fix="end that program")


def create(path: Path, identity: Identity, state: Mapping[str, bytes]) -> None:
    """Makes a new segment durable, with a copy of the state store."""
    unfinished = path.with_name(path.name + _UNFINISHED)
    with translated(path):
        with closing(_connect(unfinished, "rwc")) as connection:
            connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
            connection.execute("PRAGMA synchronous = FULL")
            with transaction(connection):
                for statement in _TABLES.split(";"):
                    connection.execute(statement)
                connection.executemany(
                    "INSERT INTO meta VALUES (?, ?)",
                    list(identity._asdict().items()),
                )
                connection.executemany("INSERT INTO state VALUES (?, ?)", list(state.items()))
                connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {_FORMAT}")
            connection.execute("PRAGMA journal_mode = WAL")
        os.rename(unfinished, path)
        Folder(path.parent).sync()


def remove(path: Path) -> None:
    """Removes the segment; first the file by which readers find it."""
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.unlink(f"{path}{suffix}")


def remove_leftovers(folder: Folder) -> None:
    """Removes unfinished segments, and what a reader made beside a segment that was being removed."""
    segments = {folder.segment(base).name for base in folder.bases()}
    for name in os.listdir(folder.path):
        stem, found, _ = name.partition(SUFFIX)
        if found and (_UNFINISHED in name or stem + SUFFIX not in segments):
            with suppress(FileNotFoundError):
                os.unlink(folder.path / name)


def identity(connection: sqlite3.Connection) -> Identity:
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    return Identity(str(meta["stream_id"]), int(meta["base"]), int(meta["bytes"]))


def state(connection: sqlite3.Connection) -> dict[str, bytes]:
    return dict(connection.execute("SELECT key, value FROM state"))


def total(connection: sqlite3.Connection, offset: int) -> int:
    """Bytes of all frames of the stream that end before this offset of the segment; no frame is read for it."""
    row = connection.execute("SELECT total FROM frames WHERE last < ? ORDER BY last DESC LIMIT 1", (offset,)).fetchone()
    return int(row[0]) if row else identity(connection).bytes


def extent(connection: sqlite3.Connection, base: int) -> Extent:
    row = connection.execute("SELECT last + 1, written_ms FROM frames ORDER BY last DESC LIMIT 1").fetchone()
    return Extent(*row) if row else Extent(base, 0)


def file_bytes(path: Path) -> int:
    """Size of a segment with its WAL."""
    return _size(path) + _size(f"{path}-wal")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _explain(error, path) from None
    except OSError as error:
        if isinstance(error, PermissionError):
            raise no_permission(path) from None
        raise UnreachableError(f"{error.strerror}", where=str(path)) from None


def no_permission(path: Path) -> RefusedError:
    return RefusedError(
        "no permission to read the embedded stream",
        where=str(path),
        fix="run this as the daemon's user, or as root",
    )


def damaged(path: Path, detail: str) -> DataLossError:
    return DataLossError(
        f"this segment of the embedded stream is damaged ({detail})",
        where=str(path),
        fix="restore the state folder from a backup, or run `tailrace teardown` and load again",
    )


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # The path is quoted, because "?" and "#" have a meaning in a URI.
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_SECONDS,
        check_same_thread=False,
    )


def _known_format(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version in (_FORMAT, _UNCOMPRESSED):
        return connection
    connection.close()
    if version > _FORMAT:
        raise RefusedError(
            f"the embedded stream has format {version}, this tailrace knows up to {_FORMAT}",
            where=str(path),
            fix="run the newer tailrace that wrote it",
        )
    if version:
        raise RefusedError(
            f"the embedded stream has format {version}, of before the first release",
            where=str(path),
            fix="run `tailrace teardown`, then load anew",
        )
    raise damaged(path, "it is empty")


def _explain(error: sqlite3.Error, path: Path) -> TailraceError:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or isinstance(error, sqlite3.DataError):
        return damaged(path, str(error))
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_READONLY", "SQLITE_AUTH")):
        return _explain_access(error, path)
    # SQLite tells a full disk from a broken one only where it writes pages.
    if name.startswith("SQLITE_FULL") or (name.startswith("SQLITE_IOERR") and _is_full(path)):
        return UnreachableError("no space left for the embedded stream", where=str(path), fix="free some space")
    if name.startswith("SQLITE_IOERR"):
        return UnreachableError(
            f"reading or writing the embedded stream failed ({name})",
            where=str(path),
            fix="see the system's log for errors of the disk",
        )
    return UnreachableError(f"SQLite cannot go on: {error}", where=str(path))


def _explain_access(error: sqlite3.Error, path: Path) -> TailraceError:
    # Besides the file itself SQLite needs to write the index of its WAL, in the same folder.
    readable = os.access(path, os.R_OK, effective_ids=True) or not path.exists()
    if not readable or not os.access(path.parent, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        return no_permission(path)
    return UnreachableError(f"cannot be opened: {error}", where=str(path))


def _is_full(path: Path) -> bool:
    try:
        found = os.statvfs(path.parent)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < _LEAST_ROOM


def _size(path: str | Path) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
