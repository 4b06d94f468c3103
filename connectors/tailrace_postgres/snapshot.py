"""The full load's reader: keyset chunks in read-only transactions, read by COPY."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tailrace.emitter import EventTable
from tailrace.errors import RefusedError, StuckError, TableBusyError, UnreachableError
from tailrace.sequence import lsn_mark
from tailrace.source import Chunk
from tailrace_postgres.catalog import Catalog, CatalogColumns
from tailrace_postgres.connection import COPY_BYTES, Connection, identifier
from tailrace_postgres.copytext import parse_row
from tailrace_postgres.keyset import KeyColumn, beyond, key_text, operator_schema, order
from tailrace_postgres.rowplan import RowPlan
from tailrace_postgres.selection import Selected
from tailrace_postgres.view import Snapshot
from tailrace_postgres.wal import log_end

#: Sorting a large table without a fitting index may take this long before its first row.
READ_SECONDS = 900.0
#: How long the load waits for a lock on a table: the log is not read meanwhile.
LOCK_SECONDS = 0.5

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


@dataclass(slots=True)
class Horizon:
    """What every view of the load must see, because the stream will not bring it.

    Attributes:
        start: the snapshot at the slot's start. A commit reaches the log before queries see it: one just before the
            start is not in the stream, and a view may still lack it.
        floors: by topic, for a table that was added to the publication later: every transaction below may have written
            to the table unpublished.
    """

    start: Snapshot | None = None
    floors: dict[str, int] = field(default_factory=dict)

    def satisfied(self, topic: str, view: Snapshot) -> bool:
        floor = self.floors.get(topic, 0)
        return view.xmin >= floor and (self.start is None or view.covers(self.start))


@dataclass(slots=True)
class Anchor:
    """The session that holds the snapshot of the slot's start.

    Attributes:
        start: the slot's first position.
        storage: by table OID, which files held the rows before the slot was made.
    """

    connection: Connection
    snapshot: Snapshot
    start: int
    storage: Mapping[int, str]


@dataclass(slots=True)
class _Reading:
    """One table with what is needed to read it now."""

    table: EventTable
    plan: RowPlan
    columns: str
    source: str


class PostgresSnapshotReader:
    """See `tailrace.source.SnapshotReader`. Connects when first asked.

    Args:
        describe: the schema version that a table has now.
        awaited: told of every position that the stream is to reach.
        waiting: called again and again while a chunk's SELECT keeps us from reading the stream.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        tables: Callable[[], Sequence[Selected]],
        describe: Callable[[Catalog, Selected, CatalogColumns], EventTable],
        anchor: Callable[[], Anchor | None],
        horizon: Horizon,
        awaited: Callable[[int], None],
        waiting: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._tables = tables
        self._describe = describe
        self._anchor = anchor
        self._horizon = horizon
        self._awaited = awaited
        self._waiting = waiting
        self._open: Connection | None = None
        self._by_topic: dict[str, Selected] = {}
        self._row_bytes: dict[str, int] = {}
        self._operators: dict[int, str] = {}

    # ---- the protocol

    def whole(self, topic: str, limit_bytes: int) -> Iterator[Chunk]:
        anchor = self._anchor()
        selected = self._selected(topic)
        if anchor is None:
            raise StuckError(
                f"table {selected.source.name} has no key and can only be read when the slot is made",
                fix="run `tailrace teardown`, then `tailrace run`",
            )
        catalog = Catalog(anchor.connection)
        anchor.connection.query(f"LOCK TABLE {selected.only} IN ACCESS SHARE MODE")
        reading, columns = self._reading(catalog, selected)
        if anchor.storage.get(selected.table.oid) != columns.storage:
            raise UnreachableError(
                f"table {selected.source.name} was written anew while its load began, which old snapshots do not show"
            )
        mark = lsn_mark(anchor.start)
        rows: list[tuple[bytes | None, bytes]] = []
        size = 0
        with contextlib.closing(_all_rows(anchor.connection, reading, _at_once(limit_bytes))) as blocks:
            for lines in blocks:
                if size >= limit_bytes:
                    yield Chunk(reading.table, rows, "", anchor.snapshot, mark, _fields(anchor.start))
                    rows, size = [], 0
                size += _read(reading.plan, lines, rows)
        yield Chunk(reading.table, rows, None, anchor.snapshot, mark, _fields(anchor.start))

    def chunk(self, topic: str, after: str | None, limit_rows: int, limit_bytes: int) -> Chunk:
        selected = self._selected(topic)
        connection = self._connection
        limit = max(1, min(limit_rows, limit_bytes // self._row_bytes.get(topic, 1)))
        rows: list[tuple[bytes | None, bytes]] = []
        last = b""
        size = 0
        ended = True
        try:
            view = self._view(selected)
            catalog = Catalog(connection)
            reading, columns = self._reading(catalog, selected)
            key = self._key(catalog, reading, columns)
            condition = f" WHERE {beyond(key, after)}" if after is not None else ""
            with contextlib.closing(
                connection.copy(
                    f"COPY (SELECT {reading.columns} FROM {reading.source}{condition}"
                    f" ORDER BY {order(key)} LIMIT {limit}) TO STDOUT",
                    first=READ_SECONDS,
                    waiting=self._waiting,
                    at_once=_at_once(limit_bytes),
                )
            ) as blocks:
                for lines in blocks:
                    size += _read(reading.plan, lines, rows)
                    last = lines[-1]
                    if size >= limit_bytes:
                        ended = False
                        break
        finally:
            self._end()
        if rows:
            self._row_bytes[topic] = max(1, size // len(rows))
        high = log_end(connection)
        self._awaited(high)
        more = len(rows) == limit or not ended
        key_columns = parse_row(last) if more else []
        return Chunk(
            table=reading.table,
            rows=rows,
            after=key_text([key_columns[index] for index in reading.plan.key]) if more else None,
            view=view,
            high=lsn_mark(high),
            fields=_fields(high),
        )

    def sees_all(self, transactions: Sequence[str]) -> bool:
        view = Snapshot.now(self._connection)
        return all(view.sees(transaction) for transaction in transactions)

    def rows(self, topic: str) -> Iterator[tuple[bytes | None, bytes]]:
        """In no particular order."""
        selected = self._selected(topic)
        connection = self._connection
        try:
            connection.query(f"{_BEGIN}; LOCK TABLE {selected.only} IN ACCESS SHARE MODE")
            reading, _ = self._reading(Catalog(connection), selected)
            with contextlib.closing(_all_rows(connection, reading)) as blocks:
                for lines in blocks:
                    rows: list[tuple[bytes | None, bytes]] = []
                    _read(reading.plan, lines, rows)
                    yield from rows
        finally:
            self._end()

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    # ---- inside

    @property
    def _connection(self) -> Connection:
        if self._open is None or self._open.raw.closed:
            self._open = self._connect()
        return self._open

    def _selected(self, topic: str) -> Selected:
        if topic not in self._by_topic:
            self._by_topic = {selected.source.topic: selected for selected in self._tables()}
        try:
            return self._by_topic[topic]
        except KeyError:
            raise UnreachableError(f"the table of topic {topic} is gone or no longer selected") from None

    def _view(self, selected: Selected) -> Snapshot:
        """Opens a transaction whose view sees everything that the stream will not bring.

        The lock (the one that every SELECT takes) comes before the view: a table that is rewritten between the two
        would look empty.
        """
        connection = self._connection
        patience = f"SET LOCAL lock_timeout = {LOCK_SECONDS * 1000:.0f}"
        connection.query(f"{_BEGIN}; {patience}; LOCK TABLE {selected.only} IN ACCESS SHARE MODE")
        view = Snapshot.now(connection)
        if not self._horizon.satisfied(selected.source.topic, view):
            raise TableBusyError(
                "the load waits for transactions older than the table's capture to end",
                where=connection.where,
                fix="see pg_stat_activity, and whether commits wait for a synchronous standby",
            )
        return view

    def _reading(self, catalog: Catalog, selected: Selected) -> tuple[_Reading, CatalogColumns]:
        """How to read the table as it is now, which a lock keeps so."""
        columns = catalog.columns(selected.table.oid)
        if columns is None:
            raise UnreachableError(f"table {selected.source.name} was dropped while it was read")
        table = self._describe(catalog, selected, columns)
        names = ", ".join(identifier(column.name) for column in table.schema.columns)
        plan = RowPlan(table, whole_old=False)
        plan.accept_all_labels()  # an enum may get one at any time: the table's lock does not hold its types
        return _Reading(table, plan, names, selected.only), columns

    def _key(self, catalog: Catalog, reading: _Reading, columns: CatalogColumns) -> list[KeyColumn]:
        types = {column.number: catalog.base(column.type_oid) for column in columns.live}
        key = [
            KeyColumn(column.name, column.type.name, self._operator_schema(types[column.id]))
            for column in reading.table.schema.key
        ]
        if not key:
            raise RefusedError(
                f"table {reading.table.schema.name} has lost its key while it was loaded",
                fix="run `tailrace teardown`, then `tailrace run`",
            )
        return key

    def _operator_schema(self, type_oid: int) -> str:
        if type_oid not in self._operators:
            self._operators[type_oid] = operator_schema(self._connection, type_oid)
        return self._operators[type_oid]

    def _end(self) -> None:
        """Ends the transaction, whatever became of it."""
        if self._open is not None and not self._open.raw.closed:
            self._open.query("ROLLBACK")


def _at_once(limit_bytes: int) -> int:
    """How much of a COPY is read together, so that a chunk is not much larger than it may be."""
    return min(COPY_BYTES, limit_bytes // 8 + 1)


def _all_rows(connection: Connection, reading: _Reading, at_once: int = COPY_BYTES) -> Generator[list[bytes]]:
    statement = f"COPY (SELECT {reading.columns} FROM {reading.source}) TO STDOUT"
    return connection.copy(statement, first=READ_SECONDS, at_once=at_once)


def _read(plan: RowPlan, lines: list[bytes], rows: list[tuple[bytes | None, bytes]]) -> int:
    """Adds the (key, row object) of each line to `rows`; returns the lines' bytes."""
    reader = plan.reader
    at = 0
    while at < len(lines):
        if reader is not None:
            at = reader.read_lines(lines, at, rows)
        if at < len(lines):  # this one is out of the ordinary, or nothing is compiled
            rows.append(_row(plan, parse_row(lines[at])))
            at += 1
    return sum(map(len, lines))


def _row(plan: RowPlan, values: Sequence[bytes | None]) -> tuple[bytes | None, bytes]:
    heads, converters, nulls = plan.heads, plan.converters, plan.nulls
    fragments = []
    for index, value in enumerate(values):
        if value is None:
            fragments.append(nulls[index])
            continue
        try:
            fragments.append(heads[index] + converters[index](value))
        except ValueError as error:
            raise plan.refusal(index, error, "full load") from None
    return plan.key_json(fragments), plan.row_json(fragments)


def _fields(lsn: int) -> bytes:
    """Debezium's members of `source` for rows that no transaction brings."""
    return b'"txId":null,"xmin":null,"lsn":%d,"sequence":"[null,\\"%d\\"]",' % (lsn, lsn)
