"""What a PostgreSQL target answers, as tailrace's errors: one line, no row's value, no secret.

SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from tailrace.errors import (
    RefusedError,
    StuckError,
    TailraceError,
    TransactionConflictError,
    UnreachableError,
    ValueRefusedError,
)

#: Serialization failure, deadlock, lock timeout.
_CONFLICTS = frozenset({"40001", "40P01", "55P03"})
#: Connection, resources, shutdown and crash; a server that became a standby; a statement that was cancelled.
_LATER = re.compile(r"08|53|57P0|57014|58|25006")
_REFUSED = {
    "42501": "grant the sink's user what it needs; `tailrace check` names it",
    "3F000": "create the schema, or correct `schema`",
    "28000": "correct the url's user and password",
    "28P01": "correct the url's user and password",
    "3D000": "create the database, or correct the url",
}
#: Constraints that a row breaks by itself: NOT NULL, CHECK, and no partition for it (a check violation too).
_ROW_RULES = frozenset({"23502", "23514"})
#: Messages of class 22 quote the value; names of types and encodings are not quoted.
_QUOTED = re.compile(r'"[^"]*"')
_COPY_COLUMN = re.compile(r"^COPY [^\n]*?, line \d+, column ([^\n]+?)(?:: |$)", re.MULTILINE)


def passing(state: str) -> bool:
    """Whether time may mend what a SQLSTATE tells of."""
    return state in _CONFLICTS or bool(_LATER.match(state))


@contextmanager
def translated(where: str, table: str = "") -> Iterator[None]:
    """Raises tailrace's errors instead of psycopg2's; `table` is what was written or changed, if anything."""
    try:
        yield
    except psycopg2.Error as error:
        raise explain(error, where, table) from None


def explain(error: psycopg2.Error, where: str, table: str = "") -> TailraceError:
    state = error.pgcode
    place = f"{where}, table {table}" if table else where
    if state is None:
        # psycopg2 reports a lost connection without a SQLSTATE.
        line = str(error).strip().partition("\n")[0] or "the connection is closed"
        return UnreachableError(line, where=where, fix="see whether the server runs and its address is right")
    message = error.diag.message_primary or "no message"
    if state in _CONFLICTS:
        return TransactionConflictError(f"{message} ({state})", where=place, fix="it is applied again")
    if _LATER.match(state):
        return UnreachableError(f"{message} ({state})", where=where, fix="see the target server's log")
    if state in _REFUSED:
        return RefusedError(f"{message} ({state})", where=place, fix=_REFUSED[state])
    if state[:2] == "22":
        column = _COPY_COLUMN.search(error.diag.context or "")
        if column:
            place += f", column {column[1]}"
        return ValueRefusedError(
            f"the target cannot hold a value exactly: {_QUOTED.sub('…', message)} ({state})",
            where=place,
            fix="change the target's column so that it can, or mend the value at the source",
        )
    if state in _ROW_RULES:
        return ValueRefusedError(
            f"the target refused a row: {message} ({state})",
            where=place,
            fix="drop that constraint in the target, or mend the row at the source",
        )
    if state[:2] == "23":
        # These messages name constraints and columns; values stand in the detail, which is left out.
        return StuckError(
            f"the target refused a row: {message} ({state})", where=place, fix="drop that constraint in the target"
        )
    if state[:2] == "54":
        return ValueRefusedError(f"{message} ({state})", where=place, fix="exclude the table, or shorten the key")
    return StuckError(f"the target refused a statement: {message} ({state})", where=place, fix="see its server's log")
