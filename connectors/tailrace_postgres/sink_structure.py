"""What a PostgreSQL target makes of a source's indexes, foreign keys and numbering: the statements; pure.

==============================  ====================================================================================
at the source                   in the target
==============================  ====================================================================================
index                           what the conversion makes of it (`tailrace.conversion.indexes`); else left out
foreign key                     the same; left out where the target has not what it refers to, or that is not unique
AUTO_INCREMENT, identity        identity (BY DEFAULT, so that the sink may write) in the key, else an owned sequence
a sequence as default           the sequence, and the default
==============================  ====================================================================================
"""

from __future__ import annotations

from collections.abc import Collection

from tailrace.completion import Step, fitting
from tailrace.conversion.indexes.stream import Made
from tailrace.sink import TargetTable
from tailrace.structure import FOREIGN_KEY, INDEX, POSTGRES, ForeignKey, Index, LeftOut, Numbering, Part, TableStructure
from tailrace_postgres.sink_connection import listed, quoted

NAME_BYTES = 63
#: NULLS NOT DISTINCT came with 15.
_NULLS_NOT_DISTINCT = 150000
_DEFERRABLE = {"": "", "deferrable": " DEFERRABLE", "deferred": " DEFERRABLE INITIALLY DEFERRED"}
_IDENTITY_TYPES = ("smallint", "integer", "bigint")


def index_names(table: TargetTable, structure: TableStructure, index: Index) -> list[str]:
    """What it may be called, best first: PostgreSQL's names are unique in a schema, MySQL's in a table."""
    name = "primary" if index.primary and structure.dialect != POSTGRES else index.name
    longer = fitting(f"{table.name}_{name}", NAME_BYTES)
    own = [fitting(name, NAME_BYTES)] if structure.dialect == POSTGRES else []
    return [*own, longer, *(fitting(f"{table.name}_{name}_{number}", NAME_BYTES) for number in range(1, 10))]


def index_step(schema: str, table: TargetTable, made: Made, name: str, version: int) -> Step | LeftOut:
    """
    Args:
        name: what it is to be called.
        version: the target server's.
    """
    index = made.index
    if not index.nulls_distinct and version < _NULLS_NOT_DISTINCT:
        return LeftOut(INDEX, index.name, "NULLS NOT DISTINCT came with PostgreSQL 15")
    plain = not index.where and all(part.column and not part.prefix for part in index.parts)
    unique = frozenset(index.columns) if index.unique and plain and not index.deferrable else frozenset()
    distinct = "" if index.nulls_distinct else " NULLS NOT DISTINCT"
    include = f" INCLUDE ({listed(index.include)})" if index.include else ""
    target = quoted(schema, table.name)
    if index.constraint or index.deferrable:
        statement = (
            f"ALTER TABLE {target} ADD CONSTRAINT {quoted(name)} UNIQUE{distinct} ({listed(index.columns)}){include}"
            f"{_DEFERRABLE[index.deferrable]}"
        )
    else:
        parts = ", ".join(_part(part) for part in index.parts)
        where = f" WHERE {index.where}" if index.where else ""
        statement = (
            f"CREATE {'UNIQUE ' if index.unique else ''}INDEX {quoted(name)} ON {target} USING {index.method} ({parts})"
            f"{include}{distinct}{where}"
        )
    return Step(INDEX, index.name, statement, made.detail, unique)


def _part(part: Part) -> str:
    text = quoted(part.column) if part.column else f"({part.expression})"
    if part.collation:
        text += f" COLLATE {part.collation}"
    if part.operators:
        text += f" {part.operators}"
    if part.descending:
        text += " DESC"
    if part.nulls_first is not None:
        text += f" NULLS {'FIRST' if part.nulls_first else 'LAST'}"
    return text


def foreign_key_step(
    schema: str, table: TargetTable, key: ForeignKey, other: TargetTable, unique: Collection[frozenset[str]]
) -> Step | LeftOut:
    """
    Args:
        other: what it refers to.
        unique: the columns of each unique index of `other`, as they are when it is made.
    """
    if frozenset(key.referenced_columns) not in unique:
        columns = ", ".join(key.referenced_columns)
        return LeftOut(FOREIGN_KEY, key.name, f"({columns}) of {other.name} is not unique in the target")
    theirs = f"{quoted(schema, other.name)} ({listed(key.referenced_columns)})"
    statement = (
        f"ALTER TABLE {quoted(schema, table.name)} ADD CONSTRAINT {quoted(fitting(key.name, NAME_BYTES))}"
        f" FOREIGN KEY ({listed(key.columns)}) REFERENCES {theirs}"
    )
    if key.full:
        statement += " MATCH FULL"
    if key.on_update != "NO ACTION":
        statement += f" ON UPDATE {key.on_update}"
    if key.on_delete != "NO ACTION":
        statement += f" ON DELETE {key.on_delete}"
        if key.set_columns:
            statement += f" ({listed(key.set_columns)})"
    statement += _DEFERRABLE[key.deferrable]
    if not key.validated:
        statement += " NOT VALID"
    return Step(FOREIGN_KEY, key.name, statement, "" if key.validated else "NOT VALID, as at the source")


def numbering_statement(
    schema: str, table: TargetTable, numbering: Numbering, type_: str, start: int, shared: bool
) -> str:
    """Gives a column that numbers nothing yet what numbers it.

    Args:
        type_: of the target's column.
        start: the next value.
        shared: other tables count by the same sequence.
    """
    target, column = quoted(schema, table.name), quoted(numbering.column)
    key = {column.name for column in table.key}
    if not numbering.sequence and numbering.column in key and type_ in _IDENTITY_TYPES:
        return (
            f"ALTER TABLE {target} ALTER COLUMN {column} ADD GENERATED BY DEFAULT AS IDENTITY"
            f" (INCREMENT BY {numbering.step} START WITH {start})"
        )
    name = quoted(schema, sequence_name(table, numbering))
    owned = "" if shared else f"; ALTER SEQUENCE {name} OWNED BY {target}.{column}"
    return (
        f"CREATE SEQUENCE IF NOT EXISTS {name} INCREMENT BY {numbering.step} START WITH {start}{owned};"
        f" ALTER TABLE {target} ALTER COLUMN {column} SET DEFAULT nextval({_text(name)}::regclass)"
    )


def sequence_name(table: TargetTable, numbering: Numbering) -> str:
    return numbering.sequence or fitting(f"{table.name}_{numbering.column}_seq", NAME_BYTES)


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
