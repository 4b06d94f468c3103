"""Scratch databases and objects that a run left behind, because it was killed or cut off before it could drop them.

Each run holds the server's lock of its own mark (`questions.locked`) for as long as its connection lasts: what
bears a mark whose lock is free is nobody's any more.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import pymysql.err

from tailrace.tables import OWN_PREFIX
from tailrace_mysql.quoting import identifier
from tailrace_mysql.schema.questions import locked, text_of

_DATABASE = re.compile(rf"{OWN_PREFIX}schema_[0-9a-f]{{12}}")
_OBJECT = re.compile(rf"({OWN_PREFIX}schema_[0-9a-f]{{8}})_\d+")
#: Finds more than those, which are looked at one by one.
_LIKE = f"{OWN_PREFIX}schema_%"
#: What stands in a database, as DROP calls it.
_OBJECTS = """
SELECT IF(TABLE_TYPE = 'VIEW', 'VIEW', 'TABLE'), TABLE_NAME FROM information_schema.TABLES
 WHERE TABLE_SCHEMA = %s AND TABLE_NAME LIKE %s
UNION ALL
SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = %s AND ROUTINE_NAME LIKE %s
"""


def drop_databases(connection: Any) -> None:
    """Those that no run holds, and that the user may drop."""
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE %s", (_LIKE,))
        names = [name for (given,) in cursor.fetchall() if _DATABASE.fullmatch(name := text_of(given))]
        for name in names:
            with _taken(cursor, name) as free, contextlib.suppress(pymysql.err.Error):
                if free:
                    cursor.execute(f"DROP DATABASE IF EXISTS {identifier(name)}")


def drop_objects(connection: Any, database: str) -> None:
    """Those of a database that no run holds, and that the user may drop."""
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(_OBJECTS, (database, _LIKE, database, _LIKE))
        for given, called in cursor.fetchall():
            kind, name = text_of(given), text_of(called)
            if (match := _OBJECT.fullmatch(name)) is None:
                continue
            with _taken(cursor, match[1]) as free, contextlib.suppress(pymysql.err.Error):
                if free:
                    cursor.execute(f"DROP {kind} IF EXISTS {identifier(database)}.{identifier(name)}")


@contextlib.contextmanager
def _taken(cursor: Any, mark: str) -> Iterator[bool]:
    free = locked(cursor.connection, mark)
    try:
        yield free
    finally:
        if free:
            cursor.execute("SELECT RELEASE_LOCK(%s)", (mark,))
            cursor.fetchall()
