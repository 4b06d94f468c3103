"""The table `_tailrace_dead_letters` in a PostgreSQL target: events that it refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from tailrace.dead_letters import TABLE
from tailrace.sql_letters import SQLLetters
from tailrace_postgres.sink_connection import literal, quoted
from tailrace_postgres.sink_errors import translated

#: Of pg_advisory_xact_lock: two sinks of one database may make the table at the same moment.
_LOCK = 0x7461_696C_6C65_7474

_CREATE = """
CREATE TABLE IF NOT EXISTS {table} (
    pipeline text NOT NULL, sink text NOT NULL, id text NOT NULL, part integer NOT NULL,
    wanted text NOT NULL, head text NOT NULL, body text NOT NULL, PRIMARY KEY (pipeline, sink, id, part)
)
"""


class PostgresLetters(SQLLetters):
    """See `SQLLetters`.

    Args:
        cursor: the open sink's.
        session: makes a connection of its own.
        find_schema: the schema that the sink writes.
    """

    def __init__(
        self,
        pipeline: str,
        sink: str,
        where: str,
        cursor: Callable[[], Any],
        session: Callable[[], AbstractContextManager[Any]],
        find_schema: Callable[[Any], str],
    ) -> None:
        super().__init__(pipeline, sink, "%s")
        self._at = where
        self._cursor = cursor
        self._session = session
        self._find_schema = find_schema

    def inside(self) -> AbstractContextManager[Any]:
        @contextmanager
        def inside() -> Iterator[Any]:
            with translated(self._at, TABLE):
                yield self._cursor()

        return inside()

    def outside(self) -> AbstractContextManager[Any]:
        @contextmanager
        def outside() -> Iterator[Any]:
            with self._session() as connection, translated(self._at, TABLE):
                with connection.cursor() as cursor:
                    yield cursor
                connection.commit()

        return outside()

    def table(self, cursor: Any) -> str:
        return quoted(self._find_schema(cursor), TABLE)

    def exists(self, cursor: Any) -> bool:
        cursor.execute(f"SELECT to_regclass({literal(self.table(cursor))})")
        return cursor.fetchone()[0] is not None

    def create(self, cursor: Any) -> None:
        cursor.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
        cursor.execute(_CREATE.format(table=self.table(cursor)))
