"""What the target's catalog says of a table."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymysql.connections import Connection

from tailrace.schema import Kind
from tailrace_mysql.quoting import identifier
from tailrace_mysql.sink_types import ColumnType, catalog_type

#: Compare as the bytes do, and do not pad: two keys that differ are two keys.
_EXACT_COLLATIONS = ("binary", "utf8mb4_0900_bin")
#: It pads, but sinks make it for what never ends in blanks.
_PADS = "ascii_bin"
_WITHOUT_BLANKS = frozenset({Kind.UUID, Kind.BITS, Kind.DECIMAL, Kind.TIMETZ})
_EXACT_SUFFIX = "_nopad_bin"
_NAMED = re.compile(r"`((?:[^`]|``)+)`")
_NAMED_OR_TEXT = re.compile(r"'(?:[^'\\]|\\.|'')*'|`(?P<name>(?:[^`]|``)+)`", re.DOTALL)
#: A column in SHOW CREATE TABLE: its name, its type with character set and collation, and all that it is besides.
_COLUMN = re.compile(
    r"^  `(?P<name>(?:[^`]|``)+)` (?P<type>\w+(?:\((?:[^()']|'(?:[^']|'')*')*\))?(?: unsigned)?(?: zerofill)?)"
    r"(?: CHARACTER SET \w+)?(?: COLLATE \w+)?(?: NOT NULL| NULL)?(?P<besides>.*?),?$",
    re.MULTILINE,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "Z": "\x1a"}
_LITERAL = re.compile(r"'(?:[^'\\]|\\.|'')*'", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TargetColumn:
    """One column that a target table has.

    Attributes:
        declaration: the type as the catalog writes it, with character set, for ALTER TABLE.
        touched: the server sets it at an UPDATE that does not (ON UPDATE CURRENT_TIMESTAMP).
        exact: whether texts compare equal only when they are equal; True where it holds no text.
        pads: but for blanks at their ends.
        generated: the server computes it and takes no value for it.
    """

    name: str
    type: ColumnType
    nullable: bool
    exact: bool
    generated: bool
    declaration: str
    touched: bool = False
    pads: bool = False

    @property
    def charset(self) -> str:
        """Its character set; "" where it holds no text."""
        charset, found, _ = self.declaration.rpartition(" CHARACTER SET ")[2].partition(" COLLATE ")
        return charset if found else ""

    @property
    def collation(self) -> str:
        return self.declaration.rpartition(" COLLATE ")[2] if self.charset else ""

    def merges(self, kind: Kind) -> bool:
        """Whether texts of the source's kind of column that differ may be equal in it, in an index as well."""
        exact = self.exact or (self.pads and kind in _WITHOUT_BLANKS)
        return not exact and self.type.textual


@dataclass(frozen=True, slots=True)
class Index:
    """A unique index; `columns` in lower case, "" for an expression or a column's prefix."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableState:
    """A target table as it is.

    Attributes:
        base: a table, and not a view.
        columns: by name in lower case, since names of columns do not differ by case alone.
        primary: the primary key's columns in lower case, in order.
        unique: all other unique indexes.
    """

    base: bool
    engine: str
    comment: str
    columns: dict[str, TargetColumn]
    primary: tuple[str, ...]
    unique: tuple[Index, ...]


def read_table(connection: Connection[Any], database: str, table: str) -> TableState | None:
    """The table's state, None if there is no such table."""
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(
            "SELECT table_type, engine, table_comment FROM information_schema.tables "
            "WHERE table_schema = %s AND table_name = %s",
            (database, table),
        )
        head = cursor.fetchone()
        if head is None:
            return None
        cursor.execute(
            "SELECT column_name, column_type, is_nullable, character_set_name, collation_name, extra "
            "FROM information_schema.columns WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            (database, table),
        )
        columns = {str(row[0]).lower(): _column(row) for row in cursor.fetchall()}
        cursor.execute(
            "SELECT index_name, column_name, sub_part FROM information_schema.statistics "
            "WHERE table_schema = %s AND table_name = %s AND non_unique = 0 ORDER BY index_name, seq_in_index",
            (database, table),
        )
        indexes: dict[str, list[str]] = {}
        for name, column, prefix in cursor.fetchall():
            whole = column is not None and prefix is None
            indexes.setdefault(str(name), []).append(str(column).lower() if whole else "")
    primary = tuple(indexes.pop("PRIMARY", ()))
    return TableState(
        head[0] in ("BASE TABLE", "SYSTEM VERSIONED"),
        str(head[1] or ""),
        _text(head[2] or ""),
        columns,
        primary,
        tuple(Index(name, tuple(names)) for name, names in indexes.items()),
    )


