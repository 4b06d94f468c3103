"""The table `_tailrace_dead_letters` in a SQLite target: events that it refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from sqlite3 import Connection, Cursor

from tailrace.dead_letters import TABLE
from tailrace.sql_letters import SQLLetters
from tailrace_sqlite.sink_errors import translated

_CREATE = f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
    pipeline TEXT NOT NULL, sink TEXT NOT NULL, id TEXT NOT NULL, part INTEGER NOT NULL,
    wanted TEXT NOT NULL, head TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (pipeline, sink, id, part)
)
"""


class SQLiteLetters(SQLLetters):
    """See `SQLLetters`.

    Args:
        begin: the open sink's connection, within its transaction.
        connect: makes one of its own.
    """

    def __init__(
        self, pipeline: str, sink: str, path: Path, begin: Callable[[], Connection], connect: Callable[[], Connection]
    ) -> None:
        super().__init__(pipeline, sink, "?")
        self._path = path
        self._begin = begin
        self._connect = connect

    def inside(self) -> AbstractContextManager[Cursor]:
        @contextmanager
        def inside() -> Iterator[Cursor]:
            with translated(self._path), closing(self._begin().cursor()) as cursor:
                yield cursor

        return inside()

    def outside(self) -> AbstractContextManager[Cursor | None]:
        @contextmanager
        def outside() -> Iterator[Cursor | None]:
            if not self._path.exists():
                yield None
                return
            # Statements commit themselves: a reader must not keep the sink from writing.
            with translated(self._path), closing(self._connect()) as connection:
                yield connection.cursor()

        return outside()

    def table(self, cursor: Cursor) -> str:
        return TABLE

    def exists(self, cursor: Cursor) -> bool:
        cursor.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (TABLE,))
        return cursor.fetchone() is not None

    def create(self, cursor: Cursor) -> None:
        cursor.execute(_CREATE)
