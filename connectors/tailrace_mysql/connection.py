"""Connections to a MySQL or MariaDB server: login, TLS, pinned session settings, and errors that name the fix."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import pymysql
from pymysql import converters
from pymysql.constants import CLIENT

from tailrace.config.url import DatabaseUrl
from tailrace.errors import RefusedError, TableBusyError, TailraceError, UnreachableError
from tailrace_mysql.settings import MySQLSourceSettings

CONNECT_SECONDS = 10.0
#: Longest silence of the server in answer to a command; the full load's queries read by index.
ANSWER_SECONDS = 600.0
#: Longest time that what was sent may stay without the peer's acknowledgement.
UNACKNOWLEDGED_SECONDS = 30

_LOST = frozenset({1040, 1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 2002, 2003, 2006, 2013, 2055, 1927, 3169})
_TLS_REQUIRED = 3159
_MISSING_GRANT = frozenset({1044, 1142, 1143, 1227, 1370})
_LOGIN = frozenset({1045, 1130, 1251, 1524, 1698, 1820, 1862, 3118, 4151, 2059, 2061})
#: A table was altered or dropped between our looking at it and our reading it: looking again helps.
_ALTERED = (1146, 1412)
_TIMEOUTS = frozenset({1205, 1969, 3024})

# What an account's or a server's defaults must not change: the forms of values, and how long a reader may take.
_SESSION = "sql_mode = '', time_zone = '+00:00', net_write_timeout = 600"
# A key that the server made (a generated invisible one) is in the log, and must be in the catalogue.
_MYSQL_SESSION = (
    "transaction_isolation = 'REPEATABLE-READ', max_execution_time = 0"
    " /*!80030 , show_gipk_in_create_table_and_information_schema = ON */"
)
_MARIADB_SESSION = (
    "tx_isolation = 'REPEATABLE-READ', max_statement_time = 0, idle_transaction_timeout = 0,"
    " idle_readonly_transaction_timeout = 0, system_versioning_asof = DEFAULT"
)

Row = tuple[Any, ...]
#: PyMySQL's connection. Its types leave out what lies below SQL, which reading a log needs.
DriverConnection = Any

# A result's values stay the bytes that the server sent; parameters are still escaped by type.
_NO_DECODERS = {kind: encode for kind, encode in converters.conversions.items() if not isinstance(kind, int)}


#: Seconds until a silent peer is asked whether it lives, between asking again, and times asked.
_KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}


def bound_silence(sock: socket.socket) -> None:
    """Ends the connection where the network swallows what we send, or what is sent to us: by itself the kernel sends it
    again for a quarter of an hour, and waits without end. Without effect on a local socket."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in {**_KEEPALIVE, "TCP_USER_TIMEOUT": UNACKNOWLEDGED_SECONDS * 1000}.items():
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class Connector:
    """Opens connections for one source."""

    def __init__(self, settings: MySQLSourceSettings) -> None:
        self._settings = settings
        self._url: DatabaseUrl | None = None

    @property
    def url(self) -> DatabaseUrl:
        """The source's URL, its secrets resolved when it is first needed."""
        if self._url is None:
            self._url = self._settings.database_url()
        return self._url

    @property
    def address(self) -> str:
        return f"source mysql {self.url.address}"

    def connect(self, *, raw: bool = False, answer_seconds: float = ANSWER_SECONDS) -> DriverConnection:
        """A connection in autocommit, its session's time zone UTC and its sql_mode empty.

        Args:
            raw: values come as bytes, text in its column's own character set.

        Raises:
            UnreachableError, RefusedError, ConfigError: as named.
        """
        url = self.url
        tls = self._settings.tls
        options: dict[str, Any] = {"unix_socket": url.socket} if url.socket else {"host": url.host, "port": url.port}
        if raw:
            options.update(use_unicode=False, conv=_NO_DECODERS)
        with translated(self.address):
            connection = pymysql.connect(
                user=url.user,
                password=url.password or "",
                database=None,
                charset="utf8mb4",
                autocommit=True,
                connect_timeout=int(CONNECT_SECONDS),
                read_timeout=int(CONNECT_SECONDS),
                write_timeout=int(answer_seconds),
                client_flag=CLIENT.FOUND_ROWS,
                ssl=tls.ssl_context() if tls else None,
                # PyMySQL prefers TLS from 1.2 on, where 1.1 does without: whether the log goes out in clear must not
                # hang on that. And it goes back to plain text where the server offers no TLS, so that whoever stands
                # between can have it so, but not where the handshake fails, as with an old server's versions.
                ssl_disabled=tls is None,
                program_name="tailrace",
                **options,
            )
            driver: DriverConnection = connection
            bound_silence(driver._sock)
            driver._read_timeout = int(answer_seconds)
            with connection.cursor() as cursor:
                own = _MARIADB_SESSION if _is_mariadb(connection) else _MYSQL_SESSION
                cursor.execute(f"SET SESSION {_SESSION}, {own}")
                if raw:
                    cursor.execute("SET SESSION character_set_results = NULL")
        return connection


