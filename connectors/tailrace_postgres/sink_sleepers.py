"""Sessions of workers that fell asleep in a transaction (SIGSTOP, a suspended machine), ended by their successor.

They would keep rows locked for as long as they sleep: their sockets are open, and the server waits. The sessions of one
sink's workers tell each other by an advisory lock that they share; it lives as long as the session.
"""

from __future__ import annotations

import zlib
from typing import Any

from tailrace.logs import logger

#: A worker's transaction waits for nothing but the target: one that has said nothing for so long is asleep.
ASLEEP_SECONDS = 5.0
#: The first number of the advisory locks; the second is of the sink.
_CLASS = 0x7461_696C

log = logger()


class Sleepers:
    """Of one sink; every method is for between two transactions."""

    def __init__(self, connection: Any, pipeline: str, sink: str) -> None:
        self._connection = connection
        self._key = zlib.crc32(f"{pipeline}/{sink}".encode()) & 0x7FFF_FFFF

    def join(self) -> None:
        """Lets others find this session."""
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_lock_shared({_CLASS}, {self._key})")
        self._connection.commit()

    def end(self) -> None:
        """Ends the sessions of workers that sleep in a transaction. Waiting for the client in a COPY is such too."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT a.pid, pg_terminate_backend(a.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                f" WHERE l.locktype = 'advisory' AND l.classid = {_CLASS} AND l.objid = {self._key} AND l.objsubid = 2"
                " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND a.pid <> pg_backend_pid() AND a.usename = current_user"
                " AND a.state <> 'idle' AND a.wait_event = 'ClientRead'"
                f" AND a.state_change < clock_timestamp() - interval '{ASLEEP_SECONDS} s'"
            )
            ended = [pid for pid, done in cursor.fetchall() if done]
        self._connection.commit()
        if ended:
            log.warning("a worker slept in a transaction of the target; its session is ended", sessions=ended)
