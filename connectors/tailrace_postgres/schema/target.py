"""A PostgreSQL target of schema conversion (`tailrace.conversion.target.SchemaTarget`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tailrace.connectors import Context
from tailrace.conversion.catalog import Catalog, Dialect, ObjectName, Table
from tailrace.conversion.target import Limits, Statement
from tailrace_postgres.schema import ddl
from tailrace_postgres.settings import PostgresSinkSettings


class PostgresSchemaTarget:
    """
    Args:
        settings: None: without a server, only `types` and `render` work.

    Attributes:
        default_schema: what the sink's own schema is called in the target's catalogs, in names and in SQL alike: the
            sink's `schema`; "" without that key, and then names of it stand without a schema everywhere.
    """

    dialect = Dialect.POSTGRESQL
    limits = Limits(name_length=63, schemas=True)

    def __init__(self, settings: PostgresSinkSettings | None, context: Context | None = None) -> None:
        self._settings = settings
        self.default_schema = (settings.target_schema or "") if settings else ""

    def types(self, table: Table, source: Dialect) -> dict[str, str]:
        raise NotImplementedError

    def render(self, catalog: Catalog) -> list[Statement]:
        return ddl.render(catalog)

    def read(self, names: Collection[ObjectName] | None = None) -> Catalog:
        raise NotImplementedError

    def canonical(self, catalog: Catalog) -> Catalog:
        raise NotImplementedError

    def apply(self, statements: Sequence[Statement]) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
