"""A table's versions: column ids that outlive renames."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any

from tailrace.connectors import Context
from tailrace.schema import Column, TableName, TableSchema
from tailrace.shaping.building import ShapeError
from tailrace.shaping.shape import Shape
from tailrace.shaping.shapes import Shapes
from tailrace.tables import topic_name
from tailrace_mysql.definition import ColumnDefinition, TableDefinition
from tailrace_mysql.initials import Moment, initial
from tailrace_mysql.matching import declared_of
from tailrace_mysql.types import ColumnType, UnsupportedTypeError, column_type

_UNKNOWN = Moment()
VERSIONED = "a system-versioned table cannot have an entry in [[tables]] that changes it; remove that, or exclude it"


def definitions(schema: TableSchema) -> tuple[ColumnDefinition, ...]:
    """The columns of a version as declared."""
    return tuple(
        ColumnDefinition(c.name, declared_of(c), c.nullable, c.key, generated=c.generated) for c in schema.columns
    )


def first_schema(topic: str, name: TableName, columns: Iterable[ColumnDefinition], since: str) -> TableSchema:
    """A table's version 1.

    Raises:
        UnsupportedTypeError: a column's type is not supported; the message names the column.
    """
    return TableSchema(
        1,
        name,
        topic,
        tuple(_column(number, column, None) for number, column in enumerate(columns, 1)),
        since,
    )


def schemas(context: Context, found: Mapping[TableName, TableDefinition]) -> list[TableSchema]:
    """The tables of the catalogue as first versions, without those whose types are not supported."""
    result: list[TableSchema] = []
    for name, definition in found.items():
        with suppress(UnsupportedTypeError):
            result.append(first_schema(topic_name(context, name), name, definition.columns, ""))
    return result


def shaped(shapes: Shapes, schema: TableSchema) -> Shape | None:
    """A version's shape, if it has one; raises UnsupportedTypeError where its rules do not fit its columns."""
    try:
        return shapes.of(schema)
    except ShapeError as error:
        raise UnsupportedTypeError(f"its entry in [[tables]] does not fit its columns: {error}") from None


def next_schema(
    known: Mapping[int, TableSchema],
    current: TableSchema,
    columns: Iterable[ColumnDefinition],
    since: str,
    renamed: Mapping[str, str] | None = None,
    at: Moment = _UNKNOWN,
    empty: bool = False,
    initials: Mapping[str, Any] | None = None,
    added: Collection[str] = (),
) -> TableSchema:
    """The version that follows `current`; `current` itself where nothing changed.

    Args:
        known: all versions of the table, by id.
        renamed: new name of a column -> its old one.
        added: names that are new columns, whatever had that name before.
        empty: the table had no rows: it was created anew.
        initials: what rows got in columns that another table added before it took this one's place; None: the
            definitions' own DEFAULTs say it.
        at: the statement's moment.

    Raises:
        UnsupportedTypeError: a column's type is not supported, or nobody can say what its old rows hold.
    """
    renamed = renamed or {}
    free = max((column.id for schema in known.values() for column in schema.columns), default=0) + 1
    result: list[Column] = []
    for definition in columns:
        old = current.by_name.get(renamed.get(definition.name, definition.name))
        if old is not None and definition.name not in renamed and old.name in renamed.values():
            old = None  # the name went to another column
        if definition.name in added:
            old = None
        if old is not None and empty and not definition.key and old.type != _type(definition).type:
            old = None  # of another table: no row is to be converted
        if old is not None:
            result.append(_column(old.id, definition, old.initial))
        else:
            result.append(_column(free, definition, None if empty else initial(definition, at, initials)))
            free += 1
    if tuple(result) == current.columns:
        return current
    return TableSchema(max(known, default=0) + 1, current.name, current.topic, tuple(result), since)


def _column(number: int, definition: ColumnDefinition, before: Any) -> Column:
    return Column(
        id=number,
        name=definition.name,
        type=_type(definition).type,
        nullable=definition.nullable,
        key=definition.key,
        initial=before,
        generated=definition.generated,
    )


def _type(definition: ColumnDefinition) -> ColumnType:
    try:
        return column_type(definition.declared)
    except UnsupportedTypeError as error:
        raise UnsupportedTypeError(f"column {definition.name}: {error}") from None


def same_columns(one: TableSchema, other: TableSchema) -> bool:
    return [(c.name, c.key, c.type.kind) for c in one.columns] == [(c.name, c.key, c.type.kind) for c in other.columns]
