"""Connections to a PostgreSQL target: settings that decide how a value is read or printed are pinned."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from typing import Any

import psycopg2
import psycopg2.extensions

from tailrace.answers import Answers
from tailrace.errors import TailraceError, UnreachableError
from tailrace_postgres.connection import CONNECT_SECONDS, PINNED, Connection, identifier
from tailrace_postgres.errors import login_error
from tailrace_postgres.settings import PostgresSinkSettings

_OWN = {
    # Ours, so that a backslash in a literal means itself.
    "standard_conforming_strings": "on",
    # Shorter than the time in which a stop must be done: a table locked by somebody is tried again.
    "lock_timeout": "8s",
}


# PostgreSQL manual, "pg_stat_activity".
_DOUBT = """
SELECT state LIKE 'idle%%' AND state_change < clock_timestamp() - interval '30 s' FROM pg_stat_activity WHERE pid = %s
"""
_DOUBT_SECONDS = 5.0
#: Said by a server that may well be at work for another session.
_FULL = re.compile(r"too many (clients|connections)|connection slots")


def where(settings: PostgresSinkSettings) -> str:
    """The target for messages, without secrets."""
    return str(settings.database_url())


class Session(psycopg2.extensions.connection):
    """A connection whose answers may be watched."""

    answers: Answers | None = None
    _settings: PostgresSinkSettings

    def watch(self, settings: PostgresSinkSettings) -> None:
        """From now on a wait that is in vain ends."""
        self._settings = settings
        self.answers = Answers(where(settings), self._hang_up)

    def awaiting(self) -> contextlib.AbstractContextManager[None]:
        """Around what waits for the server."""
        return self.answers.awaiting(self._doubt) if self.answers is not None else contextlib.nullcontext()

    def commit(self) -> None:
        with self.awaiting():
            super().commit()

    def rollback(self) -> None:
        with self.awaiting():
            super().rollback()

    def close(self) -> None:
        if self.answers is not None:
            self.answers.close()
        super().close()

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError, psycopg2.Error), socket.socket(fileno=os.dup(self.fileno())) as handle:
            handle.shutdown(socket.SHUT_RDWR)

    def _doubt(self) -> str:
        """Why no answer will come; "" where it may."""
        try:
            with contextlib.closing(Connection(self._settings)) as connection:
                found = connection.query(_DOUBT, (self.info.backend_pid,), seconds=_DOUBT_SECONDS)
        except UnreachableError as error:
            # One that takes no more connections may well be at work for us.
            return "" if _FULL.search(error.what) else f"the server takes no other connection: {error.what}"
        except (TailraceError, psycopg2.Error):
            return ""
        if not found:
            return "the server has ended the session"
        return "the server has nothing left to do for the session" if found[0][0] else ""


class Cursor(psycopg2.extensions.cursor):
    """Of such a connection."""

    connection: Session

    def execute(self, query: Any, vars: Any = None) -> None:
        with self.connection.awaiting():
            super().execute(query, vars)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        with self.connection.awaiting():
            super().copy_expert(sql, file, size)


def connect(settings: PostgresSinkSettings, application: str) -> Any:
    """A psycopg2 connection.

    Raises:
        UnreachableError, RefusedError: as the server or the network has it.
    """
    url = settings.database_url()
    # The tables' schema is the first of the user's own search_path.
    pinned = {name: value for name, value in PINNED.items() if name != "search_path"} | _OWN
    own = dict(url.options)
    words = {
        **own,
        "host": url.socket or url.host,
        "port": str(url.port),
        "dbname": url.database,
        "client_encoding": "UTF8",
        "application_name": own.get("application_name", application),
        "connect_timeout": str(int(CONNECT_SECONDS)),
        "keepalives_idle": "15",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
        "options": " ".join([own.get("options", ""), *(f"-c {key}={value}" for key, value in pinned.items())]).strip(),
    }
    if url.user:
        words["user"] = url.user
    if url.password is not None:
        words["password"] = url.password
    if settings.tls is not None:
        words.update(settings.tls.libpq())
    try:
        dsn = psycopg2.extensions.make_dsn(**words)
        return psycopg2.connect(dsn, connection_factory=Session, cursor_factory=Cursor)
    except psycopg2.Error as error:
        raise login_error(str(error), str(url)) from None


def take_replica_role(connection: Any) -> bool:
    """Switches foreign keys and triggers off, as PostgreSQL's own subscribers do; False where that is not granted.

    What triggers did at the source comes as rows of its own, and rows of several tables come in another order.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
        connection.commit()
    except psycopg2.errors.InsufficientPrivilege:
        connection.rollback()
        return False
    return True


def quietly_close(connection: Any) -> None:
    with contextlib.suppress(psycopg2.Error):
        connection.close()


quoted = identifier


def listed(names: Any) -> str:
    return ", ".join(quoted(name) for name in names)


def literal(text: str | None) -> str:
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"
