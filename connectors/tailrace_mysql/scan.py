"""Reads pieces of the log aside: to its end, to prove that no statement changes a table on the way; a file's head."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tailrace.schema import TableName
from tailrace.sequence import mark_binlog
from tailrace_mysql.binlog import event_types, events
from tailrace_mysql.binlog.compressed import Payload, decompressor, plain
from tailrace_mysql.binlog.log_file import LogFile
from tailrace_mysql.binlog.packets import Packets
from tailrace_mysql.connection import Connector, Session, quietly_close, translated
from tailrace_mysql.dump import start_scan
from tailrace_mysql.restart import FIRST_POSITION, Restart, file_number
from tailrace_mysql.server import Server, log_end, log_files

_TRANSACTION_WORDS = (b"BEGIN", b"COMMIT", b"ROLLBACK", b"SAVEPOINT", b"XA ", b"RELEASE ")
_DATABASE_WORDS = (b"database", b"schema")
_CHUNK = 1 << 16
_CHECKSUM_BYTES = 4


class _Head(Packets):
    """Takes the time from a file's first event."""

    def __init__(self) -> None:
        super().__init__()
        self.created = 0
        self.done = False

    def packet(self, payload: bytes) -> None:
        if self.done:
            return
        if payload[:1] != b"\0":
            self.done = True
        elif payload[5] == event_types.FORMAT_DESCRIPTION:
            self.created = int.from_bytes(payload[1:5], "little")
            self.done = True


def begun(connector: Connector, server: Server, file: str) -> int:
    """When a file of the log was begun (`Restart.created`): without it a log that was reset before anything was read
    from it, and has grown past the position since, could be taken for the old one. 0: the file is not there any more.
    """
    head = _Head()
    connection = connector.connect()
    try:
        start_scan(connection, server, file, FIRST_POSITION, connector.address)
        with translated(connector.address):
            while not head.done and (chunk := connection._sock.recv(_CHUNK)):
                head.feed(chunk, 0, len(chunk))
    finally:
        quietly_close(connection)
    return head.created


class _Before:
    """What of a file lies before a place that the server cannot be asked for (`dump.start_scan`)."""

    def __init__(self, file: str, pos: int) -> None:
        self._log = LogFile(Restart(file, FIRST_POSITION), checksum=False)
        self._pos = pos

    def has(self, payload: bytes) -> bool:
        """Whether the event in this packet, the next of the file, lies there."""
        end_pos = int.from_bytes(payload[14:18], "little")
        if end_pos:  # the server's own events have none
            self._log.advance(end_pos, len(payload) - 1)
        return self._log.next <= self._pos


class _Statements(Packets):
    """Looks for statements that mention one of these words (in lower case)."""

    def __init__(self, words: Sequence[bytes]) -> None:
        super().__init__()
        self._words = words
        self._decompressor = decompressor()
        self._before: _Before | None = None
        self.found = False
        self.done = False

    def leave_out(self, file: str, pos: int) -> None:
        """What is fed begins with this file's first event: those before the position do not count."""
        self._before = _Before(file, pos)

    def packet(self, payload: bytes) -> None:
        if payload[:1] != b"\0":
            # An error is no proof; the end is one.
            self.found = self.found or payload[:1] == b"\xff"
            self.done = True
            return
        kind = payload[5]
        try:
            if self._before is not None:
                if self._before.has(payload):
                    return
                self._before = None
            # A checksum at the end, where there is one, only adds four bytes to the statement.
            if kind == event_types.QUERY:
                self._statement(payload[1:])
            elif kind == event_types.MARIADB_QUERY_COMPRESSED:
                self._statement(plain(payload[1:], 0, _CHECKSUM_BYTES))
            elif kind == event_types.TRANSACTION_PAYLOAD:
                inside = Payload(payload[1:], self._decompressor, _CHECKSUM_BYTES)
                while not inside.done:
                    for event in inside.take(_CHUNK):
                        if event[4] == event_types.QUERY:
                            self._statement(event)
        except (IndexError, ValueError):
            self.found = True  # what cannot be read is no proof

    def _statement(self, event: bytes) -> None:
        self.found = self.found or self._tells(events.query(event).text.lstrip())

    def _tells(self, text: bytes) -> bool:
        if text.upper().startswith(_TRANSACTION_WORDS):
            return False
        lower = text.lower()
        return any(word in lower for word in self._words)


class _Mentions(_Statements):
    """Looks for statements in which one of these names stands by itself."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(())
        words = "|".join(re.escape(name.lower()) for name in names)
        self._names = re.compile(rf"(?<![\w$])(?:{words})(?![\w$])".encode())

    def _tells(self, text: bytes) -> bool:
        return not text.upper().startswith(_TRANSACTION_WORDS) and self._names.search(text.lower()) is not None


class _Outcomes(_Statements):
    """Looks for outcomes of transactions prepared by XA."""

    def _tells(self, text: bytes) -> bool:
        return text.upper().startswith((b"XA COMMIT", b"XA ROLLBACK"))


def spoken(name: TableName) -> str:
    """What every statement that names a table contains, in lower case: inside quotes, quotes are doubled."""
    return max(re.split('[`"]', name.table.lower()), key=len)


def unchanged(connector: Connector, session: Session, server: Server, name: TableName, mark: str) -> bool:
    """Whether nothing between a mark and the log's end can have changed a table's columns."""
    # Whatever mentions its name, or drops its database.
    words = (spoken(name).encode(), *_DATABASE_WORDS)
    return _none_between(connector, session, server, mark, _Statements(words))


def defaults_unchanged(connector: Connector, session: Session, server: Server, mark: str) -> bool:
    """Whether nothing between a mark and the log's end can have changed a database's default character set."""
    return _none_between(connector, session, server, mark, _Statements(_DATABASE_WORDS))


def same_table(connector: Connector, session: Session, server: Server, name: TableName, mark: str) -> bool:
    """Whether a table of this name is the same one, in the same engine, from a mark to the log's end."""
    return _none_between(connector, session, server, mark, _Mentions((name.table, name.database)))


def undecided_since(connector: Connector, session: Session, server: Server, mark: str) -> bool:
    """Whether no transaction prepared by XA was decided between a mark and the log's end."""
    return _none_between(connector, session, server, mark, _Outcomes(()))


def _none_between(connector: Connector, session: Session, server: Server, mark: str, statements: _Statements) -> bool:
    number, pos = mark_binlog(mark)
    end = log_end(session, server)
    if end.mark <= mark:
        return True
    file = next((file for file, _ in log_files(session) if file_number(file) == number), None)
    if file is None:
        return False
    connection = connector.connect()
    try:
        if skip_to := start_scan(connection, server, file, pos, connector.address):
            statements.leave_out(file, skip_to)
        with translated(connector.address):
            while not statements.done and not statements.found:
                chunk = connection._sock.recv(_CHUNK)
                if not chunk:
                    return False
                statements.feed(chunk, 0, len(chunk))
        return not statements.found
    finally:
        quietly_close(connection)