def read_checks(connection: Connection[Any], database: str, table: str, mariadb: bool) -> list[tuple[str, str]]:
    """Names and expressions of the table's checks, as SQL of a session that reads backslashes as escapes."""
    # MySQL's view has no table's name, MariaDB's has no other place for it: names of checks are a table's there.
    if mariadb:
        sql = (
            "SELECT constraint_name, check_clause FROM information_schema.check_constraints"
            " WHERE constraint_schema = %s AND table_name = %s"
        )
    else:
        sql = (
            "SELECT c.constraint_name, c.check_clause FROM information_schema.check_constraints c"
            " JOIN information_schema.table_constraints t USING (constraint_schema, constraint_name)"
            " WHERE c.constraint_schema = %s AND t.table_name = %s AND t.constraint_type = 'CHECK'"
        )
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql, (database, table))
        rows = [(str(name), _text(clause)) for name, clause in cursor.fetchall()]
    connection.rollback()
    # MySQL escapes the whole expression once more.
    return rows if mariadb else [(name, _ESCAPED.sub(r"\1", clause)) for name, clause in rows]


def read_check_names(connection: Connection[Any], database: str) -> set[str]:
    """Of all tables of the database, in lower case: MySQL has them in one room."""
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(
            "SELECT constraint_name FROM information_schema.check_constraints WHERE constraint_schema = %s", (database,)
        )
        found = {str(row[0]).lower() for row in cursor.fetchall()}
    connection.rollback()
    return found


def read_besides(connection: Connection[Any], database: str, table: str) -> dict[str, str]:
    """What MODIFY COLUMN must say again, because a column loses what it does not say: its default, ON UPDATE, comment,
    check, and whether it is invisible, by its name in lower case; in a session with NO_BACKSLASH_ESCAPES."""
    with contextlib.closing(connection.cursor()) as cursor:
        # The short form leaves out what is the default of the table, or of the server's version: MODIFY needs no more.
        cursor.execute(f"SHOW CREATE TABLE {identifier(database)}.{identifier(table)}")
        row = cursor.fetchone()
    text = _text(row[1]) if row is not None else ""
    return {
        found["name"].replace("``", "`").lower(): _without_escapes(found["besides"]) for found in _COLUMN.finditer(text)
    }


def _without_escapes(sql: str) -> str:
    """What the server prints, whose texts have escapes in every mode, for a session that takes none for such."""

    def plain(literal: re.Match[str]) -> str:
        return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), literal[0])

    return _LITERAL.sub(plain, sql)


def first_name(expression: str) -> str:
    """The first name in backticks; "" without one."""
    found = _NAMED.search(expression)
    return found[1].replace("``", "`") if found else ""


def renamed_in(expression: str, names: Mapping[str, str]) -> str:
    """An expression with other names of columns.

    Args:
        expression: as the server prints it: names are in backticks, texts have escapes.
        names: the new ones, by the old ones in lower case.
    """

    def renamed(found: re.Match[str]) -> str:
        new = names.get(found["name"].replace("``", "`").lower()) if found["name"] else None
        return found[0] if new is None else identifier(new)

    return _NAMED_OR_TEXT.sub(renamed, expression)


def _column(row: tuple[Any, ...]) -> TargetColumn:
    name, column_type, nullable, character_set, collation, extra = row
    text = _text(column_type)
    declaration = _without_escapes(text)
    if collation:
        declaration += f" CHARACTER SET {character_set} COLLATE {collation}"
    exact = not collation or str(collation) in _EXACT_COLLATIONS or str(collation).endswith(_EXACT_SUFFIX)
    return TargetColumn(
        str(name),
        catalog_type(text, character_set),
        str(nullable).upper() == "YES",
        exact,
        "GENERATED" in str(extra).upper().replace("DEFAULT_GENERATED", ""),
        declaration,
        "ON UPDATE" in str(extra).upper(),
        str(collation) == _PADS,
    )


def _text(value: Any) -> str:
    # MySQL's information_schema gives long texts as BLOBs.
    return value.decode() if isinstance(value, bytes) else str(value)
