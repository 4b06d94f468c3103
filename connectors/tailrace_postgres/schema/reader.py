"""A live database's schemas as a `Catalog`, from PostgreSQL's system catalogs (releases 15 to 18).

Each kind of object is one question, or a few, whatever the number of objects. What belongs to an extension is not read:
the extension brings it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from tailrace.connectors import Context
from tailrace.conversion.catalog import Catalog, Dialect
from tailrace.schema import TableName
from tailrace.tables import Selection
from tailrace_postgres.catalog import Catalog as Tables
from tailrace_postgres.connection import Connection
from tailrace_postgres.schema.reading import Reading
from tailrace_postgres.schema.reading_others import others, supplied
from tailrace_postgres.schema.reading_programs import routines, triggers, views
from tailrace_postgres.schema.reading_tables import tables
from tailrace_postgres.schema.reading_types import types
from tailrace_postgres.schema.renaming import in_order
from tailrace_postgres.settings import PostgresSourceSettings

_DATABASE = """
SELECT current_setting('server_version'), pg_encoding_to_char(d.encoding), d.datcollate,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', '')
  FROM pg_database d WHERE d.datname = current_database()
"""
_PRESENT = "SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s) ORDER BY nspname"


def catalog(settings: PostgresSourceSettings, context: Context) -> Catalog:
    """All that the schemas have which hold a table that the pipeline selects, and the types and trigger functions of
    other schemas that they use. Every name in SQL has its schema.

    Raises:
        UnreachableError, RefusedError: as the server or the network has it.
    """
    database = settings.database_url().database
    selection = Selection(settings.tables, settings.exclude, database)
    with contextlib.closing(Connection(settings)) as connection:
        found = Tables(connection).tables()
        schemas = {each.schema for each in found if selection.selects(TableName(database, each.schema, each.name))}
        return read(connection, sorted(schemas), "public")


def read(connection: Connection, schemas: Collection[str], default_schema: str = "") -> Catalog:
    """All that these schemas have.

    SQL names with a schema what the connection's search_path does not find.

    Raises:
        UnreachableError, RefusedError: as named.
    """
    # Compiling questions that are asked once takes longer than asking them.
    connection.query("SET jit = off")
    reading = Reading(connection, tuple(schemas))
    present = [row[0] for row in reading.ask(_PRESENT, list(schemas), doing="schemas")]
    version, encoding, collation, locale = reading.ask(_DATABASE, doing="the database")[0]
    own_tables, counted = tables(reading)
    related = list(reading.relations)
    enums, domains = types(reading, related)
    own_views = views(reading)
    own_routines = routines(reading, list(reading.relations))
    own_triggers = triggers(reading)
    others(reading)
    found = Catalog(
        Dialect.POSTGRESQL,
        version,
        default_schema,
        encoding,
        locale or collation,
        f"{connection.where} (PostgreSQL {version.split()[0]})",
        tuple(present),
        tuple(own_tables),
        tuple(each.sequence for each in counted if not each.internal),
        tuple(enums),
        tuple(domains),
        tuple(own_views),
        tuple(own_routines),
        tuple(own_triggers),
        tuple(reading.comments),
        tuple(reading.others),
        supplied=supplied(reading),
    )
    return in_order(found)
