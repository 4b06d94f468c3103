"""A PostgreSQL target of schema conversion (`tailrace.conversion.target.SchemaTarget`)."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from tailrace.connectors import Context
from tailrace.conversion.catalog import Catalog, Dialect, ObjectKind, ObjectName, Table
from tailrace.conversion.target import Limits, Server, Statement
from tailrace.errors import RefusedError, TailraceError
from tailrace.schema import Kind, Type
from tailrace_postgres.connection import identifier
from tailrace_postgres.schema import ddl, reader
from tailrace_postgres.schema.changing import Changing, of_the_user
from tailrace_postgres.schema.ddl_tables import complete_column
from tailrace_postgres.schema.renaming import in_order, in_schemas, named_objects, objects, restricted
from tailrace_postgres.settings import PostgresSinkSettings
from tailrace_postgres.sink_overrides import obstacle
from tailrace_postgres.sink_types import column_type

#: Names of types that every PostgreSQL has, as `format_type` writes them; those that `column_type` knows besides.
_SERVERS_OWN = re.compile(
    r"(money|inet|cidr|macaddr8?|point|line|lseg|box|path|polygon|circle|xml|tsvector|tsquery|pg_lsn|pg_snapshot"
    r"|txid_snapshot|jsonpath|xid8?|cid|tid|refcursor|(int4|int8|num|ts|tstz|date)(multi)?range"
    r"|boolean|smallint|integer|bigint|oid|numeric|real|double precision|text|character varying|character|name|bytea"
    r"|bit varying|bit|date|timestamp( with(out)? time zone)?|time( with(out)? time zone)?|interval|jsonb?|uuid)(\[\])?"
)
_MODIFIER = re.compile(r"\(.*?\)")
#: Of the whole database: they cannot be made twice, and canonical is what was meant.
_DATABASE_WIDE = frozenset({ObjectKind.SCHEMA, ObjectKind.EVENT, ObjectKind.EXTENSION, ObjectKind.GRANT})


class PostgresSchemaTarget:
    """
    Args:
        settings: None: there is no server, and only `types` and `render` work.

    Attributes:
        default_schema: what the sink's own schema is called in the target's catalogs, in names and in SQL alike: the
            sink's `schema`. "" without that key, and then its objects stand without a schema everywhere, unless
            `find_out` has found where they are.
        server: what it has, once `find_out` has asked it.
    """

    dialect = Dialect.POSTGRESQL
    limits = Limits(name_length=63, schemas=True)

    def __init__(self, settings: PostgresSinkSettings | None, context: Context | None = None) -> None:
        self._settings = settings
        self._open: Changing | None = None
        self._may_switch_off = False
        self._home = ""
        self.server = Server()
        self.default_schema = (settings.target_schema or "") if settings else ""

    # ---- without a server

    def types(self, table: Table, source: Dialect) -> dict[str, str]:
        """A user's own type is taken where the target has one of that name, which only a connected one knows."""
        found = {
            column.name: column_type(column.type, source is Dialect.POSTGRESQL, self._has_type)
            for column in table.columns
        }
        if source is Dialect.TSQL:
            # A time of day, where MySQL's TIME is a span.
            for column in table.columns:
                if column.type.kind is Kind.TIME:
                    found[column.name] = f"time({min(column.type.size, 6)}) without time zone"
        return found

    def obstacle(self, type_: Type, source: Dialect, wanted: str) -> str:
        return obstacle(type_, source is Dialect.POSTGRESQL, wanted)

    def render(self, catalog: Catalog) -> list[Statement]:
        """Once connected, by what the sink's user may do."""
        return ddl.render(catalog, may_switch_off=self._may_switch_off)

    def completing(self, catalog: Catalog, table: Table, kind: ObjectKind, member: str) -> list[Statement]:
        """See `tailrace.conversion.target.CompletesTables`. Checks and comments have statements of their own."""
        column = table.column(member) if kind is ObjectKind.COLUMN else None
        if column is None:
            return []
        return [Statement(kind, table.name, complete_column(table.name, column), member=member)]

    # ---- with one

    def find_out(self) -> None:
        """Asks the server, where it answers, what a source of the same system can keep there: what it has besides the
        sink's schema, and which schema that is, so that names keep theirs."""
        if self._settings is not None:
            with contextlib.suppress(TailraceError):
                self._know(self._settings)
                self.default_schema = self._home

    def read(self, names: Collection[ObjectName] | None = None) -> Catalog:
        """Names without a schema are of the sink's own."""
        connection = self._connection()
        at_home = {ObjectName(name.schema or self._home, name.name) for name in names or ()}
        schemas = {self._home} if names is None else {name.schema for name in at_home}
        found = reader.read(connection, sorted(schemas), self.default_schema)
        if not self.default_schema:
            explicit = _with_schema(names or ())
            members = named_objects(restricted(found, explicit)) if explicit else set()
            present = found.schemas
            found = in_schemas(found, {self._home: ""}, keep=explicit | members)
            # It has a name where something is asked for by it.
            if any(name.schema == self._home for name in explicit):
                found = replace(found, schemas=present)
        return found if names is None else restricted(found, self._called(names))

    def canonical(self, catalog: Catalog) -> Catalog:
        """Made in throwaway schemas, within a transaction that is rolled back.

        What is of the whole database (extensions, event triggers) stands as it is meant, and so do grants. Statistics
        are those of something new.

        Raises:
            RefusedError: the server refuses a statement, which is named.
        """
        connection = self._connection()
        own, named = objects(catalog), named_objects(catalog)
        away = {
            schema: f"tailrace_meant_{secrets.token_hex(6)}"
            for schema in sorted({name.schema for name in own} | {*catalog.schemas, self.default_schema})
        }
        connection.query("BEGIN")
        try:
            for schema, name in away.items():
                connection.run(Statement(ObjectKind.SCHEMA, ObjectName("", schema), f"CREATE SCHEMA {name}"))
            connection.prepare([away[self.default_schema], self._home])
            for other in catalog.others:
                if other.kind is ObjectKind.EXTENSION and other.definition:
                    connection.run(Statement(other.kind, other.name, other.definition))
            moved = in_schemas(_own_alone(catalog), {old: new for old, new in away.items() if old}, only=named)
            for statement in ddl.render(replace(moved, schemas=())):
                connection.run(statement)
            connection.query("SET LOCAL search_path = ''")
            found = reader.read(connection, list(away.values()))
        except RefusedError as error:
            raise RefusedError(_at_home(error.what, away), where=error.where, fix=error.fix) from None
        finally:
            connection.rollback()
        called = {name: schema for schema, name in away.items()}
        if not self.default_schema:
            called[self._home] = ""
        back = in_schemas(found, called, keep=_with_schema(named), default=self.default_schema)
        back = restricted(back, self._called(own))
        return in_order(
            replace(
                back,
                version=catalog.version,
                origin=catalog.origin,
                schemas=catalog.schemas,
                comments=(*back.comments, *(each for each in catalog.comments if each.kind in _DATABASE_WIDE)),
                others=(
                    *(each for each in back.others if each.kind not in _DATABASE_WIDE),
                    *(each for each in catalog.others if each.kind in _DATABASE_WIDE or not each.definition),
                ),
            )
        )

    def apply(self, statements: Sequence[Statement]) -> None:
        """In one transaction: all of them, or none.

        Raises:
            RefusedError: the target refuses one, which is named, with what to do; nothing was made.
            UnreachableError: the connection broke; nothing was made, unless it broke at the very end.
        """
        connection = self._connection()
        connection.query("BEGIN")
        try:
            # IF NOT EXISTS would want the right to create one, there or not.
            if connection.value("SELECT to_regnamespace(%s) IS NULL", [identifier(self._home)]):
                connection.query(f"CREATE SCHEMA {identifier(self._home)}", doing="making the schema")
            connection.prepare([self._home])
            for statement in statements:
                connection.run(statement)
            connection.query("COMMIT", doing="committing")
        except TailraceError:
            connection.rollback()
            raise

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    # ---- inside

    def _connection(self) -> Changing:
        if self._open is not None and not self._open.raw.closed:
            return self._open
        if self._settings is None:
            raise RefusedError("there is no target to ask", fix="name a pipeline file whose sink is the target")
        self._know(self._settings)
        self._open = Changing(self._settings)
        return self._open

    def _know(self, settings: PostgresSinkSettings) -> None:
        self._home, self._may_switch_off, self.server = of_the_user(settings)

    def _called(self, names: Collection[ObjectName]) -> set[ObjectName]:
        """As the catalogs that are read name them. What is of the whole database has no schema there, either."""
        return {*names, *(ObjectName(name.schema or self.default_schema, name.name) for name in names)}

    def _has_type(self, name: str) -> bool:
        if _SERVERS_OWN.fullmatch(_MODIFIER.sub("", name)):
            return True
        if self._open is None:
            return False
        return self._open.value("SELECT to_regtype(%s) IS NOT NULL", [name]) is True


def _with_schema(names: Collection[ObjectName]) -> set[ObjectName]:
    return {name for name in names if name.schema}


def _own_alone(catalog: Catalog) -> Catalog:
    return replace(
        catalog,
        comments=tuple(comment for comment in catalog.comments if comment.kind not in _DATABASE_WIDE),
        others=tuple(other for other in catalog.others if other.kind not in _DATABASE_WIDE),
    )


def _at_home(text: str, away: Mapping[str, str]) -> str:
    for schema, name in away.items():
        text = text.replace(f"{name}.", f"{schema}." if schema else "")
    return text
