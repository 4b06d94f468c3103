"""Catalogs cut in two, put together, and with other names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from tailrace.conversion.catalog import Catalog, ObjectKind, ObjectName, Other, Table
from tailrace_mysql.schema.words import unqualified

OBJECTS = ("tables", "sequences", "enums", "domains", "views", "routines", "triggers", "comments", "others")
#: Made in a scratch database they would act, or stay when it is gone.
_NOT_MADE = (ObjectKind.EVENT, ObjectKind.GRANT)
_T = TypeVar("_T")


def divided(catalog: Catalog, database: str) -> tuple[Catalog, Catalog]:
    """What can be made in one database to be looked at, its texts without the database's name, and the rest."""

    def mine(things: Iterable[_T]) -> tuple[tuple[_T, ...], tuple[_T, ...]]:
        inside: list[_T] = []
        outside: list[_T] = []
        for thing in things:
            named: Any = thing
            acts = isinstance(thing, Other) and thing.kind in _NOT_MADE
            (inside if named.name.schema in ("", database) and not acts else outside).append(thing)
        return tuple(inside), tuple(outside)

    pairs = {kind: mine(getattr(catalog, kind)) for kind in OBJECTS}
    views = tuple(replace(view, query=unqualified(view.query, database)) for view in pairs["views"][0])
    tables = tuple(local(table, database) for table in pairs["tables"][0])
    first: dict[str, Any] = {kind: pair[0] for kind, pair in pairs.items()} | {"tables": tables}
    second: dict[str, Any] = {kind: pair[1] for kind, pair in pairs.items()}
    return replace(catalog, **{**first, "views": views, "schemas": ()}), replace(catalog, **second)


def local(table: Table, database: str) -> Table:
    """With the sequences of its own database, which defaults of MariaDB name, without the database before them."""
    columns = (
        replace(column, default=unqualified(column.default, database)) if "(" in column.default else column
        for column in table.columns
    )
    return replace(table, columns=tuple(columns))


def joined(one: Catalog, other: Catalog) -> Catalog:
    """All objects of both; the rest is the first one's."""
    both: dict[str, Any] = {kind: (*getattr(one, kind), *getattr(other, kind)) for kind in OBJECTS}
    return replace(one, **both)


def moved(catalog: Catalog, old: str, new: str) -> Catalog:
    """With another database in all names of objects."""
    made = renamed(catalog, lambda name: ObjectName(new, name.name) if name.schema == old else name)
    schemas = tuple(new if schema == old else schema for schema in catalog.schemas)
    return replace(made, default_schema=new, schemas=schemas)


def renamed(catalog: Catalog, change: Callable[[ObjectName], ObjectName]) -> Catalog:
    """With all names of objects changed; SQL stays."""
    changed: dict[str, Any] = {kind: _renamed(getattr(catalog, kind), change) for kind in OBJECTS}
    return replace(catalog, **changed)


def _renamed(thing: Any, change: Callable[[ObjectName], ObjectName]) -> Any:
    if isinstance(thing, ObjectName):
        return change(thing)
    if isinstance(thing, tuple):
        return tuple(_renamed(item, change) for item in thing)
    if is_dataclass(thing) and not isinstance(thing, type):
        given = {field.name: getattr(thing, field.name) for field in fields(thing)}
        nested = {key: value for key, value in given.items() if isinstance(value, tuple) or is_dataclass(value)}
        changed = {key: _renamed(value, change) for key, value in nested.items()}
        return replace(thing, **changed) if changed else thing
    return thing


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
