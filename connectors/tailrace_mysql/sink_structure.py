"""What a MySQL or MariaDB target makes of a source's indexes, foreign keys and numbering: the statements; pure.

==============================  ====================================================================================
at the source                   in the target
==============================  ====================================================================================
index of columns                btree; a column that is too long for an index by its first characters, where the
                                index is not unique (then it is left out)
INCLUDE, operator class,        without it
NULLS FIRST or LAST
partial, gin, gist, brin        left out
expression                      the same, from MySQL to MySQL
FULLTEXT                        the same, from MySQL or MariaDB, in text columns
foreign key                     the same, checked at once; left out where the columns' types do not meet
AUTO_INCREMENT, identity,       AUTO_INCREMENT, of one column that an index begins with
a sequence as default
==============================  ====================================================================================
"""

from __future__ import annotations

from collections.abc import Collection

from tailrace.completion import Step, fitting, obstacle
from tailrace.sink import TargetTable
from tailrace.structure import (
    FOREIGN_KEY,
    INDEX,
    MYSQL,
    NUMBERING,
    POSTGRES,
    ForeignKey,
    Index,
    LeftOut,
    Numbering,
    Part,
    TableStructure,
)
from tailrace_mysql.sink_catalog import TableState, TargetColumn
from tailrace_mysql.sink_tables import identifier
from tailrace_mysql.sink_types import MAX_KEY_BYTES, ColumnType

NAME_BYTES = 64
_INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")


def index_name(table: TargetTable, index: Index) -> str:
    """MySQL keeps the name PRIMARY for the primary key."""
    return f"{fitting(table.name, NAME_BYTES - 8)}_primary" if index.primary else fitting(index.name, NAME_BYTES)


def index_step(
    table: TargetTable, structure: TableStructure, index: Index, state: TableState, mariadb: bool
) -> Step | LeftOut:
    """The clause of ALTER TABLE.

    Args:
        state: the target's table.
        mariadb: the target is MariaDB.
    """
    if reason := obstacle(table, index):
        return LeftOut(INDEX, index.name, reason)
    reason = _foreign(structure.dialect, index, mariadb)
    if reason:
        return LeftOut(INDEX, index.name, reason)
    name = identifier(index_name(table, index))
    columns = [state.columns[part.column.lower()] for part in index.parts if part.column]
    likeness = likeness_of(index.method, index.parts)
    if index.method == "fulltext":
        if odd := next((column.name for column in columns if not column.type.textual), ""):
            return LeftOut(INDEX, index.name, f"the target's column {odd} is no text")
        listed = ", ".join(identifier(column.name) for column in columns)
        return Step(INDEX, index.name, f"ADD FULLTEXT INDEX {name} ({listed})", likeness=likeness)
    fitted = _fitted(index, state)
    if isinstance(fitted, LeftOut):
        return fitted
    shortened = [part.column for part, was in zip(fitted, index.parts, strict=True) if part.prefix != was.prefix]
    details = [f"of the first characters of {', '.join(shortened)}"] if shortened else []
    if index.include:
        details.append(f"without INCLUDE ({', '.join(index.include)})")
    if any(part.operators or part.collation or part.nulls_first is not None for part in index.parts):
        details.append("without PostgreSQL's operator class, collation or order of NULLs")
    if index.deferrable:
        details.append("checked at once")
    parts = ", ".join(_part(part) for part in fitted)
    hidden = f" {'IGNORED' if mariadb else 'INVISIBLE'}" if index.invisible else ""
    unique = frozenset(part.column.lower() for part in fitted) if index.unique and index.plain else frozenset()
    if any(part.prefix for part in fitted):
        unique = frozenset()
    statement = f"ADD {'UNIQUE ' if index.unique else ''}INDEX {name} ({parts}){hidden}"
    return Step(INDEX, index.name, statement, "; ".join(details), unique, likeness_of(index.method, fitted))


def likeness_of(method: str, parts: tuple[Part, ...]) -> object:
    """`Step.likeness` of an index."""
    return (
        "fulltext" if method == "fulltext" else "btree",
        tuple((part.column.lower(), part.expression, part.prefix, part.descending) for part in parts),
    )


def _foreign(dialect: str, index: Index, mariadb: bool) -> str:
    """What of the index the target's system has no counterpart for."""
    target = "MariaDB" if mariadb else "MySQL"
    if index.method == "spatial":
        return "the target keeps geometries as text"
    if index.method == "fulltext":
        return ""
    if dialect == POSTGRES and index.method not in ("btree", "hash"):
        return f"{target} has no {index.method} index"
    if index.where:
        return f"{target} has no partial index"
    if not index.nulls_distinct:
        return f"NULLs are never equal in an index of {target}"
    if not index.plain and mariadb:
        return "MariaDB has no index of an expression"
    if not index.plain and dialect != MYSQL:
        return "an expression of PostgreSQL's is no expression of MySQL's"
    if any("\\" in part.expression for part in index.parts):
        # The server prints literals with backslashes, and cannot read them again in a session like the sink's.
        return "MySQL cannot open a table with such a literal in an index in sessions with NO_BACKSLASH_ESCAPES"
    return ""


def _fitted(index: Index, state: TableState) -> tuple[Part, ...] | LeftOut:
    """The parts, with prefixes where columns are too long; those share what the others leave of an index's entry."""
    types = [state.columns[part.column.lower()].type if part.column else None for part in index.parts]
    for part, type_ in zip(index.parts, types, strict=True):
        if type_ is not None and type_.base == "json":
            return LeftOut(INDEX, index.name, f"the target's column {part.column} is JSON, which no index takes")
    needed = [_bytes(part, type_) for part, type_ in zip(index.parts, types, strict=True)]
    if sum(needed) <= MAX_KEY_BYTES:
        return index.parts
    if index.unique:
        longest = index.parts[needed.index(max(needed))].column
        reason = f"only a part of {longest} fits an index of {MAX_KEY_BYTES} bytes, and would be unique by itself"
        return LeftOut(INDEX, index.name, reason)
    share = MAX_KEY_BYTES // len(index.parts)
    long = [place for place, size in enumerate(needed) if size > share]
    room = MAX_KEY_BYTES - sum(size for size in needed if size <= share)
    parts = list(index.parts)
    for place in long:
        type_ = types[place]
        if type_ is None:
            return LeftOut(INDEX, index.name, "its expression leaves no room for its columns")
        parts[place] = Part(parts[place].column, "", room // len(long) // _width(type_), parts[place].descending)
    return tuple(parts)


def _bytes(part: Part, type_: ColumnType | None) -> int:
    """Of an index's entry, at most; more than one has where the length has no bound."""
    if type_ is None:
        return 0
    if not (type_.textual or type_.binary):
        return type_.row_bytes
    if part.prefix:
        return min(part.prefix * _width(type_), type_.bytes)
    return MAX_KEY_BYTES + 1 if type_.outside_row else type_.bytes


def _width(type_: ColumnType) -> int:
    """Bytes of a character."""
    return 1 if type_.binary or type_.ascii else 4


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
