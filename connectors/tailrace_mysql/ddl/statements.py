"""Statements of the log, as far as they concern tables.

What changes rows without row events is said: an ALTER TABLE by `rows_changed` (DROP PARTITION), every other statement
as an `Opaque`. The tables that it names are suspended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tailrace_mysql.ddl.alter import Alteration, RowsChanged, read_clauses
from tailrace_mysql.ddl.columns import read_column
from tailrace_mysql.ddl.keys import key_columns, period_columns, with_key
from tailrace_mysql.ddl.tokens import Reader, Token, split, tokens
from tailrace_mysql.definition import ColumnDefinition
from tailrace_mysql.system_time import ByTransaction, hidden_columns

Name = tuple[str, str]
CharsetOf = Callable[[Name], str]
_SHOWN = 120  # characters of a statement in a message


@dataclass(frozen=True, slots=True)
class Alter:
    """ALTER TABLE.

    Attributes:
        clauses: None where something in it was not understood, or changes rows; `reason` says what.
        rows_changed: the tables whose rows it changes without row events, this one among them.
        replaces: a column's name may be another column's after it, which a look at the table does not tell.
        old: the changed rows are history where the table is partitioned BY SYSTEM_TIME.
    """

    table: Name
    clauses: tuple[Alteration, ...] | None
    reason: str = ""
    rows_changed: tuple[Name, ...] = ()
    replaces: bool = field(default=False, compare=False)
    old: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Create:
    """CREATE TABLE.

    Attributes:
        columns: all that the log has; None where they are not stated (LIKE, SELECT), or not understood.
        charset: the table's default; "" where the columns are not known.
        inherited: the charset is its database's.
        by_time: partitioned BY SYSTEM_TIME.
        refusal: why the table cannot be captured at all; "" where it can.
    """

    table: Name
    columns: tuple[ColumnDefinition, ...] | None
    if_not_exists: bool = False
    charset: str = ""
    inherited: bool = False
    by_time: bool = False
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Drop:
    """DROP TABLE."""

    tables: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class DropDatabase:
    """DROP DATABASE."""

    database: str


@dataclass(frozen=True, slots=True)
class Rename:
    """RENAME TABLE: pairs of old and new name, one after the other."""

    pairs: tuple[tuple[Name, Name], ...]


@dataclass(frozen=True, slots=True)
class Truncate:
    """TRUNCATE TABLE."""

    table: Name


@dataclass(frozen=True, slots=True)
class Opaque:
    """A statement that may change rows or columns of the tables that it names."""

    names: frozenset[str]
    reason: str


Statement = Alter | Create | Drop | DropDatabase | Rename | Truncate | Opaque | None


def is_online_swap(old: Name, new: Name, pairs: Sequence[tuple[Name, Name]]) -> bool:
    """Whether a pair of a RENAME is the last step of gh-ost or pt-online-schema-change.

    They copy a table into `_NAME_gho` or `_NAME_new` and keep the copy current; then one statement puts the copy in its
    place and the table aside, as `_NAME_del` or `_NAME_old`.
    """
    database, name = new
    shadows = {f"_{name}_gho", f"_{name}_new", f"__{name}_new"}
    aside = {f"_{name}_del", f"_{name}_old", f"__{name}_old"}
    return old[0] == database and old[1] in shadows and any(o == new and n[1] in aside for o, n in pairs)


# Statements that change no rows and no columns of a base table.
_HARMLESS = frozenset(
    {
        *("GRANT", "REVOKE", "ANALYZE", "OPTIMIZE", "REPAIR", "CHECK", "FLUSH", "SET", "COMMENT", "LOCK", "UNLOCK"),
        *("INSTALL", "UNINSTALL", "KILL", "SHOW", "USE", "EXPLAIN", "RESET", "START", "STOP", "PURGE", "BINLOG"),
    }
)
_HARMLESS_OBJECTS = frozenset(
    {
        *("USER", "ROLE", "VIEW", "PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "DATABASE", "SCHEMA", "SERVER"),
        *("TABLESPACE", "LOGFILE", "INSTANCE", "RESOURCE", "SPATIAL", "INDEX", "UNIQUE", "FULLTEXT", "SEQUENCE"),
        *("UNDO", "PACKAGE", "LIBRARY", "MASKING", "EXTERNAL"),
    }
)
_MODIFIERS = frozenset({"OR", "REPLACE", "ONLINE", "OFFLINE", "IGNORE", "AGGREGATE", "IF", "EXISTS", "NOT"})


def read_statement(sql: str, database: str, charset_of: CharsetOf, sql_mode: int, mariadb: bool) -> Statement:
    """What a statement does; None where it concerns no table.

    Args:
        database: the session's.
        charset_of: character set of a table's text columns that state none.
    """
    try:
        found = tokens(sql, sql_mode, mariadb)
    except ValueError as error:
        # Names cannot be told from anything else: every word may be one.
        return Opaque(frozenset(sql.replace("`", " ").replace(".", " ").split()), str(error))
    if not found:
        return None
    reader = Reader(found)
    try:
        return _read(reader, found, database, charset_of, mariadb)
    except ValueError as error:
        return _opaque(found, str(error))


def _opaque(found: list[Token], reason: str) -> Opaque:
    return Opaque(frozenset(token.text for token in found if token.kind in ("word", "name", "string")), reason)


def _read(reader: Reader, found: list[Token], database: str, charset_of: CharsetOf, mariadb: bool) -> Statement:
    verb = reader.take().upper
    if verb in _HARMLESS:
        return None
    if verb == "TRUNCATE":
        reader.accept("TABLE")
        return Truncate(reader.table(database))
    if verb == "RENAME":
        if not reader.accept_any("TABLE", "TABLES"):
            return None
        reader.accept("IF", "EXISTS")
        return Rename(tuple(_pair(Reader(part), database) for part in split(reader.rest())))
    if verb == "DELETE" and reader.accept("FROM"):
        # What a server writes when it finds a table of the MEMORY engine empty after its start.
        table = reader.table(database)
        if reader.done:
            return Truncate(table)
    if verb in ("CREATE", "ALTER", "DROP"):
        return _definition(verb, reader, found, database, charset_of, mariadb)
    return _opaque(found, f"{verb} stands in the log as a statement (binlog_format was not ROW)")


def _definition(
    verb: str, reader: Reader, found: list[Token], database: str, charset_of: CharsetOf, mariadb: bool
) -> Statement:
    ignore = False
    while modifier := reader.accept_any(*_MODIFIERS):
        ignore = ignore or modifier == "IGNORE"
    if reader.accept("TEMPORARY"):
        return None
    if not reader.accept_any("TABLE", "TABLES"):
        if verb == "DROP" and reader.accept_any("DATABASE", "SCHEMA"):
            reader.accept("IF", "EXISTS")
            return DropDatabase(reader.identifier())
        if _is_harmless(reader):
            return None
        return _opaque(found, f"{verb} {reader.token.text} is not understood")
    if verb == "DROP":
        reader.accept("IF", "EXISTS")
        return Drop(tuple(Reader(part).table(database) for part in split(reader.rest())))
    if verb == "CREATE":
        if_not_exists = reader.accept("IF", "NOT", "EXISTS")
        table = reader.table(database)
        return _create(reader, table, charset_of(table), mariadb, if_not_exists)
    reader.accept("IF", "EXISTS")
    table = reader.table(database)
    if reader.accept("WAIT"):
        reader.take()
    reader.accept("NOWAIT")
    try:
        if verb == "ALTER" and ignore:
            raise RowsChanged("ALTER IGNORE")  # of rows with equal keys it keeps one
        clauses = read_clauses(reader, database, charset_of(table), mariadb)
    except RowsChanged as error:
        return Alter(table, None, str(error), (table, *([error.other] if error.other else [])), old=error.old)
    except ValueError as error:
        return Alter(table, None, str(error), replaces=_replaces(found))
    return Alter(table, clauses, replaces=_replaces(found))


def _replaces(found: list[Token]) -> bool:
    """Whether one of a statement's words may give a column's name to another column."""
    words = {token.upper for token in found}
    return {"DROP", "ADD"} <= words or bool(words & {"CHANGE", "RENAME"})


def _is_harmless(reader: Reader) -> bool:
    """CREATE ALGORITHM=… DEFINER=`u`@`h` VIEW and its like: the object's kind stands before any parenthesis."""
    while not reader.done and reader.token.upper not in ("(", "AS"):
        if reader.take().upper in _HARMLESS_OBJECTS:
            return True
    return False


