"""Follows the log's events aside, from a file's beginning on, to a place between two transactions."""

from __future__ import annotations

from collections.abc import Callable

from tailrace.errors import DataLossError, LogFormatError
from tailrace_mysql.binlog import event_types as types
from tailrace_mysql.binlog import events, heads
from tailrace_mysql.binlog.events import Gtid
from tailrace_mysql.binlog.log_file import LogFile
from tailrace_mysql.binlog.packets import Packets
from tailrace_mysql.connection import Connector, quietly_close, translated
from tailrace_mysql.dump import start_scan
from tailrace_mysql.gtid import DomainPosition, GtidSet, GtidState
from tailrace_mysql.restart import FIRST_POSITION, Restart
from tailrace_mysql.server import Server

_CHUNK = 1 << 16
_ARTIFICIAL = 0x20
_BEGINNINGS = frozenset({types.MARIADB_GTID, types.GTID, types.ANONYMOUS_GTID, types.GTID_TAGGED})
#: Events that stand between two transactions.
_BETWEEN = _BEGINNINGS | {
    types.ROTATE,
    types.STOP,
    types.FORMAT_DESCRIPTION,
    types.PREVIOUS_GTIDS,
    types.MARIADB_GTID_LIST,
    types.MARIADB_BINLOG_CHECKPOINT,
    types.MARIADB_START_ENCRYPTION,
}
_LOOKED_INTO = _BETWEEN | {types.QUERY, types.XA_PREPARE}

#: Whether the transaction that begins here, committed at this time (milliseconds since 1970), is the first one wanted.
Stops = Callable[[Gtid, int], bool]


