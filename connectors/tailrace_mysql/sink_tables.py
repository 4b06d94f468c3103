"""Brings target tables to the version that their events need: CREATE and ALTER TABLE.

Each DDL statement is a transaction of its own in MySQL and may be found done already after a crash: every step looks at
the catalog first. When columns swap names, the catalog looks the same before and after: the ALTER that renames
therefore also puts a mark into the table's comment, in one atomic statement.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pymysql.err
from pymysql.connections import Connection

from tailrace.apply.evolution import preserves
from tailrace.conversion.catalog import Dialect
from tailrace.conversion.overrides import Overrides
from tailrace.conversion.tables.labels import (
    followed,
    free_check_name,
    is_labels_check,
    keeps_labels,
    labels_check,
    labels_of,
    stream_labels,
    wanted_labels,
)
from tailrace.conversion.tables.literals import kept_text
from tailrace.errors import StuckError
from tailrace.schema import Column, Kind
from tailrace.sink import Preview, TargetTable
from tailrace_mysql import sink_renames
from tailrace_mysql.quoting import identifier
from tailrace_mysql.sink_catalog import (
    TableState,
    TargetColumn,
    first_name,
    read_besides,
    read_check_names,
    read_checks,
    read_table,
)
from tailrace_mysql.sink_connection import Server
from tailrace_mysql.sink_errors import translate
from tailrace_mysql.sink_types import ColumnType, catalog_type, mapped, source_charset, table_types
from tailrace_mysql.sink_values import UnfitError, encoder
from tailrace_mysql.types.declared import UTF8_CHARSETS

_MARK = "tailrace: "
#: Between a table's own comment and a mark.
_BEHIND = "\n"
_COMMENT_CHARACTERS = 2048
_NAME_CHARACTERS = 64
_OUTSIDE_ROW = re.compile(r"^MODIFY COLUMN `(?:[^`]|``)+` (?:\w*text|\w*blob|json)\b", re.IGNORECASE)
_LITERAL_DEFAULT = re.compile(r"^ DEFAULT ('(?:[^']|'')*')")


def _mark(table: TargetTable) -> str:
    return f"{_MARK}{table.topic} version {table.version}"


def without_mark(comment: str) -> str:
    """A table's comment without what the sink says in it."""
    return "" if comment.startswith(_MARK) else comment.rpartition(_BEHIND + _MARK)[0] or comment


def _renamed(table: TargetTable, previous: TargetTable) -> list[tuple[str, str]]:
    """Names of columns: before, and now."""
    now = {column.id: column.name for column in (*table.columns, *table.retained)}
    return [
        (column.name, now[column.id])
        for column in (*previous.columns, *previous.retained)
        if now.get(column.id, column.name) != column.name
    ]


def _in_doubt(table: TargetTable, previous: TargetTable) -> bool:
    """Whether names do not tell if columns have been renamed: a column has a name that another had before."""
    names = _names((*table.columns, *table.retained))
    return any(old.lower() in names for old, _ in _renamed(table, previous))


