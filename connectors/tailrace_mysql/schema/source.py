"""The catalog of a pipeline's source."""

from __future__ import annotations

from contextlib import closing

from tailrace.connectors import Context
from tailrace.conversion.catalog import Catalog
from tailrace.schema import TableName
from tailrace.tables import Selection
from tailrace_mysql.connection import Connector, translated
from tailrace_mysql.schema.questions import Questions, text_of
from tailrace_mysql.schema.reader import read
from tailrace_mysql.settings import MySQLSourceSettings


def catalog(settings: MySQLSourceSettings, context: Context) -> Catalog:
    """All that the databases have of which the source selects a table, and the url's.

    Names have their database as `schema`; `default_schema` is the url's, or the only one. What the user may not read is
    an `Other` with the reason. Triggers come in the order in which they run.

    Raises:
        UnreachableError, RefusedError, ConfigError: as named.
    """
    connector = Connector(settings)
    default = connector.url.database
    selection = Selection(settings.tables, settings.exclude, default or None)
    with closing(connector.connect()) as connection, translated(connector.address):
        found = Questions(connection).rows("SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES")
        names = [TableName(text_of(database), None, text_of(table)) for database, table in found]
        databases = {name.database for name in names if selection.selects(name)}
        if default:
            databases.add(default)
        elif len(databases) == 1:
            (default,) = databases
        return read(connection, sorted(databases), default, f"{connector.address}, {', '.join(sorted(databases))}")
