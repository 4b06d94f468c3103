"""A connection that changes a schema: every statement that fails is named, with what to do about it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg2

from tailrace.conversion.target import Server, Statement
from tailrace.errors import RefusedError, TailraceError
from tailrace_postgres import sink_connection
from tailrace_postgres.connection import Connection, identifier
from tailrace_postgres.settings import PostgresSinkSettings
from tailrace_postgres.sink_errors import translated

#: An index of a loaded table takes its time.
STATEMENT_SECONDS = 24 * 3600.0
LOCK_SECONDS = 20
_FIXES = {
    "55P03": "a session has locked it: end what holds the lock (pg_stat_activity), then run this again",
    "40P01": "another session waits for the same tables: run this again",
    "42501": "grant the sink's user what it needs: CREATE on the database and its schema, or to own what is there",
    "42P07": "something else has this name: rename it, or give the sink another `schema`",
    "42710": "something else has this name: rename it, or give the sink another `schema`",
    "42P01": "make it in the target, or take it into the selection",
    "42704": "make it in the target first (a type, role, collation or extension), or override the conversion",
    "42883": "make the function in the target first, or override the conversion",
    "0A000": "this release of PostgreSQL cannot do it: override the conversion",
    "58P01": "install the extension's files on the target's server, or leave the extension out",
    "53200": "raise max_locks_per_transaction in the target (postgresql.conf, then a restart): one transaction makes "
    "all of it, and holds a lock for every table, its TOAST table, index and sequence; its product with "
    "max_connections must be larger than their number: some 5 for each table, and 1 for each further index",
    "23514": "rows that are there break the constraint: mend them, or make it without",
    "23505": "rows that are there are not unique: mend them, or make it without",
    "23503": "rows that are there refer to none: wait until the load is done, or mend them",
}
_HAS = """
SELECT current_schema(), ARRAY(SELECT rolname::text FROM pg_roles),
       ARRAY(SELECT name::text FROM pg_available_extensions),
       ARRAY(SELECT collcollate::text FROM pg_collation WHERE collprovider = 'c' AND collcollate IS NOT NULL
              UNION SELECT 'icu' FROM pg_collation WHERE collprovider = 'i'),
       ARRAY(SELECT unnest(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'),
       ARRAY(SELECT amname::text FROM pg_am WHERE amtype = 't')
"""
_FULL = "53200"
_PASSING = ("08", "57P", "53300")


class Changing(Connection):
    """Statements that a server refuses are `RefusedError` with the server's code."""

    def run(self, statement: Statement) -> None:
        """
        Raises:
            RefusedError: named by statement, with what to do.
            UnreachableError: the connection broke.
        """
        what = f"{statement.kind} {statement.name}" + (f", {statement.member}" if statement.member else "")
        try:
            with self.raw.cursor() as cursor:
                cursor.execute(statement.sql)
                self._wait(STATEMENT_SECONDS, what)
        except psycopg2.Error as error:
            raise self._refusal(error, statement, what) from None

    def _refusal(self, error: Any, statement: Statement, what: str) -> TailraceError:
        state = error.pgcode
        if state is None or state.startswith(_PASSING):
            return self._error(error, what)
        head = " ".join(statement.sql.split())
        head = head if len(head) <= 200 else head[:197] + "…"
        message = (error.diag.message_primary or str(error)).strip()
        if state == _FULL:
            message = f"the server's table of locks is full: {message}"
        detail = f" ({error.diag.message_hint.strip()})" if error.diag.message_hint else ""
        return RefusedError(
            f"{what}: {message} [{state}]{detail} in: {head}",
            where=self.where,
            fix=_FIXES.get(state, "mend the statement (--out writes all of them), or override the conversion"),
        )

    def _error(self, error: Any, doing: str) -> TailraceError:
        """What is read of a catalog that was just made takes locks, too."""
        if error.pgcode != _FULL:
            return super()._error(error, doing)
        what = f"{doing}: the server's table of locks is full: {error.diag.message_primary} [{_FULL}]"
        return RefusedError(what, where=self.where, fix=_FIXES[_FULL])

    def prepare(self, path: Sequence[str]) -> None:
        """Within a transaction: how statements are understood, and how long they wait."""
        listed = ", ".join(identifier(schema) for schema in dict.fromkeys([*path, "public"]))
        self.query(f"SET LOCAL search_path = {listed}")
        self.query("SET LOCAL check_function_bodies = off")
        self.query(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")

    def rollback(self) -> None:
        if not self.raw.closed:
            self.query("ROLLBACK")


class Home(NamedTuple):
    """
    Attributes:
        schema: where the sink makes its tables: its `schema`, or the first of the user's search_path.
        may_switch_off: the user may switch triggers and foreign keys off.
    """

    schema: str
    may_switch_off: bool
    server: Server


def of_the_user(settings: PostgresSinkSettings) -> Home:
    """
    Raises:
        UnreachableError, RefusedError: as the server has it; there is no such schema.
    """
    where = sink_connection.where(settings)
    with (
        contextlib.closing(sink_connection.connect(settings, "tailrace schema")) as connection,
        translated(where),
        connection.cursor() as cursor,
    ):
        may = sink_connection.take_replica_role(connection)
        cursor.execute(_HAS)
        schema, *has = cursor.fetchone()
        release = connection.server_version // 10_000
    if schema is None and not settings.target_schema:
        fix = 'create one, or name one with `schema = "…"`'
        raise RefusedError("no schema of the user's search_path exists", where=where, fix=fix)
    return Home(settings.target_schema or str(schema), may, Server(release, *map(frozenset, has)))
