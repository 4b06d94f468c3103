"""Messages of pgoutput about rows: which relation they are of, and how its tuples become events.

PostgreSQL manual, "Logical Replication Message Formats": Relation, Insert, Update, Delete, Truncate, TupleData.
"""

from __future__ import annotations

from tailrace.emitter import Emitter
from tailrace.errors import LogFormatError, ValueRefusedError
from tailrace.shaping.moves import carry_update
from tailrace.shaping.predicate import LackingValueError
from tailrace_postgres.integers import i32, u16, u32
from tailrace_postgres.lsn import LsnTexts, lsn_text
from tailrace_postgres.relation import Relation, Relations, read_relation
from tailrace_postgres.rowplan import RowPlan
from tailrace_postgres.types import UnknownLabelError


class RowMessages:
    """The row messages of one replication stream; the decoder, which follows the transactions, adds these.

    Attributes:
        current: by topic, the schema version of the last event.
        in_transaction: a transaction that has committed is being decoded.
    """

    def __init__(self, emitter: Emitter, relations: Relations, current: dict[str, int]) -> None:
        self.current = current
        self.in_transaction = False
        self._emitter = emitter
        self._relations = relations
        self._plans: dict[int, RowPlan | None] = {}
        self._described: dict[int, Relation] = {}
        # Of the transaction in hand.
        self._ordinal = 0
        self._xid = 0
        self._sequence = b""
        # The message in hand, and where it stands in the log.
        self._buffer = b""
        self._lsn = 0
        self._lsn_texts = LsnTexts()

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
        except ValueRefusedError as error:
            error.where = error.where or self._where()
            raise
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
        if plan.shape is not None and not plan.passes(fragments):
            return position
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
        was: bool | None = True
        now = True
        if plan.shape is not None:
            unknown = plan.relevant(unknown)
            try:
                now = plan.passes(new)
            except LackingValueError as error:
                return self._lack(plan, f"the table's filter needs column {error.column}", position)
            was = plan.passed(old, now)
            if not now and was is False:
                return position
        self._announce(plan)
        key = plan.key_json(new)
        # No old row: its key is the new one's.
        old_key = key if old is None else plan.key_json(old)
        if unknown and (old_key != key or was is not True) and now:
            missing = self._relations.missing(plan, self._key_texts(new_at, old_at, plan), unknown, self._xid)
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
        try:
            after = plan.row_json(new) if now else b"null"
        except LackingValueError as error:
            return self._lack(plan, f"an added column needs column {error.column}", position)
        unchanged = plan.unchanged(unknown) if unknown else ()
        if plan.shape is None:
            self._emitter.update(plan.table, self._ordinal, old_key, key, before, after, unchanged, self._place())
        else:
            carry_update(
                self._emitter,
                plan.table,
                self._ordinal,
                was,
                now,
                old_key,
                key,
                before,
                after,
                unchanged,
                self._place(),
            )
        return position

    def _lack(self, plan: RowPlan, what: str, position: int) -> int:
        """A value that the shape needs is not in the log: the table is suspended; `position` is where to go on."""
        self._relations.lack(plan, what)
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
        if plan.shape is not None and plan.passed(old, True) is False:
            return position
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
        return [new[index] if new[index] is not None else old[index] for index in plan.identity]

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
