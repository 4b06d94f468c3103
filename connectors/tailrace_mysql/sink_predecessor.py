"""Sessions of a sink that the network has cut off: the server does not notice, and they hold what they have locked.

A server finds out that its client is gone when it has something to send, or by TCP's keepalives, after two hours as
Linux has them. Until then the transaction that was open stays open. So each session of a sink holds a named lock, which
tells the next one whom it may end. https://dev.mysql.com/doc/refman/9.7/en/locking-functions.html
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any

import pymysql.err
from pymysql.connections import Connection

from tailrace_mysql.sink_errors import passing

#: For a row's lock while an earlier session lives; whoever else locks rows has the server's own time.
_WAIT_SECONDS = 5
#: One that is at work comes back within that time, or has somebody to send an answer to.
_IDLE_SECONDS = 15


class Predecessor:
    """The session that the sink had before, if it lives.

    Args:
        connection: the one that takes its place: it holds the lock from now on, and writes.
    """

    def __init__(self, connection: Connection[Any], database: str, pipeline: str, sink: str) -> None:
        self._connection = connection
        digest = hashlib.sha256(f"{database}/{pipeline}/{sink}".encode()).hexdigest()
        self._lock = f"tailrace {digest[:40]}"
        #: Its number; 0: it is gone, or the server has no such locks.
        self._number = 0
        self._take(0)
        if self._number:
            self._ask(f"SET SESSION innodb_lock_wait_timeout = {_WAIT_SECONDS}")

    def end(self) -> None:
        """After a lock was waited for in vain: ends the earlier session, unless it is at work."""
        if not self._number:
            return
        idle = self._ask(
            "SELECT 1 FROM information_schema.processlist"
            f" WHERE id = {self._number} AND command = 'Sleep' AND time >= {_IDLE_SECONDS}"
        )
        if idle:
            self._ask(f"KILL {self._number}")
        self._take(1 if idle else 0)
        if not self._number:
            self._ask("SET SESSION innodb_lock_wait_timeout = DEFAULT")

    def _take(self, seconds: int) -> None:
        self._number = 0
        try:
            if self._ask(f"SELECT GET_LOCK('{self._lock}', {seconds})") != 1:
                self._number = self._ask(f"SELECT IS_USED_LOCK('{self._lock}')")
        except pymysql.err.Error as error:
            if passing(error, patient=False):
                raise
            # Some clusters refuse such locks.

    def _ask(self, sql: str) -> int:
        """The number in the first row; 0 without one."""
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)
            row = cursor.fetchone() if cursor.description else None
        return int(row[0] or 0) if row else 0
