"""Mode `full-load` for PostgreSQL: needs SELECT, and neither slot nor publication."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tailrace.config.interpolation import Interpolated
from tailrace.connectors import Context
from tailrace.emitter import EventTable
from tailrace.position import Position
from tailrace.schema import Column, TableSchema
from tailrace.shaping.findings import entry_findings, shape_findings
from tailrace.shaping.shapes import Shapes
from tailrace.source import Finding, Gauges, SourceTable
from tailrace.tables import Selection
from tailrace.tables_source import TablesSource
from tailrace_postgres.catalog import Catalog, CatalogColumns
from tailrace_postgres.checks import readable_findings
from tailrace_postgres.chunks import BEGIN, Horizon, table_schemas
from tailrace_postgres.connection import Connection
from tailrace_postgres.gauges import PostgresGauges
from tailrace_postgres.selection import Selected, select_tables
from tailrace_postgres.settings import PostgresSourceSettings
from tailrace_postgres.snapshot import Anchor, PostgresSnapshotReader
from tailrace_postgres.versions import CONNECTOR
from tailrace_postgres.view import Snapshot


class PostgresTables(TablesSource):
    """Implements `tailrace.source.Source`."""

    def __init__(self, settings: PostgresSourceSettings, context: Context) -> None:
        super().__init__(context, CONNECTOR)
        self._settings = settings
        self._database = settings.database_url().database
        self._selection = Selection(settings.tables, settings.exclude, self._database)
        self._open: Connection | None = None
        self._selected: list[Selected] = []

    def check(self) -> list[Finding]:
        """See `Source.check`."""
        findings = readable_findings(lambda: Connection(self._settings), self._select)
        if all(finding.ok is not False for finding in findings):
            schemas = self.schemas()
            findings += entry_findings(self._context, (schema.name for schema in schemas))
            findings += shape_findings(self._shapes, schemas)
        return findings

    def tables(self) -> list[SourceTable]:
        """See `Source.tables`."""
        self._selected = self._select(self._connection)
        return [selected.source for selected in self._selected]

    def schemas(self) -> list[TableSchema]:
        """See `Source.schemas`."""
        return [schema for schema, _ in table_schemas(self._connection, self._select(self._connection))]

    def snapshot(self) -> PostgresTablesReader:
        """See `Source.snapshot`."""
        return PostgresTablesReader(
            advance=self.advance,
            connect=lambda replication: Connection(self._settings, replication=replication),
            tables=lambda: self._selected or self._select(self._connection),
            describe=self._describe,
            anchor=self._anchor,
            horizon=Horizon(),
            awaited=lambda mark: None,
            shapes=Shapes(self._context),
            logged=False,
        )

    def gauges(self, replicas: Sequence[Interpolated]) -> Gauges:
        """See `Source.gauges`."""
        return PostgresGauges(self._settings, replicas)

    def close(self) -> None:
        """See `Source.close`."""
        if self._open is not None:
            self._open.close()
            self._open = None

    @property
    def _connection(self) -> Connection:
        if self._open is None:
            self._open = Connection(self._settings)
        return self._open

    def _select(self, connection: Connection) -> list[Selected]:
        return select_tables(Catalog(connection), self._context, self._selection, self._database, logged=False)

    def _describe(self, selected: Selected, columns: CatalogColumns, now: tuple[Column, ...]) -> EventTable:
        return self.version(selected.source.name, selected.source.topic, now)

    def _anchor(self) -> Anchor:
        """A transaction of its own for each table without a key; its first query, behind the table's lock, is to take
        the view."""
        connection = Connection(self._settings)
        connection.query(BEGIN)
        return Anchor(connection, Snapshot(0, 0, frozenset()), 0, None)


class PostgresTablesReader(PostgresSnapshotReader):
    """Reads tables beside no log.

    Args:
        advance: makes rows newer than those that were read before.
    """

    def __init__(self, advance: Callable[[], None], **others: Any) -> None:
        super().__init__(**others)
        self._advance = advance

    def demand(self, topic: str, position: Position) -> None:
        """Nothing was streamed."""
        self._advance()
