"""Questions to a server for its catalog, in a session in which it answers the same way whatever its defaults."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import pymysql.err

from tailrace_mysql.quoting import identifier

Row = tuple[Any, ...]


class Questions:
    """
    Args:
        connection: PyMySQL's. From now on it gives text as bytes, since a DEFAULT may hold some that are no text.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        connection.autocommit(True)
        connection.use_unicode = False
        self.rows("SET SESSION sql_mode = '', time_zone = '+00:00', sql_quote_show_create = 1")
        self.version = text_of(self.rows("SELECT VERSION()")[0][0])
        self.mariadb = "mariadb" in self.version.lower()
        if not self.mariadb:
            # MySQL would answer by statistics of up to a day ago.
            self.rows("SET SESSION information_schema_stats_expiry = 0")
        self.collation = text_of(self.rows("SELECT @@SESSION.collation_connection")[0][0])

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql, values or None)
            return list(cursor.fetchall()) if cursor.description else []

    def row(self, sql: str, values: Sequence[Any]) -> Row | None:
        rows = self.rows(sql, values)
        return rows[0] if rows else None

    def shown(self, sql: str) -> dict[str, str]:
        """The row of a SHOW statement, by its columns' names."""
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)
            row = cursor.fetchone() or ()
            names = [text_of(column[0]) for column in cursor.description]
        return {name: text_of(value) for name, value in zip(names, row, strict=False) if value is not None}

    def use(self, database: str) -> None:
        """SHOW CREATE names what is in the current database without it."""
        self.rows(f"USE {identifier(database)}")


def text_of(value: Any) -> str:
    """Bytes that are no UTF-8 are kept as surrogates (`columns.settled` makes a hexadecimal literal of them)."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def number(error: pymysql.err.Error) -> int:
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0
