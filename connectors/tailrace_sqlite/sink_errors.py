"""What a SQLite target answers, as tailrace's errors: https://www.sqlite.org/rescode.html."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from tailrace.errors import RefusedError, StuckError, TailraceError, UnreachableError, ValueRefusedError

_LATER = {
    sqlite3.SQLITE_BUSY: ("the database is locked by another program", "let that program end its transaction"),
    sqlite3.SQLITE_LOCKED: ("the database is locked by another program", "let that program end its transaction"),
    sqlite3.SQLITE_FULL: ("the disk is full", "make room"),
    sqlite3.SQLITE_IOERR: ("reading or writing failed", "see the system's log for errors of the disk"),
}
_REFUSED = {
    sqlite3.SQLITE_READONLY: ("the file cannot be written", "make it and its folder writable for the daemon's user"),
    sqlite3.SQLITE_PERM: ("no permission", "make it and its folder writable for the daemon's user"),
    sqlite3.SQLITE_AUTH: ("no permission", "make it and its folder writable for the daemon's user"),
    sqlite3.SQLITE_CANTOPEN: ("the file cannot be opened", "see that its folder exists and is writable"),
    sqlite3.SQLITE_NOTADB: ("the file is no SQLite database", "name another file"),
    sqlite3.SQLITE_CORRUPT: ("the database is damaged", "restore it, or remove it and load anew"),
}

#: Constraints that a row breaks by itself: CHECK, NOT NULL, and a STRICT table's types (SQLITE_CONSTRAINT_DATATYPE).
_ROW_RULES = (sqlite3.SQLITE_CONSTRAINT_CHECK, sqlite3.SQLITE_CONSTRAINT_NOTNULL, sqlite3.SQLITE_CONSTRAINT | 12 << 8)


@contextmanager
def translated(path: Path, table: str = "", columns: Collection[str] | None = None) -> Iterator[None]:
    """Raises tailrace's errors instead of SQLite's.

    Args:
        table: what was written or changed, if anything.
        columns: that rows were written with.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _explain(error, path, table, columns) from None
    except OverflowError:
        raise ValueRefusedError(
            "an integer is beyond the 64 bits that SQLite has",
            where=_where(path, table),
            fix="declare the target's column without a type",
        ) from None


def _explain(error: sqlite3.Error, path: Path, table: str, columns: Collection[str] | None) -> TailraceError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    where = _where(path, table)
    if code in _LATER:
        what, fix = _LATER[code]
        return UnreachableError(what, where=where, fix=fix)
    if code in _REFUSED:
        what, fix = _REFUSED[code]
        return RefusedError(what, where=where, fix=fix)
    if code == sqlite3.SQLITE_TOOBIG:
        return ValueRefusedError("a value is larger than SQLite takes", where=where, fix="exclude the table")
    extended = getattr(error, "sqlite_errorcode", 0)
    if extended == sqlite3.SQLITE_CONSTRAINT_NOTNULL and columns is not None:
        name = str(error).rpartition(".")[2]
        if name.casefold() not in {column.casefold() for column in columns}:
            # No row's matter: every row would be refused.
            return StuckError(
                f"the target's column {name} takes no NULL, and the source has no such column",
                where=where,
                fix="give it a default",
            )
    if extended in _ROW_RULES:
        # These messages name table, columns and constraint, never values.
        return ValueRefusedError(
            f"the target refused a row: {error}", where=where, fix="drop that constraint in the target, or mend the row"
        )
    if code == sqlite3.SQLITE_CONSTRAINT:
        # These messages name table, columns and constraint, never values.
        return StuckError(f"the target refused a row: {error}", where=where, fix="drop that constraint in the target")
    return StuckError(f"the target refused a statement: {error}", where=where, fix="see that the table is as expected")


def _where(path: Path, table: str) -> str:
    return f"{path}, table {table}" if table else str(path)
