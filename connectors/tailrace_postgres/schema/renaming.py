"""Whole catalogs under other names, and parts of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from tailrace.conversion.catalog import Catalog, ObjectName, Routine
from tailrace.schema import Type
from tailrace_postgres.schema.sql_text import rewritten

#: Texts that are no SQL.
_PROSE = frozenset({"comment", "text", "labels", "reason", "origin", "version", "default_schema", "schemas", "method"})
_ATOMIC = re.compile(r"\s*(BEGIN\s+ATOMIC|RETURN)\b", re.IGNORECASE)

Rename = Callable[[tuple[str, ...]], tuple[str, ...] | None]


def in_schemas(
    catalog: Catalog, schemas: Mapping[str, str], only: Collection[ObjectName] | None = None, default: str = ""
) -> Catalog:
    """The catalog with its schemas under other names, in names and in SQL.

    Args:
        schemas: new names by old ones; "" for names without a schema.
        only: objects whose names in SQL are changed; None: all of those schemas.
        default: where the SQL's names without a schema belong.
    """

    def change(parts: tuple[str, ...]) -> tuple[str, ...] | None:
        if len(parts) < 2 or parts[0] not in schemas:
            return None
        if only is not None and ObjectName(parts[0], parts[1]) not in only:
            return None
        schema = schemas[parts[0]]
        return (schema, *parts[1:]) if schema else parts[1:]

    def name(old: ObjectName) -> ObjectName:
        return ObjectName(schemas.get(old.schema, old.schema), old.name)

    renamed: Catalog = _renamed(catalog, name, lambda sql: rewritten(sql, change))
    return replace(
        renamed,
        schemas=tuple(new for new in (schemas.get(old, old) for old in catalog.schemas) if new),
        default_schema=default,
    )


def _renamed(value: Any, name: Callable[[ObjectName], ObjectName], sql: Callable[[str], str]) -> Any:
    if isinstance(value, ObjectName):
        return name(value)
    if isinstance(value, str):
        return sql(value)
    if isinstance(value, tuple):
        return tuple(_renamed(member, name, sql) for member in value)
    if isinstance(value, Mapping):
        return {key: _renamed(member, name, sql) for key, member in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        changes = {}
        for field in fields(value):
            old = getattr(value, field.name)
            if old and not _is_prose(value, field.name, old):
                new = _renamed(old, name, sql)
                if new != old:
                    changes[field.name] = new
        return replace(value, **changes) if changes else value
    return value


def _is_prose(owner: Any, field: str, value: Any) -> bool:
    if field in _PROSE:
        return True
    if field == "body":
        return not (isinstance(owner, Routine) and _ATOMIC.match(owner.body))
    if isinstance(owner, Type):
        return field != "name"
    # Names of columns, constraints, …, alone or in lists: as they are, unquoted.
    if field in ("name", "member", "column", "language", "line"):
        return not isinstance(value, ObjectName)
    if field == "owner":
        return False
    return field in ("columns", "referenced_columns", "set_columns", "include") and bool(value) and isinstance(value[0], str)


def objects(catalog: Catalog) -> set[ObjectName]:
    """Names of all that stands by itself, partitions too."""
    found: set[ObjectName] = set()
    for things in (
        catalog.tables,
        catalog.sequences,
        catalog.enums,
        catalog.domains,
        catalog.views,
        catalog.routines,
    ):
        found.update(thing.name for thing in things)
    for other in catalog.others:
        if other.table is None:
            found.add(other.name)
    for table in catalog.tables:
        if table.partitioning:
            found.update(_partitions(table.name.schema, table.partitioning))
    return found


def _partitions(schema: str, partitioning: Any) -> set[ObjectName]:
    found: set[ObjectName] = set()
    for partition in partitioning.partitions:
        found.add(ObjectName(schema, partition.name))
        if partition.within:
            found |= _partitions(schema, partition.within)
    return found


def restricted(catalog: Catalog, names: Collection[ObjectName]) -> Catalog:
    """These objects alone, with what belongs to them."""
    wanted = frozenset(names)
    tables = tuple(table for table in catalog.tables if table.name in wanted)
    parts = set(wanted)
    for table in tables:
        if table.partitioning:
            parts |= _partitions(table.name.schema, table.partitioning)
    return replace(
        catalog,
        tables=tables,
        sequences=tuple(
            each for each in catalog.sequences if each.name in wanted or (each.owner and each.owner[0] in wanted)
        ),
        enums=tuple(each for each in catalog.enums if each.name in wanted),
        domains=tuple(each for each in catalog.domains if each.name in wanted),
        views=tuple(each for each in catalog.views if each.name in wanted),
        routines=tuple(each for each in catalog.routines if each.name in wanted),
        triggers=tuple(each for each in catalog.triggers if each.table in parts),
        comments=tuple(each for each in catalog.comments if each.name in parts),
        others=tuple(each for each in catalog.others if (each.table or each.name) in parts),
    )
