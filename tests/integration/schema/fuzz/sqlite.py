"""A file of SQLite's that answers as `tests.servers.Database` does, with values as the sink would have written them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class _Kind:
    kind = "sqlite"

    class login:
        scheme = "sqlite"


class _Cursor:
    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> None:
        if sql.startswith("SET "):
            return  # of a session; there is nothing to be set
        if parameters is not None:
            sql = sql.replace("%s", "?").replace("%%", "%")
        self._cursor.execute(sql, parameters or ())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


class _Connection:
    def __init__(self, path: Path, autocommit: bool) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        if not autocommit:
            self._connection.execute("BEGIN")

    def cursor(self) -> _Cursor:
        return _Cursor(self._connection.cursor())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class SQLiteDatabase:
    """
    Attributes:
        url: as a sink of a pipeline file has it.
    """

    server = _Kind

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        self.url = f"sqlite:///{path}"

    def clear(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def connect(self, autocommit: bool = True) -> _Connection:
        return _Connection(self.path, autocommit)

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> None:
        self.query(sql, parameters)

    def query(self, sql: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        with contextlib.closing(self.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(sql, parameters)
            return [tuple(row) for row in cursor.fetchall()]
