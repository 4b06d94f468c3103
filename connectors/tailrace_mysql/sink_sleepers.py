"""Connections of workers that fell asleep (SIGSTOP, a suspended machine), ended by their successor.

In a transaction they would keep rows locked for as long as they sleep, and a DDL statement of theirs, which is in no
transaction, would be sent when they wake up. A worker's connections are found by user-level locks that bear its name;
who has no more privileges than the worker may end them, for they are the same user's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import pymysql.err
from pymysql.connections import Connection

from tailrace.logs import logger

#: Whoever is at work says something to its target more often than this.
ASLEEP_SECONDS = 5
_PARTS = ("work", "ddl")

log = logger()


def _names(owner: str) -> list[str]:
    """Of the locks; MySQL takes 64 characters."""
    return [f"tailrace {owner.rpartition(':')[2][:40]} {part}" for part in _PARTS]


def be_found(owner: str, work: Connection[Any], ddl: Connection[Any]) -> None:
    """Lets successors find these connections of a worker. A Galera cluster has no such locks, and goes without."""
    for connection, name in zip((work, ddl), _names(owner), strict=True):
        with contextlib.closing(connection.cursor()) as cursor, contextlib.suppress(pymysql.err.NotSupportedError):
            cursor.execute("SELECT GET_LOCK(%s, 0)", (name,))


def end(connection: Connection[Any], owners: Iterable[str]) -> None:
    """Ends the connections of those of these workers that are asleep: with all of them silent for a while."""
    with contextlib.closing(connection.cursor()) as cursor:
        for owner in owners:
            first, second = _names(owner)
            try:
                cursor.execute("SELECT IS_USED_LOCK(%s), IS_USED_LOCK(%s)", (first, second))
            except pymysql.err.NotSupportedError:
                break
            held = [int(number) for number in cursor.fetchone() or () if number is not None]
            if not held:
                continue
            cursor.execute("SHOW PROCESSLIST")
            silent = {int(row[0]): int(row[5] or 0) for row in cursor.fetchall() if row[4] == "Sleep"}
            if not all(silent.get(number, 0) >= ASLEEP_SECONDS for number in held):
                continue
            for number in held:
                with contextlib.suppress(pymysql.err.Error):  # it has gone by itself
                    cursor.execute(f"KILL {number}")
            log.warning("a worker sleeps; its connections to the target are ended", sleeper=owner, connections=held)
    connection.rollback()
