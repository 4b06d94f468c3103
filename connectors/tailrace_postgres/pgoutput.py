"""Decodes a logical replication stream: sans-I/O, bytes in, events into the `Emitter`.

What is fed are CopyData messages as the server sends them after START_REPLICATION: XLogData around one message of the
output plugin pgoutput each, and keepalives. PostgreSQL manual, "Streaming Replication Protocol" and "Logical
Replication Message Formats", protocol versions 1 to 4. Transactions arrive whole, after their commit; or in blocks
while they are in progress, which are kept (`inprogress`) and decoded after their commit in the same way.
"""

from __future__ import annotations

from struct import error as StructError

from tailrace.emitter import Emitter
from tailrace.errors import RefusedError
from tailrace.render import digits
from tailrace.sequence import lsn_mark
from tailrace_postgres.inprogress import InProgress, Streamed
from tailrace_postgres.integers import i64, u32, u64
from tailrace_postgres.lsn import lsn_text
from tailrace_postgres.relation import Relations, string_end
from tailrace_postgres.row_messages import RowMessages

# PostgreSQL counts microseconds from 2000-01-01, everybody else from 1970-01-01.
_EPOCH_MS = 946_684_800_000

_XLOGDATA_HEADER = 25  # 'w', start, end of WAL, clock
_CLOCK = 17  # where the clock stands in it
_XID = 4  # what a change of a block has between its kind and its content: the sub-transaction


