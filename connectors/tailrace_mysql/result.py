"""One SELECT's rows from a connection's socket.

The driver sends the statement, on a connection that it has logged in; the answer is read past it, as a log is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import pymysql
from pymysql.constants import CLIENT, COMMAND, CR
from pymysql.err import raise_mysql_exception

from tailrace.errors import StuckError, TailraceError
from tailrace.source import ROW_OVERHEAD
from tailrace_mysql.connection import DriverConnection, quietly_close, translate, translated
from tailrace_mysql.resultset import JsonRow, TextPlan, malformed

BUFFER_BYTES = 256 << 10


class Result:
    """The answer to a SELECT, read as far as one asks for.

    As a context manager it closes the connection where the answer was not read to its end: the rest could only be got
    out of the way by reading it.
    """

    def __init__(self, connection: DriverConnection, plan: TextPlan, sql: str, where: str, table: str) -> None:
        """Sends the statement.

        Args:
            where: the server, for errors.
            table: what is read, for errors of values.
        """
        self._connection = connection
        self._where = where
        self._table = table
        self._buffer = bytearray(BUFFER_BYTES)
        self._start = self._end = 0  # what of the buffer is not decoded yet
        with translated(where):
            connection._execute_command(COMMAND.COM_QUERY, sql)
        agreed = connection.client_flag & connection.server_capabilities & CLIENT.DEPRECATE_EOF
        self._rows = plan.rows(connection._next_seq_id, bool(agreed), ROW_OVERHEAD)

    @property
    def ended(self) -> bool:
        """Whether all rows have been read."""
        return self._rows.ended

    @property
    def seen(self) -> int:
        """How many rows were read, with those that the table's filter leaves out."""
        return self._rows.seen

    @property
    def size(self) -> int:
        """Bytes of the rows and keys that were read, with what each row takes besides."""
        return self._rows.size

    @property
    def last(self) -> list[bytes] | None:
        """The values of the last row's key, as the server sent them; None before a row."""
        return self._rows.last

    def read(self, rows: list[JsonRow], limit_bytes: int) -> None:
        """Adds the next rows, until they have grown by `limit_bytes` (see `size`), or there are no more.

        Raises:
            LogFormatError, ValueRefusedError: they name table and column.
            TailraceError: the server or the connection failed.
        """
        decoder = self._rows
        limit = decoder.size + max(limit_bytes, 1)
        try:
            while True:
                self._start = decoder.feed(self._buffer, self._start, self._end, rows, limit)
                if decoder.error is not None:
                    raise server_error(decoder.error, self._where)
                if decoder.ended or decoder.size >= limit:
                    return
                self._receive()
        except StuckError as error:
            error.where = error.where or f"table {self._table}"
            raise

    def _receive(self) -> None:
        """Waits for more: as long as the connection's own timeout, which the driver has set to send the statement."""
        with translated(self._where):
            try:
                received = int(self._connection._sock.recv_into(self._buffer))
            except OSError as error:
                raise _lost(f" ({error})") from None
            if not received:
                raise _lost()
        self._start, self._end = 0, received

    def __enter__(self) -> Result:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self.ended:
            quietly_close(self._connection)


def pieces(result: Result, limit_bytes: int) -> Iterator[tuple[list[JsonRow], int]]:
    """All rows, about `limit_bytes` at a time, with their size; `ended` with the last piece, which may be empty."""
    while not result.ended:
        rows: list[JsonRow] = []
        before = result.size
        result.read(rows, limit_bytes)
        yield rows, result.size - before


def all_rows(result: Result) -> Iterator[JsonRow]:
    for rows, _ in pieces(result, BUFFER_BYTES):
        yield from rows


def server_error(packet: bytes, where: str) -> TailraceError:
    """The error of ours for an ERR packet."""
    try:
        raise_mysql_exception(packet)
    except pymysql.MySQLError as error:
        return translate(error, where)
    except (struct.error, IndexError, ValueError):
        pass
    found = malformed("an error is cut short")
    found.where = where
    return found


def _lost(why: str = "") -> Any:
    return pymysql.OperationalError(CR.CR_SERVER_LOST, f"Lost connection to MySQL server during query{why}")
