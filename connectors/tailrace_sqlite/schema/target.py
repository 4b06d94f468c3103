"""A SQLite target of schema conversion (`tailrace.conversion.target.SchemaTarget`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from tailrace.connectors import Context
from tailrace.conversion.catalog import Catalog, Dialect, ObjectName, Table
from tailrace.conversion.target import Limits, Statement
from tailrace.errors import RefusedError
from tailrace.schema import Type
from tailrace_sqlite.schema import ddl, reader
from tailrace_sqlite.settings import SQLiteSinkSettings
from tailrace_sqlite.sink_errors import translated
from tailrace_sqlite.sink_tables import folded
from tailrace_sqlite.sink_types import declared, obstacle

_BUSY_SECONDS = 5.0


class SQLiteSchemaTarget:
    """
    Args:
        settings: None: without a file, only `types`, `render` and `canonical` work.
    """

    dialect = Dialect.SQLITE
    limits = Limits(name_length=0, folds=True)

    def __init__(self, settings: SQLiteSinkSettings | None, context: Context | None = None) -> None:
        self._settings = settings

    def types(self, table: Table, source: Dialect) -> dict[str, str]:
        return {column.name: declared(column.type) for column in table.columns}

    def obstacle(self, type_: Type, source: Dialect, wanted: str) -> str:
        return obstacle(type_, source is Dialect.POSTGRESQL, wanted)

    def declared(self, wanted: str) -> str:
        return wanted

    def render(self, catalog: Catalog) -> list[Statement]:
        return ddl.render(catalog)

    def read(self, names: Collection[ObjectName] | None = None) -> Catalog:
        path = self._path()
        if not path.exists():
            return Catalog(Dialect.SQLITE, version=sqlite3.sqlite_version, origin=str(path))
        wanted = None if names is None else {folded(name.name) for name in names}
        with translated(path), self._connected("ro") as connection:
            return reader.read(connection, str(path), lambda name: wanted is None or folded(name) in wanted)

    def canonical(self, catalog: Catalog) -> Catalog:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            for statement in ddl.render(catalog):
                _run(connection, statement, catalog.origin or "SQLite")
            return reader.read(connection, catalog.origin)

    def apply(self, statements: Sequence[Statement]) -> None:
        path = self._path()
        with translated(path), self._connected("rwc") as connection:
            # As the sink has it: a later change of this setting would have to wait for every reader.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                for statement in statements:
                    _run(connection, statement, str(path))
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def close(self) -> None:
        """Nothing stays open."""

    def _path(self) -> Path:
        assert self._settings is not None
        return self._settings.path

    @contextmanager
    def _connected(self, mode: str) -> Iterator[sqlite3.Connection]:
        uri = f"file:{quote(str(self._path()))}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_SECONDS)
        with closing(connection):
            yield connection


def _run(connection: sqlite3.Connection, statement: Statement, where: str) -> None:
    try:
        connection.execute(statement.sql)
    except sqlite3.Error as error:
        if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise
        member = f".{statement.member}" if statement.member else ""
        raise RefusedError(
            f"SQLite refuses the {statement.kind} {statement.name}{member} ({error}); nothing was made",
            where=where,
            fix=f"change the statement: {statement.sql[:500]}",
        ) from None
