"""Follows the binlog's transactions and drives the emitter.

Order of events: https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_replication_binlog_event.html.
A transaction is a GTID event, then either one statement, or BEGIN (MariaDB: nothing), table maps, row events, and an
XID or COMMIT. Everything between two transactions only moves the position.
"""

from __future__ import annotations

import time

from zstandard import ZstdDecompressor

from tailrace.compiled import compiled_class
from tailrace.emitter import Emitter
from tailrace.errors import LogGoneError, TailraceError
from tailrace.render import digits
from tailrace_mysql.binlog import event_types as types
from tailrace_mysql.binlog import events
from tailrace_mysql.binlog.compressed import Payload, decompressor, plain
from tailrace_mysql.binlog.events import Gtid, begins, gtid, mariadb_gtid
from tailrace_mysql.binlog.held import NOTHING, Room
from tailrace_mysql.binlog.integers import number
from tailrace_mysql.binlog.tables import Tables
from tailrace_mysql.binlog.undecided import Undecided
from tailrace_mysql.gtid import GtidState
from tailrace_mysql.restart import Restart

# Looked at for every event: plain numbers in compiled code (decoder.pxd).
_FORMAT_DESCRIPTION = types.FORMAT_DESCRIPTION
_HEARTBEAT = types.HEARTBEAT
_HEARTBEAT_V2 = types.HEARTBEAT_V2
_ROTATE = types.ROTATE
_TABLE_MAP = types.TABLE_MAP
_WRITE_ROWS = types.WRITE_ROWS
_WRITE_ROWS_V1 = types.WRITE_ROWS_V1
_UPDATE_ROWS = types.UPDATE_ROWS
_UPDATE_ROWS_V1 = types.UPDATE_ROWS_V1
_DELETE_ROWS = types.DELETE_ROWS
_DELETE_ROWS_V1 = types.DELETE_ROWS_V1
_XID = types.XID
_MARIADB_GTID = types.MARIADB_GTID
_GTID = types.GTID
_ANONYMOUS_GTID = types.ANONYMOUS_GTID
_HEADER = events.HEADER
_ARTIFICIAL = 0x20

#: So much of a compressed transaction is decompressed at once; a few bytes of it can become many of events.
_STEP_BYTES = 16 << 10
#: What stands between transactions, and so in none that is compressed.
_OUTSIDE = frozenset({types.ROTATE, types.TRANSACTION_PAYLOAD})


