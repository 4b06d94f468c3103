"""Reads chunks of tables for the full load: keyset ranges in read-only transactions, read by COPY."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tailrace.emitter import EventTable
from tailrace.errors import TableBusyError
from tailrace.schema import Column, TableSchema
from tailrace.sequence import lsn_mark
from tailrace.source import ROW_OVERHEAD, Chunk, OpenView
from tailrace_postgres.catalog import Catalog, CatalogColumns, CatalogTable
from tailrace_postgres.columns import catalog_columns
from tailrace_postgres.connection import COPY_BYTES, Connection, identifier
from tailrace_postgres.copytext import parse_row
from tailrace_postgres.keyset import KeyColumn, key_text, names, order, span
from tailrace_postgres.rowplan import RowPlan
from tailrace_postgres.selection import Selected
from tailrace_postgres.shapedplan import plan_for
from tailrace_postgres.view import Snapshot
from tailrace_postgres.wal import log_end

#: Sorting a large table without a fitting index may take this long before its first row.
READ_SECONDS = 900.0
#: How long the load waits for a lock on a table.
LOCK_SECONDS = 0.5

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


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


@dataclass(frozen=True, slots=True)
class TableReading:
    """Implements `tailrace.source.Reading`.

    Attributes:
        table: the version that the columns have in the stream.
        columns: as the catalog had them.
        storage: which files held the rows.
        key: empty for a table without one.
        where: which rows are read; "" all.
        estimated_rows: 0 of a small table.
    """

    selected: Selected
    table: EventTable
    columns: tuple[Column, ...]
    storage: str
    key: tuple[KeyColumn, ...] = ()
    where: str = ""
    estimated_rows: int = 0

    @property
    def order(self) -> str:
        return repr(self.key)

    @property
    def sql(self) -> str:
        """SELECT without its conditions."""
        shape = self.table.shape
        columns = self.table.schema.columns
        if shape is None:
            return f"SELECT {names(column.name for column in columns)} FROM {self.selected.only}"
        wanted = shape.wanted
        chosen = ", ".join(
            # What is dropped need not be sent; a text, because NULL has a backslash in COPY, which costs every column.
            identifier(column.name) if index in wanted or column.key else "''"
            for index, column in enumerate(columns)
        )
        return f"SELECT {chosen} FROM {self.selected.only}"

    @property
    def private(self) -> bool:
        return self.table.shape is not None and self.table.shape.hides_key

    def plan(self) -> RowPlan:
        """For one thread."""
        plan = plan_for(self.table, whole_old=False)
        plan.accept_all_labels()  # an enum may get one at any time: the table's lock does not hold its types
        return plan

    def holds(self, catalog: Catalog, now: CatalogColumns | None) -> bool:
        """Whether the table is still as it was looked at."""
        return now is not None and now.storage == self.storage and described(catalog, now) == self.columns


class PostgresChunkReader:
    """Implements `tailrace.source.ChunkReader`."""

    def __init__(self, connect: Callable[[], Connection], horizon: Horizon, logged: bool) -> None:
        self._connect = connect
        self._connection = connect()
        self._asking: Connection | None = None  # while the other one reads
        self._catalog = Catalog(self._connection)
        self._horizon = horizon
        self._logged = logged

    def read_view(
        self,
        reading: TableReading,
        after: str | None,
        until: str | None,
        limit_rows: int,
        limit_bytes: int,
        view: OpenView,
    ) -> Generator[Chunk]:
        """See `ChunkReader.read_view`."""
        connection = self._connection
        plan = reading.plan()
        rows: list[tuple[bytes | None, bytes]] = []
        last = b""
        size = read = total = 0
        try:
            lock_shared(connection, reading.selected, LOCK_SECONDS)
            seen = view(lambda: self._view(reading.table.topic))
            catalog = self._catalog
            if not reading.holds(catalog, catalog.columns(reading.selected.table.oid)):
                return
            end = self._log_end() if self._logged else 0

            def chunk(behind: bytes) -> Chunk:
                values = parse_row(behind) if behind else []
                after = key_text([values[index] for index in plan.identity]) if values else None
                high = lsn_mark(end) if self._logged else ""
                return Chunk(reading.table, rows, after, seen, high, fields(end), size, read)

            condition = span(reading.key, after, until, reading.where)
            sql = f"COPY ({reading.sql}{condition} ORDER BY {order(reading.key)} LIMIT {limit_rows}) TO STDOUT"
            with contextlib.closing(connection.copy(sql, first=READ_SECONDS, at_once=at_once(limit_bytes))) as blocks:
                for lines in blocks:
                    if size >= limit_bytes:
                        yield chunk(last)
                        rows, size, read = [], 0, 0
                    size += read_lines(plan, lines, rows) + ROW_OVERHEAD * len(lines)
                    read += len(lines)
                    total += len(lines)
                    last = lines[-1]
        finally:
            rollback(connection)
        yield chunk(last if total == limit_rows else b"")

    def bound(self, reading: TableReading, after: str | None, rows: int) -> str | None:
        """See `ChunkReader.bound`."""
        connection = self._connection
        keys = f"SELECT {names(column.name for column in reading.key)} FROM {reading.selected.only}"
        condition = span(reading.key, after, None, reading.where)
        sql = f"{keys}{condition} ORDER BY {order(reading.key)} LIMIT 1 OFFSET {rows - 1}"
        try:
            lock_shared(connection, reading.selected, LOCK_SECONDS)
            catalog = self._catalog
            if not reading.holds(catalog, catalog.columns(reading.selected.table.oid)):
                raise TableBusyError("the table is being altered", where=connection.where)
            with contextlib.closing(connection.copy(f"COPY ({sql}) TO STDOUT", first=READ_SECONDS)) as blocks:
                lines = [line for block in blocks for line in block]
        finally:
            rollback(connection)
        return key_text(parse_row(lines[0])) if lines else None

    def interrupt(self) -> None:
        """See `ChunkReader.interrupt`."""
        self._connection.interrupt()
        if (asking := self._asking) is not None:
            asking.interrupt()

    def close(self) -> None:
        self._connection.close()
        if self._asking is not None:
            self._asking.close()

    def _log_end(self) -> int:
        """Behind everything that the view sees: it cannot be asked for in the view's own transaction."""
        if self._asking is None or self._asking.raw.closed:
            self._asking = self._connect()
        return log_end(self._asking)

    def _view(self, topic: str) -> Snapshot:
        """A view that sees everything that the stream will not bring."""
        view = Snapshot.now(self._connection)
        if not self._horizon.satisfied(topic, view):
            raise TableBusyError(
                "the load waits for transactions older than the table's capture to end",
                where=self._connection.where,
                fix="see pg_stat_activity, and whether commits wait for a synchronous standby",
            )
        return view


