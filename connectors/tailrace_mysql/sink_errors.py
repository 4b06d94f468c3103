"""What a MySQL or MariaDB target answers, as tailrace's errors: one line, no row's value, no secret.

Numbers: https://dev.mysql.com/doc/mysql-errors/9.7/en/server-error-reference.html and client-error-reference.html;
https://mariadb.com/docs/server/reference/error-codes. Both servers share those below 1900.
"""

from __future__ import annotations

import re

import pymysql.err

from tailrace.errors import (
    RefusedError,
    StuckError,
    TailraceError,
    TransactionConflictError,
    UnreachableError,
    ValueRefusedError,
)

NO_SUCH_TABLE = 1146
DUPLICATE_ENTRY = 1062
LOCK_TIMEOUT = 1205
#: A row met one of another key: a duplicate, or the guard of `TablePlan.upserts`.
MET_ELSEWHERE = (DUPLICATE_ENTRY, 1048)
_STATEMENT_TIMEOUT = 1969
_NO_DEFAULT = 1364

#: Client errors: nobody answers.
NO_SERVER = frozenset({2002, 2003, 2005, 2006, 2012, 2013, 2055})
#: The connection is gone, or was never there: besides, too many connections, shutdown, network, killed, idle.
_LOST = {
    *NO_SERVER,
    *(1040, 1203, 1226),
    *(1053, 1077, 1078, 1079),
    *(1158, 1159, 1160, 1161),
    *(1317, 1927, 3169, 4031),
}
#: Another transaction was in the way: the whole transaction is applied again, from the stored positions.
_CONFLICT = {LOCK_TIMEOUT: "waited too long for a lock", 1213: "lost a deadlock", 1020: "met a concurrent change"}
#: A person must grant, create or switch something.
_REFUSED = {
    1045: ("user or password is wrong", "correct the url's user and password"),
    1698: ("user or password is wrong", "correct the url's user and password"),
    1044: ("the user may not use the database", "grant the user its privileges on it"),
    1049: ("the database does not exist", "create it, or correct the url"),
    1142: ("a privilege on the table is missing", "run `tailrace check` and grant it"),
    1143: ("a privilege on a column is missing", "grant it on the whole table"),
    1227: ("a privilege is missing", "run `tailrace check` and grant it"),
    1130: ("the server takes no connection from this host", "create the user for this host"),
    1129: ("the server has blocked this host", "run FLUSH HOSTS on the server"),
    1251: ("the user's authentication plugin is not supported", "give the user another one"),
    2059: ("the user's authentication plugin is not supported", "give the user another one"),
    2026: ("TLS failed", "correct the tls table, or the server's certificate"),
    3159: ("the server wants TLS", 'add tls = { mode = "require" }'),
    1290: ("the server is read-only", "name a server that takes writes"),
    1792: ("the server is read-only", "name a server that takes writes"),
    1836: ("the server is read-only", "name a server that takes writes"),
    1820: ("the user's password has expired", "set a new one"),
    1862: ("the user's password has expired", "set a new one"),
    3118: ("the user is locked", "run ALTER USER … ACCOUNT UNLOCK"),
    4151: ("the user is locked", "run ALTER USER … ACCOUNT UNLOCK"),
    1021: ("the server's disk is full", "make room there"),
    1114: ("the target table is full", "make room there"),
    _STATEMENT_TIMEOUT: ("a statement took longer than max_statement_time", "raise it for tailrace's user"),
}
#: The column cannot take a value as it is (strict mode).
_VALUE = {
    1048: "the target column takes no NULL",
    1118: "a row is larger than the target's row size limit",
    1153: "a row is larger than the target's max_allowed_packet",
    1264: "a value lies outside the target column's range",
    1265: "a value does not fit into the target column",
    1292: "a value is none that the target column's type has",
    1366: "a value is none that the target column's type has",
    1367: "a value is none that the target column's type has",
    1406: "a value is longer than the target column",
    1416: "a value is none that the target column's type has",
    1690: "a value lies outside the target column's range",
    3140: "a text is no JSON as the target's type wants it",
    3141: "a text is no JSON as the target's type wants it",
    3157: "a JSON document is nested too deep for the target",
    3819: "a row violates a CHECK constraint of the target",
    4025: "a row violates a CHECK constraint of the target",
}
_COLUMN = re.compile(r"[Cc]olumn '(?P<plain>[^']+)'|`\.`(?P<ticked>[^`]+)` at row|Field '(?P<field>[^']+)'")
_INDEX = re.compile(r"for key '([^']+)'$")


def passing(error: pymysql.err.Error, patient: bool) -> bool:
    """Whether an error is none of the statement's: the connection's, or, to who is patient, one that time may mend."""
    code = number(error)
    return code in _LOST or isinstance(error, pymysql.err.InterfaceError) or (patient and code in _CONFLICT)


def quotes_values(code: int) -> bool:
    """Whether the server's message may have a row's value in it."""
    return code in _VALUE or code == DUPLICATE_ENTRY


def number(error: pymysql.err.Error) -> int:
    """The server's or the client library's error number, 0 where there is none."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def column_named(error: pymysql.err.Error) -> str:
    """The column that the server's message names; "" without one."""
    match = _COLUMN.search(str(error.args[1])) if len(error.args) > 1 else None
    return next((name for name in match.groups() if name), "") if match else ""


def rows_met(index: str, code: int, place: str) -> StuckError:
    """Two rows of the source are one to an index of the target's; "" where it is not known which."""
    return StuckError(
        f"two rows meet in the target's unique index{' ' + index if index else ''} (error {code})",
        where=place,
        fix="drop that index in the target, or make it as the source's is, with its columns' collations",
    )


def translate(error: pymysql.err.Error, where: str, table: str = "") -> TailraceError:
    """The error to raise instead.

    Args:
        where: the target's address and database.
        table: what was written or changed, if anything.
    """
    code = number(error)
    message = str(error.args[1]) if len(error.args) > 1 else ""
    place = f"{where}, table {table}" if table else where
    if code in _LOST or isinstance(error, pymysql.err.InterfaceError):
        return UnreachableError(
            f"the connection to the database failed (error {code})",
            where=where,
            fix="see whether the server runs and its address is right",
        )
    if code in _CONFLICT:
        return TransactionConflictError(
            f"our transaction {_CONFLICT[code]}", where=place, fix="it is rolled back and applied again"
        )
    if code in _REFUSED:
        what, fix = _REFUSED[code]
        return RefusedError(f"{what} (error {code})", where=place, fix=fix)
    if code in _VALUE:
        column = column_named(error)
        return ValueRefusedError(
            f"{_VALUE[code]} (error {code})",
            where=f"{place}, column {column}" if column else place,
            fix="change the target column so that it holds all that the source's can",
        )
    if code == _NO_DEFAULT:  # no row's matter: every row would be refused
        return StuckError(
            f"a target column that the source lacks has no default (error {code})",
            where=place,
            fix="give it one, or let it be NULL",
        )
    if code == DUPLICATE_ENTRY:
        index = _INDEX.search(message)
        return rows_met(index[1] if index else "", code, place)
    return StuckError(
        f"the target refused a statement (error {code})", where=place, fix="look for it in the server's documentation"
    )