class Tables:
    """DDL on one target database.

    Args:
        connection: autocommits every statement here, so it must not be the one that holds a transaction open.
        where: the target, for messages.
    """

    def __init__(
        self, connection: Connection[Any], server: Server, database: str, where: str, overrides: Overrides
    ) -> None:
        self._connection = connection
        self._overrides = overrides
        self._server = server
        self._database = database
        self._where = where

    def ensure(self, table: TargetTable, previous: TargetTable | None) -> TableState:
        """Creates or alters the table as needed; returns what it is then.

        Raises:
            StuckError: the table cannot hold the source's rows as it is, and altering it is up to a person.
        """
        name = table.name
        self._refuse_long_names(table)
        try:
            state = self.read(name)
            if state is None:
                self._create(table)
                state = self._reread(name)
            self._check_kind(name, state)
            if previous is not None and (renames := self._renames(table, previous, state)):
                self._rename(table, renames, state, _in_doubt(table, previous))
                state = self._reread(name)
            types = table_types(table, self._server.mariadb, _taken(table, state), self._overridden(table))
            changes = self._changes(table, state, types)
            if previous is not None:
                self._check_rewritten(table, previous)
            if changes:
                self._alter(name, changes)
                self._forget_defaults(table, state, types)
                state = self._reread(name)
            self._keep_labels(table, previous)
            self._check_columns(table, state)
        except pymysql.err.Error as error:
            raise translate(error, self._where, name) from None
        return state

    def drop(self, name: str) -> None:
        """None of the name is no error."""
        try:
            self._run(f"DROP TABLE IF EXISTS {self._qualified(name)}")
        except pymysql.err.Error as error:
            raise translate(error, self._where, name) from None

    def preview(self, table: TargetTable) -> Preview:
        """See `tailrace.sink.Sink.preview`."""
        self._refuse_long_names(table)
        types = table_types(table, self._server.mariadb, 0, self._overridden(table))
        columns = tuple((column.name, types[column.name].sql(self._server.collation)) for column in table.columns)
        return Preview(self._qualified(table.name), columns)

    def read(self, name: str) -> TableState | None:
        state = read_table(self._connection, self._database, name)
        self._connection.rollback()  # or a later look would see the catalog as of the first one
        return state

    def _reread(self, name: str) -> TableState:
        state = self.read(name)
        if state is None:
            raise self._stuck(name, "the table vanished while it was being created", "see who drops it")
        return state

    # ---- steps

    def _create(self, table: TargetTable) -> None:
        types = table_types(table, self._server.mariadb, 0, self._overridden(table))
        parts = [
            f"{identifier(column.name)} {types[column.name].sql(self._server.collation)} "
            + ("NOT NULL" if column.key else "NULL")
            for column in table.columns
        ]
        if table.key:
            parts.append(f"PRIMARY KEY ({', '.join(identifier(column.name) for column in table.key)})")
        parts += self._labels(table, table.columns, types)
        self._run(
            f"CREATE TABLE IF NOT EXISTS {self._qualified(table.name)} ({', '.join(parts)}) "
            f"ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE {self._server.collation} "
            f"COMMENT = {self._literal(_mark(table))}"
        )

    def _overridden(self, table: TargetTable) -> dict[str, str]:
        """Types that a person's rules give."""
        found = {column.name: self._overrides.of(table, column) for column in table.columns}
        return {name: wanted for name, wanted in found.items() if wanted}

    def _marked(self, table: TargetTable, state: TableState) -> str:
        """The table's comment with the mark of this version: behind it, where it is not one of ours."""
        mark, own = _mark(table), without_mark(state.comment)
        if not own:
            return mark
        marked = f"{own}{_BEHIND}{mark}"
        if len(marked) > _COMMENT_CHARACTERS:
            raise self._stuck(
                table.name,
                f"its columns swap names, which is noted behind the table's comment, and that is {len(own)} long",
                f"make it shorter by {len(marked) - _COMMENT_CHARACTERS} characters",
            )
        return marked

    def _rename(self, table: TargetTable, names: dict[str, str], state: TableState, in_doubt: bool) -> None:
        """
        Args:
            names: as `_renames` gives them.
            in_doubt: it is to be noted that they are done.
        """
        name = table.name
        clauses = [f"RENAME COLUMN {identifier(state.columns[old].name)} TO {identifier(names[old])}" for old in names]
        indexes: tuple[list[str], list[str]] = [], []
        if not self._server.mariadb:
            before, after = sink_renames.checks(self._connection, self._database, name, names)
            clauses = [*before, *clauses, *after]
            indexes = sink_renames.indexes(self._connection, self._database, name, names)
        if in_doubt:
            clauses.append(f"COMMENT = {self._literal(self._marked(table, state))}")
        # An index that a crash leaves out here is made at cut-over.
        for statement in (indexes[0], clauses, indexes[1]):
            if statement:
                self._alter(name, statement)

    def _renames(self, table: TargetTable, previous: TargetTable, state: TableState) -> dict[str, str]:
        """New names of columns, by their present ones in lower case."""
        if state.comment.endswith(_mark(table)):
            return {}
        pairs = _renamed(table, previous)
        news = {new.lower() for _, new in pairs}
        done = all(
            new.lower() in state.columns and (old.lower() in news or old.lower() not in state.columns)
            for old, new in pairs
        )
        if done and not {old.lower() for old, _ in pairs} <= news:
            return {}
        return {old.lower(): new for old, new in pairs if old.lower() in state.columns}

    def _changes(self, table: TargetTable, state: TableState, types: dict[str, ColumnType]) -> list[str]:
        name = table.name
        key_changes = self._key_changes(table, state)
        primary = () if "DROP PRIMARY KEY" in key_changes else state.primary
        from_mysql = table.source.schema is None
        changes: list[str] = []
        added = [column for column in table.columns if column.name.lower() not in state.columns]
        for column in table.columns:
            present = state.columns.get(column.name.lower())
            if present is None:
                changes.append(f"ADD COLUMN {self._added(table, column, types[column.name])}")
                continue
            wanted = self._wanted(table, column, types[column.name], present.type)
            if change := self._altered(name, column, present, wanted, primary, from_mysql):
                changes.append(change + self._besides(name, present, change))
        for column in table.retained:
            present = state.columns.get(column.name.lower())
            if present is not None and not present.nullable:
                change = f"MODIFY COLUMN {identifier(present.name)} {present.declaration} NULL"
                changes.append(change + self._besides(name, present, change))
        return [*changes, *(f"ADD {check}" for check in self._labels(table, added, types)), *key_changes]

    def _besides(self, table: str, present: TargetColumn, change: str) -> str:
        """What the column has of its own, or of a conversion: a default, a comment, …"""
        besides = read_besides(self._connection, self._database, table).get(present.name.lower(), "")
        if not self._server.mariadb and _OUTSIDE_ROW.search(change):
            # MySQL's TEXT, BLOB and JSON take expressions only.
            besides = _LITERAL_DEFAULT.sub(lambda found: f" DEFAULT ({_kept(found[1])})", besides)
        return besides.removeprefix(" DEFAULT NULL") if change.endswith(" NOT NULL") else besides

    def _wanted(self, table: TargetTable, column: Column, fitted: ColumnType, present: ColumnType) -> ColumnType:
        """The type to judge a present column by: the source's own, before a row's or a key's limits shortened it."""
        wanted = self._overrides.of(table, column)
        from_mysql = table.source.schema is None
        plain = catalog_type(wanted, None) if wanted else mapped(column.type, from_mysql, self._server.mariadb)
        if present.ascii and from_mysql and not wanted and column.type.kind == Kind.TEXT:
            narrow = source_charset(column) == "ascii"
            plain, fitted = replace(plain, ascii=narrow), replace(fitted, ascii=narrow)
        if not column.key or plain == fitted:
            return plain
        # A key that no index can hold in full: any length is a compromise, and longer values are refused.
        alike = (present.textual and plain.textual) or (present.binary and plain.binary)
        return present if alike and not present.outside_row else fitted

    def _added(self, table: TargetTable, column: Column, type_: ColumnType) -> str:
        declaration = f"{identifier(column.name)} {type_.sql(self._server.collation)}"
        declaration += " NOT NULL" if column.key else " NULL"
        if column.initial is None:
            return declaration
        # Gives the rows that stand there what the source gave them. Without brackets it is done in an instant, but
        # TEXT, BLOB and JSON take an expression only.
        return f"{declaration} DEFAULT {self._initial(table, column, type_)}"

    def _initial(self, table: TargetTable, column: Column, type_: ColumnType) -> str:
        try:
            literal = encoder(column, type_, table.source.schema is None, self._server.mariadb)(column.initial)
        except (UnfitError, TypeError, ValueError, AttributeError) as error:
            reason = str(error) if isinstance(error, UnfitError) else "not of the column's type"
            raise self._stuck(
                table.name,
                f"the default of the new column {column.name} cannot be carried: {reason}",
                "drop the default at the source and load the table anew",
            ) from None
        if (type_.textual and type_.outside_row) or type_.base == "json":
            # The server keeps an expression as text and loses track of backslashes in it.
            text = f"CONVERT(X'{str(column.initial).encode().hex()}' USING utf8mb4)"
            return f"(CAST({text} AS JSON))" if type_.base == "json" else f"({text})"
        return f"({literal})" if type_.outside_row or type_.binary else literal

    def _labels(self, table: TargetTable, columns: Sequence[Column], types: dict[str, ColumnType]) -> list[str]:
        """Checks that keep new columns to an enum's labels."""
        kept = [c for c in columns if keeps_labels(c.type, types[c.name].sql(self._server.collation).split(" ")[0])]
        if not kept:
            return []
        dialect = Dialect.MARIADB if self._server.mariadb else Dialect.MYSQL
        taken = read_check_names(self._connection, self._database)
        found = []
        for column in kept:
            name = free_check_name(table.name, column.name, taken)
            taken.add(name.lower())
            check = labels_check(column.name, stream_labels(table, column), dialect)
            found.append(f"CONSTRAINT {identifier(name)} CHECK ({check})")
        return found

    def _keep_labels(self, table: TargetTable, previous: TargetTable | None) -> None:
        """Brings checks that keep a column to an enum's labels to those that the source has now."""
        wanted = {name.lower(): labels for name, labels in wanted_labels(table, previous).items()}
        if not wanted:
            return
        dialect = Dialect.MARIADB if self._server.mariadb else Dialect.MYSQL
        for check, expression in read_checks(self._connection, self._database, table.name, self._server.mariadb):
            column = first_name(expression)
            labels = wanted.get(column.lower())
            if labels is None or not is_labels_check(check):
                continue
            there = labels_of(expression, escapes=True)
            labels = followed(labels, there)
            if labels and there == set(labels):
                continue
            changes = [f"DROP CONSTRAINT {identifier(check)}"]
            if labels:
                changes.append(f"ADD CONSTRAINT {identifier(check)} CHECK ({labels_check(column, labels, dialect)})")
            self._alter(table.name, changes)

    def _forget_defaults(self, table: TargetTable, before: TableState, types: dict[str, ColumnType]) -> None:
        """A default has filled the rows that stood there; rows to come bring their own values."""
        for column in table.columns:
            if column.initial is None or column.name.lower() in before.columns:
                continue
            name, type_ = identifier(column.name), types[column.name]
            if column.key:
                change = f"ALTER COLUMN {name} DROP DEFAULT"
            elif type_.outside_row:
                change = f"MODIFY COLUMN {name} {type_.sql(self._server.collation)} NULL"
            else:
                change = f"ALTER COLUMN {name} SET DEFAULT NULL"
            self._alter(table.name, [change])

    def _altered(
        self,
        table: str,
        column: Column,
        present: TargetColumn,
        wanted: ColumnType,
        primary: Sequence[str],
        from_mysql: bool,
    ) -> str:
        """MODIFY COLUMN where the source widened the type, the column may hold NULL now, or has come into the key."""
        fixed = column.key or present.name.lower() in primary
        nullable = not fixed and (present.nullable or column.nullable)
        indexable = not (column.key and present.type.outside_row)
        if present.type.holds(wanted) and indexable:
            if nullable and not present.nullable and not present.generated:
                return f"MODIFY COLUMN {identifier(present.name)} {present.declaration} NULL"
            return ""
        if (indexable and not wanted.extends(present.type)) or present.generated:
            raise self._stuck(
                table,
                f"the column {present.name} is {present.declaration}, which does not hold every {column.type.name}",
                f"run ALTER TABLE {self._qualified(table)} MODIFY COLUMN {identifier(present.name)} "
                f"{wanted.sql(self._server.collation)}, and load the table anew if values have been converted",
            )
        declared = wanted.sql(self._server.collation)
        if present.charset and indexable and self._keeps_collation(column, present.charset, from_mysql):
            head, found, _ = declared.rpartition(" CHARACTER SET ")
            declared = f"{head}{found}{present.declaration.rpartition(found)[2]}" if found else declared
        return f"MODIFY COLUMN {identifier(present.name)} {declared} {'NULL' if nullable else 'NOT NULL'}"

    @staticmethod
    def _keeps_collation(column: Column, charset: str, from_mysql: bool) -> bool:
        """Whether a column that grows may stay in its character set, and with its collation."""
        if column.type.kind not in (Kind.TEXT, Kind.ENUM, Kind.SET) or not from_mysql:
            return charset == "utf8mb4" and not column.key
        return charset == "utf8mb4" or source_charset(column) == ("utf8mb4" if charset in UTF8_CHARSETS else charset)

    def _key_changes(self, table: TargetTable, state: TableState) -> list[str]:
        wanted = [column.name for column in table.key]
        lower = _names(table.key)
        if set(state.primary) == lower:
            return []
        if any(set(index.columns) == lower and lower for index in state.unique):
            return []
        if not wanted and not set(state.primary) & _names(table.columns):
            return []  # a key of the target's own, which the source's rows do not touch
        change = [f"ADD PRIMARY KEY ({', '.join(map(identifier, wanted))})"] if wanted else []
        if state.primary:
            change.insert(0, "DROP PRIMARY KEY")
        if not state.comment.startswith(_MARK):
            raise self._stuck(
                table.name,
                f"the table's primary key is ({', '.join(state.primary)}), the source's is ({', '.join(wanted)})",
                f"run ALTER TABLE {self._qualified(table.name)} {', '.join(change)}",
            )
        return change

    # ---- what nobody but a person can mend

    def _refuse_long_names(self, table: TargetTable) -> None:
        for name in (table.name, *(column.name for column in (*table.columns, *table.retained))):
            if len(name) > _NAME_CHARACTERS:
                raise self._stuck(
                    table.name,
                    f"the name {name} has {len(name)} characters, and MySQL takes {_NAME_CHARACTERS}",
                    "rename it at the source, or leave the table out of this sink with `tables`",
                )

    def _check_kind(self, table: str, state: TableState) -> None:
        if not state.base:
            raise self._stuck(table, "this is a view", "drop or rename it, so that the table can be created")
        if state.engine.lower() != "innodb":
            raise self._stuck(
                table,
                f"the table's engine is {state.engine}, which has no transactions",
                f"run ALTER TABLE {self._qualified(table)} ENGINE = InnoDB",
            )

    def _check_rewritten(self, table: TargetTable, previous: TargetTable) -> None:
        """The source has rewritten its rows: what stands here must be the same values as one of the new type."""
        from_mysql = table.source.schema is None
        before = {column.id: column.type for column in previous.columns}
        for column in table.columns:
            old = before.get(column.id, column.type)
            bits = from_mysql and old.kind == column.type.kind == Kind.BITS and column.type.size >= old.size
            if not bits and not preserves(old, column.type, not from_mysql):
                raise self._stuck(
                    table.name,
                    f"column {column.name} was {old.name} and is {column.type.name} now, which its rows cannot follow",
                    "drop the target's table, run `tailrace teardown`, and load anew",
                )

    def _check_columns(self, table: TargetTable, state: TableState) -> None:
        """Texts that rows are found by must compare exactly, or two rows of the source become one here.

        MySQL and MariaDB as sources have such keys themselves: what is unique there by the same collation is unique
        here. A target that takes more for equal than its source refuses the row (`TablePlan.inexact`).
        """
        if table.source.schema is None:
            return
        for column in table.key:
            present = state.columns[column.name.lower()]
            if present.merges(column.type.kind):
                raise self._stuck(
                    table.name,
                    f"the column {present.name} is {present.declaration}: texts that differ may be equal there",
                    f"run ALTER TABLE {self._qualified(table.name)} MODIFY COLUMN {identifier(present.name)} "
                    f"{present.type.sql(self._server.collation)}{'' if present.nullable else ' NOT NULL'}",
                )

    # ---- statements

    def _alter(self, table: str, changes: Sequence[str]) -> None:
        self._run(f"ALTER TABLE {self._qualified(table)} {', '.join(changes)}")

    def _run(self, statement: str) -> None:
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(statement)

    def _qualified(self, table: str) -> str:
        return f"{identifier(self._database)}.{identifier(table)}"

    @staticmethod
    def _literal(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    def _stuck(self, table: str, what: str, fix: str) -> StuckError:
        return StuckError(what, where=f"{self._where}, table {table}", fix=fix)


def _kept(literal: str) -> str:
    """A text for an expression that the server keeps."""
    return kept_text(literal[1:-1].replace("''", "'"), Dialect.MYSQL)


def _taken(table: TargetTable, state: TableState) -> int:
    """Bytes of a row in columns that the source does not have, or has no more."""
    live = _names(table.columns)
    return sum(column.type.row_bytes for name, column in state.columns.items() if name not in live)


def _names(columns: Sequence[Column]) -> set[str]:
    return {column.name.lower() for column in columns}
