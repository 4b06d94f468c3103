"""What stands in the way of a column's new name in MySQL: checks, and indexes of expressions, about it.

MariaDB has no such indexes, and lets checks follow.
https://dev.mysql.com/doc/refman/9.7/en/create-table-check-constraints.html, create-index.html (functional key parts).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from pymysql.connections import Connection

from tailrace.conversion.tables.literals import with_kept_texts
from tailrace.structure import Index, Part
from tailrace_mysql.quoting import identifier
from tailrace_mysql.sink_catalog import read_checks, renamed_in
from tailrace_mysql.structure import read_indexes

_NOT_ENFORCED = (
    "SELECT CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS"
    " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND CONSTRAINT_TYPE = 'CHECK' AND ENFORCED = 'NO'"
)


def checks(
    connection: Connection[Any], database: str, table: str, names: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Clauses of ALTER TABLE that take checks away, and that make them anew; they may stand in one statement.

    Args:
        names: new names of columns, by the old ones in lower case.
    """
    before: list[str] = []
    after: list[str] = []
    for check, expression in read_checks(connection, database, table, mariadb=False):
        renamed = renamed_in(expression, names)
        if renamed != expression:
            before.append(f"DROP CONSTRAINT {identifier(check)}")
            after.append(f"ADD CONSTRAINT {identifier(check)} CHECK ({with_kept_texts(renamed)})")
    if after:
        loose = {
            f"ADD CONSTRAINT {identifier(str(row[0]))} " for row in _query(connection, _NOT_ENFORCED, (database, table))
        }
        after = [f"{clause} NOT ENFORCED" if clause.startswith(tuple(loose)) else clause for clause in after]
    return before, after


def indexes(
    connection: Connection[Any], database: str, table: str, names: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """The same of indexes; the statement that drops them comes before the others."""
    found = read_indexes(lambda sql, values: _query(connection, sql, values), False, database, table)
    about = [
        index for index in found if any(renamed_in(part.expression, names) != part.expression for part in index.parts)
    ]
    return [f"DROP INDEX {identifier(index.name)}" for index in about], [_made(index, names) for index in about]


def _made(index: Index, names: Mapping[str, str]) -> str:
    parts = ", ".join(_part(part, names) for part in index.parts)
    hidden = " INVISIBLE" if index.invisible else ""
    return f"ADD {'UNIQUE ' if index.unique else ''}INDEX {identifier(index.name)} ({parts}){hidden}"


def _part(part: Part, names: Mapping[str, str]) -> str:
    if part.column:
        text = identifier(names.get(part.column.lower(), part.column)) + (f"({part.prefix})" if part.prefix else "")
    else:
        text = f"({with_kept_texts(renamed_in(part.expression, names))})"
    return f"{text}{' DESC' if part.descending else ''}"


def _query(connection: Connection[Any], sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql, values)
        rows = list(cursor.fetchall())
    connection.rollback()
    return rows
