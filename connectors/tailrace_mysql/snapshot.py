"""Reads tables for the full load and for `verify`: in key order, compared by the database, rows as the log has them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import orjson
from pymysql.cursors import SSCursor

from tailrace.emitter import EventTable
from tailrace.errors import RefusedError, UnreachableError
from tailrace.schema import Column, TableName, TableSchema
from tailrace.source import Chunk, View
from tailrace_mysql import catalog
from tailrace_mysql.binlog.rows import TextPlan
from tailrace_mysql.connection import Connector, DriverConnection, Session, quietly_close, translated
from tailrace_mysql.definition import TableDefinition
from tailrace_mysql.history import SchemaHistory
from tailrace_mysql.matching import declared_of
from tailrace_mysql.restart import Restart
from tailrace_mysql.server import Server, log_end
from tailrace_mysql.types import ColumnType, UnsupportedTypeError, column_type
from tailrace_mysql.versions import definitions, first_schema
from tailrace_mysql.views import (
    CHUNK_LOCK_SECONDS,
    PlaceView,
    close_view,
    limit_lock_wait,
    open_view,
    quote,
    quote_table,
)

#: `Chunk.after` before the first row.
_START = "{}"
_UNLOADED = "and not all of its rows were loaded; add a key, then load the table anew"


@dataclass(slots=True)
class Whole:
    """The view for keyless tables, opened together with the start position."""

    connection: DriverConnection
    view: View
    mark: str
    place: Restart


class _Select:
    """What is selected of a table, and how a row of it becomes JSON."""

    def __init__(self, name: TableName, columns: Sequence[Column]) -> None:
        self.name = name
        self.types: list[ColumnType] = [column_type(declared_of(column)) for column in columns]
        self.plan = TextPlan([(c.name, t.convert, c.key) for c, t in zip(columns, self.types, strict=True)])
        self.key = [index for _, index in sorted((c.key, i) for i, c in enumerate(columns) if c.key)]
        self._names = [quote(column.name) for column in columns]

    def sql(self, after: Sequence[str] = (), limit: int = 0) -> str:
        """`after`: the literals of the key behind which to begin; `limit` 0: everything, in no order."""
        chosen = ", ".join(t.select.format(name) for t, name in zip(self.types, self._names, strict=True))
        text = f"SELECT {chosen} FROM {quote_table(self.name)}"
        if after:
            text += f" WHERE {self._behind(after)}"
        if limit:
            text += f" ORDER BY {', '.join(self._names[index] for index in self.key)} LIMIT {limit}"
        return text

    def after(self, row: Sequence[bytes], order: list[list[str]]) -> str:
        """The literals of a row's key and the order in which it is the last one, as text to be stored."""
        literals = [self.types[index].literal(row[index]) for index in self.key]
        return orjson.dumps({"order": order, "key": literals}).decode()

    def _behind(self, after: Sequence[str]) -> str:
        """``(a, b) > (x, y)``, spelt out so that the server reads it by the key's index."""
        left = [self.types[index].compare.format(self._names[index]) for index in self.key]
        text = f"{left[-1]} > {after[-1]}"
        for column, value in zip(reversed(left[:-1]), reversed(after[:-1]), strict=True):
            text = f"{column} >= {value} AND ({column} > {value} OR ({text}))"
        return text


