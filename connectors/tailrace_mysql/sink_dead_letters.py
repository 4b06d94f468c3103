"""The table `_tailrace_dead_letters` in a MySQL or MariaDB target: events that it refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import pymysql.err
from pymysql.connections import Connection

from tailrace.dead_letters import TABLE
from tailrace.sql_letters import SQLLetters
from tailrace_mysql.quoting import identifier
from tailrace_mysql.sink_errors import translate


class MySQLLetters(SQLLetters):
    """See `SQLLetters`.

    Args:
        work: the open sink's connection.
        connect: makes a connection of its own.
    """

    def __init__(
        self,
        pipeline: str,
        sink: str,
        database: str,
        where: str,
        work: Callable[[], Connection[Any]],
        connect: Callable[[], Connection[Any]],
    ) -> None:
        super().__init__(pipeline, sink, "%s")
        self._database = database
        self._at = where
        self._work = work
        self._connect = connect

    def inside(self) -> AbstractContextManager[Any]:
        @contextmanager
        def inside() -> Iterator[Any]:
            with self._translated(), closing(self._work().cursor()) as cursor:
                yield cursor

        return inside()

    def outside(self) -> AbstractContextManager[Any]:
        @contextmanager
        def outside() -> Iterator[Any]:
            with self._translated(), closing(self._connect()) as connection, closing(connection.cursor()) as cursor:
                yield cursor
                connection.commit()

        return outside()

    def table(self, cursor: Any) -> str:
        return f"{identifier(self._database)}.{identifier(TABLE)}"

    def exists(self, cursor: Any) -> bool:
        found = cursor.execute(
            "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
            (self._database, TABLE),
        )
        return bool(found)

    def create(self, cursor: Any) -> None:
        # Topics have ASCII names in Kafka, and an embedded stream's ids are numbers.
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {self.table(cursor)} ("
            "pipeline VARCHAR(100) NOT NULL, sink VARCHAR(100) NOT NULL, "
            "id VARCHAR(400) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, part INT NOT NULL, "
            "wanted VARCHAR(10) NOT NULL, head MEDIUMTEXT NOT NULL, body MEDIUMTEXT NOT NULL, "
            "PRIMARY KEY (pipeline, sink, id, part)"
            ") ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except pymysql.err.Error as error:
            raise translate(error, self._at, TABLE) from None