class Decoder(Undecided):
    """The events of one connection, from `restart` on.

    Args:
        mariadb: which of the two dialects the server writes.
        checksum: whether events carry a CRC-32 before the first format description says so.
        skip_to: position in the file that is read first up to which the caller has to be sent, and wants, nothing.
        gtids: what is done before `restart`; grows with each commit.
        room: memory for the changes of undecided transactions.
    """

    def __init__(
        self,
        emitter: Emitter,
        tables: Tables,
        restart: Restart,
        gtids: GtidState,
        *,
        mariadb: bool,
        checksum: bool,
        skip_to: int = 0,
        room: Room | None = None,
    ) -> None:
        super().__init__(emitter, tables, restart, gtids, mariadb, checksum, room or Room())
        self._skip_to = skip_to
        self._restart_file = b""
        self._restart_pos = 0
        self._restart_created = 0
        self._restart = self._restart_text
        self._told = self._told_number = -1  # place in the log up to which the emitter knows that nothing is open
        # The transaction in hand.
        self._gtid = Gtid()
        self._server_id = 0
        self._thread = b"null"
        self._in_group = False
        self._decompressor: ZstdDecompressor | None = None
        self._compressed: Payload | None = None  # what is still to be taken of it
        self._inflated = 0  # bytes since the feeder last looked at how much has gathered
        # What the events of one connection's transactions have in common.
        self._fields_tail = b""
        self._tail_server = -1
        self._tail_thread = b""
        self._handlers = {
            types.QUERY: self._query,
            types.ROTATE: self._rotate,
            types.INCIDENT: self._incident,
            types.XA_PREPARE: self._xa_prepare,
            types.PARTIAL_UPDATE_ROWS: self._partial_update,
            types.TRANSACTION_PAYLOAD: self._payload,
            types.EXECUTE_LOAD_QUERY: self._load_query,
            types.MARIADB_START_ENCRYPTION: self._encryption,
            **dict.fromkeys((types.MARIADB_QUERY_COMPRESSED, *types.MARIADB_ROWS_COMPRESSED), self._inflate),
        }
        if not mariadb:
            self._handlers[types.GTID_TAGGED] = lambda event: self._begin(events.gtid_tagged(event), event)
        whole = compiled_class("tailrace_mysql.binlog.whole", "Whole")
        if whole is not None:
            self._whole = whole(self)
        # What only moves the position, or belongs to a statement that is judged by itself.
        for passed in _PASSED:
            self._handlers[passed] = _pass

    # ---- frames

    def whole(self, chunk: bytes, at: int) -> int:
        """Small transactions take a shorter way, where there is one; see `whole.pyx`."""
        if self._mark or self._whole is None or self._passed is not None:
            return 0
        taken: int = self._whole.take(chunk, at)
        return taken

    def packet(self, payload: bytes) -> None:
        """Takes one packet of those that `feed` is given.

        Raises:
            LogFormatError, ValueRefusedError, LogGoneError: with the place in the log. The decoder is of no use then.
        """
        first = payload[0] if payload else -1
        if first == 0:
            try:
                self._event(payload)
            except (IndexError, ValueError, OverflowError, TailraceError) as error:
                raise self._explained(error) from None
        elif first == 0xFF:
            text = payload[9:] if payload[3:4] == b"#" else payload[3:]
            raise ServerError(int.from_bytes(payload[1:3], "little"), text.decode("utf-8", "replace"), self.place)
        elif first == 0xFE and len(payload) < 9:
            raise ServerError(0, "the server ended the log", self.place)
        else:
            raise self._error("a packet of the log is malformed", "report this with the server's version")

    def go_on(self) -> None:
        """Takes more of a compressed transaction, or of held changes; raises as `packet` does."""
        try:
            self._step()
        except (IndexError, ValueError, OverflowError, TailraceError) as error:
            raise self._explained(error) from None

    def _explained(self, error: Exception) -> TailraceError:
        """What was raised, with its place in the log."""
        if not isinstance(error, TailraceError):
            return self._error(str(error) or "an event ends too early", "report this with the server's version")
        if not error.where:
            table = self._reading
            error.where = f"{table.schema.name} at {self.place}" if table else self.place
        return error

    def _event(self, payload: bytes) -> None:
        if len(payload) < 1 + _HEADER:
            raise ValueError("an event is shorter than its header")
        kind = payload[5]
        size = number(payload, 10, 4)
        if size != len(payload) - 1:
            raise ValueError("an event's length does not fit its packet")
        end_pos = number(payload, 14, 4)
        flags = payload[18] | payload[19] << 8
        log = self._log
        if kind == _FORMAT_DESCRIPTION:
            self._format_description(payload, end_pos, size)
            return
        event = log.checked(payload)
        self._ts = number(payload, 1, 4)
        if kind in (_HEARTBEAT, _HEARTBEAT_V2):
            self._heartbeat(event, kind, end_pos)
            return
        if flags & _ARTIFICIAL or (end_pos == 0 and (kind == _ROTATE or not log.wraps(size))):
            if kind == _ROTATE:
                # The server names what comes next. With GTIDs that may lie before the restart: it leaves out what is
                # done.
                log.turn(*events.rotate(event))
            return
        if log.far:
            if not self._arrives(kind, end_pos, size):
                return
        else:
            log.advance(end_pos, size)
        self._one(kind, event, flags)
        if not self._mark:
            self._idle()

    def _arrives(self, kind: int, end_pos: int, size: int) -> bool:
        """Reading is to begin where 32 bits of a position do not reach: whether the event in hand is to be taken."""
        log = self._log
        if self._skip_to:
            log.advance(end_pos, size)
            if log.before_start(self._skip_to):
                return False
            log.far = 0
        elif kind in _BEGINNINGS:
            log.leap(end_pos, size)
        # By GTID, what stands between the transactions that are left out is sent. Its places say nothing.
        return True

    def _one(self, kind: int, event: bytes, flags: int) -> None:
        # What transactions are made of comes first, because it is most of the log.
        if kind == _TABLE_MAP:
            self._table_map(event)
        elif kind in (_UPDATE_ROWS, _UPDATE_ROWS_V1):
            self._update_rows(event)
        elif kind in (_WRITE_ROWS, _WRITE_ROWS_V1):
            self._single_images(event, False)
        elif kind in (_DELETE_ROWS, _DELETE_ROWS_V1):
            self._single_images(event, True)
        elif kind == _XID:
            self._commit(event)
        elif self._mariadb and kind == _MARIADB_GTID:
            self._begin(mariadb_gtid(event), event)
        elif not self._mariadb and kind in (_GTID, _ANONYMOUS_GTID):
            self._begin(gtid(event), event)
        else:
            self._other(kind, event, flags)

    def _other(self, kind: int, event: bytes, flags: int) -> None:
        handler = self._handlers.get(kind)
        if handler is not None:
            if not (self._skipping and kind in _CHANGES):
                handler(event)
        elif not flags & types.IGNORABLE_FLAG:
            raise self._error(f"event type {kind} is unknown", "update tailrace")

    # ---- between transactions

    def _format_description(self, payload: bytes, end_pos: int, size: int) -> None:
        self._log.describe(payload)
        self._maps.clear()
        self._last_id = -1
        if self._mark:
            self._abandon()
        if end_pos:
            self._log.advance(end_pos, size)
            self._idle()

    def _abandon(self) -> None:
        """A file begins inside a transaction: the server ended while writing it, and it never was."""
        if self._begun:
            raise self._error(
                "a transaction has no end in the log, and a part of it was handed on",
                "run `tailrace teardown`, then start anew with a full load",
            )
        self._mark = ""
        self._let_go()

    def _rotate(self, event: bytes) -> None:
        self._log.turn(*events.rotate(event))
        self._log.created = 0

    def _heartbeat(self, event: bytes, kind: int, end_pos: int) -> None:
        wrapped = kind == types.HEARTBEAT
        file, pos = events.heartbeat(event, end_pos) if wrapped else events.heartbeat_v2(event)
        if not self._mark and self._log.hear(file, pos, wrapped):
            self._idle()

    def _idle(self) -> None:
        log = self._log
        if log.next == self._told and log.number == self._told_number:
            return
        self._told, self._told_number = log.next, log.number
        mark = log.end()
        if mark > self._emitter.mark:
            if self._passed is not None:
                self._end_passing(mark)
            self._note_restart()
            self._emitter.idle(self._restart, mark)

    def _note_restart(self) -> None:
        log = self._log
        self._restart_file = log.json
        self._restart_pos = log.next
        self._restart_created = log.created

    def _restart_text(self) -> str:
        """Where a re-read begins, as of the last end of a transaction: made once a batch, not once a transaction."""
        self._prepared.remind(time.time())
        held = self._prepared.since if self._passed is None else self._passed.since
        more = "" if held is None else f',"held":{held.to_text()}'
        if self._prepared.blind:
            more += ',"blind":true'
        return (
            f'{{"file":{self._restart_file.decode()},"pos":{self._restart_pos},"gtid":"{self._gtids.text}",'
            f'"created":{self._restart_created}{more}}}'
        )

    # ---- transactions

    def _begin(self, begun_by: Gtid, event: bytes) -> None:
        if self._mark:
            raise ValueError("a transaction begins inside another")
        self._server_id = number(event, 5, 4)
        self._mark = self._log.mark()
        self._gtid = begun_by
        self._thread = b"null"
        self._in_group = self._mariadb and not begun_by.standalone
        self._waits = begun_by.xa
        self._changes = 0
        self._begun = False
        self._over = self._passed is not None and self._passes(begun_by)
        self._skipping = self._over and not self._waits
        if self._savepoints:
            self._savepoints = []

    def _open(self) -> None:
        """The emitter learns of a transaction at its first change of a captured table."""
        if self._begun:
            return
        self._begun = True
        name = self._gtid.text
        if self._server_id != self._tail_server or self._thread != self._tail_thread:
            self._tail_server, self._tail_thread = self._server_id, self._thread
            self._fields_tail = b',"server_id":%d,"thread":%b,"query":null,' % (self._server_id, self._thread)
        gtid_json = b'"' + name.encode() + b'"' if name else b"null"
        fields = b'"file":' + self._log.json + b',"gtid":' + gtid_json + self._fields_tail
        # MySQL's read views know transactions by GTID, all others by their place.
        self._token = name if name and not self._mariadb else self._mark
        if self._deciding and self._mariadb:
            self._token += events.DECIDED + self._deciding
        self._emitter.begin(self._mark, self._gtid.ts_ms or self._ts * 1000, fields, self._token)
        if self._mariadb:
            self._emitter.remember()

    def _commit(self, _event: bytes) -> None:
        """The transaction in hand is complete, and what it did has happened."""
        if self._held is not None:
            self._release()
        else:
            self._end()

    def _end(self) -> None:
        if self._gtid.text and not self._over:
            self._gtids.add(self._gtid.source, self._gtid.number)
        if self._begun:
            self._tell_commit()
        self._mark = ""
        self._in_group = False
        self._begun = False

    def _tell_commit(self) -> None:
        """The emitter learns that its transaction ends with the event in hand."""
        log = self._log
        self._note_restart()
        self._emitter.commit(self._restart, log.end())
        self._told, self._told_number = log.next, log.number

    def _query(self, event: bytes) -> None:
        if not self._mark:
            self._begin(Gtid(), event)
            self._in_group = False
        if begins(event):
            self._in_group = True
            self._thread = digits(number(event, _HEADER, 4))
            return
        query = events.query(event)
        head = query.text[:20].lstrip().upper()
        if head.startswith((b"BEGIN", b"XA START", b"XA BEGIN")):
            self._in_group = True
            self._waits = self._waits or head.startswith(b"XA")
            self._skipping = self._over and not self._waits
            self._thread = digits(query.thread)
        elif head.startswith(b"COMMIT"):
            self._commit(event)
        elif head.startswith((b"XA COMMIT", b"XA ROLLBACK")):
            self._thread = digits(query.thread)
            self._outcome(query.text, event)
        elif head.startswith(b"ROLLBACK TO"):
            self._back_to(query.text)
        elif head.startswith(b"ROLLBACK"):
            self._rollback(event)
        elif head.startswith(b"SAVEPOINT"):
            self._savepoint(query.text)
        elif head.startswith((b"RELEASE SAVEPOINT", b"XA END")):
            return
        else:
            self._thread = digits(query.thread)
            self._statement(query, event)

    def _rollback(self, _event: bytes) -> None:
        """The whole group is taken back, as MariaDB logs it where a temporary table was created or dropped in it."""
        if self._begun:
            topics = self._emitter.undo()
            if topics is None:
                raise self._error(
                    "changes of a captured table are taken back inside the log, after a part of them was handed on",
                    "create and drop temporary tables outside of such transactions, run `tailrace teardown`, then start"
                    " anew",
                )
            for mapped in self._maps.values():
                binding = mapped.binding
                if binding is not None and binding.table.topic in topics:
                    self._tables.takes_back(binding, self._here())
            self._begun = False
        self._take_back(NOTHING)
        self._let_go()
        self._end()

    def _statement(self, query: events.Query, event: bytes) -> None:
        # MariaDB logs a two-phase ALTER twice; it holds from its COMMIT ALTER on.
        if self._gtid.alter not in (events.START_ALTER, events.ROLLBACK_ALTER) and not self._over:
            effects = self._tables.statement(query, self._here(query))
            if effects:
                self._open()
                self._changes += 1
                at = b'"pos":%d,"row":0,' % self._log.pos
                for index, effect in enumerate(effects):
                    ordinal = self._changes << 24 | index + 1
                    if effect.truncated:
                        self._emitter.truncate(effect.table, ordinal, at)
                    else:
                        self._emitter.schema_change(effect.table, ordinal, at)
            elif self._in_group:
                self._changes += 1
        if not self._in_group:
            self._commit(event)

    # ---- compressed events

    def _payload(self, event: bytes) -> None:
        if not self._mark:
            raise ValueError("a compressed transaction has no beginning")
        if self._decompressor is None:
            self._decompressor = decompressor()
        self._compressed = Payload(event, self._decompressor)
        self._step()

    def _step(self) -> None:
        """The next events of a compressed transaction. They all stand where it stands itself: their own positions are
        those of no file."""
        if self._releasing is not None:
            self._go_on()
        if self._compressed is None:
            # Otherwise events were compressed by themselves.
            self.pending = self._releasing is not None
            return
        for event in self._compressed.take(_STEP_BYTES):
            kind = event[4]
            if not self._mark or kind in _OUTSIDE:
                raise ValueError(f"a compressed transaction holds an event of type {kind} that is no part of it")
            self._ts = number(event, 0, 4)
            self._one(kind, event, event[17] | event[18] << 8)
        done = self._compressed.done
        self.pending = not done or self._releasing is not None
        if done:
            self._compressed = None
            if not self._mark:
                self._idle()

    def _inflate(self, event: bytes) -> None:
        inflated = plain(event, self._log.table_id_size)
        self._one(inflated[4], inflated, 0)
        self._inflated += len(inflated)
        if self._inflated >= _STEP_BYTES:
            self._inflated = 0
            self.pending = True

    # ---- what a later version follows

    def _incident(self, _event: bytes) -> None:
        raise LogGoneError(
            "the server says that events were lost before they reached its log (incident)",
            where=self.place,
        )

    def _load_query(self, _event: bytes) -> None:
        raise self._error(
            "a LOAD DATA stands in the log as a statement (binlog_format was not ROW)",
            "set binlog_format=ROW for every session, then load the table anew",
        )

    def _encryption(self, event: bytes) -> None:
        """What follows is encrypted in the file. To replicas the server sends it in clear, and says so by a flag."""
        if not number(event, _HEADER - 2, 2) & types.IGNORABLE_FLAG:
            raise self._error("the server sends its log encrypted", "set encrypt_binlog=OFF at the server")


class ServerError(Exception):
    """The server ended the log with an error packet; `number` is MySQL's."""

    def __init__(self, number: int, message: str, place: str) -> None:
        super().__init__(message)
        self.number = number
        self.message = message
        self.place = place


_BEGINNINGS = frozenset({types.MARIADB_GTID, types.GTID, types.ANONYMOUS_GTID, types.GTID_TAGGED})
#: Besides row events: what a transaction that is passed over need not be asked about.
_CHANGES = frozenset({types.PARTIAL_UPDATE_ROWS, types.EXECUTE_LOAD_QUERY, *types.MARIADB_ROWS_COMPRESSED})


def _pass(_event: bytes) -> None:
    """Nothing to do."""


_PASSED = (
    types.STOP,
    types.INTVAR,
    types.RAND,
    types.USER_VAR,
    types.BEGIN_LOAD_QUERY,
    types.IGNORABLE,
    types.ROWS_QUERY,
    types.PREVIOUS_GTIDS,
    types.TRANSACTION_CONTEXT,
    types.VIEW_CHANGE,
    types.MARIADB_ANNOTATE_ROWS,
    types.MARIADB_BINLOG_CHECKPOINT,
    types.MARIADB_GTID_LIST,
)
