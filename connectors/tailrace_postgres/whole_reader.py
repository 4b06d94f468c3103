"""Reads a table without a key beside the stream: whole, through one view with an exact place in the log.

The view is that of a logical replication slot that the server drops with the connection: what committed before the
slot's first position is visible, and nothing else. Making it waits for the transactions that are running, which is why
another thread does it than the stream's.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Generator

from tailrace.errors import RefusedError, TableBusyError, TailraceError, UnreachableError
from tailrace.sequence import lsn_mark
from tailrace.source import ROW_OVERHEAD, Chunk
from tailrace_postgres.catalog import Catalog
from tailrace_postgres.chunks import (
    BEGIN,
    LOCK_SECONDS,
    Horizon,
    TableReading,
    all_rows,
    fields,
    lock_shared,
    read_lines,
)
from tailrace_postgres.connection import Connection, literal
from tailrace_postgres.rowplan import RowPlan
from tailrace_postgres.slot import create_view
from tailrace_postgres.view import Snapshot


class PostgresWholeReader:
    """Implements `tailrace.source.WholeReader`.

    Args:
        connect: an ordinary connection, or one for replication.
        logged: there is a log, in which the view is to have a place.
    """

    def __init__(self, connect: Callable[[bool], Connection], horizon: Horizon, logged: bool) -> None:
        self._connect = connect
        self._horizon = horizon
        self._logged = logged
        self._connection: Connection | None = None
        self._questions: Connection | None = None
        self._replication: Connection | None = None
        self._interrupted = False
        self._reading: TableReading
        self._view: Snapshot
        self._start = 0
        self._plan: RowPlan
        self._blocks: Generator[list[bytes]]

    def open(self, reading: TableReading) -> str:
        """See `WholeReader.open`. Behind its lock the table is looked at again: old views do not show a rewrite."""
        self._leave()
        connection = self._connection = self._connected(False)
        self._questions = self._connected(False)
        if self._logged:
            self._open_view(connection)
            lock = f"SET LOCAL lock_timeout = {LOCK_SECONDS * 1000:.0f}; LOCK TABLE {reading.selected.only}"
            connection.query(f"{lock} IN ACCESS SHARE MODE")
        else:
            lock_shared(connection, reading.selected, LOCK_SECONDS)
        self._view = Snapshot.now(connection)
        if not self._horizon.satisfied(reading.table.topic, self._view):
            raise TableBusyError("transactions older than the table's capture have not ended", where=connection.where)
        catalog = Catalog(self._questions)
        if not reading.holds(catalog, catalog.columns(reading.selected.table.oid)):
            raise TableBusyError("the table is being altered", where=connection.where)
        self._reading = reading
        self._plan = reading.plan()
        self._blocks = all_rows(connection, reading)
        return lsn_mark(self._start) if self._logged else ""

    def read(self, limit_bytes: int) -> Chunk:
        """See `WholeReader.read`."""
        rows: list[tuple[bytes | None, bytes]] = []
        size = read = 0
        after: str | None = None
        for lines in self._blocks:
            size += read_lines(self._plan, lines, rows) + ROW_OVERHEAD * len(lines)
            read += len(lines)
            if size >= limit_bytes:
                after = str(read)
                break
        if after is None:
            self._leave()
        mark = lsn_mark(self._start) if self._logged else ""
        return Chunk(self._reading.table, rows, after, self._view, mark, fields(self._start), size, read)

    def interrupt(self) -> None:
        """See `WholeReader.interrupt`."""
        self._interrupted = True
        for connection in (self._replication, self._questions, self._connection):
            if connection is not None:
                connection.interrupt()

    def close(self) -> None:
        self._leave()

    # ---- inside

    def _open_view(self, connection: Connection) -> None:
        try:
            self._replication = self._connected(True)
            created = create_view(self._replication, f"tailrace_view_{uuid.uuid4().hex[:12]}")
        except (UnreachableError, RefusedError) as error:
            raise TableBusyError(error.what, where=error.where, fix=error.fix) from None
        self._start = created.start
        connection.query(f"{BEGIN}; SET TRANSACTION SNAPSHOT {literal(created.snapshot)}")
        self._replication.close()  # the transaction holds the view from here on
        self._replication = None

    def _connected(self, replication: bool) -> Connection:
        connection = self._connect(replication)
        if self._interrupted:
            connection.interrupt()
        return connection

    def _leave(self) -> None:
        for connection in (self._replication, self._questions, self._connection):
            if connection is not None:
                with contextlib.suppress(TailraceError):
                    connection.close()
        self._replication = self._questions = self._connection = None
