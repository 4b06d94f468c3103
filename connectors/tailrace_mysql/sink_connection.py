"""Connections to a MySQL or MariaDB target, and what its statements depend on."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pymysql
import pymysql.err
from pymysql.connections import Connection
from pymysql.constants import CLIENT
from pymysql.converters import encoders
from pymysql.cursors import SSCursor

from tailrace.answers import Answers, Question
from tailrace.config.url import DatabaseUrl
from tailrace.errors import RefusedError, TailraceError, UnreachableError
from tailrace_mysql.connection import bound_silence, interrupt
from tailrace_mysql.settings import MySQLSinkSettings
from tailrace_mysql.sink_errors import NO_SERVER, number, translate
from tailrace_mysql.sink_types import binary_collation

CONNECT_SECONDS = 10
#: For one statement's answer. ALTER TABLE of a large table takes long; it is found done when it is tried again.
ANSWER_SECONDS = 3600
#: For a statement to leave: the largest packet, over a slow line.
SEND_SECONDS = 600
#: A session that the server has nothing to do for so long has been answered, though we wait.
_ANSWERED_SECONDS = 10
#: For a table that somebody else's transaction keeps from being altered; then everything is tried again.
DDL_LOCK_SECONDS = 60
_IDLE_SECONDS = 365 * 86400
#: Parameters are escaped as usual; results stay as they come.
_CONVERSIONS: Any = dict(encoders)

# Strict, so that a value that does not fit is an error. Zero dates and impossible days pass, because a MySQL source may
# hold them. Zero in an AUTO_INCREMENT column is the source's zero.
SQL_MODE = "STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,ALLOW_INVALID_DATES"


@dataclass(frozen=True, slots=True)
class Server:
    """What statements depend on.

    Attributes:
        version: as numbers, ``(9, 7, 4)``.
        max_packet: bytes of the longest packet (`max_allowed_packet`).
        folds_names: table names that differ in case are one table (`lower_case_table_names`).
    """

    mariadb: bool
    version: tuple[int, ...]
    max_packet: int
    folds_names: bool

    @property
    def packet_limit(self) -> int:
        """Bytes of a statement, with what the protocol adds left out."""
        return self.max_packet - 1024

    @property
    def collation(self) -> str:
        return binary_collation(self.mariadb)

    def __str__(self) -> str:
        return f"{'MariaDB' if self.mariadb else 'MySQL'} {'.'.join(map(str, self.version))}"


if TYPE_CHECKING:
    _Connection = Connection[Any]
else:
    _Connection = Connection


class Session(_Connection):
    """A connection whose answers are watched."""

    answers: Answers | None = None
    _working: Question
    _reachable: Question

    def watch(self, target: Target) -> None:
        """From now on a wait that is in vain ends."""
        # As the server has it, whatever stands between; where it does not show us ourselves, nobody is asked.
        with contextlib.closing(self.cursor()) as cursor:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE id = CONNECTION_ID()")
            row = cursor.fetchone()
        if row is not None:
            shown = int(row[0])
            self._working = lambda: target.doubt(shown)
            self._reachable = target.doubt
            self.answers = Answers(target.where, lambda: interrupt(self))

    def close(self) -> None:
        if self.answers is not None:
            self.answers.close()
        super().close()

    def _read_query_result(self, unbuffered: bool = False) -> int:
        if self.answers is None:
            return int(super()._read_query_result(unbuffered))  # type: ignore[misc]
        with self.answers.awaiting(self._working):
            return int(super()._read_query_result(unbuffered))  # type: ignore[misc]

    def _read_ok_packet(self) -> Any:
        """The answer to a commit or a rollback."""
        if self.answers is None:
            return super()._read_ok_packet()  # type: ignore[misc]
        with self.answers.awaiting(self._working):
            return super()._read_ok_packet()  # type: ignore[misc]

    def _write_bytes(self, data: bytes) -> None:
        if self.answers is None:
            super()._write_bytes(data)  # type: ignore[misc]
            return
        # What has not left yet the server does not work at.
        with self.answers.awaiting(self._reachable):
            super()._write_bytes(data)  # type: ignore[misc]


class Target:
    """A sink's database.

    Attributes:
        database: where tables are created and filled.
        where: for messages.
    """

    def __init__(self, settings: MySQLSinkSettings) -> None:
        self._settings = settings
        self._url: DatabaseUrl | None = None

    @property
    def url(self) -> DatabaseUrl:
        """Resolved at the first connection only: a command that connects nowhere needs no password."""
        if self._url is None:
            self._url = self._settings.database_url()
        return self._url

    @property
    def database(self) -> str:
        return self._settings.target_schema or self.url.database

    @property
    def where(self) -> str:
        return f"mysql://{self.url.address}/{self.database}"

    def doubt(self, session: int = 0) -> str:
        """Why no answer will come: the server is out of reach, or does not work at this session; "" while it may."""
        try:
            with contextlib.closing(self._dial(CONNECT_SECONDS)) as connection:
                if not session:
                    return ""
                with contextlib.closing(connection.cursor()) as cursor:
                    cursor.execute("SELECT command, time FROM information_schema.processlist WHERE id = %s", (session,))
                    row = cursor.fetchone()
        except UnreachableError as error:
            return f"the server takes no other connection: {error.what}"
        except pymysql.err.Error as error:
            # One that takes no more connections may well be at work for us.
            return "the server takes no other connection" if number(error) in NO_SERVER else ""
        except (TailraceError, UnicodeError):
            return ""
        if row is None:
            return "the server has ended the session"
        answered = row[0] == "Sleep" and int(row[1] or 0) >= _ANSWERED_SECONDS
        return "the server has nothing left to do for the session" if answered else ""

    def connect(self) -> Session:
        """A new connection in a session with our settings, autocommit off; all values come as the server prints them.

        Raises:
            UnreachableError, RefusedError, ConfigError.
        """
        try:
            return self._dial(ANSWER_SECONDS)
        except pymysql.err.Error as error:
            if isinstance(cause := getattr(error, "original_exception", None), ssl.SSLError):
                raise RefusedError(
                    f"TLS failed: {cause.reason or type(cause).__name__}",
                    where=self.where,
                    fix="correct the tls table, or the server's certificate",
                ) from None
            raise translate(error, self.where) from None
        except UnicodeError:
            raise RefusedError("the user's name cannot be sent", where=self.where, fix="use another user") from None

    def _dial(self, answer_seconds: int) -> Session:
        """As `connect`, with the driver's errors; `answer_seconds` are for one statement's answer."""
        url = self.url
        tls = self._settings.tls
        context = tls.ssl_context() if tls else None
        session = Session(
            host=url.host or None,
            port=url.port,
            unix_socket=url.socket or None,
            user=url.user or None,
            # The driver would encode it in Latin-1, which not every password can be.
            password=(url.password or "").encode(),
            database=self.database,
            charset="utf8mb4",
            sql_mode=SQL_MODE,
            conv=_CONVERSIONS,
            # Rows matched are counted, also where nothing changes; several updates go out in one round trip.
            client_flag=CLIENT.FOUND_ROWS | CLIENT.MULTI_STATEMENTS,
            init_command=(
                "SET SESSION time_zone = '+00:00', foreign_key_checks = 0, "
                f"lock_wait_timeout = {DDL_LOCK_SECONDS}, wait_timeout = {_IDLE_SECONDS}"
            ),
            connect_timeout=CONNECT_SECONDS,
            read_timeout=CONNECT_SECONDS,
            write_timeout=SEND_SECONDS,
            program_name="tailrace",
            ssl=context,
            defer_connect=True,
        )
        session.connect(None if url.socket else self._socket())
        driver: Any = session  # its types leave that out
        driver._read_timeout = answer_seconds
        return session

    def _socket(self) -> socket.socket:
        """Connected, and the server has begun to speak; the driver would wait for that without end."""
        url = self.url
        try:
            sock = socket.create_connection((url.host, url.port), CONNECT_SECONDS)
        except OSError as error:
            raise UnreachableError(
                f"cannot connect: {error.strerror or error}",
                where=self.where,
                fix="see whether the server runs and the url's host and port are right",
            ) from None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound_silence(sock)
        if not select.select([sock], [], [], CONNECT_SECONDS)[0]:
            sock.close()
            raise UnreachableError(
                f"the server accepts the connection but says nothing for {CONNECT_SECONDS} s",
                where=self.where,
                fix="see whether a MySQL server listens there, and whether it hangs",
            )
        return sock


@contextlib.contextmanager
def streaming(connection: Connection[Any], query: str) -> Iterator[SSCursor]:
    """A cursor that takes rows from the server as they are fetched; the connection can only be closed after it."""
    cursor: Any = connection.cursor(SSCursor)
    try:
        cursor.execute(query)
        yield cursor
    finally:
        # The driver would read all the remaining rows before it lets go of the result.
        if cursor._result is not None:
            cursor._result.unbuffered_active = False


def describe(connection: Connection[Any]) -> Server:
    """Asks the server what statements depend on."""
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute("SELECT VERSION(), @@max_allowed_packet, @@lower_case_table_names")
        row = cursor.fetchone()
    text, packet, folds = (str(value) for value in row)
    mariadb = "mariadb" in text.lower()
    # MariaDB once put "5.5.5-" before its version for old replicas; proxies still do.
    numbers = text.removeprefix("5.5.5-").partition("-")[0].split(".")
    return Server(mariadb, tuple(int(number) for number in numbers if number.isdigit()), int(packet), int(folds) != 0)