def lock_shared(connection: Connection, selected: Selected, seconds: float) -> None:
    """Opens a transaction whose first query takes its view.

    The lock (the one that every SELECT takes) comes before the view: a table that is rewritten between the two would
    look empty.
    """
    patience = f"SET LOCAL lock_timeout = {seconds * 1000:.0f}"
    connection.query(f"{BEGIN}; {patience}; LOCK TABLE {selected.only} IN ACCESS SHARE MODE")


def described(catalog: Catalog, columns: CatalogColumns) -> tuple[Column, ...]:
    """The columns as the catalog has them now."""
    catalog.load_types((column.type_oid, column.modifier) for column in columns.live)
    return catalog_columns(columns, catalog)


def table_schemas(connection: Connection, selected: Iterable[Selected]) -> Iterator[tuple[TableSchema, CatalogTable]]:
    """The tables as the catalog has them now, as first versions."""
    catalog = Catalog(connection)
    selected = list(selected)
    found = catalog.columns_of(table.table.oid for table in selected)
    catalog.load_types((column.type_oid, column.modifier) for of in found.values() for column in of.live)
    for table in selected:
        columns = found.get(table.table.oid)
        if columns is not None:
            now = catalog_columns(columns, catalog)
            yield TableSchema(1, table.source.name, table.source.topic, now), table.table


def rollback(connection: Connection) -> None:
    """Ends the transaction, whatever became of it."""
    if not connection.raw.closed:
        connection.query("ROLLBACK")


def at_once(limit_bytes: int) -> int:
    """How much of a COPY is read together, so that a chunk is not much larger than it may be."""
    return min(COPY_BYTES, limit_bytes // 8 + 1)


def all_rows(connection: Connection, reading: TableReading, at_once: int = COPY_BYTES) -> Generator[list[bytes]]:
    return connection.copy(f"COPY ({reading.sql}) TO STDOUT", first=READ_SECONDS, at_once=at_once)


def read_lines(plan: RowPlan, lines: list[bytes], rows: list[tuple[bytes | None, bytes]]) -> int:
    """Adds the (key, row object) of each line to `rows`; returns the lines' bytes."""
    reader = plan.reader
    at = 0
    while at < len(lines):
        if reader is not None:
            at = reader.read_lines(lines, at, rows)
        if at < len(lines):  # this one is out of the ordinary, or nothing is compiled
            row = _row(plan, parse_row(lines[at]))
            at += 1
            if row is not None:
                rows.append(row)
    return sum(map(len, lines))


def fields(lsn: int) -> bytes:
    """Debezium's members of `source` for rows that no transaction brings."""
    return b'"txId":null,"xmin":null,"lsn":%d,"sequence":"[null,\\"%d\\"]",' % (lsn, lsn)


def _row(plan: RowPlan, values: Sequence[bytes | None]) -> tuple[bytes | None, bytes] | None:
    """None where the table's filter leaves the row out."""
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
    if plan.shape is not None and not plan.passes(fragments):
        return None
    return plan.key_json(fragments), plan.row_json(fragments)