def _pair(reader: Reader, database: str) -> tuple[Name, Name]:
    old = reader.table(database)
    if reader.accept("WAIT"):
        reader.take()
    reader.accept("NOWAIT")
    if not reader.accept("TO"):
        raise ValueError("RENAME TABLE without TO")
    return old, reader.table(database)


def _create(reader: Reader, table: Name, charset: str, mariadb: bool, if_not_exists: bool) -> Create:
    unknown = Create(table, None, if_not_exists)
    if reader.token.upper != "(":
        return unknown
    clauses = split(reader.parentheses())
    options = reader.rest()
    if any(token.upper in ("SELECT", "LIKE") for token in options) or clauses[0][0].upper in (
        "LIKE",
        "SELECT",
    ):
        return unknown
    stated = _table_charset(options)
    charset = stated or charset
    words = [token.upper for token in options]
    versioned = _follow(words, "WITH", "SYSTEM", "VERSIONING")
    columns: list[ColumnDefinition] = []
    key: list[str] = []
    bounds: set[str] = set()
    try:
        for clause in clauses:
            part = Reader(clause)
            primary = _primary_key(part)
            if primary is not None:
                key = primary
            elif (period := period_columns(part)) is not None:
                bounds.update(name.lower() for name in period)
            elif part.token.kind != "word" or part.token.upper not in _TABLE_CONSTRAINTS:
                parsed = read_column(part, part.identifier(), charset, mariadb)
                columns.append(parsed.column)
                versioned = versioned or parsed.versioned
                if parsed.primary:
                    key = [parsed.column.name]
    except ByTransaction as error:
        return replace(unknown, refusal=str(error))
    except ValueError:
        return unknown
    if versioned and not any(column.system for column in columns):
        columns += hidden_columns()
    columns = [replace(c, nullable=False) if c.name.lower() in bounds else c for c in columns]
    by_time = _follow(words, "PARTITION", "BY", "SYSTEM_TIME")
    return Create(table, with_key(columns, key), if_not_exists, charset, not stated, by_time)


