"""The catalog of a pipeline's source."""

from __future__ import annotations

from tailrace.connectors import Context
from tailrace.conversion.catalog import Catalog
from tailrace_mysql.settings import MySQLSourceSettings


def catalog(settings: MySQLSourceSettings, context: Context) -> Catalog:
    """All that the databases have of which the source selects a table, and the url's.

    Names have their database as `schema`; `default_schema` is the url's. What the user may not read is an `Other` with
    the reason. Triggers come in the order in which they run.

    Raises:
        UnreachableError, RefusedError, ConfigError: as named.
    """
    raise NotImplementedError
