"""Views that both have: the same rows come out of the same rows."""

from __future__ import annotations

from typing import Any

import psycopg2
import pymysql

from tests.integration.schema.rows.behaviour import Difference
from tests.integration.schema.rows.sameness import plain, same
from tests.integration.schema.rows.tables import Column, quoted
from tests.pipelines.workload import is_mysql
from tests.servers import Database


def view_differences(source: Database, target: Database) -> list[Difference]:
    found = []
    names = _columns(target)
    for view, columns in _columns(source).items():
        if view not in names:
            continue  # the assessment has said so, or read back would have
        ours = _rows(source, view, columns)
        if isinstance(ours, str):
            continue  # it fails there, for the rows that are there
        theirs = _rows(target, view, columns)
        if isinstance(theirs, str) or not _alike(ours, theirs):
            found.append(Difference("view", frozenset({(view, "")}), str(ours)[:300], str(theirs)[:300]))
    return found


def _columns(database: Database) -> dict[str, list[str]]:
    here = "DATABASE()" if is_mysql(database) else "'public'"
    rows = database.query(
        "SELECT c.table_name, c.column_name FROM information_schema.columns c JOIN information_schema.views v"
        f" USING (table_schema, table_name) WHERE c.table_schema = {here} ORDER BY c.table_name, c.ordinal_position"
    )
    found: dict[str, list[str]] = {}
    for view, column in rows:
        found.setdefault(view, []).append(column)
    return found


def _rows(database: Database, view: str, columns: list[str]) -> list[tuple[Any, ...]] | str:
    """Or why it has none."""
    try:
        rows = database.query(f"SELECT {quoted(database, *columns)} FROM {quoted(database, view)}")
    except (psycopg2.Error, pymysql.err.MySQLError) as error:
        return str(error)
    return sorted(rows, key=lambda row: [str(plain(value)) for value in row])


def _alike(ours: list[tuple[Any, ...]], theirs: list[tuple[Any, ...]]) -> bool:
    return len(ours) == len(theirs) and all(map(_same, ours, theirs))


def _same(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    return all(same(a, b, Column("", ""), given=True) for a, b in zip(first, second, strict=True))
