"""Reads tables for the full load and for `verify`: rows as the log has them. What reads by chunks is in `chunks`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tailrace.emitter import EventTable
from tailrace.errors import RefusedError, StuckError, TableGoneError
from tailrace.position import Position
from tailrace.schema import TableName
from tailrace.shaping.building import ShapeError
from tailrace.shaping.shapes import Shapes
from tailrace.source import Chunk, View
from tailrace.structure import TableStructure
from tailrace_mysql import catalog
from tailrace_mysql.chunks import LogViews, MySQLChunkReader, TableReading, fields, same_table, shape
from tailrace_mysql.connection import Connector, DriverConnection, Session, quietly_close, translated
from tailrace_mysql.definition import TableDefinition
from tailrace_mysql.history import SchemaHistory
from tailrace_mysql.restart import Restart
from tailrace_mysql.result import Result, all_rows, pieces
from tailrace_mysql.server import Server, log_end
from tailrace_mysql.structure import structure
from tailrace_mysql.table_select import Select
from tailrace_mysql.types import UnsupportedTypeError
from tailrace_mysql.versions import definitions, first_schema
from tailrace_mysql.views import close_view, open_view, quote_table
from tailrace_mysql.whole_reader import ExactLogViews, MySQLWholeReader

_UNLOADED = "and not all of its rows were loaded; load it again: `tailrace reload`"


@dataclass(slots=True)
class Whole:
    """The view for keyless tables, opened together with the start position."""

    connection: DriverConnection
    view: View
    mark: str
    place: Restart


class MySQLSnapshotReader:
    """Implements `tailrace.source.SnapshotReader`.

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
        shapes: Shapes,
    ) -> None:
        self._connector = connector
        self._session = session
        self._server = server
        self._tables = tables
        self._history = history
        self._whole = whole
        self._shapes = shapes
        self._connection: DriverConnection | None = None
        self._demands: dict[str, Restart] = {}
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
        select = Select(table.schema.name, table.schema.columns, shape=table.shape)
        members = fields(whole.place, self._server)
        number = 0
        with Result(whole.connection, select.plan, select.sql(), self._connector.address, str(select.name)) as result:
            for rows, size in pieces(result, limit_bytes):
                number += len(rows)
                after = None if result.ended else str(number)
                yield Chunk(table, rows, after, whole.view, whole.mark, members, size)

    def demand(self, topic: str, position: Position) -> None:
        """See `SnapshotReader.demand`."""
        self._demands[topic] = Restart.from_text(position.restart)

    def prepare(self, topic: str, where: str) -> TableReading | None:
        """See `SnapshotReader.prepare`."""
        found = self._prepared(topic)
        if found is None:
            return None
        version, definition = found
        name = definition.name
        if definition.keyless:
            assert self._history is not None
            self._history.suspend(name.database, name.table, f"it has no primary key any more, {_UNLOADED}")
            raise TableGoneError(f"table {name} has no primary key any more")
        if where:
            self._session.query(f"SELECT 1 FROM {quote_table(name)} WHERE ({where}) LIMIT 0")
        select = Select(name, version.schema.columns, where, version.shape)
        return TableReading(version, definition, select, self._demands.get(topic))

    def prepare_whole(self, topic: str) -> TableReading | None:
        """See `SnapshotReader.prepare_whole`."""
        found = self._prepared(topic)
        if found is None:
            return None
        version, definition = found
        name = definition.name
        if definition.unloadable:
            assert self._history is not None
            self._history.suspend(name.database, name.table, definition.unloadable)
            raise TableGoneError(f"table {name} cannot be loaded")
        return TableReading(version, definition, Select(name, version.schema.columns, shape=version.shape))

    def whole_reader(self) -> MySQLWholeReader:
        """See `SnapshotReader.whole_reader`."""
        return MySQLWholeReader(self._connector, lambda session: ExactLogViews(self._connector, session, self._server))

    def chunks(self) -> MySQLChunkReader:
        """See `SnapshotReader.chunks`."""
        session = Session(self._connector)
        return MySQLChunkReader(self._connector, session, LogViews(self._connector, session, self._server))

    def awaited(self, mark: str) -> None:
        """Nothing: the log's end comes to every replica by itself."""

    def sees_all(self, transactions: Sequence[str]) -> bool:
        """Whether a view opened now would see all these transactions."""
        connection = self._connected()
        opened = open_view(connection, self._connector, self._session, self._server, [])
        close_view(connection, self._connector.address)
        return all(opened.view.sees(transaction) for transaction in transactions)

    def structure(self, topic: str) -> TableStructure:
        """See `SnapshotReader.structure`."""
        return structure(self._session, self._server, topic, self._tables, self._shapes)

    def rows(self, topic: str) -> Iterator[tuple[bytes | None, bytes]]:
        """All rows as they are now, in one view."""
        name = self._tables[topic]
        definition = catalog.read_one(self._session, name)
        if definition is None:
            raise RefusedError(f"table {name} is gone", where=self._connector.address, fix="exclude it")
        try:
            schema = first_schema(topic, name, definition.columns, "")
            shape_of_it = self._shapes.of(schema)
        except UnsupportedTypeError as error:
            raise RefusedError(str(error), where=f"table {name}", fix="exclude it, or change the column") from None
        except ShapeError as error:
            fix = "correct it, then load the table anew"
            raise StuckError(f"its entry in [[tables]] does not fit: {error}", where=f"table {name}", fix=fix) from None
        select = Select(name, schema.columns, shape=shape_of_it)
        connection = self._connector.connect(raw=True)
        try:
            with translated(self._connector.address), connection.cursor() as cursor:
                cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            with Result(connection, select.plan, select.sql(), self._connector.address, str(name)) as result:
                yield from all_rows(result)
        finally:
            quietly_close(connection)

    def close(self) -> None:
        self._disconnect()
        self._session.close()
        if self._whole is not None:
            quietly_close(self._whole.connection)
            self._whole = None

    # ---- inside

    def _prepared(self, topic: str) -> tuple[EventTable, TableDefinition] | None:
        """The version that the table's rows would have, and its definition; None where the stream is not there yet."""
        assert self._history is not None
        table = self._history.by_topic(topic)
        definition = catalog.read_one(self._session, table.name) if table is not None else None
        if definition is None or table is None or table.suspended:
            raise TableGoneError(f"the table of topic {topic} is gone, or is not captured any more")
        version = self._usable(topic, definition)
        return None if version is None else (version, definition)

    def _version(self, topic: str) -> EventTable | None:
        table = self._history.by_topic(topic) if self._history is not None else None
        if table is None or table.suspended or table.version is None:
            return None
        return table.version.table

    def _usable(self, topic: str, definition: TableDefinition | None) -> EventTable | None:
        """The version that the stream stands at, if the catalogue has the same columns and period now."""
        assert self._history is not None
        table = self._history.by_topic(topic)
        if table is None or table.suspended or definition is None:
            return None
        version = table.version
        if version is not None and _same(version.table, definition) and table.has_period(definition.period):
            self._awaited.pop(topic, None)
            return version.table
        awaited = self._awaited.get(topic)
        again = awaited is not None and same_table(awaited[0], definition) and awaited[0].period == definition.period
        if awaited is not None and again and self._history.mark >= awaited[1]:
            # The stream has come to where the catalogue was seen, and the log had nothing to say.
            del self._awaited[topic]
            if version is None:
                version = self._history.adopt(table.name)
            else:
                version = self._history.correct(table.name, definition)
            return version.table if version is not None else None
        self._awaited[topic] = (definition, log_end(self._session, self._server).mark)
        return None

    def _connected(self) -> DriverConnection:
        if self._connection is None:
            self._connection = self._connector.connect(raw=True)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            quietly_close(self._connection)
            self._connection = None


def _same(table: EventTable, definition: TableDefinition) -> bool:
    return shape(definitions(table.schema)) == shape(definition.columns)
