"""What a MySQL or MariaDB target makes of a source's indexes, foreign keys and numbering: the statements; pure.

==============================  ====================================================================================
at the source                   in the target
==============================  ====================================================================================
index                           what the conversion makes of it (`tailrace.conversion.indexes`); else left out
foreign key                     the same, checked at once; left out where the columns' types do not meet
AUTO_INCREMENT, identity,       AUTO_INCREMENT, of one column that an index begins with
a sequence as default
==============================  ====================================================================================
"""

from __future__ import annotations

from collections.abc import Collection

from tailrace.completion import Step, fitting
from tailrace.conversion.indexes.stream import Made
from tailrace.sink import TargetTable
from tailrace.structure import (
    FOREIGN_KEY,
    INDEX,
    NUMBERING,
    ForeignKey,
    Index,
    LeftOut,
    Numbering,
    Part,
)
from tailrace_mysql.quoting import identifier
from tailrace_mysql.sink_catalog import TableState, TargetColumn

NAME_BYTES = 64
_INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")


def index_name(table: TargetTable, index: Index) -> str:
    """MySQL keeps the name PRIMARY for the primary key."""
    return f"{fitting(table.name, NAME_BYTES - 8)}_primary" if index.primary else fitting(index.name, NAME_BYTES)


def index_step(table: TargetTable, made: Made, mariadb: bool) -> Step:
    """The clause of ALTER TABLE.

    Args:
        mariadb: the target is MariaDB.
    """
    index = made.index
    name = identifier(index_name(table, index))
    likeness = likeness_of(index.method, index.parts)
    if index.method == "fulltext":
        listed = ", ".join(identifier(part.column) for part in index.parts)
        return Step(INDEX, index.name, f"ADD FULLTEXT INDEX {name} ({listed})", made.detail, likeness=likeness)
    parts = ", ".join(_part(part) for part in index.parts)
    hidden = f" {'IGNORED' if mariadb else 'INVISIBLE'}" if index.invisible else ""
    whole = index.unique and all(part.column and not part.prefix for part in index.parts)
    unique = frozenset(part.column.lower() for part in index.parts) if whole else frozenset()
    statement = f"ADD {'UNIQUE ' if index.unique else ''}INDEX {name} ({parts}){hidden}"
    return Step(INDEX, index.name, statement, made.detail, unique, likeness)


def likeness_of(method: str, parts: tuple[Part, ...]) -> object:
    """`Step.likeness` of an index."""
    return (
        "fulltext" if method == "fulltext" else "btree",
        tuple((part.column.lower(), part.expression, part.prefix, part.descending) for part in parts),
    )


def _part(part: Part) -> str:
    text = identifier(part.column) if part.column else f"({part.expression})"
    return f"{text}{f'({part.prefix})' if part.prefix else ''}{' DESC' if part.descending else ''}"


def foreign_key_step(
    key: ForeignKey,
    name: str,
    own: TableState,
    other: tuple[str, TableState],
    unique: Collection[frozenset[str]],
) -> Step | LeftOut:
    """The clause of ALTER TABLE.

    Args:
        name: its name in the target, where those of all tables differ.
        other: what it refers to: its qualified name, and its state.
        unique: the columns (in lower case) of each unique index of that, as they are when it is made.
    """
    theirs, state = other
    if frozenset(column.lower() for column in key.referenced_columns) not in unique:
        columns = ", ".join(key.referenced_columns)
        return LeftOut(FOREIGN_KEY, key.name, f"({columns}) of {theirs} is not unique in the target")
    if "SET DEFAULT" in (key.on_update, key.on_delete) or key.set_columns:
        return LeftOut(FOREIGN_KEY, key.name, "InnoDB has neither SET DEFAULT nor SET NULL of some columns")
    if key.full and len(key.columns) > 1:
        return LeftOut(FOREIGN_KEY, key.name, "InnoDB has no MATCH FULL")
    for here, there in zip(key.columns, key.referenced_columns, strict=True):
        if reason := _apart(own.columns[here.lower()], state.columns[there.lower()]):
            return LeftOut(FOREIGN_KEY, key.name, reason)
    statement = (
        f"ADD CONSTRAINT {identifier(name)} FOREIGN KEY ({', '.join(map(identifier, key.columns))})"
        f" REFERENCES {theirs} ({', '.join(map(identifier, key.referenced_columns))})"
    )
    for event, action in (("UPDATE", key.on_update), ("DELETE", key.on_delete)):
        if action != "NO ACTION":
            statement += f" ON {event} {action}"
    details = [] if key.validated else ["rows that are there are not looked at, as at the source"]
    if key.deferrable:
        details.append("checked at once")
    return Step(FOREIGN_KEY, key.name, statement, "; ".join(details))


def _apart(own: TargetColumn, other: TargetColumn) -> str:
    """Why one column cannot refer to the other."""
    one, two = own.type, other.type
    for column in (own, other):
        if column.type.outside_row:
            return f"the target's column {column.name} is {column.declaration}, which cannot refer nor be referred to"
    alike = one.textual if two.textual else (one.base, one.unsigned) == (two.base, two.unsigned)
    if two.base == "decimal" and (one.size, one.scale) != (two.size, two.scale):
        alike = False
    return "" if alike else f"the target's columns are {own.declaration} and {other.declaration}"


def numbering_clause(
    table: TargetTable, numbering: Numbering, state: TableState, counted: str, leading: Collection[str]
) -> str | LeftOut:
    """What makes a column AUTO_INCREMENT; "" where it is.

    Args:
        counted: the column that is AUTO_INCREMENT already, in lower case; "" without.
        leading: the columns that indexes begin with, in lower case.
    """
    name = numbering.column
    column = state.columns.get(name.lower())
    if column is None:
        return LeftOut(NUMBERING, name, "the column is not in the target's table")
    if counted == name.lower():
        return ""
    if counted:
        return LeftOut(NUMBERING, name, f"a table counts by one column, and this one does by {counted}")
    if column.type.base not in _INTEGERS:
        return LeftOut(NUMBERING, name, f"the target's column is {column.declaration}")
    if name.lower() not in leading:
        return LeftOut(NUMBERING, name, "no index of the target begins with it")
    return f"MODIFY COLUMN {identifier(column.name)} {column.declaration} NOT NULL AUTO_INCREMENT"
