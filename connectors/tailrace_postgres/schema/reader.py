"""A live database's schemas as a `Catalog`, from PostgreSQL's system catalogs (releases 15 to 18)."""

from __future__ import annotations

from collections.abc import Collection

from tailrace.connectors import Context
from tailrace.conversion.catalog import Catalog
from tailrace_postgres.connection import Connection
from tailrace_postgres.settings import PostgresSourceSettings


def catalog(settings: PostgresSourceSettings, context: Context) -> Catalog:
    """All that the schemas have which hold a table that the pipeline selects, and the types and functions of other
    schemas that they use. Every name in SQL has its schema."""
    raise NotImplementedError


def read(connection: Connection, schemas: Collection[str]) -> Catalog:
    """All that these schemas have."""
    raise NotImplementedError
