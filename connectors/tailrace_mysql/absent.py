"""Values that row images leave out (``binlog_row_image``), where the server can tell them for certain."""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Sequence
from typing import Protocol

import orjson

from tailrace.errors import RefusedError, UnreachableError
from tailrace.schema import Kind, TableName, TableSchema, Type
from tailrace.source import View
from tailrace_mysql.binlog.rows import refusal
from tailrace_mysql.binlog.tables import LackingError, Place
from tailrace_mysql.connection import Connector, DriverConnection, Session, quietly_close, translated
from tailrace_mysql.definition import ColumnDefinition, TableDefinition
from tailrace_mysql.initials import Moment, initial
from tailrace_mysql.matching import declared_of
from tailrace_mysql.quoting import identifier
from tailrace_mysql.scan import spoken
from tailrace_mysql.server import Server, log_end
from tailrace_mysql.types import UnsupportedTypeError, column_type
from tailrace_mysql.views import close_view, open_view, quote_table

#: A transaction is in the log before a view sees it; with replicas that must confirm it first, for long.
_VISIBLE_SECONDS = 30.0
_WAIT_SECONDS = 0.01


class Catalogue(Protocol):
    """What is asked of the server; see `tailrace_mysql.questions.Catalogue`."""

    def definition(self, name: TableName) -> TableDefinition | None: ...

    def unchanged(self, name: TableName, mark: str) -> bool: ...

    @property
    def rows(self) -> CurrentRows: ...


class CurrentRows:
    """Rows of the source as they are now."""

    def __init__(self, connector: Connector, session: Session, server: Server) -> None:
        self._connector = connector
        self._session = session
        self._server = server
        self._connection: DriverConnection | None = None
        self._view: View | None = None

    def end(self) -> str:
        """Mark of the log's end."""
        return log_end(self._session, self._server).mark

    def see(self, name: TableName, transaction: str) -> None:
        """Opens a view that sees a transaction of the log, if the one in hand does not.

        Raises:
            UnreachableError: there was none in time.
        """
        where = self._connector.address
        if self._connection is None:
            self._connection = self._connector.connect(raw=True)
        deadline = time.monotonic() + _VISIBLE_SECONDS
        while self._view is None or not self._view.sees(transaction):
            if self._view is not None:
                self.release()
                if time.monotonic() > deadline:
                    raise UnreachableError(
                        f"transaction {transaction} is in the log, but its changes are not to be seen",
                        where=where,
                        fix="see whether the server waits for its replicas; it is tried again",
                    )
                time.sleep(_WAIT_SECONDS)
            self._view = open_view(self._connection, self._connector, self._session, self._server, [name]).view

    def find(self, sql: str) -> Sequence[bytes | None] | None:
        """The one row of a SELECT in the view in hand, or None."""
        assert self._connection is not None
        with translated(self._connector.address), self._connection.cursor() as cursor:
            cursor.execute(sql)
            found: Sequence[bytes | None] | None = cursor.fetchone()
        return found

    def release(self) -> None:
        """Ends the view: one that stays keeps the server from forgetting old rows."""
        if self._view is not None and self._connection is not None:
            self._view = None
            close_view(self._connection, self._connector.address)

    def close(self) -> None:
        connection, self._connection, self._view = self._connection, None, None
        if connection is not None:
            quietly_close(connection)


class Absent:
    """Answers for all tables; what it knows of one holds until a statement names the table."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._defaults: dict[TableName, dict[str, ColumnDefinition]] = {}
        self._proven: dict[TableName, str] = {}  # up to where in the log no statement names it

    def forget(self, sql: str) -> None:
        """A statement of the log comes."""
        text = sql.lower()
        for known in (self._defaults, self._proven):
            for name in [name for name in known if spoken(name) in text]:
                del known[name]

    def defaults(self, name: TableName, columns: Sequence[str], place: Place) -> list[bytes]:
        """See `Tables.defaults`."""
        if name not in self._defaults:
            definition = self._catalogue.definition(name)
            if definition is None or not self._unchanged(name, place):
                raise LackingError(
                    f"a new row was logged without {', '.join(columns)} (binlog_row_image), and what they hold by"
                    " DEFAULT cannot be had any more"
                )
            self._defaults[name] = {column.name: column for column in definition.columns}
        values: list[bytes] = []
        for column in columns:
            declared = self._defaults[name].get(column)
            try:
                if declared is None:
                    raise UnsupportedTypeError(f"column {column} is gone")
                values.append(orjson.dumps(initial(declared, Moment())))
            except UnsupportedTypeError as error:
                raise LackingError(
                    f"a new row was logged without {', '.join(columns)} (binlog_row_image), and {error}"
                ) from None
        return values

    def current(
        self,
        schema: TableSchema,
        key: Sequence[tuple[str, bytes]],
        columns: Sequence[str],
        place: Place,
        transaction: str,
    ) -> Sequence[bytes] | None:
        """See `Tables.current`."""
        rows = self._catalogue.rows
        what = f"a changed key needs the row's unchanged {', '.join(columns)}, which the log leaves out"
        try:
            conditions = [f"{identifier(name)} = {_literal(schema.by_name[name].type, value)}" for name, value in key]
            rows.see(schema.name, transaction)
            if not self._unchanged(schema.name, place):
                raise LackingError(f"{what}, and its columns may have changed since")
            types = [column_type(declared_of(schema.by_name[name])) for name in columns]
            select = ", ".join(kind.select.format(identifier(name)) for kind, name in zip(types, columns, strict=True))
            found = rows.find(f"SELECT {select} FROM {quote_table(schema.name)} WHERE {' AND '.join(conditions)}")
        except RefusedError as error:
            raise LackingError(f"{what}, and the source refuses it ({error.what})") from None
        if found is None:
            return None
        values: list[bytes] = []
        for name, kind, value in zip(columns, types, found, strict=True):
            try:
                values.append(b"null" if value is None else kind.convert(value))
            except (IndexError, ValueError, TypeError) as error:
                raise refusal(name, error) from None
        return values

    def release(self) -> None:
        """What was read belongs together no more."""
        self._catalogue.rows.release()

    def _unchanged(self, name: TableName, place: Place) -> bool:
        """Whether no statement between the place and now names the table."""
        rows = self._catalogue.rows
        proven = self._proven.get(name, "")
        end = rows.end()
        if not self._catalogue.unchanged(name, max(place.mark, proven)):
            return False
        self._proven[name] = end
        return True


def _literal(type_: Type, fragment: bytes) -> str:
    """A key's JSON value as a literal to find its row by; raises LackingError."""
    value = orjson.loads(fragment)
    match type_.kind:
        case Kind.INTEGER | Kind.YEAR | Kind.DECIMAL:
            return str(value)
        case Kind.TEXT | Kind.ENUM | Kind.SET:
            return f"_utf8mb4 X'{value.encode().hex()}'"
        case Kind.BYTES:
            return f"X'{b64decode(value).hex()}'"
        case Kind.DATE | Kind.TIME:
            return f"'{value}'"
        case Kind.TIMESTAMP | Kind.TIMESTAMPTZ:
            return f"'{value.replace('T', ' ').removesuffix('Z')}'"  # the session is in UTC
        case _:
            raise LackingError(
                f"a row cannot be looked for by a key of type {type_.name}, and the log leaves values out"
            )
