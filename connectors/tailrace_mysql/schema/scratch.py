"""A catalog in the words in which the server keeps it: made where nobody looks, read, and dropped again.

In a database of its own, if the user may create one. Else each object by itself in the sink's database, under a name
that no pipeline captures (`_tailrace_…`). Where the user may not even do that, as `settled` has it.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pymysql.err

from tailrace.conversion.catalog import Catalog, Dialect, Other
from tailrace.errors import RefusedError
from tailrace.tables import OWN_PREFIX
from tailrace_mysql.quoting import identifier
from tailrace_mysql.schema import abandoned, aside
from tailrace_mysql.schema.application import MAY_NOT, run
from tailrace_mysql.schema.ddl import render
from tailrace_mysql.schema.ddl_programs import kept_modes
from tailrace_mysql.schema.portions import divided, joined, moved, undefined
from tailrace_mysql.schema.questions import locked, number, text_of
from tailrace_mysql.schema.reader import read
from tailrace_mysql.schema.settled import settled


def canonical(connection: Any, catalog: Catalog, database: str, where: str) -> Catalog:
    """See `target.MySQLSchema.canonical`."""
    inside, outside = divided(replace(catalog, default_schema=database), database)
    charset, collation = _texts(connection, database)
    try:
        with _database(connection, charset, collation) as name:
            run(connection, render(inside, together=True), where)
            made = moved(read(connection, [name], name), name, database)
    except _Refused:
        made = aside.canonical(connection, inside, database, where, lambda part: settled(part, charset, collation))
    others = tuple(_session(connection, other, catalog.dialect is Dialect.MARIADB) for other in outside.others)
    outside = replace(outside, others=others)
    return joined(undefined(replace(made, origin=catalog.origin, schemas=catalog.schemas)), outside)


def _session(connection: Any, given: Other, mariadb: bool) -> Other:
    """What is not made, with the session that it would be made in, as `reader.read` would say it."""
    options = dict(given.options)
    with contextlib.closing(connection.cursor()) as cursor:
        if modes := options.get("sql_mode"):
            cursor.execute("SELECT @@SESSION.sql_mode")
            (before,) = cursor.fetchone()
            cursor.execute("SET SESSION sql_mode = %s", (kept_modes(modes, mariadb),))
            cursor.execute("SELECT @@SESSION.sql_mode")
            options["sql_mode"] = text_of(cursor.fetchone()[0])
            cursor.execute("SET SESSION sql_mode = %s", (before,))
        cursor.execute("SELECT @@SESSION.collation_connection")
        if options.get("collation_connection") == text_of(cursor.fetchone()[0]):
            del options["collation_connection"]
    return replace(given, options=options)


class _Refused(Exception):
    """There is no database to be had."""


@contextlib.contextmanager
def _database(connection: Any, charset: str, collation: str) -> Iterator[str]:
    """A scratch database, which is the current one; with the character set that tables have that name none."""
    name = f"{OWN_PREFIX}schema_{secrets.token_hex(6)}"
    locked(connection, name)
    abandoned.drop_databases(connection)
    try:
        _ask(connection, f"CREATE DATABASE {identifier(name)} CHARACTER SET {charset} COLLATE {collation}")
    except pymysql.err.Error as error:
        if number(error) in MAY_NOT:
            raise _Refused from None
        raise
    try:
        _ask(connection, f"USE {identifier(name)}")
        yield name
    finally:
        with contextlib.suppress(pymysql.err.Error):
            _ask(connection, f"DROP DATABASE IF EXISTS {identifier(name)}")


def _texts(connection: Any, database: str) -> tuple[str, str]:
    """The database's character set and collation."""
    asked = "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA"
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(f"{asked} WHERE SCHEMA_NAME = %s", (database,))
        row = cursor.fetchone()
    if row is None:
        raise RefusedError(f"there is no database {database}", fix="create it, or correct the url")
    return text_of(row[0]), text_of(row[1])


def _ask(connection: Any, sql: str) -> None:
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql)
