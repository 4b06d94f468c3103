"""COPY through libpq itself, on a connection that psycopg2 opened.

psycopg2's replication cursor is not used for reading: on a keepalive it moves the flushed position that it reports to
the end of the server's log all by itself (`pq_read_replication_message` in psycopg2's pqpath.c), and reports it at once
when the server asks, before anything could have stored that position; I1 forbids it. Its COPY TO pushes into a file
object, where a reader with bounded memory wants to pull. Both are COPY in libpq, and psycopg2 hands out its `PGconn`
for such use (`connection.pgconn_ptr`). Messages come through ctypes, or through `copydata.pyx` where it is compiled.
PostgreSQL manual, "libpq", "Functions Associated with the COPY Command".
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any, NoReturn

from psycopg2 import _psycopg

from tailrace.compiled import compiled_class
from tailrace.emitter import Emitter
from tailrace.errors import ConfigError, TailraceError
from tailrace_postgres.errors import server_error
from tailrace_postgres.pgoutput import Decoder

_COMMAND_OK, _TUPLES_OK, _COPY_OUT, _COPY_BOTH = 1, 2, 3, 8
_FAILED = -2  # PQgetCopyData's; -1 is the COPY's end
_SQLSTATE, _PRIMARY_MESSAGE = ord("C"), ord("M")

_Connection = ctypes.c_void_p
_Result = ctypes.c_void_p
# Pointers are c_void_p even for text: c_char_p would be turned into bytes and could not be freed.
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "PQsendQuery": (ctypes.c_int, [_Connection, ctypes.c_char_p]),
    "PQflush": (ctypes.c_int, [_Connection]),
    "PQisBusy": (ctypes.c_int, [_Connection]),
    "PQconsumeInput": (ctypes.c_int, [_Connection]),
    "PQgetResult": (_Result, [_Connection]),
    "PQresultStatus": (ctypes.c_int, [_Result]),
    "PQresultErrorField": (ctypes.c_char_p, [_Result, ctypes.c_int]),
    "PQclear": (None, [_Result]),
    "PQgetCopyData": (ctypes.c_int, [_Connection, ctypes.POINTER(ctypes.c_void_p), ctypes.c_int]),
    "PQputCopyData": (ctypes.c_int, [_Connection, ctypes.c_char_p, ctypes.c_int]),
    "PQfreemem": (None, [ctypes.c_void_p]),
    "PQerrorMessage": (ctypes.c_char_p, [_Connection]),
}


@functools.cache
def _library() -> Any:
    # The symbols of psycopg2's own libpq, whichever it was linked to: another copy could not read its structures.
    library = ctypes.CDLL(_psycopg.__file__)
    try:
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype = result
            function.argtypes = arguments
    except AttributeError:
        raise ConfigError("this build of psycopg2 hides its libpq", fix="pip install psycopg2-binary") from None
    return library


class CopyEndedError(Exception):
    """The server has sent all of a COPY."""


class _Messages:
    """The interpreted form of `copydata.Messages`, which says more."""

    def __init__(self, library: Any, connection: int, looks: int) -> None:
        self._pq = library
        self._pg = connection
        self._looks = looks
        self._pointer = ctypes.c_void_p()
        self._pointer_ref = ctypes.byref(self._pointer)

    def feed(self, decoder: Decoder, emitter: Emitter, size: int, limit: int) -> tuple[int, int]:
        fed = length = 0
        while fed < limit and emitter.size < size:
            length, message = self._next()
            if length <= 0:
                break
            decoder.feed(message, 0, length)
            fed += length
            if decoder.replaying:
                break
        return fed, min(length, 0)

    def take(self, limit: int) -> tuple[list[bytes], int]:
        taken: list[bytes] = []
        length = total = 0
        while total < limit:
            length, message = self._next()
            if length <= 0:
                break
            taken.append(message)
            total += length
        return taken, min(length, 0)

    def _next(self) -> tuple[int, bytes]:
        """PQgetCopyData's result and message, after looks at the socket if need be."""
        length = self._pq.PQgetCopyData(self._pg, self._pointer_ref, 1)
        for _ in range(self._looks):
            if length:
                break
            if not self._pq.PQconsumeInput(self._pg):
                return _FAILED, b""
            length = self._pq.PQgetCopyData(self._pg, self._pointer_ref, 1)
        if length <= 0:
            return length, b""
        message = ctypes.string_at(self._pointer, length)
        self._pq.PQfreemem(self._pointer)
        return length, message


