"""Reads a table without a key beside the stream: whole, through one view with an exact place in the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tailrace.errors import TableBusyError, TailraceError
from tailrace.source import Chunk, View
from tailrace_mysql import scan, xa
from tailrace_mysql.chunks import PlainViews, TableReading, fields, is_as
from tailrace_mysql.connection import Connector, DriverConnection, Session, interrupt, quietly_close, translated
from tailrace_mysql.result import Result
from tailrace_mysql.resultset import JsonRow
from tailrace_mysql.server import Server, log_end
from tailrace_mysql.views import CHUNK_LOCK_SECONDS, PlaceView, limit_lock_wait, open_view

#: The server waits so long for a stream that takes nothing, in seconds.
_PATIENCE_SECONDS = 7 * 24 * 3600


class ExactViews(Protocol):
    """How the view is opened."""

    def open(self, connection: DriverConnection, reading: TableReading) -> tuple[View, str, bytes]:
        """Opens it on the connection; the mark of its place, and members of the rows' `source`."""
        ...


class ExactLogViews:
    """Beside a log: MariaDB tells the snapshot's own place; on MySQL the table alone is locked for the moment.

    An XA COMMIT stands in the log before the engine commits, so that the place would count rows that the view does not
    have: the view is not taken while anything is prepared, or was decided just now.
    """

    def __init__(self, connector: Connector, session: Session, server: Server) -> None:
        self._connector = connector
        self._session = session
        self._server = server

    def open(self, connection: DriverConnection, reading: TableReading) -> tuple[View, str, bytes]:
        connector, session, server = self._connector, self._session, self._server
        certain = log_end(session, server).mark
        if prepared := xa.undecided(session, server):
            raise self._busy(f"transactions prepared by XA are not decided: {xa.shown(prepared)}")
        names = [reading.definition.name]
        opened = open_view(connection, connector, session, server, names, exact=True, lock_seconds=CHUNK_LOCK_SECONDS)
        undecided = isinstance(opened.view, PlaceView) and opened.view.undecided
        if undecided or not scan.undecided_since(connector, session, server, certain):
            raise self._busy("a transaction prepared by XA was decided just now")
        return opened.view, opened.place.mark, fields(opened.place, server)

    def _busy(self, what: str) -> TableBusyError:
        return TableBusyError(what, where=self._connector.address, fix=f"{xa.DECIDE}; it is tried again")


class AnyViews:
    """Without a log there is no place."""

    def open(self, connection: DriverConnection, reading: TableReading) -> tuple[View, str, bytes]:
        views = PlainViews()
        return views.open(connection, reading), *views.high()


class MySQLWholeReader:
    """Implements `tailrace.source.WholeReader`: one connection reads, another one asks questions."""

    def __init__(self, connector: Connector, views: Callable[[Session], ExactViews]) -> None:
        self._connector = connector
        self._session = Session(connector)
        self._views = views(self._session)
        self._connection: DriverConnection | None = None
        self._reading: TableReading
        self._result: Result
        self._first: list[JsonRow]
        self._of: tuple[View, str, bytes]

    def open(self, reading: TableReading) -> str:
        """See `WholeReader.open`. What a row needs is looked at once the SELECT holds the table as it is."""
        self._disconnect()
        address = self._connector.address
        connection = self._connection = self._connector.connect(raw=True)
        limit_lock_wait(connection, CHUNK_LOCK_SECONDS, address)
        with translated(address), connection.cursor() as cursor:
            cursor.execute(f"SET SESSION net_write_timeout = {_PATIENCE_SECONDS}")
        self._of = self._views.open(connection, reading)
        select = reading.select
        self._reading = reading
        self._result = Result(connection, select.plan, select.sql(), address, str(select.name))
        self._first = []
        try:
            self._result.read(self._first, 1)
        except TailraceError:
            if is_as(self._session, reading):
                raise
        if not is_as(self._session, reading):
            raise TableBusyError("the table is being altered", where=address)
        return self._of[1]

    def read(self, limit_bytes: int) -> Chunk:
        """See `WholeReader.read`."""
        result, rows = self._result, self._first
        self._first = []
        before = result.size if not rows else 0
        if not result.ended:
            result.read(rows, limit_bytes)
        view, mark, members = self._of
        after = None if result.ended else str(result.seen)
        if after is None:
            self._disconnect()
        return Chunk(self._reading.table, rows, after, view, mark, members, result.size - before, len(rows))

    def interrupt(self) -> None:
        """See `WholeReader.interrupt`."""
        self._session.interrupt()
        if (connection := self._connection) is not None:
            interrupt(connection)

    def close(self) -> None:
        self._disconnect()
        self._session.close()

    # ---- inside

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            quietly_close(connection)
