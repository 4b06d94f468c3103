"""Decodes a logical replication stream: sans-I/O, bytes in, events into the `Emitter`.

What is fed are CopyData messages as the server sends them after START_REPLICATION: XLogData around one message of the
output plugin pgoutput each, and keepalives. PostgreSQL manual, "Streaming Replication Protocol" and "Logical
Replication Message Formats", protocol versions 1 to 4. Transactions arrive whole, after their commit; or in blocks
while they are in progress, which are kept (`inprogress`) and decoded after their commit in the same way.
"""

from __future__ import annotations

from struct import error as StructError

from tailrace.emitter import Emitter
from tailrace.errors import LogFormatError, RefusedError
from tailrace.render import digits
from tailrace.sequence import lsn_mark
from tailrace_postgres.inprogress import InProgress, Streamed
from tailrace_postgres.integers import i32, i64, u16, u32, u64
from tailrace_postgres.lsn import LsnTexts, lsn_text
from tailrace_postgres.relation import Relation, Relations, read_relation, string_end
from tailrace_postgres.rowplan import RowPlan
from tailrace_postgres.types import UnknownLabelError

# PostgreSQL counts microseconds from 2000-01-01, everybody else from 1970-01-01.
_EPOCH_MS = 946_684_800_000

_XLOGDATA_HEADER = 25  # 'w', start, end of WAL, clock
_CLOCK = 17  # where the clock stands in it
_XID = 4  # what a change of a block has between its kind and its content: the sub-transaction


