"""Connections to the source: every setting that decides how a value is printed is pinned, every wait is bounded."""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import psycopg2
import psycopg2.extensions
from psycopg2.extras import LogicalReplicationConnection

from tailrace.config.url import DatabaseUrl
from tailrace.errors import TailraceError, UnreachableError
from tailrace_postgres.errors import login_error, server_error
from tailrace_postgres.libpq import Copy, CopyEndedError
from tailrace_postgres.settings import PostgresSinkSettings, PostgresSourceSettings

CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 30.0
#: Between two rows of a COPY.
MORE_SECONDS = 60.0
#: Of a COPY, at a time.
COPY_BYTES = 64 << 10
_SLICE_SECONDS = 0.5

#: What a role or a database may have set otherwise, and what would print the same value in another way or end our
#: sessions. The stream and the load must have the same ones.
PINNED: Mapping[str, str] = {
    "DateStyle": "ISO",
    "IntervalStyle": "iso_8601",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "lc_monetary": "C",
    "xmlbinary": "base64",
    "quote_all_identifiers": "off",
    # Names of other schemas are then printed with their schema, and nobody's function stands in for the system's.
    "search_path": "",
    # A policy that hides rows from us is an error, not a smaller table.
    "row_security": "off",
    "default_transaction_read_only": "off",
    "default_transaction_isolation": "read\\ committed",
    "statement_timeout": "0",
    "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    # The server, too, must notice that we are gone: a dead session would keep the slot from the next one.
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
# A database with encoding SQL_ASCII checks no text. It would end our session at the first value that is no UTF-8, where
# we name table and column.
_RAW_TEXT = "SET client_encoding = 'SQL_ASCII'"
#: For the replication connection alone. A publish that waits for its stream is no reason to hang up; a dead link is
#: noticed by TCP and by our own heartbeats long before.
_REPLICATION = {"wal_sender_timeout": "180s"}

Settings = PostgresSourceSettings | PostgresSinkSettings


def parameters(url: DatabaseUrl, settings: Settings, replication: bool) -> dict[str, str]:
    """libpq's connection parameters."""
    pinned = {**PINNED, **_REPLICATION} if replication else dict(PINNED)
    own = dict(url.options)
    result = {
        **own,
        "host": url.socket or url.host,
        "port": str(url.port),
        "dbname": url.database,
        "client_encoding": "UTF8",
        "application_name": own.get("application_name", "tailrace"),
        "connect_timeout": str(int(CONNECT_SECONDS)),
        "keepalives_idle": "15",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
        "options": " ".join([own.get("options", ""), *(f"-c {key}={value}" for key, value in pinned.items())]).strip(),
    }
    if url.user:
        result["user"] = url.user
    if url.password is not None:
        result["password"] = url.password
    if settings.tls is not None:
        result.update(settings.tls.libpq())
    return result


class Connection:
    """One session. Not for several threads.

    psycopg2's asynchronous mode is used for its waits: a server that hangs is noticed when the time is up.
    """

    def __init__(self, settings: Settings, *, replication: bool = False) -> None:
        """Connects.

        Raises:
            UnreachableError, RefusedError: as the server or the network has it.
        """
        url = settings.database_url()
        self.where = str(url)
        self._interrupted = False
        self._prepared: set[str] = set()
        words = parameters(url, settings, replication)
        try:
            dsn = psycopg2.extensions.make_dsn(**words)
            if replication:
                self.raw: Any = LogicalReplicationConnection(dsn, True)  # the second is `async`, a keyword now
            else:
                self.raw = psycopg2.connect(dsn, async_=True)
            self._wait(CONNECT_SECONDS, "connecting")
        except psycopg2.Error as error:
            raise login_error(str(error), self.where) from None
        self._unchecked = self.raw.get_parameter_status("server_encoding") == "SQL_ASCII"
        if replication and self._unchecked:
            self.query(_RAW_TEXT)
        if self.version >= 170000:
            # A parameter that older servers do not know. It ends the decoding of a large transaction, too.
            self.query("SET transaction_timeout = 0")

    @property
    def version(self) -> int:
        """The server's, as 150004 for 15.4."""
        return int(self.raw.server_version)

    @property
    def pid(self) -> int:
        """The server process behind this session."""
        return int(self.raw.info.backend_pid)

    def fileno(self) -> int:
        return int(self.raw.fileno())

    def query(
        self,
        sql: str,
        values: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        seconds: float = STATEMENT_SECONDS,
        doing: str = "",
    ) -> list[tuple[Any, ...]]:
        """Runs a statement in its own transaction, or in the one that an earlier BEGIN opened.

        Args:
            seconds: the longest wait; the session is closed when it is over.
            doing: for an error's text.
        """
        try:
            with self.raw.cursor() as cursor:
                cursor.execute(sql, values)
                self._wait(seconds, doing or "a statement")
                return cursor.fetchall() if cursor.description else []
        except psycopg2.Error as error:
            raise self._error(error, doing) from None

    def prepared(self, name: str, types: str, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """As `query`, for a question that is asked for each of many tables: the server plans it a few times, not for
        each of them.

        Args:
            name: of the statement, in this session.
            types: of its parameters, which are ``$1`` and so on in `sql`.
        """
        if name not in self._prepared:
            self.query(f"PREPARE {name} ({types}) AS {sql}")
            self._prepared.add(name)  # it outlives its transaction, whatever becomes of that
        return self.query(f"EXECUTE {name} ({', '.join(['%s'] * len(values))})", values)

    def value(self, sql: str, values: Sequence[Any] | None = None) -> Any:
        """The first column of the first row; None without a row."""
        rows = self.query(sql, values)
        return rows[0][0] if rows else None

    def copy(
        self,
        sql: str,
        *,
        first: float = STATEMENT_SECONDS,
        at_once: int = COPY_BYTES,
    ) -> Generator[list[bytes]]:
        """The messages of COPY … TO STDOUT, a row each, as they come.

        An iterator that is closed early cancels the statement; an open transaction is aborted then.

        Args:
            first: seconds until the first row must be there, which may have to be sorted for.
            at_once: bytes of rows that are handed over together, about.
        """
        if self._unchecked:
            self.query(_RAW_TEXT)
        copy = Copy(self.raw, self.where)
        copy.send(sql)
        deadline = time.monotonic() + first
        while not copy.started():
            self._poll(select.POLLIN, deadline, first, "reading a table")
        ended = False
        try:
            yield self._next(copy, at_once, first)
            while True:
                yield self._next(copy, at_once, MORE_SECONDS)
        except CopyEndedError:
            ended = True
            if self._unchecked:
                self.query("SET client_encoding = 'UTF8'")
        except TailraceError:
            ended = True
            raise
        finally:
            if not ended and not self.raw.closed:
                self._cancel(copy)

    def _next(self, copy: Copy, at_once: int, seconds: float) -> list[bytes]:
        messages = copy.take(at_once)
        deadline = time.monotonic() + seconds
        while not messages:
            self._poll(select.POLLIN, deadline, seconds, "reading a table")
            messages = copy.take(at_once)
        return messages

    def _cancel(self, copy: Copy) -> None:
        with contextlib.suppress(CopyEndedError, TailraceError, psycopg2.Error):
            self.raw.cancel()
            while True:  # what was on its way, then the server's "canceled"
                self._next(copy, COPY_BYTES, CONNECT_SECONDS)

    def interrupt(self) -> None:
        """From another thread: what waits for the server, fails soon."""
        self._interrupted = True

    def close(self) -> None:
        with contextlib.suppress(psycopg2.Error):
            self.raw.close()

    # ---- waiting

    def _wait(self, seconds: float, doing: str) -> None:
        deadline = time.monotonic() + seconds
        while True:
            state = self.raw.poll()
            if state == psycopg2.extensions.POLL_OK:
                return
            events = select.POLLIN if state == psycopg2.extensions.POLL_READ else select.POLLOUT
            self._poll(events, deadline, seconds, doing)

    def _poll(self, events: int, deadline: float, seconds: float, doing: str) -> None:
        """Waits for the socket, a slice of time at most: under TLS what came may be within OpenSSL already, unseen."""
        left = deadline - time.monotonic()
        if self._interrupted:
            raise UnreachableError("the read was given up", where=self.where)
        if left <= 0:
            with contextlib.suppress(psycopg2.Error):
                self.raw.close()
            raise UnreachableError(f"no answer within {seconds:g} s ({doing})", where=self.where)
        poller = select.poll()
        poller.register(self.raw.fileno(), events)
        poller.poll(min(left, _SLICE_SECONDS) * 1000)

    def _error(self, error: psycopg2.Error, doing: str) -> TailraceError:
        primary = error.diag.message_primary
        # psycopg2 reports a lost connection without a SQLSTATE, and some of its own refusals, too.
        return server_error(error.pgcode, primary or str(error), self.where, doing)


def identifier(*parts: str) -> str:
    """A quoted, possibly qualified name."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def literal(text: str) -> str:
    """A quoted string; backslashes mean themselves whatever `standard_conforming_strings` says."""
    quoted = text.replace("'", "''")
    return "E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in quoted else f"'{quoted}'"