def _messages(library: Any, connection: int, looks: int) -> Any:
    """A COPY's messages, in the form that there is."""
    compiled = compiled_class("tailrace_postgres.copydata", "Messages")
    if compiled is None:
        return _Messages(library, connection, looks)
    functions = (library.PQconsumeInput, library.PQgetCopyData, library.PQfreemem)
    return compiled(connection, *(ctypes.cast(function, ctypes.c_void_p).value for function in functions), looks)


class Copy:
    """One COPY on an asynchronous psycopg2 connection; nothing here blocks.

    The owner waits for the socket between two calls; psycopg2 must not be used on the connection meanwhile.
    """

    def __init__(self, connection: Any, where: str) -> None:
        self._pq = _library()
        self._connection = connection  # keeps the PGconn alive
        self._pg = connection.pgconn_ptr
        self._where = where
        # Under TLS libpq may leave the rest of a record within OpenSSL, where no poll sees it; a second look takes it,
        # for a record is smaller than two of libpq's reads.
        self._messages = _messages(self._pq, self._pg, looks=3 if connection.info.ssl_in_use else 1)
        self._ended = 0

    def send(self, statement: str) -> None:
        """Sends COPY … TO STDOUT or START_REPLICATION."""
        if not self._pq.PQsendQuery(self._pg, statement.encode()):
            raise self._broken()

    def started(self) -> bool:
        """Whether the server has begun to send; False: wait for the socket.

        Raises:
            TailraceError: it refused.
        """
        self.flush()
        self.consume()
        if self._pq.PQisBusy(self._pg):
            return False
        result = self._pq.PQgetResult(self._pg)
        if self._pq.PQresultStatus(result) in (_COPY_OUT, _COPY_BOTH):
            self._pq.PQclear(result)
            return True
        raise self._failure(result)

    def consume(self) -> None:
        """Takes what the socket has."""
        if not self._pq.PQconsumeInput(self._pg):
            raise self._broken()

    def feed(self, decoder: Decoder, emitter: Emitter, size: int, limit: int) -> int:
        """Hands the decoder the messages that have arrived whole.

        Args:
            emitter: what the decoder fills; no more messages once it has gathered `size` bytes.
            limit: nor once so many bytes of the log are through.

        Returns:
            How many bytes of the log that were. Less than `limit`: the socket is empty, the emitter full, or the
            decoder has a transaction to replay.

        Raises: as `take`, and what the decoder raises.
        """
        fed, ended = self._messages.feed(decoder, emitter, size, limit)
        if ended:
            self._end(ended)
        return int(fed)

    def take(self, limit: int) -> list[bytes]:
        """The next messages that have arrived whole, about `limit` bytes at most; none: wait for the socket.

        Raises:
            CopyEndedError: there are no more; the connection takes statements again.
            TailraceError: the server or the connection failed.
        """
        taken: list[bytes] = []
        if not self._ended:
            taken, self._ended = self._messages.take(limit)
        if not taken and self._ended:
            self._end(self._ended)
        return taken

    def _end(self, why: int) -> NoReturn:
        """PQgetCopyData has said that there is no more."""
        if why == _FAILED:
            raise self._broken()
        result = self._pq.PQgetResult(self._pg)
        if result and self._pq.PQresultStatus(result) not in (_COMMAND_OK, _TUPLES_OK):
            raise self._failure(result)
        while result:
            self._pq.PQclear(result)
            result = self._pq.PQgetResult(self._pg)
        raise CopyEndedError

    def put(self, message: bytes) -> None:
        """Queues a message for the server."""
        if self._pq.PQputCopyData(self._pg, message, len(message)) < 0:
            raise self._broken()
        self.flush()

    def flush(self) -> bool:
        """Sends what is queued, as far as the socket takes it; True when nothing is left."""
        left = self._pq.PQflush(self._pg)
        if left < 0:
            raise self._broken()
        return bool(left == 0)

    def _failure(self, result: Any) -> TailraceError:
        if not result:
            return self._broken()
        sqlstate = self._pq.PQresultErrorField(result, _SQLSTATE)
        message = self._pq.PQresultErrorField(result, _PRIMARY_MESSAGE) or b""
        # Leaves the connection ready for the next statement, where it still lives.
        while result:
            self._pq.PQclear(result)
            result = self._pq.PQgetResult(self._pg)
        if sqlstate is None and not message:
            return self._broken()
        state = sqlstate.decode() if sqlstate else None
        return server_error(state, message.decode(errors="replace"), self._where)

    def _broken(self) -> TailraceError:
        message = (self._pq.PQerrorMessage(self._pg) or b"").decode(errors="replace")
        return server_error(None, message, self._where)