class Decoder(RowMessages):
    """Follows one replication stream from a transaction's boundary.

    Args:
        in_progress: keeps the transactions that come before their commit.

    Attributes:
        idle: end of the log that the server has looked through for us, of the last keepalive between transactions.
        reply_requested: the server asks for a status update at once; the owner resets it.
        received: end of the log received, for status updates.
        in_block: what comes is part of a transaction in progress.
        replaying: such a transaction has committed: nothing may be fed before `replay` is through with it.
    """

    def __init__(
        self,
        emitter: Emitter,
        relations: Relations,
        start: int,
        current: dict[str, int],
        in_progress: InProgress | None = None,
    ) -> None:
        super().__init__(emitter, relations, current)
        self.idle = 0
        self.reply_requested = False
        self.received = start
        self.in_block = False
        self.replaying = False
        self._last_commit = start
        self._committed_us = 0
        self._latest = b""  # the latest XLogData
        self._latest_at = 0
        self._in_progress = in_progress if in_progress is not None else InProgress()
        # Of the transaction that is replayed: what there is of it, and what Stream Commit says.
        self._replayed: Streamed | None = None
        self._replayed_xid = 0
        self._final_lsn = 0
        self._end_lsn = 0
        self._clock = 0

    def feed(self, buffer: bytes, start: int, end: int) -> None:
        """Takes one CopyData message.

        Raises:
            LogFormatError: it is no message of the protocol, or cut short; `where` is its place in the log.
            ValueRefusedError: a value cannot be carried exactly.
        """
        self._buffer = buffer
        position = start
        try:
            kind = buffer[start]
            if kind == 0x77:  # w: XLogData
                self._lsn = u64(buffer, start + 1)
                if self._lsn > self.received:
                    self.received = self._lsn
                self._latest = buffer
                self._latest_at = start
                position = start + _XLOGDATA_HEADER
                if self.in_block:
                    position = self._of_block(buffer[position], start, end)
                else:
                    position = self._message(buffer[position], position + 1, end)
            elif kind == 0x6B:  # k: keepalive
                position = self._keepalive(start + 1)
            else:
                raise self._error(f"unknown replication message {chr(kind)!r}")
        except (IndexError, StructError, OverflowError):
            raise self._error("a message of the log is cut short") from None
        if position != end:
            raise self._error("a message of the log has not the length that it says")

    def replay(self, size: int, limit: int) -> None:
        """Goes on with the transaction whose commit was fed last, while `replaying`.

        Args:
            size: no more messages once the emitter has gathered so many bytes.
            limit: nor once so many bytes of the log are through.

        Raises: as `feed`.
            UnreachableError: what was kept cannot be read.
        """
        replayed = self._replayed
        assert replayed is not None
        done = 0
        while done < limit and self._emitter.size < size:
            if not replayed.next():
                self._end_replay()
                return
            if not self.in_transaction:
                self._start(self._final_lsn, self._clock, self._replayed_xid)
            self._kept(replayed.chunk, replayed.start, replayed.end)
            done += replayed.end - replayed.start

    def _kept(self, buffer: bytes, start: int, end: int) -> None:
        """A message of a block, once its transaction has committed."""
        self._buffer = buffer
        position = start + _XLOGDATA_HEADER
        try:
            self._lsn = u64(buffer, start + 1)
            position = self._message(buffer[position], position + 1 + _XID, end)
        except (IndexError, StructError, OverflowError):
            raise self._error("a message of the log is cut short") from None
        if position != end:
            raise self._error("a message of the log has not the length that it says")

    def _end_replay(self) -> None:
        if self.in_transaction:
            self._finish(self._end_lsn)
        else:
            # Nothing of it is left. The server does not send such a transaction at all where it comes whole.
            self._emitter.idle(lsn_text(self._end_lsn), lsn_mark(self._end_lsn))
        assert self._replayed is not None
        self._replayed.close()
        self._replayed = None
        self.replaying = False

    @property
    def behind_us(self) -> int:
        """How long after its commit the server has sent the latest change, by the server's clock; microseconds."""
        if not self._latest:
            return 0
        return i64(self._latest, self._latest_at + _CLOCK) - self._committed_us

    def restart(self) -> str:
        """Where a re-read may begin: the end of the last transaction."""
        return lsn_text(self._last_commit)

    # ---- messages; each returns where it ends

    def _keepalive(self, position: int) -> int:
        wal_end = u64(self._buffer, position)
        if wal_end > self.received:
            self.received = wal_end
        if not self.in_transaction and not self.in_block:
            self.idle = wal_end
        if self._buffer[position + 16]:
            self.reply_requested = True
        return position + 17

    def _message(self, kind: int, position: int, end: int) -> int:
        """A message outside of a block. Its content begins at `position`."""
        if kind == 0x49 or kind == 0x55 or kind == 0x44:  # I, U, D
            return self._row(kind, position)
        if kind == 0x42:  # B
            return self._begin(position)
        if kind == 0x43:  # C
            return self._commit(position)
        return self._rare(kind, position, end)

    def _rare(self, kind: int, position: int, end: int) -> int:
        """Those that a transaction has at most a few of."""
        if kind == 0x52:  # R
            return self._relation(position)
        if kind == 0x54:  # T
            return self._truncate(position)
        if kind == 0x59:  # Y: a type's name, which the catalog tells us too
            return string_end(self._buffer, string_end(self._buffer, position + 4))
        if kind == 0x4F:  # O: the transaction's origin
            return string_end(self._buffer, position + 8)
        if kind == 0x4D:  # M: a logical decoding message, which we did not ask for
            return self._logical_message(position)
        if kind == 0x53:  # S
            return self._stream_start(position)
        if kind == 0x63:  # c
            return self._stream_commit(position)
        if kind == 0x41:  # A
            return self._stream_abort(position, end)
        if kind in b"bPKrp":  # Begin Prepare, Prepare, Commit Prepared, Rollback Prepared, Stream Prepare
            raise RefusedError(
                "the slot sends prepared transactions, which may still be rolled back (two_phase)",
                where=self._where(),
                fix="`tailrace check` says what mends it",
            )
        raise self._error(f"unknown message {chr(kind)!r} of pgoutput")

    def _of_block(self, kind: int, start: int, end: int) -> int:
        """A message inside a block; `start` is that of XLogData."""
        content = start + _XLOGDATA_HEADER + 1
        if kind == 0x49 or kind == 0x55 or kind == 0x44 or kind == 0x52 or kind == 0x54:  # I, U, D, R, T
            if end < content + _XID:
                raise IndexError
            self._in_progress.add(self._buffer, start, end)
            return end
        if kind == 0x45:  # E
            self.in_block = False
            return content
        # What is passed over is not kept either.
        if kind == 0x59:  # Y
            return string_end(self._buffer, string_end(self._buffer, content + _XID + 4))
        if kind == 0x4F:  # O
            return string_end(self._buffer, content + 8)
        if kind == 0x4D:  # M
            return self._logical_message(content + _XID)
        raise self._error(f"unknown message {chr(kind)!r} of pgoutput in a transaction in progress")

    def _stream_start(self, position: int) -> int:
        if self.in_transaction:
            raise self._error("a block of a transaction in progress begins inside another transaction")
        xid = u32(self._buffer, position)
        if not self._in_progress.begin(xid, self._buffer[position + 4] == 1):
            raise self._error("a block of a transaction in progress does not follow on the ones before")
        self.in_block = True
        return position + 5

    def _stream_commit(self, position: int) -> int:
        if self.in_transaction:
            raise self._error("a transaction commits inside another")
        xid = u32(self._buffer, position)
        self._final_lsn = u64(self._buffer, position + 5)
        self._end_lsn = u64(self._buffer, position + 13)
        self._clock = i64(self._buffer, position + 21)
        replayed = self._in_progress.take(xid)
        if replayed is None:
            raise self._error("the commit of a transaction that was not sent")
        replayed.rewind()
        self._replayed = replayed
        self._replayed_xid = xid
        self.replaying = True
        return position + 29

    def _stream_abort(self, position: int, end: int) -> int:
        if self.in_transaction:
            raise self._error("a transaction in progress is rolled back inside another")
        xid = u32(self._buffer, position)
        sub = u32(self._buffer, position + 4)
        position += 8
        if position < end:  # where and when, which only somebody who asks for `streaming 'parallel'` is told
            u64(self._buffer, position)
            u64(self._buffer, position + 8)
            position += 16
        if position == end:
            self._in_progress.abort(xid, sub)
        return position

    def _begin(self, position: int) -> int:
        if self.in_transaction:
            raise self._error("a transaction begins inside another")
        final_lsn = u64(self._buffer, position)
        clock = i64(self._buffer, position + 8)
        xid = u32(self._buffer, position + 16)
        self._start(final_lsn, clock, xid)
        return position + 20

    def _start(self, final_lsn: int, clock: int, xid: int) -> None:
        self.in_transaction = True
        self._ordinal = 0
        self._xid = xid
        self._committed_us = clock
        self._sequence = b',"sequence":"[\\"' + self._lsn_texts.decimal(self._last_commit) + b'\\",\\"'
        self._emitter.begin(
            self._lsn_texts.mark(final_lsn),
            clock // 1000 + _EPOCH_MS,
            b'"txId":' + digits(xid) + b',"xmin":null,',
            str(xid),
        )

    def _commit(self, position: int) -> int:
        self._inside()
        self._finish(u64(self._buffer, position + 9))
        return position + 25

    def _finish(self, end_lsn: int) -> None:
        self.in_transaction = False
        self._last_commit = end_lsn
        if end_lsn > self.received:
            self.received = end_lsn
        self._emitter.commit(self.restart, self._lsn_texts.mark(end_lsn))

    def _logical_message(self, position: int) -> int:
        position = string_end(self._buffer, position + 9)
        return position + 4 + int(u32(self._buffer, position))
