"""Builds events: the one place that knows the envelope (DESIGN: Debezium's, with the fence).

Decoders hand over row images that are already JSON; the emitter wraps them, counts, looks one event ahead so that
the last event of a transaction carries `tx_end`, skips what the stream already holds, and cuts batches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

import orjson

from tailrace import __version__
from tailrace.batch import Batch, Run, Touch
from tailrace.compiled import compiled_class
from tailrace.load_mark import LoadMark
from tailrace.position import schema_key
from tailrace.render import HEX, digits
from tailrace.schema import TableSchema
from tailrace.sequence import EVENT_BITS, SNAPSHOT_ORDINAL, sequence, transaction_prefix

if TYPE_CHECKING:
    from tailrace.shaping.shape import Shape

# One change of the log can leave as several events, which must differ in their sequence: a batch may end between
# them, and a resume skips by sequence. Two bits below the ordinal keep them apart.
_SCHEMA_CHANGE, _EVENT, _CREATE_HALF = 0, 1, 2

_NOTHING: dict[str, bytes] = {}

#: Appends rows of a load to a run (`loadrows.pyx`).
append_rows: Callable[[list[tuple[bytes | None, bytes]], bytes, Run], int] | None = compiled_class(
    "tailrace.loadrows", "append"
)

#: What stands on the wire for a column that the log did not carry; consumers go by `source.unchanged`.
UNCHANGED_PLACEHOLDER = "__debezium_unavailable_value"
UNCHANGED_JSON = orjson.dumps(UNCHANGED_PLACEHOLDER)


class EventTable:
    """What the envelope of one version of a table's events begins with, rendered once.

    Args:
        schema: the source's version.
        connector: Debezium's connector name: mysql, mariadb or postgresql.
        pipeline: `source.name`.
        shape: what the version becomes on its way into the stream; None: it is carried as it is.
    """

    __slots__ = ("schema", "schema_tail", "shape", "source_head", "topic")

    def __init__(self, schema: TableSchema, connector: str, pipeline: str, shape: Shape | None = None) -> None:
        name = schema.name
        self.schema = schema
        self.shape = shape
        self.topic = schema.topic
        head = orjson.dumps(
            {
                "version": __version__,
                "connector": connector,
                "name": pipeline,
                "db": name.database,
                "schema": name.schema,
                "table": name.table,
            }
        )
        self.source_head = head[:-1] + b',"ts_ms":'
        self.schema_tail = b'","schema_id":%d,"unchanged":' % schema.id


class Emitter:
    """Collects events of one source into batches.

    Call order: `begin`, any of `insert` `update` `delete` `truncate` `schema_change`, `commit`; between commits
    `idle` moves the position, `snapshot_rows` adds rows of a full load. `take` returns what has gathered.
    """

    def __init__(self, epoch: int, restart: str, delivered: str = "", mark: str = "") -> None:
        self.epoch = epoch
        self._restart: str | Callable[[], str] = restart
        self._mark = mark
        self._delivered = delivered.encode()  # of the last event appended to a run
        self._skip_to = delivered.encode()  # events up to this sequence are in the stream already
        self._batch = Batch()
        # Of the batch, kept here because every event changes them.
        self._events = 0
        self._bytes = 0
        self._transactions = 0
        self._commit_ts_ms = 0
        self._last: Run | None = None
        self._prefix = b""  # what the open transaction's sequences begin with; empty between transactions
        self._high = -1  # the ordinal but for its last four digits, and the sequence so far
        self._high_prefix = b""
        self._fields = b""
        self._head = b""  # `source` of the transaction's events of one table, up to their own members
        self._of_head: EventTable | None = None
        self._ts_ms = 0
        self._now = b"0"
        self._token = ""
        # The look-ahead event: whole but for `tx_end`, which only the next event or the commit can tell.
        self._pending = False
        self._seq = b""
        self._table: EventTable | None = None
        self._key: bytes | None = None
        self._parts: list[bytes] = []
        self._op = b""
        self._every_partition = False
        self._state: dict[str, bytes] = {}
        self._announced: dict[str, int] = {}  # by topic, the version that the stream was last told of
        self._with_version: dict[tuple[str, int], dict[str, bytes]] = {}
        # Before a transaction that may be undone: events and bytes, how much was in the batch, and in its last run.
        self._remembered = False
        self._past_events = self._past_bytes = self._past_runs = self._past_touched = self._past_state = 0
        self._past_keys = self._past_size = 0
        self._past_delivered = self._past_skip_to = b""
        #: Makes the record of a schema version for the state store.
        self.record: Callable[[TableSchema], bytes] = TableSchema.to_json
        #: Topics whose written keys are reported in `Batch.touched` (tables being loaded).
        self.traced: Collection[str] = frozenset()

    # ---- transactions

    def begin(self, mark: str, ts_ms: int, fields: bytes, token: str = "") -> None:
        """A transaction starts.

        Args:
            mark: its fence mark (see `tailrace.sequence`).
            ts_ms: commit time at the source in milliseconds.
            fields: JSON members of `source` that hold for all its events, each followed by a comma, e.g.
                ``b'"gtid":null,"file":"binlog.000003",'``; `position_fields` adds those that differ per event.
            token: names the transaction to the load's read views.
        """
        self._prefix = transaction_prefix(self.epoch, mark).encode()
        self._high = -1
        self._ts_ms = ts_ms
        self._now = digits(time.time_ns() // 1_000_000)
        self._fields = fields
        self._of_head = None
        self._token = token

    def commit(self, restart: str | Callable[[], str], mark: str) -> None:
        """The transaction is complete; re-reading may begin at `restart`, everything before `mark` is read.

        A callable is asked when a batch is taken, and must answer as of the last call of `commit` or `idle`.
        """
        self._flush_pending(tx_end=True)
        self._transactions += 1
        self._commit_ts_ms = self._ts_ms
        self._restart = restart
        self._mark = mark
        self._prefix = b""

    def remember(self) -> None:
        """After `begin`, where the log may take the transaction back: `undo` is possible from here on."""
        last, batch = self._last, self._batch
        self._past_keys = self._past_size = 0
        if last is not None:
            self._past_keys, self._past_size = len(last.keys), last.size
        self._past_runs = len(batch.runs)
        self._past_touched = len(batch.touched)
        self._past_state = len(batch.state)
        self._past_events, self._past_bytes = self._events, self._bytes
        self._past_delivered, self._past_skip_to = self._delivered, self._skip_to
        self._remembered = True

    def undo(self) -> set[str] | None:
        """The transaction since `remember` has not happened.

        Returns:
            The topics of its events; None where it cannot be undone: a part of it was taken, or a schema version was
            announced in it.
        """
        batch = self._batch
        if not self._remembered or len(batch.state) != self._past_state or (self._pending and self._op == b"s"):
            return None
        self._remembered = False
        runs, keys = self._past_runs, self._past_keys
        topics = {run.topic for run in batch.runs[runs:]}
        del batch.runs[runs:]
        self._last = batch.runs[-1] if batch.runs else None
        last = self._last
        if last is not None:
            if len(last.keys) > keys:
                topics.add(last.topic)
            del last.keys[keys:]
            del last.values[keys:]
            last.size = self._past_size
        if self._pending and self._table is not None:
            topics.add(self._table.topic)
        del batch.touched[self._past_touched :]
        self._events, self._bytes = self._past_events, self._past_bytes
        self._delivered, self._skip_to = self._past_delivered, self._past_skip_to
        self._pending = False
        self._prefix = b""
        return topics

    def idle(self, restart: str | Callable[[], str], mark: str) -> None:
        """The log was read up to here and held nothing for us (heartbeat, keepalive, foreign transactions)."""
        if mark > self._mark:
            self._restart = restart
            self._mark = mark

    # ---- events

    def insert(self, table: EventTable, ordinal: int, key: bytes | None, after: bytes, at: bytes = b"") -> None:
        """`at`: members of `source` for this event alone, each followed by a comma (``b'"pos":4,"row":0,'``)."""
        self._event(table, ordinal, key, b"null", after, b"c", b"[]", at)
        if table.topic in self.traced and key is not None:
            self._touch(table, key)

    def update(
        self,
        table: EventTable,
        ordinal: int,
        old_key: bytes | None,
        key: bytes | None,
        before: bytes,
        after: bytes,
        unchanged: tuple[str, ...] = (),
        at: bytes = b"",
    ) -> None:
        """A changed key leaves as a delete and a create, so that order per key holds in every partition.

        The caller has filled the unchanged columns of `after` where the key changed. Where the source has that row no
        more, it names them: the create is then an update of a row that is not there, and the event that removed the
        row follows in the log.
        """
        names = orjson.dumps(unchanged) if unchanged else b"[]"
        if old_key != key and key is not None and old_key is not None:
            self.delete(table, ordinal, old_key, before, at)
            op = b"u" if unchanged else b"c"
            self._event(table, ordinal, key, b"null", after, op, names, at, part=_CREATE_HALF)
            if table.topic in self.traced:
                self._touch(table, key, after, unchanged)
            return
        self._event(table, ordinal, key, before, after, b"u", names, at)
        if table.topic in self.traced and key is not None:
            self._touch(table, key, after, unchanged)

    def delete(self, table: EventTable, ordinal: int, key: bytes | None, before: bytes, at: bytes = b"") -> None:
        self._event(table, ordinal, key, before, b"null", b"d", b"[]", at)
        if table.topic in self.traced and key is not None:
            self._touch(table, key)

    def truncate(self, table: EventTable, ordinal: int, at: bytes = b"") -> None:
        self._event(table, ordinal, None, b"null", b"null", b"t", b"[]", at)
        self._mark_control({})
        if table.topic in self.traced:
            self._touch(table, None)

    # ---- schema versions

    def already_announced(self, schema: TableSchema) -> None:
        """At open: the version of a table that holds at the position, which the stream knows from earlier runs."""
        self._announced[schema.topic] = schema.id

    def announced(self, topic: str) -> int | None:
        """The version that the stream was last told of; None before the first."""
        return self._announced.get(topic)

    def record_with_version(self, schema: TableSchema, key: str, value: bytes) -> None:
        """An entry of the state store that must become durable with the version's announcement, and not before."""
        if self._announced.get(schema.topic) == schema.id:
            self.record_state(key, value)
        else:
            self._with_version.setdefault((schema.topic, schema.id), {})[key] = value

    def schema_change(self, table: EventTable, ordinal: int, at: bytes = b"") -> None:
        """A version after a table's first: a control event to every partition, its record into the state.

        `ordinal` is that of the change that follows (or of the DDL statement itself, where the log has one). The
        record becomes durable with the event, so that a crash between the two cannot lose the event. A version is
        announced once: a target that met it a second time would rename its columns, or fill them, again.
        """
        schema = table.schema
        if table.topic in self.traced:
            self._touch(table, None)
        if self._announced.get(schema.topic) == schema.id:
            return  # rows of a load came with it first
        self._event(table, ordinal, None, b"null", b"null", b"s", b"[]", at, part=_SCHEMA_CHANGE)
        self._mark_control(self._announcement(schema))

    def first_schema(self, schema: TableSchema) -> None:
        """A table's first version: only its record, durable with the next batch."""
        for key, value in self._announcement(schema).items():
            self.record_state(key, value)

    def snapshot_rows(
        self,
        table: EventTable,
        rows: Iterable[tuple[bytes | None, bytes]],
        mark: str,
        fields: bytes,
    ) -> int:
        """Rows of a full load go out between two transactions, at the load window's high mark.

        They may have a version that no event of the log has had yet: it is announced first, because a target renames
        columns by that announcement.

        Args:
            rows: (key, row object) pairs.
            fields: members of `source` that the stream's events of this source carry too, as of the mark.

        Returns:
            How many.
        """
        if self._pending:
            raise ValueError("a chunk cannot go out inside a transaction")
        self._announce(table, mark, fields)
        head, end = _outside(table, b"true", fields, sequence(self.epoch, mark, SNAPSHOT_ORDINAL))
        tail = head + b"r" + end
        run = self._run(table.topic)
        before = len(run.values)
        if append_rows is not None:
            self._bytes += append_rows(rows if isinstance(rows, list) else list(rows), tail, run)
            self._events += len(run.values) - before
        else:
            for key, row in rows:
                self._append(run, key, b'{"before":null,"after":' + row + b',"source":' + tail)
        return len(run.values) - before

    def load_mark(self, table: EventTable, load: LoadMark, fields: bytes = b"", mark: str = "") -> None:
        """A table's load begins or ends here, between two transactions; to every partition.

        Args:
            fields: as for `snapshot_rows`.
            mark: of its place; "" how far the log is read.
        """
        mark = mark or self._mark
        member = b'"load":' + load.to_json() + b","
        self._outside_event(table, b"s", mark, fields, load.phase.encode(), member)

    def snapshot_truncate(self, table: EventTable, mark: str, fields: bytes) -> None:
        """The table's rows are read anew, all of them: what targets have of it goes first. As `snapshot_rows`."""
        self._outside_event(table, b"t", mark, fields)

    def announce(self, table: EventTable, mark: str, fields: bytes) -> None:
        """A version that no event of the log announces, between two transactions; nothing where it was announced."""
        if self._pending:
            raise ValueError("a version cannot be announced inside a transaction")
        self._announce(table, mark, fields)

    def record_state(self, key: str, value: bytes) -> None:
        """An entry of the stream's state store that must be durable together with the events after it."""
        self._batch.state[key] = value

    # ---- batches

    @property
    def size(self) -> int:
        """Bytes gathered so far."""
        return self._bytes

    @property
    def touched(self) -> bool:
        """Whether rows of traced topics were written; true of a look-ahead event too, which has no size yet."""
        return bool(self._batch.touched)

    @property
    def place(self) -> str:
        """Where the log is read now, as the beginning of a sequence: what `TableSchema.since` is compared with."""
        return self._prefix.decode() or transaction_prefix(self.epoch, self._mark)

    @property
    def between(self) -> str:
        """The sequence of what goes out between two transactions now."""
        return sequence(self.epoch, self._mark, SNAPSHOT_ORDINAL)

    @property
    def restart(self) -> str:
        """Where re-reading may begin that brings all that was not read yet."""
        return self._restart if isinstance(self._restart, str) else self._restart()

    @property
    def in_transaction(self) -> bool:
        return self._pending

    @property
    def mark(self) -> str:
        return self._mark

    def take(self) -> Batch:
        """Everything gathered since the last call; the look-ahead event stays for the next one."""
        batch, self._batch = self._batch, Batch()
        batch.events, batch.bytes, batch.transactions = self._events, self._bytes, self._transactions
        batch.commit_ts_ms = self._commit_ts_ms
        self._events = self._bytes = self._transactions = self._commit_ts_ms = 0
        self._last = None
        self._remembered = False
        batch.restart = self.restart
        batch.mark = self._mark
        batch.delivered = self._delivered.decode()
        return batch

    # ---- inside

    def _event(
        self,
        table: EventTable,
        ordinal: int,
        key: bytes | None,
        before: bytes,
        after: bytes,
        op: bytes,
        unchanged: bytes,
        at: bytes,
        part: int = _EVENT,
    ) -> None:
        if self._pending:
            self._flush_pending(False)
        ordinal = ordinal << EVENT_BITS | part
        if ordinal >> 16 != self._high:
            self._high = ordinal >> 16
            self._high_prefix = self._prefix + f"{self._high:012x}".encode()
        seq = self._high_prefix + HEX[ordinal >> 8 & 255] + HEX[ordinal & 255]
        self._pending = True
        self._seq = seq
        self._table = table
        self._key = key
        self._op = op
        self._every_partition = False
        self._state = _NOTHING
        self._parts = [
            b'{"before":',
            before,
            b',"after":',
            after,
            self._head_for(table),
            at,
            b'"tailrace_seq":"',
            seq,
            table.schema_tail,
            unchanged,
        ]

    def _head_for(self, table: EventTable) -> bytes:
        if self._of_head is not table:
            self._of_head = table
            self._head = b"".join(
                [b',"source":', table.source_head, digits(self._ts_ms), b',"snapshot":"false",', self._fields]
            )
        return self._head

    def _announcement(self, schema: TableSchema) -> dict[str, bytes]:
        """The state entries that go with it."""
        self._remembered = False
        self._announced[schema.topic] = schema.id
        entries = self._with_version.pop((schema.topic, schema.id), {})
        return {schema_key(schema.topic, schema.id): self.record(schema), **entries}

    def _mark_control(self, state: dict[str, bytes]) -> None:
        assert self._pending
        self._every_partition = True
        self._state = state

    def _flush_pending(self, tx_end: bool) -> None:
        if not self._pending:
            return
        self._pending = False
        if self._state:
            self._batch.state.update(self._state)
        seq, table = self._seq, self._table
        assert table is not None
        if self._skip_to:
            if seq <= self._skip_to:
                return
            self._skip_to = b""
        parts = self._parts
        parts.append(b',"tx_end":true},"op":"' if tx_end else b',"tx_end":false},"op":"')
        parts.append(self._op)
        parts.append(b'","ts_ms":')
        parts.append(self._now)
        parts.append(b',"transaction":null}')
        key = self._key
        run = self._last
        if run is None or run.topic is not table.topic or run.every_partition != self._every_partition:
            run = self._run(table.topic, self._every_partition)
        self._append(run, key, b"".join(parts))
        if self._op == b"d" and key is not None:
            self._tombstone(run, key)
        self._delivered = seq

    def _append(self, run: Run, key: bytes | None, value: bytes) -> None:
        """One event."""
        size = len(value) if key is None else len(value) + len(key)
        run.keys.append(key)
        run.values.append(value)
        run.size += size
        self._bytes += size
        self._events += 1

    def _tombstone(self, run: Run, key: bytes) -> None:
        """It follows a delete, and is no event."""
        run.keys.append(key)
        run.values.append(None)
        run.size += len(key)
        self._bytes += len(key)

    def _run(self, topic: str, every_partition: bool = False) -> Run:
        """The last run, or a new one where events of another kind come."""
        last = self._last
        if last is not None and last.topic == topic and last.every_partition == every_partition:
            return last
        self._last = Run(topic, [], [], every_partition)
        self._batch.runs.append(self._last)
        return self._last

    def _outside_event(
        self, table: EventTable, op: bytes, mark: str, fields: bytes, snapshot: bytes = b"true", member: bytes = b""
    ) -> None:
        """A control event that no transaction of the log brings."""
        if self._pending:
            raise ValueError("a load sends nothing inside a transaction")
        self._announce(table, mark, fields)
        head, end = _outside(table, snapshot, fields + member, sequence(self.epoch, mark, SNAPSHOT_ORDINAL))
        run = self._run(table.topic, every_partition=True)
        self._append(run, None, b'{"before":null,"after":null,"source":' + head + op + end)

    def _announce(self, table: EventTable, mark: str, fields: bytes) -> None:
        """A load's version of which the stream was not told comes before its rows; first ones need no event."""
        schema = table.schema
        if self._announced.setdefault(schema.topic, 1) == schema.id:
            return
        for key, value in self._announcement(schema).items():
            self.record_state(key, value)
        head, end = _outside(table, b"true", fields, sequence(self.epoch, mark, SNAPSHOT_ORDINAL))
        run = self._run(schema.topic, every_partition=True)
        self._append(run, None, b'{"before":null,"after":null,"source":' + head + b"s" + end)

    def _touch(
        self, table: EventTable, key: bytes | None, after: bytes | None = None, unchanged: tuple[str, ...] = ()
    ) -> None:
        # Only of an incomplete row the content is needed: the load remembers these for as long as a chunk waits.
        self._batch.touched.append(Touch(self._token, table.topic, key, after if unchanged else None, unchanged))


def _outside(table: EventTable, snapshot: bytes, fields: bytes, seq: str) -> tuple[bytes, bytes]:
    """What `source` and the rest of an event are that no transaction of the log brings, around its operation."""
    now_ms = time.time_ns() // 1_000_000
    head = table.source_head + b'%d,"snapshot":"' % now_ms + snapshot + b'",' + fields + b'"tailrace_seq":"'
    head += seq.encode() + table.schema_tail + b'[],"tx_end":true},"op":"'
    return head, b'","ts_ms":%d,"transaction":null}' % now_ms