def _is_mariadb(connection: DriverConnection) -> bool:
    return "MariaDB" in connection.get_server_info()


class Session:
    """A connection for questions, opened when needed and again after it was lost."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._connection: DriverConnection | None = None
        self._interrupted = False

    @property
    def address(self) -> str:
        return self._connector.address

    def query(self, sql: str, parameters: Sequence[Any] | None = None) -> list[Row]:
        """All rows of a statement; asked once more where the idle connection turns out to be lost."""
        return self._ask(sql, parameters)[1]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """All rows, each by the lower-case names of its columns."""
        names, rows = self._ask(sql, None)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            quietly_close(connection)

    def interrupt(self) -> None:
        """From another thread: a question that waits for its answer fails, and so do all others."""
        self._interrupted = True
        if (connection := self._connection) is not None:
            interrupt(connection)

    def _open(self) -> DriverConnection:
        if self._interrupted:
            raise UnreachableError("the read was given up", where=self.address)
        if self._connection is None:
            self._connection = self._connector.connect(answer_seconds=30.0)
        return self._connection

    def _ask(self, sql: str, parameters: Sequence[Any] | None) -> tuple[list[str], list[Row]]:
        fresh = self._connection is None
        try:
            return self._execute(sql, parameters)
        except UnreachableError:
            self.close()
            if fresh:
                raise
            return self._execute(sql, parameters)

    def _execute(self, sql: str, parameters: Sequence[Any] | None) -> tuple[list[str], list[Row]]:
        connection = self._open()
        with translated(self.address), connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return [column[0].lower() for column in cursor.description or ()], list(cursor.fetchall())


def interrupt(connection: DriverConnection) -> None:
    """Ends another thread's wait for the server."""
    with contextlib.suppress(Exception):
        connection._sock.shutdown(socket.SHUT_RDWR)


def quietly_close(connection: DriverConnection) -> None:
    """Closes the socket without a farewell that could block or fail."""
    with contextlib.suppress(Exception):
        connection._force_close()


@contextlib.contextmanager
def translated(where: str) -> Iterator[None]:
    """Turns the driver's errors into ours."""
    try:
        yield
    except TailraceError:
        raise
    except pymysql.MySQLError as error:
        raise translate(error, where) from None
    except (OSError, EOFError) as error:
        raise UnreachableError(
            f"the connection failed: {error}", where=where, fix="see whether the server runs"
        ) from None
    except RuntimeError as error:
        # PyMySQL without the cryptography package, for a password that must be encrypted.
        raise RefusedError(str(error), where=where, fix="pip install 'tailrace[mysql]'") from None


def translate(error: pymysql.MySQLError, where: str) -> TailraceError:
    """The error of ours for one of the driver's."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    message = str(error.args[1]) if len(error.args) > 1 else str(error)
    message = message.rstrip(".")
    if isinstance(error, pymysql.err.InterfaceError) and number == 0:
        return UnreachableError("the connection was lost", where=where, fix="see whether the server runs")
    if number in _LOST:
        if "SSL" in message or "certificate" in message:
            return RefusedError(message, where=where, fix="see the source's tls settings and the server's certificate")
        return UnreachableError(message, where=where, fix="see whether the server runs and is reachable")
    if number in _TIMEOUTS:
        return TableBusyError(message, where=where, fix="it is tried again")
    if number in _ALTERED:
        return UnreachableError(message, where=where, fix="it is tried again")
    if number == _TLS_REQUIRED:
        return RefusedError(message, where=where, fix='give the source tls = { mode = "verify-full" }')
    if number in _LOGIN:
        return RefusedError(message, where=where, fix="see the user, the password and the host it may come from")
    if number in _MISSING_GRANT:
        return RefusedError(message, where=where, fix="grant what `tailrace check` names")
    if number == 2026:
        return RefusedError(message, where=where, fix="see the source's tls settings and the server's certificate")
    return RefusedError(f"{message} (error {number})" if number else message, where=where, fix="run `tailrace check`")
