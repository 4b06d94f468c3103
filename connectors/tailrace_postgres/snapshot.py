"""Reads tables for the full load and for `verify`. What reads by chunks is in `chunks`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tailrace.emitter import EventTable
from tailrace.errors import RefusedError, StuckError, UnreachableError
from tailrace.position import Position
from tailrace.schema import Column
from tailrace.sequence import lsn_mark
from tailrace.shaping.shapes import Shapes
from tailrace.source import Chunk
from tailrace.structure import TableStructure
from tailrace_postgres.catalog import Catalog, CatalogColumns
from tailrace_postgres.chunks import (
    BEGIN,
    LOCK_SECONDS,
    Horizon,
    PostgresChunkReader,
    TableReading,
    all_rows,
    at_once,
    described,
    fields,
    lock_shared,
    read_lines,
    rollback,
)
from tailrace_postgres.connection import Connection
from tailrace_postgres.keyset import KeyColumn, operator_schema
from tailrace_postgres.selection import Selected
from tailrace_postgres.structure import structure
from tailrace_postgres.view import Snapshot
from tailrace_postgres.wal import xid_floor
from tailrace_postgres.whole_reader import PostgresWholeReader


@dataclass(slots=True)
class Anchor:
    """The session that holds the snapshot of the slot's start.

    Attributes:
        start: the slot's first position.
        storage: by table OID, which files held the rows before the slot was made; None: the session is of one table
            alone, which is locked before the snapshot is taken.
    """

    connection: Connection
    snapshot: Snapshot
    start: int
    storage: Mapping[int, str] | None


class PostgresSnapshotReader:
    """See `tailrace.source.SnapshotReader`. Connects when first asked.

    Args:
        connect: an ordinary connection, or one for replication.
        describe: the schema version that a table has now.
        awaited: told of every position that the stream is to reach.
        shapes: for what a table's structure has of columns.
        logged: there is a stream, which each chunk waits for.
    """

    def __init__(
        self,
        connect: Callable[[bool], Connection],
        tables: Callable[[], Sequence[Selected]],
        describe: Callable[[Selected, CatalogColumns, tuple[Column, ...]], EventTable],
        anchor: Callable[[], Anchor | None],
        horizon: Horizon,
        awaited: Callable[[str], None],
        shapes: Shapes,
        logged: bool = True,
    ) -> None:
        self._connect = connect
        self._tables = tables
        self._describe = describe
        self._anchor = anchor
        self._horizon = horizon
        self._awaited = awaited
        self._shapes = shapes
        self._logged = logged
        self._open: Connection | None = None
        self._known: Catalog | None = None
        self._by_topic: dict[str, Selected] = {}
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
        anchor.connection.query(f"LOCK TABLE {selected.only} IN ACCESS SHARE MODE")
        reading, _ = self._reading(Catalog(anchor.connection), selected)
        if anchor.storage is not None and anchor.storage.get(selected.table.oid) != reading.storage:
            raise UnreachableError(
                f"table {selected.source.name} was written anew while its load began, which old snapshots do not show"
            )
        mark = lsn_mark(anchor.start)
        plan = reading.plan()
        rows: list[tuple[bytes | None, bytes]] = []
        size = 0
        with contextlib.closing(all_rows(anchor.connection, reading, at_once(limit_bytes))) as blocks:
            for lines in blocks:
                if size >= limit_bytes:
                    yield Chunk(reading.table, rows, "", anchor.snapshot, mark, fields(anchor.start), size)
                    rows, size = [], 0
                size += read_lines(plan, lines, rows)
        yield Chunk(reading.table, rows, None, anchor.snapshot, mark, fields(anchor.start), size)
        if anchor.storage is None:
            anchor.connection.close()

    def demand(self, topic: str, position: Position) -> None:
        """Every transaction that has begun until now must be over; so then are those before the position."""
        self._horizon.floors[topic] = xid_floor(self._connection)

    def prepare(self, topic: str, where: str) -> TableReading:
        """The table as the catalog has it: a version that the log has not come to is announced with its rows."""
        selected = self._selected(topic)
        connection = self._connection
        try:
            lock_shared(connection, selected, LOCK_SECONDS)
            catalog = self._catalog
            reading, columns = self._reading(catalog, selected)
            if not reading.table.schema.key:
                raise RefusedError(
                    f"table {reading.table.schema.name} has lost its key while it was loaded",
                    fix="run `tailrace teardown`, then `tailrace run`",
                )
            if where:
                connection.query(f"SELECT FROM {selected.only} WHERE ({where}) LIMIT 0")
            key, rows = self._key(catalog, reading, columns), catalog.estimated_rows(selected.table.oid, selected.only)
            return replace(reading, key=key, where=where, estimated_rows=rows)
        finally:
            rollback(connection)

    def chunks(self) -> PostgresChunkReader:
        return PostgresChunkReader(lambda: self._connect(False), self._horizon, self._logged)

    def prepare_whole(self, topic: str) -> TableReading:
        """See `SnapshotReader.prepare_whole`."""
        selected = self._selected(topic)
        connection = self._connection
        try:
            lock_shared(connection, selected, LOCK_SECONDS)
            return self._reading(Catalog(connection), selected)[0]
        finally:
            rollback(connection)

    def whole_reader(self) -> PostgresWholeReader:
        """See `SnapshotReader.whole_reader`."""
        return PostgresWholeReader(self._connect, self._horizon, self._logged)

    def awaited(self, mark: str) -> None:
        self._awaited(mark)

    def sees_all(self, transactions: Sequence[str]) -> bool:
        view = Snapshot.now(self._connection)
        return all(view.sees(transaction) for transaction in transactions)

    def structure(self, topic: str) -> TableStructure:
        return structure(self._connection, self._selected(topic), self._tables, self._shapes)

    def rows(self, topic: str) -> Iterator[tuple[bytes | None, bytes]]:
        """In no particular order."""
        selected = self._selected(topic)
        connection = self._connection
        try:
            connection.query(f"{BEGIN}; LOCK TABLE {selected.only} IN ACCESS SHARE MODE")
            reading, _ = self._reading(Catalog(connection), selected)
            plan = reading.plan()
            with contextlib.closing(all_rows(connection, reading)) as blocks:
                for lines in blocks:
                    rows: list[tuple[bytes | None, bytes]] = []
                    read_lines(plan, lines, rows)
                    yield from rows
        finally:
            if self._open is not None:
                rollback(self._open)

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    # ---- inside

    @property
    def _connection(self) -> Connection:
        if self._open is None or self._open.raw.closed:
            self._open = self._connect(False)
        return self._open

    def _selected(self, topic: str) -> Selected:
        if topic not in self._by_topic:
            self._by_topic = {selected.source.topic: selected for selected in self._tables()}
        try:
            return self._by_topic[topic]
        except KeyError:
            raise UnreachableError(f"the table of topic {topic} is gone or no longer selected") from None

    @property
    def _catalog(self) -> Catalog:
        connection = self._connection
        if self._known is None or self._known.connection is not connection:
            self._known = Catalog(connection)
        return self._known

    def _reading(self, catalog: Catalog, selected: Selected) -> tuple[TableReading, CatalogColumns]:
        """How to read the table as it is now, which a lock keeps so."""
        columns = catalog.columns(selected.table.oid)
        if columns is None:
            raise UnreachableError(f"table {selected.source.name} was dropped while it was read")
        now = described(catalog, columns)
        return TableReading(selected, self._describe(selected, columns, now), now, columns.storage), columns

    def _key(self, catalog: Catalog, reading: TableReading, columns: CatalogColumns) -> tuple[KeyColumn, ...]:
        types = {column.name: catalog.base(column.type_oid) for column in columns.live}
        return tuple(
            KeyColumn(column.name, column.type.name, self._operator_schema(types[column.name]))
            for column in reading.table.schema.key
        )

    def _operator_schema(self, type_oid: int) -> str:
        if type_oid not in self._operators:
            self._operators[type_oid] = operator_schema(self._connection, type_oid)
        return self._operators[type_oid]