class MySQLSnapshotReader:
    """Reads tables on a connection of its own.

    Args:
        history: the versions that the stream stands at; None without an opened source (then only `rows` is of use).
        session: for questions; the reader closes it.
        tables: by topic.
        whole: the view of the start position, where there is one.
    """

    def __init__(
        self,
        connector: Connector,
        session: Session,
        server: Server,
        tables: dict[str, TableName],
        history: SchemaHistory | None,
        whole: Whole | None,
    ) -> None:
        self._connector = connector
        self._session = session
        self._server = server
        self._tables = tables
        self._history = history
        self._whole = whole
        self._connection: DriverConnection | None = None
        # Tables whose definition in the catalogue the stream has not reached: what was seen, and the log's end then.
        self._awaited: dict[str, tuple[TableDefinition, str]] = {}

    def whole(self, topic: str, limit_bytes: int) -> Iterator[Chunk]:
        """A keyless table, as it was at the start position."""
        whole = self._whole
        table = self._version(topic)
        if whole is None or table is None:
            raise RefusedError(
                f"there is no view of the start position for table {self._tables.get(topic, topic)}",
                where=self._connector.address,
                fix="run `tailrace teardown`, then start anew",
            )
        select = _Select(table.schema.name, table.schema.columns)
        rows: list[tuple[bytes | None, bytes]] = []
        size = 0
        for number, raw in enumerate(self._stream(whole.connection, select.sql()), 1):
            row = self._row(select, raw)
            rows.append(row)
            size += len(row[1])
            if size >= limit_bytes:
                yield Chunk(table, rows, str(number), whole.view, whole.mark, self._fields(whole.place))
                rows, size = [], 0
        yield Chunk(table, rows, None, whole.view, whole.mark, self._fields(whole.place))

    def chunk(self, topic: str, after: str | None, limit_rows: int, limit_bytes: int) -> Chunk:
        """The next rows in key order.

        While the stream has not yet reached a change of the table's columns that the catalogue shows already, the
        chunk is empty and `after` stays: its `high` lets the stream go on to there. Where the key has changed since
        `after`, the table is read from its start again.
        """
        try:
            return self._chunk(topic, after, limit_rows, limit_bytes)
        except UnreachableError:
            self._disconnect()  # with its view, if it is open
            raise

    def _chunk(self, topic: str, after: str | None, limit_rows: int, limit_bytes: int) -> Chunk:
        name = self._tables[topic]
        before = catalog.read_one(self._session, name)
        table = self._usable(topic, before)
        if table is None or before is None:
            return self._nothing(topic, before, after)
        if before.keyless:
            assert self._history is not None
            self._history.suspend(name.database, name.table, f"it has no primary key any more, {_UNLOADED}")
            return self._nothing(topic, before, after)
        select = _Select(name, table.schema.columns)
        connection = self._connected()
        opened = open_view(
            connection, self._connector, self._session, self._server, [name], lock_seconds=CHUNK_LOCK_SECONDS
        )
        rows: list[tuple[bytes | None, bytes]] = []
        size, last, full = 0, None, False
        with closing(self._stream(connection, select.sql(_literals(after, before), limit_rows))) as answer:
            for raw in answer:
                row = self._row(select, raw)
                rows.append(row)
                last = raw
                size += len(row[1]) + len(row[0] or b"")
                if size >= limit_bytes:
                    full = True
                    break
        if full:
            self._disconnect()  # the rest of the answer would have to be read: a new connection is cheaper
        else:
            close_view(connection, self._connector.address)
        end = log_end(self._session, self._server)
        if not _same_table(catalog.read_one(self._session, name), before):
            return self._nothing(topic, before, after)
        more = full or len(rows) == limit_rows
        next_after = select.after(last, before.order) if more and last is not None else None
        return Chunk(table, rows, next_after, opened.view, end.mark, self._fields(end))

    def sees_all(self, transactions: Sequence[str]) -> bool:
        """Whether a view opened now would see all these transactions."""
        connection = self._connected()
        opened = open_view(connection, self._connector, self._session, self._server, [])
        close_view(connection, self._connector.address)
        return all(opened.view.sees(transaction) for transaction in transactions)

    def rows(self, topic: str) -> Iterator[tuple[bytes | None, bytes]]:
        """All rows as they are now, in one view."""
        name = self._tables[topic]
        definition = catalog.read_one(self._session, name)
        if definition is None:
            raise RefusedError(f"table {name} is gone", where=self._connector.address, fix="exclude it")
        try:
            schema = first_schema(topic, name, definition.columns, "")
        except UnsupportedTypeError as error:
            raise RefusedError(str(error), where=f"table {name}", fix="exclude it, or change the column") from None
        select = _Select(name, schema.columns)
        connection = self._connector.connect(raw=True)
        try:
            with translated(self._connector.address), connection.cursor() as cursor:
                cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            for raw in self._stream(connection, select.sql()):
                yield self._row(select, raw)
        finally:
            quietly_close(connection)

    def close(self) -> None:
        self._disconnect()
        self._session.close()
        if self._whole is not None:
            quietly_close(self._whole.connection)
            self._whole = None

    # ---- inside

    def _version(self, topic: str) -> EventTable | None:
        table = self._history.by_topic(topic) if self._history is not None else None
        if table is None or table.suspended or table.version is None:
            return None
        return table.version.table

    def _usable(self, topic: str, definition: TableDefinition | None) -> EventTable | None:
        """The version that the stream stands at, if the catalogue has the same columns now."""
        assert self._history is not None
        table = self._history.by_topic(topic)
        if table is None or table.suspended or definition is None:
            return None
        version = table.version
        if version is not None and _same(version.table, definition):
            self._awaited.pop(topic, None)
            return version.table
        awaited = self._awaited.get(topic)
        if awaited is not None and _same_table(awaited[0], definition) and self._history.mark >= awaited[1]:
            # The stream has come to where the catalogue was seen, and the log had nothing to say.
            del self._awaited[topic]
            if version is None:
                version = self._history.adopt(table.name)
            else:
                version = self._history.correct(table.name, definition)
            return version.table if version is not None else None
        self._awaited[topic] = (definition, log_end(self._session, self._server).mark)
        return None

    def _nothing(self, topic: str, definition: TableDefinition | None, after: str | None) -> Chunk:
        assert self._history is not None
        table = self._history.by_topic(topic)
        name = self._tables[topic]
        end = log_end(self._session, self._server)
        gone = definition is None or table is None or bool(table.suspended)
        if table is not None and table.version is not None:
            event_table = table.version.table
        else:
            event_table = self._history.event_table(TableSchema(1, name, topic, ()))  # of no rows
        return Chunk(event_table, [], None if gone else after or _START, PlaceView(""), end.mark, self._fields(end))

    def _row(self, select: _Select, raw: Sequence[bytes | None]) -> tuple[bytes | None, bytes]:
        try:
            return select.plan.read(raw)
        except Exception as error:
            if hasattr(error, "where") and not error.where:
                error.where = f"table {select.name}"
            raise

    def _stream(self, connection: DriverConnection, sql: str) -> Generator[Any, None, None]:
        """The answer's rows; the connection is closed where they are not all read."""
        with translated(self._connector.address):
            cursor = connection.cursor(SSCursor)
            ended = False
            try:
                cursor.execute(sql)
                # Not the cursor itself: what stands behind `yield from` is closed with the generator.
                yield from iter(cursor.fetchone, None)
                ended = True
            finally:
                if not ended:
                    _abandon(connection, cursor)

    def _connected(self) -> DriverConnection:
        if self._connection is None:
            self._connection = self._connector.connect(raw=True)
            limit_lock_wait(self._connection, CHUNK_LOCK_SECONDS, self._connector.address)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            quietly_close(self._connection)
            self._connection = None

    def _fields(self, place: Restart) -> bytes:
        return b'"file":%b,"pos":%d,"row":0,"gtid":null,"server_id":%d,"thread":null,"query":null,' % (
            orjson.dumps(place.file),
            place.pos,
            int(self._server.variables["server_id"]),
        )


def _abandon(connection: DriverConnection, cursor: Any) -> None:
    """Closes the connection with the rest of an answer unread, which all three of the driver's objects would read first
    when they are closed or collected."""
    result, connection._result = connection._result, None
    cursor._result = cursor.connection = None
    if result is not None:
        result.unbuffered_active = False
        result.connection = None
    quietly_close(connection)


def _literals(after: str | None, definition: TableDefinition) -> list[str]:
    """The key behind which to begin; none where it was the last one in another order."""
    stored = orjson.loads(after) if after else {}
    if not isinstance(stored, dict) or stored.get("order") != definition.order:
        return []
    literals: list[str] = stored["key"]
    return literals


def _same(table: EventTable, definition: TableDefinition) -> bool:
    return _shape(definitions(table.schema)) == _shape(definition.columns)


def _same_table(one: TableDefinition | None, other: TableDefinition | None) -> bool:
    if one is None or other is None:
        return False
    return _shape(one.columns) == _shape(other.columns) and one.order == other.order


def _shape(columns: Sequence[Any]) -> list[Any]:
    return [(column.name, column.declared, column.key) for column in columns]
