"""A MySQL or MariaDB sink's schema: made, and read back."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tailrace.connectors import Context
from tailrace.conversion.catalog import Catalog, Dialect, ObjectName, Table
from tailrace.conversion.target import Limits, Statement
from tailrace_mysql.schema.ddl import render
from tailrace_mysql.settings import MySQLSinkSettings


class MySQLSchema:
    """Implements `tailrace.conversion.target.SchemaTarget`. Names have the sink's database as `schema`.

    Args:
        settings: None: there is no server, and only what needs none is asked.
        dialect: MySQL's or MariaDB's; None: the server's, asked when first needed, MySQL's without settings.
    """

    def __init__(
        self, settings: MySQLSinkSettings | None, context: Context | None = None, dialect: Dialect | None = None
    ) -> None:
        self._settings = settings
        self._dialect = dialect

    @property
    def dialect(self) -> Dialect:
        raise NotImplementedError

    @property
    def limits(self) -> Limits:
        raise NotImplementedError

    def types(self, table: Table, source: Dialect) -> dict[str, str]:
        """With CHARACTER SET and COLLATE where it is text: the sinks' (`sink_types.table_types`)."""
        raise NotImplementedError

    def render(self, catalog: Catalog) -> list[Statement]:
        return render(catalog)

    def read(self, names: Collection[ObjectName] | None = None) -> Catalog:
        raise NotImplementedError

    def canonical(self, catalog: Catalog) -> Catalog:
        raise NotImplementedError

    def apply(self, statements: Sequence[Statement]) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
