"""Views that both have give the same rows."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg2
import pymysql

from tailrace.conversion.names import Names
from tests.integration.schema.fuzz.sessions import utc
from tests.integration.schema.fuzz.values import alike
from tests.integration.schema.rows.behaviour import Difference
from tests.integration.schema.rows.tables import quoted
from tests.pipelines.workload import is_mysql

_REFUSALS = (psycopg2.Error, pymysql.err.MySQLError, sqlite3.Error)
Row = tuple[Any, ...]


def view_differences(here: Any, there: Any, names: Names) -> list[Difference]:
    """In the order of rows they may differ."""
    found = []
    made = set(_views(there))
    for view in _views(here):
        target = next((new.name for old, new in names.objects.items() if old.name == view), "")
        if target not in made:
            continue  # the assessment has said so, or read back would have
        ours = _rows(here, view)
        if isinstance(ours, str):
            continue  # it fails there, for the rows that are there
        theirs = _rows(there, target)
        if isinstance(theirs, str) or not _same(ours, theirs):
            found.append(Difference("view", frozenset({(view, "")}), str(ours)[:600], str(theirs)[:600]))
    return found


def _views(database: Any) -> list[str]:
    if database.server.kind == "sqlite":
        return [name for (name,) in database.query("SELECT name FROM sqlite_master WHERE type = 'view'")]
    schema = "DATABASE()" if is_mysql(database) else "'public'"
    rows = database.query(f"SELECT table_name FROM information_schema.views WHERE table_schema = {schema}")
    return [name for (name,) in rows]


def _rows(database: Any, view: str) -> list[Row] | str:
    """Or why it has none."""
    try:
        with utc(database) as cursor:
            cursor.execute(f"SELECT * FROM {quoted(database, view)}")
            return list(cursor.fetchall())
    except _REFUSALS as error:
        return str(error)


def _same(ours: list[Row], theirs: list[Row]) -> bool:
    left = list(theirs)
    for row in ours:
        twin = next((other for other in left if len(other) == len(row) and all(map(alike, row, other))), None)
        if twin is None:
            return False
        left.remove(twin)
    return not left
