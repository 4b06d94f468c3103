"""A catalog in the words in which the server keeps it: made in a database that is dropped again."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import pymysql.err

from tailrace.conversion.catalog import Catalog, Dialect, ForeignKey, ObjectKind, ObjectName, Other, Table
from tailrace.tables import OWN_PREFIX
from tailrace_mysql.schema.application import run
from tailrace_mysql.schema.columns import settled as settled_default
from tailrace_mysql.schema.columns import split_type
from tailrace_mysql.schema.ddl import render
from tailrace_mysql.schema.questions import number
from tailrace_mysql.schema.reader import read
from tailrace_mysql.schema.words import identifier, stripped, unqualified

#: The user may not create a database, or the server takes no writes.
_MAY_NOT = (1044, 1227, 1290, 1142, 1792, 1836)
#: Made in a scratch database they would act, or stay when it is gone.
_NOT_MADE = (ObjectKind.EVENT, ObjectKind.GRANT)
_T = TypeVar("_T")


def canonical(connection: Any, catalog: Catalog, database: str, where: str) -> Catalog:
    """See `target.MySQLSchema.canonical`."""
    name = f"{OWN_PREFIX}schema_{secrets.token_hex(6)}"
    here = ("", database)
    inside, outside = _divided(catalog, here)
    try:
        _ask(connection, _create(connection, name, database))
    except pymysql.err.Error as error:
        if number(error) in _MAY_NOT:
            return undefined(settled(catalog, database))
        raise
    try:
        _ask(connection, f"USE {identifier(name)}")
        run(connection, render(replace(inside, default_schema=database, schemas=())), where)
        made = read(connection, [name], name)
    finally:
        with contextlib.suppress(pymysql.err.Error):
            _ask(connection, f"DROP DATABASE IF EXISTS {identifier(name)}")
    made = undefined(renamed(made, name, database))
    return _joined(replace(made, origin=catalog.origin, schemas=catalog.schemas), outside)


def _create(connection: Any, name: str, database: str) -> str:
    """With the character set and collation of the sink's database, which tables that name none get."""
    asked = "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA"
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(f"{asked} WHERE SCHEMA_NAME = %s", (database,))
        charset, collation = cursor.fetchone() or ("utf8mb4", "utf8mb4_bin")
    return f"CREATE DATABASE {identifier(name)} CHARACTER SET {charset} COLLATE {collation}"


def _ask(connection: Any, sql: str) -> None:
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql)


# ---- which objects


def _divided(catalog: Catalog, here: tuple[str, str]) -> tuple[Catalog, Catalog]:
    """What can be made in one database, and the rest."""

    def mine(things: Iterable[_T]) -> tuple[tuple[_T, ...], tuple[_T, ...]]:
        inside: list[_T] = []
        outside: list[_T] = []
        for thing in things:
            named: Any = thing
            makeable = named.name.schema in here and not (isinstance(thing, Other) and thing.kind in _NOT_MADE)
            (inside if makeable else outside).append(thing)
        return tuple(inside), tuple(outside)

    pairs = {kind: mine(getattr(catalog, kind)) for kind in _OBJECTS}
    views = tuple(replace(view, query=unqualified(view.query, here[1])) for view in pairs["views"][0])
    first: dict[str, Any] = {kind: pair[0] for kind, pair in pairs.items()}
    second: dict[str, Any] = {kind: pair[1] for kind, pair in pairs.items()}
    return replace(catalog, **{**first, "views": views}), replace(catalog, **second)


_OBJECTS = ("tables", "sequences", "enums", "domains", "views", "routines", "triggers", "comments", "others")


def _joined(one: Catalog, other: Catalog) -> Catalog:
    both: dict[str, Any] = {kind: (*getattr(one, kind), *getattr(other, kind)) for kind in _OBJECTS}
    return replace(one, **both)


def renamed(thing: Any, old: str, new: str) -> Any:
    """With another database in all names of objects."""
    if isinstance(thing, ObjectName):
        return ObjectName(new, thing.name) if thing.schema == old else thing
    if isinstance(thing, Catalog):
        changed: dict[str, Any] = {
            kind: tuple(renamed(item, old, new) for item in getattr(thing, kind)) for kind in _OBJECTS
        }
        return replace(thing, default_schema=new, **changed)
    if is_dataclass(thing) and not isinstance(thing, type):
        given = {field.name: getattr(thing, field.name) for field in fields(thing)}
        changed = {key: renamed(value, old, new) for key, value in given.items() if _nested(value)}
        return replace(thing, **changed) if changed else thing
    if isinstance(thing, tuple):
        return tuple(renamed(item, old, new) for item in thing)
    return thing


def _nested(value: Any) -> bool:
    return isinstance(value, tuple) or is_dataclass(value)


def undefined(catalog: Catalog) -> Catalog:
    """Without who made programs, and without grants: both are the server's own matter."""

    def bare(things: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(
            replace(thing, options={key: value for key, value in thing.options.items() if key != "definer"})
            for thing in things
        )

    return replace(
        catalog,
        views=bare(catalog.views),
        routines=bare(catalog.routines),
        triggers=bare(catalog.triggers),
        others=bare(other for other in catalog.others if other.kind is not ObjectKind.GRANT),
    )


# ---- without a server's help


def settled(catalog: Catalog, database: str) -> Catalog:
    """One form for what may be written in several, as far as that is known without the server.

    Types in lower case, without the character set in them; character set and collation of every text column; defaults
    as `columns.settled`; no parentheses around expressions; unique indexes of whole columns are constraints; RESTRICT
    is MariaDB's NO ACTION. Expressions stay as they are written.
    """
    mariadb = catalog.dialect is Dialect.MARIADB
    tables = tuple(_settled_table(table, mariadb) for table in catalog.tables)
    return replace(catalog, default_schema=database, tables=tables)


def _settled_table(table: Table, mariadb: bool) -> Table:
    columns = []
    for column in table.columns:
        sql_type, charset, collation = split_type(column.sql_type)
        columns.append(
            replace(
                column,
                sql_type=sql_type,
                charset=column.charset or charset,
                collation=column.collation or collation,
                default=settled_default(column.default, column.type, mariadb),
                generated=stripped(column.generated) if column.generated else "",
            )
        )
    indexes = tuple(
        replace(
            index,
            constraint=index.unique
            and not index.primary
            and all(part.column and not part.prefix for part in index.parts),
            parts=tuple(
                replace(part, expression=stripped(part.expression)) if part.expression else part for part in index.parts
            ),
        )
        for index in table.indexes
    )
    keys = tuple(_settled_key(key) for key in table.foreign_keys) if mariadb else table.foreign_keys
    checks = tuple(replace(check, expression=stripped(check.expression)) for check in table.checks)
    return replace(table, columns=tuple(columns), indexes=indexes, checks=checks, foreign_keys=keys)


def _settled_key(key: ForeignKey) -> ForeignKey:
    same = {"RESTRICT": "NO ACTION"}
    return replace(
        key, on_update=same.get(key.on_update, key.on_update), on_delete=same.get(key.on_delete, key.on_delete)
    )
