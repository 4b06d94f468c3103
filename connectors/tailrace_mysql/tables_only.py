"""Mode `full-load` for MySQL and MariaDB: needs SELECT, and no binlog."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tailrace.config.interpolation import Interpolated
from tailrace.connectors import Context
from tailrace.errors import RefusedError, TableGoneError
from tailrace.position import Position
from tailrace.schema import TableName, TableSchema
from tailrace.shaping.shapes import Shapes
from tailrace.source import Chunk, Finding, Gauges, SourceTable
from tailrace.structure import TableStructure
from tailrace.tables import Selection, topic_name
from tailrace.tables_source import TablesSource
from tailrace_mysql import catalog, prerequisites
from tailrace_mysql.chunks import MySQLChunkReader, PlainViews, TableReading
from tailrace_mysql.connection import Connector, Session, quietly_close
from tailrace_mysql.definition import TableDefinition
from tailrace_mysql.gauges import MySQLGauges
from tailrace_mysql.refusals import refused
from tailrace_mysql.result import Result, pieces
from tailrace_mysql.server import Server, inspect
from tailrace_mysql.settings import MySQLSourceSettings
from tailrace_mysql.snapshot import MySQLSnapshotReader
from tailrace_mysql.structure import structure
from tailrace_mysql.table_select import Select
from tailrace_mysql.versions import first_schema, schemas
from tailrace_mysql.whole_reader import AnyViews, MySQLWholeReader


class MySQLTables(TablesSource):
    """Implements `tailrace.source.Source`."""

    def __init__(self, settings: MySQLSourceSettings, context: Context) -> None:
        self._connector = Connector(settings)
        self._session = Session(self._connector)
        self._settings = settings
        self._server: Server | None = None
        self._found: dict[str, TableName] = {}
        super().__init__(context, "mysql")

    def check(self) -> list[Finding]:
        """See `Source.check`."""
        return prerequisites.check_tables(self._session, self._selection, self._context)

    def tables(self) -> list[SourceTable]:
        """See `Source.tables`."""
        self._debezium_name = "mariadb" if self.server.mariadb else "mysql"
        found = catalog.read(self._session, self._selection)
        self._found = {topic_name(self._context, name): name for name in found}
        return [self._source_table(definition) for _, definition in sorted(found.items(), key=lambda one: str(one[0]))]

    def schemas(self) -> list[TableSchema]:
        """See `Source.schemas`."""
        return schemas(self._context, catalog.read(self._session, self._selection))

    @property
    def shapes(self) -> Shapes:
        return self._shapes

    def snapshot(self) -> MySQLTablesReader:
        """See `Source.snapshot`."""
        if not self._found:
            self.tables()
        return MySQLTablesReader(self, self._connector, self._found)

    def gauges(self, replicas: Sequence[Interpolated]) -> Gauges:
        """See `Source.gauges`."""
        return MySQLGauges(self._settings, replicas)

    def close(self) -> None:
        """See `Source.close`."""
        self._session.close()

    @property
    def server(self) -> Server:
        """What the server is."""
        if self._server is None:
            self._server = inspect(self._session)
        return self._server

    @property
    def _selection(self) -> Selection:
        database = self._connector.url.database or None
        return Selection(list(self._settings.tables), list(self._settings.exclude), database)

    def _source_table(self, definition: TableDefinition) -> SourceTable:
        reason = refused(definition, loads=True)
        return SourceTable(
            name=definition.name,
            topic=topic_name(self._context, definition.name),
            state="suspended" if reason else "streaming",
            reason=reason,
            keyless=definition.keyless,
            estimated_rows=definition.estimated_rows,
        )


class MySQLTablesReader:
    """Implements `tailrace.source.SnapshotReader`."""

    def __init__(self, source: MySQLTables, connector: Connector, tables: dict[str, TableName]) -> None:
        self._source = source
        self._connector = connector
        self._session = Session(connector)
        self._tables = tables

    def whole(self, topic: str, limit_bytes: int) -> Iterator[Chunk]:
        """A keyless table, in one view."""
        reading = self._reading(topic)
        views = PlainViews()
        connection = self._connector.connect(raw=True)
        try:
            view = views.open(connection, reading)
            mark, members = views.high()
            select = reading.select
            with Result(connection, select.plan, select.sql(), self._connector.address, str(select.name)) as result:
                for rows, size in pieces(result, limit_bytes):
                    yield Chunk(reading.table, rows, None if result.ended else "", view, mark, members, size)
        finally:
            quietly_close(connection)

    def demand(self, topic: str, position: Position) -> None:
        """Nothing was streamed; rows are newer than those that were read before."""
        self._source.advance()

    def prepare(self, topic: str, where: str) -> TableReading:
        """See `SnapshotReader.prepare`."""
        reading = self._reading(topic, where)
        if reading.definition.keyless:
            raise RefusedError(
                f"table {reading.definition.name} has lost its key while it was loaded",
                fix="run `tailrace teardown`, then `tailrace run`",
            )
        return reading

    def prepare_whole(self, topic: str) -> TableReading:
        """See `SnapshotReader.prepare_whole`."""
        return self._reading(topic)

    def whole_reader(self) -> MySQLWholeReader:
        """See `SnapshotReader.whole_reader`."""
        return MySQLWholeReader(self._connector, lambda _: AnyViews())

    def chunks(self) -> MySQLChunkReader:
        """See `SnapshotReader.chunks`."""
        return MySQLChunkReader(self._connector, Session(self._connector), PlainViews())

    def awaited(self, mark: str) -> None:
        """There is no log."""

    def sees_all(self, transactions: Sequence[str]) -> bool:
        """No transaction was streamed."""
        return True

    def structure(self, topic: str) -> TableStructure:
        """See `SnapshotReader.structure`."""
        return structure(self._session, self._source.server, topic, self._tables, self._source.shapes)

    def rows(self, topic: str) -> Iterator[tuple[bytes | None, bytes]]:
        """See `SnapshotReader.rows`."""
        reader = MySQLSnapshotReader(
            self._connector, self._session, self._source.server, self._tables, None, None, self._source.shapes
        )
        return reader.rows(topic)

    def close(self) -> None:
        self._session.close()

    def _reading(self, topic: str, where: str = "") -> TableReading:
        name = self._tables[topic]
        definition = catalog.read_one(self._session, name)
        if definition is None:
            raise TableGoneError(f"table {name} is gone")
        columns = first_schema(topic, name, definition.columns, "").columns
        table = self._source.version(name, topic, columns)
        return TableReading(table, definition, Select(name, columns, where, table.shape))