class Walk(Packets):
    """One walk.

    Args:
        file: where it begins.
        stops: asked of each transaction; where it is true, the walk ends before that transaction.
        until: a position in that file: the walk ends at the first place between transactions that is not before it.
        head: the walk ends once it is known what is done before the file.

    Attributes:
        state: what is done before the place.
        stopped_by: the transaction that begins there; None at the log's end, and with `until`.
        committed_ms: when the last transaction before the place was committed; 0 unknown.
        before: with `until`: the last place between transactions before it.
        inside: with `until`: a transaction begins at `before`.
        prepared: transactions that are prepared by XA and not decided, as far as the walk has seen; where each begins.
    """

    def __init__(
        self, server: Server, file: str, stops: Stops | None = None, until: int = 0, head: bool = False
    ) -> None:
        super().__init__()
        checksum = server.variables.get("binlog_checksum", "NONE").upper() == "CRC32"
        self._log = LogFile(Restart(file, FIRST_POSITION), checksum)
        self._mariadb = server.mariadb
        self._first = file
        self._stops = stops
        self._until = until
        self._head = head
        self._begins = FIRST_POSITION  # the transaction in hand
        self.state: GtidState = DomainPosition() if server.mariadb else GtidSet()
        self._known = False
        self._ended = False
        self._file, self._pos = file, 0  # the place, once it is found
        self.stopped_by: Gtid | None = None
        self.committed_ms = 0
        self.before = FIRST_POSITION
        self.inside = False
        self.prepared: dict[str, str] = {}
        self.failure = ""
        self.done = False

    @property
    def place(self) -> tuple[str, int]:
        """File and position."""
        return self._file, self._pos

    @property
    def created(self) -> int:
        """As `Restart.created`, of the place's file."""
        return self._log.created

    def run(self, connector: Connector, server: Server) -> Walk:
        """Reads the log until the place is found.

        Raises:
            DataLossError: the server does not send it.
            LogFormatError: something in it is not understood.
        """
        connection = connector.connect()
        try:
            start_scan(connection, server, self._first, FIRST_POSITION, connector.address)
            with translated(connector.address):
                while not self.done and (chunk := connection._sock.recv(_CHUNK)):
                    self.feed(chunk, 0, len(chunk))
        except (IndexError, ValueError) as error:
            raise LogFormatError(
                f"the log cannot be searched: {error}",
                where=str(self._log),
                fix="report this with the server's version",
            ) from None
        finally:
            quietly_close(connection)
        if self.failure or not self.done:
            raise DataLossError(
                f"the server cannot send its log: {self.failure or 'it closed the connection'}",
                where=f"{connector.address} at {self._log}",
                fix="begin at another place",
            )
        return self

    def packet(self, payload: bytes) -> None:
        if self.done:
            return
        log = self._log
        if payload[:1] != b"\0":
            if payload[:1] == b"\xff":
                self.failure = payload[9:].decode("utf-8", "replace")
            self._ended = True
            self._end(log.file, log.next)
            return
        kind = payload[5]
        size = len(payload) - 1
        end_pos = int.from_bytes(payload[14:18], "little")
        if kind == types.FORMAT_DESCRIPTION:
            log.describe(payload)
            if end_pos:
                log.advance(end_pos, size)
                self._event(kind, payload)
            return
        artificial = payload[18] & _ARTIFICIAL
        if artificial or (end_pos == 0 and (kind == types.ROTATE or not log.wraps(size))):
            if kind == types.ROTATE:
                file, pos = events.rotate(log.checked(payload))
                if self._until and file != self._first:
                    self._end(self._first, log.next)  # it has no more than this
                else:
                    self._turn(file, pos)
            return
        log.advance(end_pos, size)
        if kind in _LOOKED_INTO:
            self._event(kind, payload)

    def _event(self, kind: int, payload: bytes) -> None:
        log = self._log
        between = kind in _BETWEEN
        if self._until:
            if between and log.pos >= self._until:
                self._end(log.file, log.pos)
                if self.done:
                    return
            elif between:
                self.before = log.pos
                self.inside = kind in _BEGINNINGS
        event = log.checked(payload) if kind != types.FORMAT_DESCRIPTION else payload[1:]
        if kind in _BEGINNINGS:
            self._begin(kind, event)
        elif kind in (types.PREVIOUS_GTIDS, types.MARIADB_GTID_LIST):
            if not self._known:
                self._known = True
                self.state = (
                    DomainPosition(heads.gtid_list(event)) if self._mariadb else GtidSet(heads.previous_gtids(event))
                )
            if self._head or self._pos:
                self._end(self._file, self._pos)
        elif kind == types.ROTATE:
            file, pos = events.rotate(event)
            if self._until:
                self._end(log.file, log.next)
            else:
                self._turn(file, pos)
        elif kind == types.XA_PREPARE:
            at_once, name = events.xa_prepare(event)
            if not at_once:
                self.prepared[name] = f"{log.file}:{self._begins}"
        elif kind == types.QUERY and b"XA " in event:
            text = events.query(event).text.lstrip()
            if text[:20].upper().startswith((b"XA COMMIT", b"XA ROLLBACK")):
                self.prepared.pop(events.xa_outcome(text)[0], None)

    def _begin(self, kind: int, event: bytes) -> None:
        log = self._log
        if kind == types.MARIADB_GTID:
            begun = events.mariadb_gtid(event)
        elif kind == types.GTID_TAGGED:
            begun = events.gtid_tagged(event)
        else:
            begun = events.gtid(event)
        committed_ms = begun.ts_ms or int.from_bytes(event[:4], "little") * 1000
        if self._stops is not None and self._stops(begun, committed_ms):
            self.stopped_by = begun
            self._end(log.file, log.pos)
            return
        self._begins = log.pos
        self.committed_ms = committed_ms
        if begun.text:
            self.state.add(begun.source, begun.number)

    def _turn(self, file: str, pos: int) -> None:
        if file != self._log.file:
            self._log.created = 0
        self._log.turn(file, pos)

    def _end(self, file: str, pos: int) -> None:
        """The place is found; it is waited for what is done before the file, which stands at its beginning."""
        if not self._pos:
            self._file, self._pos = file, pos
        self.done = self._known or self._ended
