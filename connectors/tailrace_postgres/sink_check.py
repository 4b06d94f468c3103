"""What `tailrace check` finds at a PostgreSQL target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tailrace.errors import TailraceError
from tailrace.source import Finding
from tailrace_postgres import sink_connection
from tailrace_postgres.settings import PostgresSinkSettings
from tailrace_postgres.sink_connection import literal, quoted
from tailrace_postgres.sink_errors import translated

#: pg_attribute.attgenerated came with 12.
_OLDEST = 120000


def check(settings: PostgresSinkSettings) -> list[Finding]:
    """Connects, and changes nothing."""
    where = sink_connection.where(settings)
    try:
        connection = sink_connection.connect(settings, "tailrace check")
    except TailraceError as error:
        return [Finding("connection", False, f"{error.where}: {error.what}", error.fix)]
    try:
        with translated(where), connection.cursor() as cursor:
            replica = sink_connection.take_replica_role(connection)
            return [Finding("connection", True, where), *_findings(cursor, settings, replica)]
    except TailraceError as error:
        return [Finding("connection", False, f"{error.where}: {error.what}", error.fix)]
    finally:
        sink_connection.quietly_close(connection)


def _findings(cursor: Any, settings: PostgresSinkSettings, replica: bool) -> Iterator[Finding]:
    version = cursor.connection.server_version
    ok = version >= _OLDEST
    detail = f"PostgreSQL {version // 10000}.{version % 10000}"
    yield Finding("version", ok, detail, "" if ok else "use PostgreSQL 12 or newer")
    if _value(cursor, "SELECT pg_is_in_recovery()"):
        yield Finding("read-only", False, "the server is a standby", "name the primary in the url")
    user = _value(cursor, "SELECT current_user")
    yield _schema(cursor, settings, user)
    database = _value(cursor, "SELECT current_database()")
    temporary = _value(cursor, "SELECT has_database_privilege(current_database(), 'TEMPORARY')")
    yield Finding(
        "temporary tables",
        temporary,
        f"{user} may{'' if temporary else ' not'} make them",
        "" if temporary else f"GRANT TEMPORARY ON DATABASE {quoted(database)} TO {quoted(user)}",
    )
    if not replica:
        yield _triggers(cursor, settings, user)


def _schema(cursor: Any, settings: PostgresSinkSettings, user: str) -> Finding:
    schema = settings.target_schema or _value(cursor, "SELECT current_schema()")
    if schema is None:
        fix = 'create one, or name one with `schema = "…"`'
        return Finding("schema", False, "no schema of the user's search_path exists", fix)
    name = literal(quoted(schema))
    if _value(cursor, f"SELECT to_regnamespace({name})") is None:
        may = _value(cursor, "SELECT has_database_privilege(current_database(), 'CREATE')")
        database = _value(cursor, "SELECT current_database()")
        fix = f"CREATE SCHEMA {quoted(schema)} AUTHORIZATION {quoted(user)}"
        return Finding("schema", may, f"{schema} is missing in {database}", "" if may else fix)
    holds = f"has_schema_privilege(to_regnamespace({name})::oid, "
    may = _value(cursor, f"SELECT {holds}'CREATE') AND {holds}'USAGE')")
    fix = f"GRANT USAGE, CREATE ON SCHEMA {quoted(schema)} TO {quoted(user)}"
    return Finding("schema", may, f"{user} may{'' if may else ' not'} make tables in {schema}", "" if may else fix)


def _triggers(cursor: Any, settings: PostgresSinkSettings, user: str) -> Finding:
    """Without the replica role the target's own triggers and foreign keys act on what we write."""
    schema = literal(settings.target_schema) if settings.target_schema else "current_schema()"
    count = _value(
        cursor,
        "SELECT count(DISTINCT t.tgrelid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        f" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {schema} AND t.tgenabled IN ('O', 'D')",
    )
    if not count:
        return Finding("triggers", True, "no table of the schema has triggers or foreign keys")
    return Finding(
        "triggers",
        None,
        f"{count} tables have triggers or foreign keys, which would act on what is written",
        f"GRANT SET ON PARAMETER session_replication_role TO {quoted(user)} (PostgreSQL 15 and newer)",
    )


def _value(cursor: Any, sql: str) -> Any:
    cursor.execute(sql)
    return cursor.fetchone()[0]
