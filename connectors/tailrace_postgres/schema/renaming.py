"""Whole catalogs under other names, and parts of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from tailrace.conversion.catalog import Catalog, ObjectKind, ObjectName, Routine, signature
from tailrace.conversion.expressions.chains import chains
from tailrace.schema import Type
from tailrace_postgres.schema.sql_text import ident, in_schema

#: Texts that are no SQL.
_PROSE = frozenset({"comment", "text", "labels", "reason", "origin", "version", "default_schema", "schemas", "method"})
_MULTIRANGE = re.compile(r"MULTIRANGE_TYPE_NAME = (.*)\)")
#: Of a partition in another schema than its table's.
MOVED = re.compile(r"ALTER TABLE (.*) SET SCHEMA (\S.*)")
_ATOMIC = re.compile(r"\s*(BEGIN\s+ATOMIC|RETURN)\b", re.IGNORECASE)


def in_schemas(
    catalog: Catalog,
    schemas: Mapping[str, str],
    *,
    only: Collection[ObjectName] | None = None,
    keep: Collection[ObjectName] = (),
    default: str = "",
) -> Catalog:
    """The catalog with its schemas under other names, in names and in SQL.

    Args:
        schemas: new names by old ones; "" for names without a schema.
        only: objects whose names in SQL are changed; None: all of those schemas.
        keep: objects whose names stay as they are.
        default: where the SQL's names without a schema belong.
    """

    def change(parts: tuple[str, ...]) -> str | None:
        object_ = ObjectName(parts[0], parts[1])
        if object_ in keep or (only is not None and object_ not in only):
            return None
        return schemas.get(parts[0])

    def name(old: ObjectName) -> ObjectName:
        return old if old in keep else ObjectName(schemas.get(old.schema, old.schema), old.name)

    def text(sql: str) -> str:
        if match := MOVED.fullmatch(sql):
            schema = schemas.get(_names(match[2])[0].name, "")
            return f"ALTER TABLE {in_schema(match[1], change)} SET SCHEMA {ident(schema) if schema else match[2]}"
        return in_schema(sql, change)

    renamed: Catalog = _renamed(catalog, name, text)
    # What belongs to a table is where the table is.
    triggers = tuple(replace(each, name=ObjectName(each.table.schema, each.name.name)) for each in renamed.triggers)
    others = tuple(
        replace(new, name=ObjectName(new.table.schema, new.name.name))
        if new.table is not None and old.table is not None and old.name.schema == old.table.schema
        else new
        for old, new in zip(catalog.others, renamed.others, strict=True)
    )
    return replace(
        in_order(replace(renamed, triggers=triggers, others=others)),
        schemas=tuple(new for new in (schemas.get(old, old) for old in catalog.schemas) if new),
        default_schema=default,
    )


def in_order(catalog: Catalog) -> Catalog:
    """By names, whatever the server's collation and the order in which things were made."""
    kinds = list(ObjectKind)
    return replace(
        catalog,
        tables=tuple(sorted(catalog.tables, key=lambda each: each.name)),
        sequences=tuple(sorted(catalog.sequences, key=lambda each: each.name)),
        enums=tuple(sorted(catalog.enums, key=lambda each: each.name)),
        domains=tuple(sorted(catalog.domains, key=lambda each: each.name)),
        views=tuple(sorted(catalog.views, key=lambda each: each.name)),
        routines=tuple(sorted(catalog.routines, key=lambda each: (each.name, signature(each)))),
        triggers=tuple(sorted(catalog.triggers, key=lambda each: (each.table, each.name))),
        comments=tuple(sorted(catalog.comments, key=lambda each: (each.name, kinds.index(each.kind), each.member))),
        others=tuple(sorted(catalog.others, key=lambda each: (each.table or each.name, each.name, each.definition))),
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
    return field in ("columns", "referenced_columns", "set_columns", "include") and isinstance(value[0], str)


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
        if match := _MULTIRANGE.search(other.definition):
            found.update(_names(match[1]))
        if match := MOVED.fullmatch(other.definition):
            found.add(ObjectName(_names(match[2])[0].name, _names(match[1])[0].name))
    for table in catalog.tables:
        if table.partitioning:
            found.update(_partitions(table.name.schema, table.partitioning))
    return found


def named_objects(catalog: Catalog) -> set[ObjectName]:
    """Those of `objects`, and what else has a name in a schema: indexes, statistics, rules."""
    found = objects(catalog)
    indexes = [(each.name.schema, each.indexes) for each in catalog.tables]
    indexes += [(each.name.schema, each.indexes) for each in catalog.views]
    found.update(ObjectName(schema, index.name) for schema, those in indexes for index in those)
    found.update(other.name for other in catalog.others)
    return found


def _names(sql: str) -> list[ObjectName]:
    return [
        ObjectName(*chain.parts[:2]) if len(chain.parts) > 1 else ObjectName("", chain.parts[0])
        for chain in chains(sql)
    ]


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
    parts = set(wanted) | {ObjectName("", schema) for schema in catalog.schemas}
    for table in tables:
        if table.partitioning:
            parts |= _partitions(table.name.schema, table.partitioning)
    others = tuple(each for each in catalog.others if (each.table or each.name) in parts)
    said_of = parts | {other.name for other in others}
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
        comments=tuple(each for each in catalog.comments if each.name in said_of),
        others=others,
    )
