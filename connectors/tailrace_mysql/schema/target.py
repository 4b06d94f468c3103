"""A MySQL or MariaDB sink's schema: made, and read back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pymysql.err

from tailrace.connectors import Context
from tailrace.conversion.catalog import Catalog, Dialect, ObjectKind, ObjectName, Table
from tailrace.conversion.target import Limits, Statement
from tailrace.errors import ConfigError, RefusedError, UnreachableError
from tailrace.schema import Column, TableName, Type
from tailrace.sink import TargetTable
from tailrace_mysql.schema import scratch
from tailrace_mysql.schema.application import run
from tailrace_mysql.schema.ddl import render
from tailrace_mysql.schema.ddl_programs import Naming
from tailrace_mysql.schema.ddl_tables import complete
from tailrace_mysql.schema.portions import undefined
from tailrace_mysql.schema.reader import read
from tailrace_mysql.settings import MySQLSinkSettings
from tailrace_mysql.sink_connection import Server, Target, describe
from tailrace_mysql.sink_errors import translate
from tailrace_mysql.sink_tables import without_mark
from tailrace_mysql.sink_types import binary_collation, obstacle, table_types

NAME_CHARACTERS = 64


class MySQLSchema:
    """Implements `tailrace.conversion.target.SchemaTarget`. Names have the sink's database as `schema`.

    Args:
        settings: None: there is no server, and only what needs none is asked.
        dialect: MySQL's or MariaDB's; None: the server's, asked when first needed. While it cannot be reached, the
            url's scheme says it; without settings it is MySQL's.
    """

    def __init__(
        self, settings: MySQLSinkSettings | None, context: Context | None = None, dialect: Dialect | None = None
    ) -> None:
        self._target = Target(settings) if settings is not None else None
        self._given = dialect
        self._server: Server | None = None
        self._guess: Dialect | None = None

    @property
    def dialect(self) -> Dialect:
        if self._given is not None:
            return self._given
        if self._target is None:
            return Dialect.MYSQL
        if self._server is None and self._guess is None:
            try:
                with self._connected():
                    pass
            except UnreachableError:
                self._guess = Dialect.MARIADB if self._target.url.scheme == "mariadb" else Dialect.MYSQL
        return self._guess or _dialect(self._server)

    @property
    def limits(self) -> Limits:
        """Whether tables' names fold is the server's matter; while it was not asked, they do."""
        folds = self._server is None or self._server.folds_names
        return Limits(NAME_CHARACTERS, in_characters=True, folds=folds)

    @property
    def default_schema(self) -> str:
        """The database in which the sink makes its tables; "" without a server."""
        return self._target.database if self._target is not None else ""

    def types(self, table: Table, source: Dialect) -> dict[str, str]:
        """With CHARACTER SET and COLLATE where it is text: the sinks' (`sink_types.table_types`)."""
        mariadb = self.dialect is Dialect.MARIADB
        key = table.primary_key
        places = {name: place for place, name in enumerate(key.columns if key else (), 1)}
        columns = tuple(
            Column(number, column.name, column.type, column.nullable, places.get(column.name, 0))
            for number, column in enumerate(table.columns, 1)
        )
        schema = None if source.mysql_like else table.name.schema
        wanted = TargetTable(TableName(table.name.schema, schema, table.name.name), "", 1, columns)
        collation = binary_collation(mariadb)
        # The sink's sessions have no escapes in literals, and those of these statements have.
        types = {name: type_.sql(collation) for name, type_ in table_types(wanted, mariadb).items()}
        return {name: sql.replace("\\", "\\\\") for name, sql in types.items()}

    def obstacle(self, type_: Type, source: Dialect, wanted: str) -> str:
        return obstacle(type_, not source.mysql_like, wanted, self.dialect is Dialect.MARIADB)

    def render(self, catalog: Catalog) -> list[Statement]:
        return render(catalog)

    def completing(self, catalog: Catalog, table: Table, kind: ObjectKind, member: str) -> list[Statement]:
        """See `tailrace.conversion.target.CompletesTables`."""
        sql = complete(Naming(catalog), table, kind, member)
        return [Statement(kind, table.name, sql, member=member)] if sql else []

    def read(self, names: Collection[ObjectName] | None = None) -> Catalog:
        """Users' grants and programs' definers are left out: they are no part of what a conversion makes."""
        with self._connected() as connection:
            database = self.default_schema
            if names is not None:
                names = {ObjectName(database if name.schema == "" else name.schema, name.name) for name in names}
                if self._server is not None and self._server.folds_names:
                    names |= {ObjectName(name.schema, name.name.lower()) for name in names}
            found = undefined(read(connection, [database], database, self._where, names))
            # What the sink notes in a table's comment is none of the table's.
            tables = tuple(replace(table, comment=without_mark(table.comment)) for table in found.tables)
            return replace(found, schemas=(database,), tables=tables)

    def canonical(self, catalog: Catalog) -> Catalog:
        """Made in a scratch database, which is dropped again. Where the user may create none, each object is made by
        itself in the sink's database, under a name of our own; what refers to tables that are not there yet, and what
        the user may not make, comes back as it is meant, in one form of those in which it may be written.

        What is in other databases, events and grants are not made: they come back as they are.

        Raises:
            RefusedError: the server refuses a statement: which, and its error.
        """
        with self._connected() as connection:
            return scratch.canonical(connection, catalog, self.default_schema, self._where)

    def apply(self, statements: Sequence[Statement]) -> None:
        """One after the other: DDL is not transactional here. What was made before an error stays, and need not be
        made again. A foreign key is made against the rows that are there."""
        with self._connected() as connection:
            run(connection, statements, self._where)

    def close(self) -> None:
        """Connections last as long as one call."""

    @property
    def _where(self) -> str:
        return self._target.where if self._target is not None else ""

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        """A connection of its own, since each use changes its session."""
        if self._target is None:
            raise ConfigError("there is no server to be asked", fix="give the sink a url")
        try:
            with closing(self._target.connect()) as connection:
                self._server = describe(connection)
                asked = self._given or self._guess
                if asked is not None and asked is not _dialect(self._server):
                    raise RefusedError(
                        f"the server is {self._server}, and was taken for {asked}",
                        where=self._where,
                        fix="run it again while the server can be reached",
                    )
                yield connection
        except pymysql.err.Error as error:
            raise translate(error, self._where) from None


def _dialect(server: Server | None) -> Dialect:
    return Dialect.MARIADB if server is not None and server.mariadb else Dialect.MYSQL
