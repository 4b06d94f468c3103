"""Reads pieces of the log aside: to its end, to prove that no statement changes a table on the way; a file's head."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tailrace.errors import UnreachableError
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
from tailrace_mysql.types import UnsupportedTypeError
from tailrace_mysql.types.charsets import decoder
from tailrace_mysql.types.declared import UTF8_CHARSETS

_TRANSACTION_WORDS = (b"BEGIN", b"COMMIT", b"ROLLBACK", b"SAVEPOINT", b"XA ", b"RELEASE ")
_DATABASE_WORDS = ("database", "schema")
#: Character sets of clients whose statements may name a table in UTF-8: they are not converted on their way.
_AS_THEY_ARE = UTF8_CHARSETS | {"binary"}
_LOOKED_AT = frozenset({event_types.QUERY, event_types.XA_PREPARE})
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
    """Looks for statements that mention one of these words (in lower case).

    Args:
        charsets: character set of each collation number, in which clients wrote their statements.
    """

    def __init__(self, words: Sequence[str], charsets: Mapping[int, str] | None = None) -> None:
        super().__init__()
        self._words = words
        self._charsets = charsets or {}
        self._decompressor = decompressor()
        self._before: _Before | None = None
        self._checksum = _CHECKSUM_BYTES  # at each event's end; what is compressed may have one behind it or not
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
            if kind == event_types.FORMAT_DESCRIPTION:
                self._checksum = _CHECKSUM_BYTES if events.format_description(payload[1:]).checksum else 0
            if self._before is not None:
                if self._before.has(payload):
                    return
                self._before = None
            if kind == event_types.MARIADB_QUERY_COMPRESSED:
                self._event(event_types.QUERY, plain(payload[1:], 0, _CHECKSUM_BYTES))
            elif kind == event_types.TRANSACTION_PAYLOAD:
                inside = Payload(payload[1:], self._decompressor, _CHECKSUM_BYTES)
                while not inside.done:
                    for event in inside.take(_CHUNK):
                        self._event(event[4], event)
            elif kind in _LOOKED_AT:
                self._event(kind, payload[1 : len(payload) - self._checksum])
        except (IndexError, ValueError):
            self.found = True  # what cannot be read is no proof

    def _event(self, kind: int, event: bytes) -> None:
        if kind != event_types.QUERY:
            return
        query = events.query(event)
        text = query.text.lstrip()
        self.found = self.found or any(self._tells(form.lower()) for form in self._read(text, query.charset))

    def _read(self, text: bytes, collation: int) -> Sequence[str]:
        """What a statement may say: in its client's character set; and in UTF-8, because what the server words itself
        has names so, whatever the client's is.

        Raises:
            ValueError: it cannot be read.
        """
        if text[:20].upper().startswith(_TRANSACTION_WORDS):
            return ()
        in_utf8 = text.decode("utf-8", "replace")
        charset = self._charsets.get(collation, "utf8mb4")
        if charset in _AS_THEY_ARE or text.isascii():
            return (in_utf8,)
        try:
            return in_utf8, decoder(charset)(text)
        except (UnsupportedTypeError, UnicodeDecodeError):
            raise ValueError(f"a statement in {charset} cannot be read") from None

    def _tells(self, text: str) -> bool:
        return any(word in text for word in self._words)


class _Mentions(_Statements):
    """Looks for statements in which one of these names stands by itself."""

    def __init__(self, names: Sequence[str], charsets: Mapping[int, str] | None = None) -> None:
        super().__init__((), charsets)
        words = "|".join(re.escape(name.lower()) for name in names)
        self._names = re.compile(rf"(?<![\w$])(?:{words})(?![\w$])")

    def _tells(self, text: str) -> bool:
        return self._names.search(text) is not None


class _Altered(_Statements):
    """Notes which of these tables a statement mentions, whatever it says of them.

    Attributes:
        tables: those.
    """

    def __init__(self, names: Sequence[TableName], charsets: Mapping[int, str]) -> None:
        super().__init__((), charsets)
        # By itself; but a digit may stand before it, of a version comment.
        self._left = {name: re.compile(rf"(?<![^\W\d]|\$){re.escape(spoken(name))}(?![\w$])") for name in names}
        self.tables: set[TableName] = set()

    def _tells(self, text: str) -> bool:
        every = any(word in text for word in _DATABASE_WORDS)
        told = [name for name, word in self._left.items() if every or word.search(text)]
        self.tables.update(told)
        for name in told:
            del self._left[name]
        return not self._left  # more cannot be learnt


class _Outcomes(_Statements):
    """Looks for outcomes of transactions prepared by XA.

    Attributes:
        prepared: those that were prepared, and not decided after it; as `events.xa_outcome` names them.
    """

    def __init__(self, first: bool) -> None:
        """`first`: one is enough."""
        super().__init__(())
        self._first = first
        self.prepared: set[str] = set()

    def _event(self, kind: int, event: bytes) -> None:
        if kind == event_types.XA_PREPARE:
            at_once, name = events.xa_prepare(event)
            if not at_once:
                self.prepared.add(name)
        elif kind == event_types.QUERY:
            text = events.query(event).text.lstrip()
            if text[:20].upper().startswith((b"XA COMMIT", b"XA ROLLBACK")):
                self.found = self._first
                self.prepared.discard(events.xa_outcome(text)[0])


def spoken(name: TableName) -> str:
    """What every statement that names a table contains, in lower case: inside quotes, quotes are doubled."""
    return max(re.split('[`"]', name.table.lower()), key=len)


def unchanged(connector: Connector, session: Session, server: Server, name: TableName, mark: str) -> bool:
    """Whether nothing between a mark and the log's end can have changed a table's columns."""
    # Whatever mentions its name, or drops its database.
    words = (spoken(name), *_DATABASE_WORDS)
    return _none_between(connector, session, server, mark, _Statements(words, server.charsets))


def altered_since(
    connector: Connector, session: Session, server: Server, names: Sequence[TableName], mark: str
) -> set[TableName]:
    """Those of the tables whose columns something between a mark and the log's end can have changed."""
    statements = _Altered(names, server.charsets)
    if not _none_between(connector, session, server, mark, statements):
        return set(names)
    return statements.tables


def defaults_unchanged(connector: Connector, session: Session, server: Server, mark: str) -> bool:
    """Whether nothing between a mark and the log's end can have changed a database's default character set."""
    return _none_between(connector, session, server, mark, _Statements(_DATABASE_WORDS, server.charsets))


def same_table(connector: Connector, session: Session, server: Server, name: TableName, mark: str) -> bool:
    """Whether a table of this name is the same one, in the same engine, from a mark to the log's end."""
    return _none_between(connector, session, server, mark, _Mentions((name.table, name.database), server.charsets))


def undecided_since(connector: Connector, session: Session, server: Server, mark: str) -> bool:
    """Whether no transaction prepared by XA was decided between a mark and the log's end."""
    return _none_between(connector, session, server, mark, _Outcomes(first=True))


def prepared_since(connector: Connector, session: Session, server: Server, mark: str) -> set[str]:
    """The transactions prepared by XA between a mark and the log's end, and not decided there, as the log names them.

    Raises:
        UnreachableError: the log cannot be read from there on.
    """
    outcomes = _Outcomes(first=False)
    if not _none_between(connector, session, server, mark, outcomes):
        raise UnreachableError("the log cannot be searched for XA", where=connector.address, fix="it is tried again")
    return outcomes.prepared


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
