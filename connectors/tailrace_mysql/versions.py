"""A table's versions: column ids that outlive renames, and what rows got that were there before a column."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from tailrace.schema import Column, Kind, TableName, TableSchema
from tailrace_mysql.definition import ColumnDefinition
from tailrace_mysql.matching import declared_of
from tailrace_mysql.types import ColumnType, UnsupportedTypeError, column_type

#: What a NOT NULL column without a DEFAULT holds in the rows that were there before it.
_IMPLICIT: dict[Kind, Any] = {
    Kind.INTEGER: 0,
    Kind.FLOAT: 0.0,
    Kind.YEAR: 0,
    Kind.DATE: "0000-00-00",
}


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


def next_schema(
    known: Mapping[int, TableSchema],
    current: TableSchema,
    columns: Iterable[ColumnDefinition],
    since: str,
    renamed: Mapping[str, str] | None = None,
    now: str | None = None,
    empty: bool = False,
    initials: Mapping[str, Any] | None = None,
    added: Collection[str] = (),
) -> TableSchema:
    """The version that follows `current`; `current` itself where nothing changed.

    Args:
        known: all versions of the table, by id.
        renamed: new name of a column -> its old one.
        added: names that are new columns, whatever had that name before.
        empty: the table had no rows.
        initials: what rows got in columns that another table added before it took this one's place; None: the
            definitions' own DEFAULTs say it.
        now: CURRENT_TIMESTAMP of the statement, as a JSON value of TIMESTAMP(0) without its ``Z``; None unknown.

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
        if old is not None:
            result.append(_column(old.id, definition, old.initial))
        else:
            result.append(_column(free, definition, None if empty else _initial(definition, now, initials)))
            free += 1
    if tuple(result) == current.columns:
        return current
    return TableSchema(max(known, default=0) + 1, current.name, current.topic, tuple(result), since)


def _column(number: int, definition: ColumnDefinition, initial: Any) -> Column:
    return Column(
        id=number,
        name=definition.name,
        type=_type(definition).type,
        nullable=definition.nullable,
        key=definition.key,
        initial=initial,
        generated=definition.generated,
    )


def _type(definition: ColumnDefinition) -> ColumnType:
    try:
        return column_type(definition.declared)
    except UnsupportedTypeError as error:
        raise UnsupportedTypeError(f"column {definition.name}: {error}") from None


def _initial(definition: ColumnDefinition, now: str | None, initials: Mapping[str, Any] | None) -> Any:
    kind = _type(definition)
    if initials is not None:
        if definition.name not in initials:
            raise UnsupportedTypeError(f"what the rows hold in column {definition.name} is not known")
        return initials[definition.name]
    default = definition.default
    if definition.generated or definition.numbered:
        raise UnsupportedTypeError(
            f"the server computed column {definition.name} for the rows that were there before it"
        )
    if default is None:
        return None if definition.nullable else _implicit(definition, kind)
    if default.kind == "literal":
        try:
            return kind.default(default.text)
        except (ValueError, ArithmeticError):
            raise UnsupportedTypeError(f"the DEFAULT of column {definition.name} cannot be read") from None
    if default.kind == "now" and now and kind.type.kind is Kind.TIMESTAMPTZ and not kind.type.size:
        return f"{now}Z"
    raise UnsupportedTypeError(
        f"the DEFAULT of column {definition.name} is an expression, whose value in earlier rows the log does not have"
    )


def _implicit(definition: ColumnDefinition, kind: ColumnType) -> Any:
    type_ = kind.type
    if type_.kind in _IMPLICIT:
        return _IMPLICIT[type_.kind]
    if type_.kind is Kind.ENUM:
        return type_.labels[0]
    if type_.kind in (Kind.TEXT, Kind.SET):
        return ""
    if type_.kind in (Kind.DECIMAL, Kind.BITS):
        return kind.default("0")
    if type_.kind is Kind.BYTES and definition.declared.base not in ("geometry", "point", "vector"):
        return kind.default("")
    if type_.kind is Kind.TIME:
        return kind.default("00:00:00")
    if type_.kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
        return kind.default("0000-00-00 00:00:00")
    raise UnsupportedTypeError(f"what column {definition.name} holds in the rows before it is not known")
