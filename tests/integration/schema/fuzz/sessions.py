"""Sessions that read values as both sides are compared by them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg2
from psycopg2.extras import register_default_json, register_default_jsonb

from tests.pipelines.workload import is_mysql


@contextlib.contextmanager
def utc(database: Any, autocommit: bool = True) -> Iterator[Any]:
    """A cursor of a session in UTC."""
    connection = database.connect(autocommit=autocommit)
    if isinstance(connection, psycopg2.extensions.connection):
        # A document that is null is no NULL.
        register_default_json(connection, loads=str)
        register_default_jsonb(connection, loads=str)
    try:
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute("SET time_zone = '+00:00'" if is_mysql(database) else "SET TIME ZONE 'UTC'")
            yield cursor
    finally:
        connection.close()