def _follow(words: Sequence[str], *wanted: str) -> bool:
    """Whether these stand one behind the other."""
    return any(tuple(words[at : at + len(wanted)]) == wanted for at in range(len(words)))


_TABLE_CONSTRAINTS = frozenset(
    {"INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL", "CONSTRAINT", "FOREIGN", "CHECK", "VECTOR"}
)


def _primary_key(reader: Reader) -> list[str] | None:
    """The columns of [CONSTRAINT name] PRIMARY KEY (…); None, and nothing read, where it is something else."""
    start = reader.at
    if reader.accept("CONSTRAINT") and reader.token.upper != "PRIMARY":
        reader.take()
    if not reader.accept("PRIMARY", "KEY"):
        reader.at = start
        return None
    return key_columns(reader)


def _table_charset(options: list[Token]) -> str:
    reader = Reader(options)
    charset = ""
    while not reader.done:
        if reader.accept("CHARACTER", "SET") or reader.accept("CHARSET"):
            reader.accept("=")
            charset = reader.identifier().lower()
        elif reader.accept("COLLATE"):
            reader.accept("=")
            charset = charset or reader.identifier().lower().partition("_")[0]
        else:
            reader.take()
    return charset


def shown(sql: str) -> str:
    """A statement for a message: DDL only, and short; a statement with values is never shown."""
    words = sql.split()
    if not words or words[0].upper() not in ("ALTER", "CREATE", "RENAME", "DROP", "TRUNCATE"):
        return words[0] if words else ""
    text = " ".join(words)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
