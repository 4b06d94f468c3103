"""Reads chunks of tables for the full load: in key order, each through a read view of its own."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from tailrace.emitter import EventTable
from tailrace.errors import RefusedError, TableBusyError, UnreachableError
from tailrace.source import Chunk, OpenView, View
from tailrace_mysql import catalog
from tailrace_mysql.connection import Connector, DriverConnection, Session, interrupt, quietly_close, translated
from tailrace_mysql.definition import TableDefinition
from tailrace_mysql.restart import Restart
from tailrace_mysql.result import Result, pieces
from tailrace_mysql.server import Server, log_end
from tailrace_mysql.table_select import Select, literals
from tailrace_mysql.views import (
    CHUNK_LOCK_SECONDS,
    close_view,
    covers,
    limit_idleness,
    limit_lock_wait,
    open_view,
)

#: So long the server keeps a session, with its view, from which it hears nothing.
_IDLE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class TableReading:
    """Implements `tailrace.source.Reading`.

    Attributes:
        table: the version that the stream stands at, which has the definition's columns.
        behind: a place up to which every view must see the log; None: there is none.
    """

    table: EventTable
    definition: TableDefinition
    select: Select
    behind: Restart | None = None

    @property
    def order(self) -> str:
        return orjson.dumps(self.definition.order).decode()

    @property
    def private(self) -> bool:
        return self.table.shape is not None and self.table.shape.hides_key

    @property
    def estimated_rows(self) -> int:
        return self.definition.estimated_rows


class Views(Protocol):
    """How a chunk's view is opened, and what the stream must reach before its rows go out."""

    def open(self, connection: DriverConnection, reading: TableReading) -> View:
        """Opens it on the connection.

        Raises:
            TableBusyError: it would not see all that it must.
        """
        ...

    def high(self) -> tuple[str, bytes]:
        """The mark that the stream must reach; members of the rows' `source`."""
        ...


class LogViews:
    """Beside a log."""

    def __init__(self, connector: Connector, session: Session, server: Server) -> None:
        self._connector = connector
        self._session = session
        self._server = server

    def open(self, connection: DriverConnection, reading: TableReading) -> View:
        names = [reading.definition.name]
        opened = open_view(
            connection, self._connector, self._session, self._server, names, lock_seconds=CHUNK_LOCK_SECONDS
        )
        if reading.behind is not None and not covers(opened.view, reading.behind):
            raise TableBusyError(
                "the load waits until queries see all that the log holds",
                where=self._connector.address,
                fix="see whether commits wait for replicas, or are prepared by XA",
            )
        return opened.view

    def high(self) -> tuple[str, bytes]:
        end = log_end(self._session, self._server)
        return end.mark, fields(end, self._server)


class PlainViews:
    """Without a log: there is nothing that a view could fail to see."""

    def open(self, connection: DriverConnection, reading: TableReading) -> View:
        with connection.cursor() as cursor:
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        return self

    def high(self) -> tuple[str, bytes]:
        return "", b'"file":null,"pos":0,"row":0,"gtid":null,"server_id":0,"thread":null,"query":null,'

    def sees(self, transaction: str) -> bool:
        return True


class MySQLChunkReader:
    """Implements `tailrace.source.ChunkReader`: one connection reads, another one asks questions."""

    def __init__(self, connector: Connector, session: Session, views: Views) -> None:
        self._connector = connector
        self._session = session
        self._views = views
        self._connection: DriverConnection | None = None
        self._used_at = 0.0

    def read_view(
        self,
        reading: TableReading,
        after: str | None,
        until: str | None,
        limit_rows: int,
        limit_bytes: int,
        view: OpenView,
    ) -> Generator[Chunk]:
        """See `ChunkReader.read_view`. Bounds of another order of the key count as none."""
        try:
            yield from self._chunks(reading, after, until, limit_rows, limit_bytes, view)
        except (RefusedError, UnreachableError):
            self._disconnect()  # with its view, if it is open
            if is_as(self._session, reading):
                raise
            # else a column or the table had another name by then
        except BaseException:
            self._disconnect()  # the rest of an answer would have to be read: a new connection is cheaper
            raise

    def _chunks(
        self,
        reading: TableReading,
        after: str | None,
        until: str | None,
        limit_rows: int,
        limit_bytes: int,
        view: OpenView,
    ) -> Generator[Chunk]:
        select, order = reading.select, reading.definition.order
        connection = self._connected()
        seen = view(lambda: self._open_view(connection, reading))
        high, members = self._views.high()
        sql = select.sql(literals(after, order), literals(until, order), limit_rows)
        before = 0
        with Result(connection, select.plan, sql, self._connector.address, str(select.name)) as result:
            for rows, size in pieces(result, limit_bytes):
                # From its first row on the SELECT keeps the table as it is; before, it might have been altered.
                if not before and not is_as(self._session, reading):
                    self._disconnect()
                    return
                more = not result.ended or result.seen == limit_rows
                behind = select.bound(result.last, order) if more and result.last is not None else None
                if result.ended:
                    close_view(connection, self._connector.address)
                yield Chunk(reading.table, rows, behind, seen, high, members, size, result.seen - before)
                before = result.seen

    def bound(self, reading: TableReading, after: str | None, rows: int) -> str | None:
        """See `ChunkReader.bound`."""
        select, order = reading.select, reading.definition.order
        connection = self._connected()
        try:
            sql = select.nth_key(literals(after, order), rows - 1)
            with Result(connection, select.key_plan, sql, self._connector.address, str(select.name)) as result:
                result.read([], 1 << 20)
        except BaseException:
            self._disconnect()
            if not is_as(self._session, reading):
                raise TableBusyError("the table is being altered", where=self._connector.address) from None
            raise
        return select.bound(result.last, order) if result.last is not None else None

    def interrupt(self) -> None:
        """See `ChunkReader.interrupt`."""
        self._session.interrupt()
        if (connection := self._connection) is not None:
            interrupt(connection)

    def close(self) -> None:
        self._disconnect()
        self._session.close()

    # ---- inside

    def _open_view(self, connection: DriverConnection, reading: TableReading) -> View:
        with translated(self._connector.address):
            return self._views.open(connection, reading)

    def _connected(self) -> DriverConnection:
        now = time.monotonic()
        if now - self._used_at > _IDLE_SECONDS / 2:
            self._disconnect()
        self._used_at = now
        if self._connection is None:
            self._connection = self._connector.connect(raw=True)
            limit_lock_wait(self._connection, CHUNK_LOCK_SECONDS, self._connector.address)
            limit_idleness(self._connection, _IDLE_SECONDS, self._connector.address)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            quietly_close(self._connection)
            self._connection = None


def fields(place: Restart, server: Server) -> bytes:
    """Members of `source` for rows that no event of the log brings."""
    return b'"file":%b,"pos":%d,"row":0,"gtid":null,"server_id":%d,"thread":null,"query":null,' % (
        orjson.dumps(place.file),
        place.pos,
        int(server.variables["server_id"]),
    )


def is_as(session: Session, reading: TableReading) -> bool:
    """Whether the catalogue has the table as it was prepared."""
    return same_table(catalog.read_one(session, reading.definition.name), reading.definition)


def same_table(one: TableDefinition | None, other: TableDefinition | None) -> bool:
    """Whether both have the same columns and key."""
    if one is None or other is None:
        return False
    return shape(one.columns) == shape(other.columns) and one.order == other.order


def shape(columns: Sequence[Any]) -> list[Any]:
    """What of columns decides how rows are read."""
    return [(column.name, column.declared, column.key) for column in columns]
