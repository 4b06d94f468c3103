"""Statements run on a server, which commits each by itself."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pymysql.err

from tailrace.conversion.catalog import ObjectKind
from tailrace.conversion.target import Statement
from tailrace.errors import RefusedError
from tailrace_mysql.schema.questions import COLLATION, number
from tailrace_mysql.sink_errors import passing, translate

#: Strict, so that what does not fit is refused and not cut; days that no calendar has are defaults as at the source.
SQL_MODE = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ALLOW_INVALID_DATES"
_NAMED = 5
_TRUST = "SET GLOBAL log_bin_trust_function_creators = ON"
_FIXES = {
    1044: "grant the privilege on the database",
    1142: "grant the privilege",
    1227: "grant the privilege",
    1418: f"say DETERMINISTIC, NO SQL or READS SQL DATA, or {_TRUST}",
    1419: _TRUST,
}
#: The user may not make something, or the server takes no writes.
MAY_NOT = (1044, 1142, 1227, 1290, 1792, 1836)
#: Warnings that say that something else was made than what was meant: MariaDB indexes the beginning of what is too long
#: whatever the mode, and a VARCHAR becomes a TEXT.
_OTHERWISE = frozenset({1071, 1246, 1264, 1265, 1266, 1618})
_ROUNDED = 1265


class Refusal(RefusedError):
    """
    Args:
        number: the server's of its error.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "", number: int = 0) -> None:
        super().__init__(what, where=where, fix=fix)
        self.number = number


def run(connection: Any, statements: Sequence[Statement], where: str) -> None:
    """
    Args:
        connection: PyMySQL's; its session is changed.

    Raises:
        RefusedError: the server refuses a statement: which, its error, and what was made before it.
        UnreachableError: the connection is gone; what was made before it stays.
    """
    connection.autocommit(True)
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(
            f"SET SESSION sql_mode = '{SQL_MODE}', time_zone = '+00:00', foreign_key_checks = 1,"
            f" collation_connection = '{COLLATION}'"
        )
        done: list[Statement] = []
        for statement in statements:
            try:
                cursor.execute(statement.sql)
                while cursor.nextset():
                    pass
                cursor.execute("SHOW WARNINGS")
                warnings = cursor.fetchall()
            except pymysql.err.Error as error:
                if passing(error, patient=True):
                    raise translate(error, f"{where}, {_named(statement)}") from None
                raise Refusal(
                    f"the server refuses {_named(statement)}: {error.args[-1]} (error {number(error)}); {_made(done)}",
                    where=where,
                    fix=_FIXES.get(number(error), "correct what it says")
                    + ", then run it again: what is made stays, and is not made twice",
                    number=number(error),
                ) from None
            if odd := next(filter(_otherwise, warnings), None):
                raise RefusedError(
                    f"the server makes {_named(statement)} otherwise: {odd[2]} (warning {odd[1]}); {_made(done)}",
                    where=where,
                    fix="drop it and correct what it says, then run it again",
                )
            done.append(statement)


def _otherwise(warning: Sequence[Any]) -> bool:
    """MariaDB's note that a default is rounded tells nothing new: its value is, with each row."""
    level, number_ = str(warning[0]), int(warning[1])
    return number_ in _OTHERWISE and not (number_ == _ROUNDED and level == "Note")


def _named(statement: Statement) -> str:
    member = f" {statement.member} of" if statement.member else ""
    return f"{statement.kind}{member} {statement.name}"


def _made(done: Sequence[Statement]) -> str:
    """All of them by kind, and the last ones by name."""
    things = list(dict.fromkeys(map(_named, done)))
    if not things:
        return "nothing was made before it"
    kinds = Counter(statement.kind for statement in {_named(s): s for s in done}.values())
    counted = ", ".join(f"{count} {_several(kind, count)}" for kind, count in kinds.items())
    return f"made before it: {counted}; the last: {', '.join(things[-_NAMED:])}"


def _several(kind: ObjectKind, count: int) -> str:
    plural = {"index": "indexes", "primary key": "primary keys"}.get(kind, f"{kind}s")
    return str(kind) if count == 1 else plural