class Decoder:
    """Follows one replication stream from a transaction's boundary.

    Args:
        in_progress: keeps the transactions that come before their commit.

    Attributes:
        idle: end of the log that the server has looked through for us, of the last keepalive between transactions.
        reply_requested: the server asks for a status update at once; the owner resets it.
        received: end of the log received, for status updates.
        current: by topic, the schema version of the last event.
        in_transaction: a transaction that has committed is being decoded.
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
        self.idle = 0
        self.reply_requested = False
        self.received = start
        self.current = current
        self.in_transaction = False
        self.in_block = False
        self.replaying = False
        self._emitter = emitter
        self._relations = relations
        self._plans: dict[int, RowPlan | None] = {}
        self._described: dict[int, Relation] = {}
        self._last_commit = start
        self._ordinal = 0
        self._xid = 0
        self._lsn = 0
        self._lsn_texts = LsnTexts()
        self._sequence = b""
        self._committed_us = 0
        self._latest = b""  # the latest XLogData
        self._latest_at = 0
        self._buffer = b""
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

    def _relation(self, position: int) -> int:
        try:
            relation, position = read_relation(self._buffer, position)
        except UnicodeDecodeError:
            raise self._error("a name is no valid UTF-8") from None
        self._described[relation.oid] = relation
        self._plans[relation.oid] = self._relations.plan(relation, self._xid)
        return position

    def _row(self, kind: int, position: int) -> int:
        """Decodes a row change; once more with a new plan where an enum has got a new label."""
        try:
            return self._row_change(kind, position)
        except UnknownLabelError:
            oid = u32(self._buffer, position)
            plan = self._relations.plan(self._described[oid], self._xid)
            self._plans[oid] = plan
            self._ordinal -= 1
            try:
                return self._row_change(kind, position)
            except UnknownLabelError:
                assert plan is not None
                self._relations.renamed_label(plan)
                self._plans[oid] = None
                self._ordinal -= 1
                return self._row_change(kind, position)

    def _row_change(self, kind: int, position: int) -> int:
        if kind == 0x49:  # I
            return self._insert(position)
        if kind == 0x55:  # U
            return self._update(position)
        return self._delete(position)

    def _insert(self, position: int) -> int:
        plan = self._change(position)
        if plan is None:
            return self._skip_tuple(self._tag(position + 4, b"N"))
        position = self._tag(position + 4, b"N")
        reader = plan.reader
        if reader is not None:
            end = reader.read(self._buffer, position)
            if end >= 0:
                self._announce(plan)
                self._emitter.insert(plan.table, self._ordinal, reader.key, reader.row, self._place())
                return end
        fragments, unknown, position = self._tuple(position, plan)
        if unknown:
            raise self._error(f"an inserted row of {plan.table.schema.name} lacks values")
        self._announce(plan)
        self._emitter.insert(
            plan.table, self._ordinal, plan.key_json(fragments), plan.row_json(fragments), self._place()
        )
        return position

    def _update(self, position: int) -> int:
        plan = self._change(position)
        position += 4
        kind = self._buffer[position]
        if plan is None:
            if kind != 0x4E:
                position = self._skip_tuple(self._tag(position, b"KO"))
            return self._skip_tuple(self._tag(position, b"N"))
        reader = plan.reader
        if reader is not None and kind == 0x4E:
            end = reader.read(self._buffer, position + 1)
            if end >= 0:
                # No old row: its key is the new one's.
                same = reader.key
                self._announce(plan)
                self._emitter.update(plan.table, self._ordinal, same, same, b"null", reader.row, (), self._place())
                return end
        elif reader is not None and kind == 0x4F and plan.whole_old:
            end = self._update_with_old(position + 1, plan)
            if end >= 0:
                return end
        old: list[bytes] | None = None
        old_unknown: list[int] = []
        old_at = position + 1
        if kind != 0x4E:
            old, old_unknown, position = self._tuple(self._tag(position, b"KO"), plan)
        new_at = self._tag(position, b"N")
        new, unknown, position = self._tuple(new_at, plan)
        self._announce(plan)
        whole = plan.whole_old and old is not None
        if unknown and whole:
            assert old is not None
            for index in unknown:
                new[index] = old[index]
            unknown = [index for index in unknown if index in old_unknown]
        elif unknown and old is not None:
            # A key that is stored out of line: the log has it in the old key alone.
            for index in plan.key:
                if index in unknown and index not in old_unknown and old[index] != plan.nulls[index]:
                    new[index] = old[index]
                    unknown.remove(index)
        key = plan.key_json(new)
        # No old row: its key is the new one's.
        old_key = key if old is None else plan.key_json(old)
        if unknown and old_key != key:
            missing = self._relations.missing(plan, self._key_texts(new_at, old_at, plan), unknown)
            if plan.suspended:
                return position
            if missing is not None:
                for index, fragment in zip(unknown, missing, strict=True):
                    new[index] = fragment
                unknown = []
        before = b"null"
        if old is not None:
            if whole:
                before = plan.row_json(old)
            elif old_key != key:
                before = old_key or b"null"
        self._emitter.update(
            plan.table,
            self._ordinal,
            old_key,
            key,
            before,
            plan.row_json(new),
            tuple([plan.names[index] for index in unknown]),
            self._place(),
        )
        return position

    def _update_with_old(self, position: int, plan: RowPlan) -> int:
        """An update of which the log has both rows, the old one at `position`; -1: not by the compiled reader."""
        reader = plan.reader
        assert reader is not None
        new_at = reader.read(self._buffer, position)
        if new_at < 0:
            return -1
        before, old_key = reader.row, reader.key
        end = reader.read(self._buffer, self._tag(new_at, b"N"))
        if end >= 0:
            self._announce(plan)
            self._emitter.update(plan.table, self._ordinal, old_key, reader.key, before, reader.row, (), self._place())
        return end

    def _delete(self, position: int) -> int:
        plan = self._change(position)
        if plan is None:
            return self._skip_tuple(self._tag(position + 4, b"KO"))
        old_at = self._tag(position + 4, b"KO")
        reader = plan.reader
        if reader is not None:
            end = reader.read(self._buffer, old_at)
            if end >= 0:
                self._announce(plan)
                before = reader.row if plan.whole_old else reader.key or b"null"
                self._emitter.delete(plan.table, self._ordinal, reader.key, before, self._place())
                return end
        old, unknown, position = self._tuple(old_at, plan)
        if unknown:
            raise self._error(f"a deleted row of {plan.table.schema.name} lacks values")
        self._announce(plan)
        key = plan.key_json(old)
        before = plan.row_json(old) if plan.whole_old else key or b"null"
        self._emitter.delete(plan.table, self._ordinal, key, before, self._place())
        return position

    def _truncate(self, position: int) -> int:
        self._inside()
        count = u32(self._buffer, position)
        position += 5  # and the options CASCADE and RESTART IDENTITY: the log names every table that was emptied
        for _ in range(count):
            plan = self._change(position)
            if plan is not None:
                self._announce(plan)
                self._emitter.truncate(plan.table, self._ordinal, self._place())
            position += 4
        return position

    def _logical_message(self, position: int) -> int:
        position = string_end(self._buffer, position + 9)
        return position + 4 + int(u32(self._buffer, position))

    # ---- parts of messages

    def _change(self, position: int) -> RowPlan | None:
        """Counts a change of the relation whose OID stands at `position`; None if it is not captured."""
        self._inside()
        oid = u32(self._buffer, position)
        try:
            plan = self._plans[oid]
        except KeyError:
            raise self._error(f"a change of relation {oid}, which was not described before") from None
        self._ordinal += 1
        if plan is not None and plan.suspended:
            plan = self._plans[oid] = None
        return plan

    def _announce(self, plan: RowPlan) -> None:
        """Before an event: its schema version, if the event before had another."""
        if self.current.get(plan.topic) != plan.version:
            self.current[plan.topic] = plan.version
            self._emitter.schema_change(plan.table, self._ordinal, self._place())

    def _tuple(self, position: int, plan: RowPlan) -> tuple[list[bytes], list[int], int]:
        """TupleData: the fragments, the indexes of values that the log left out, and where it ends."""
        buffer = self._buffer
        heads = plan.heads
        converters = plan.converters
        count = u16(buffer, position)
        position += 2
        if count != plan.columns:
            raise self._error(f"a row of {plan.table.schema.name} has not the columns that were described")
        fragments: list[bytes] = []
        unknown: list[int] = []
        for index in range(count):
            kind = buffer[position]
            if kind == 0x74:  # t
                start = position + 5
                length = i32(buffer, position + 1)
                position = start + length
                if length < 0 or position > len(buffer):
                    raise self._error("a message of the log is cut short")
                try:
                    fragments.append(heads[index] + converters[index](buffer[start:position]))
                except UnknownLabelError:
                    raise
                except ValueError as error:
                    raise plan.refusal(index, error, self._where()) from None
            elif kind == 0x6E:  # n
                fragments.append(plan.nulls[index])
                position += 1
            elif kind == 0x75:  # u
                fragments.append(plan.unknowns[index])
                unknown.append(index)
                position += 1
            else:
                raise self._error(f"unknown kind {chr(kind)!r} of a column's value")
        return fragments, unknown, position

    def _key_texts(self, new_at: int, old_at: int, plan: RowPlan) -> list[bytes | None]:
        """The text of the new key's values; the old tuple has those that the new one leaves out."""
        new, old = self._texts(new_at, plan), self._texts(old_at, plan)
        return [new[index] if new[index] is not None else old[index] for index in plan.key]

    def _texts(self, position: int, plan: RowPlan) -> list[bytes | None]:
        """The text of each value of the tuple at `position`; None is NULL or left out."""
        buffer = self._buffer
        values: list[bytes | None] = []
        position += 2
        for _ in range(plan.columns):
            if buffer[position] == 0x74:
                start = position + 5
                position = start + i32(buffer, position + 1)
                values.append(buffer[start:position])
            else:
                values.append(None)
                position += 1
        return values

    def _skip_tuple(self, position: int) -> int:
        buffer = self._buffer
        count = u16(buffer, position)
        position += 2
        for _ in range(count):
            kind = buffer[position]
            if kind == 0x74 or kind == 0x62:
                length = i32(buffer, position + 1)
                if length < 0:
                    raise self._error("a message of the log is cut short")
                position += 5 + length
            elif kind == 0x6E or kind == 0x75:
                position += 1
            else:
                raise self._error(f"unknown kind {chr(kind)!r} of a column's value")
        return position

    def _tag(self, position: int, allowed: bytes) -> int:
        if self._buffer[position] not in allowed:
            raise self._error(f"unknown part {chr(self._buffer[position])!r} of a change")
        return position + 1

    def _inside(self) -> None:
        if not self.in_transaction:
            raise self._error("a change outside of any transaction")

    def _place(self) -> bytes:
        """Debezium's members of `source` for one event."""
        lsn = self._lsn_texts.decimal(self._lsn)
        return b'"lsn":' + lsn + self._sequence + lsn + b'\\"]",'

    def _where(self) -> str:
        return f"log position {lsn_text(self._lsn)}"

    def _error(self, what: str) -> LogFormatError:
        return LogFormatError(
            what, where=self._where(), fix="report this as a bug, with the server's version; nothing was skipped"
        )
