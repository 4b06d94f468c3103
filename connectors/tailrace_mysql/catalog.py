"""The server's own description of its tables, as it is now (``information_schema``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tailrace.schema import TableName
from tailrace.tables import Selection
from tailrace_mysql.absent import CurrentRows
from tailrace_mysql.connection import Connector, Row, Session
from tailrace_mysql.ddl.defaults import default_of
from tailrace_mysql.definition import ColumnDefinition, Default, TableDefinition
from tailrace_mysql.scan import defaults_unchanged, same_table, unchanged
from tailrace_mysql.server import Server
from tailrace_mysql.system_time import BY_TRANSACTION, hidden_columns, separated
from tailrace_mysql.types import Declared, parse

# Expression defaults stand in parentheses, or have this in EXTRA.
_GENERATED_DEFAULT = "DEFAULT_GENERATED"


def read(session: Session, selection: Selection) -> dict[TableName, TableDefinition]:
    """All selected tables."""
    found = [
        row
        for row in session.query(f"{_TABLES} WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')")
        if selection.selects(TableName(str(row[0]), None, str(row[1])))
    ]
    tables: dict[TableName, TableDefinition] = {}
    for database in sorted({str(row[0]) for row in found}):
        columns: dict[str, list[Row]] = {}
        for row in session.query(f"{_COLUMNS} WHERE TABLE_SCHEMA = %s {_COLUMN_ORDER}", (database,)):
            columns.setdefault(str(row[0]), []).append(row)
        keys: dict[str, dict[str, int]] = {}
        for table, column, place in session.query(f"{_KEYS} AND TABLE_SCHEMA = %s", (database,)):
            keys.setdefault(str(table), {})[str(column)] = int(place)
        versioned = any(row[0] == database and row[4] == _VERSIONED for row in found)
        by_time = {str(row[0]) for row in session.query(_BY_TIME, (database,))} if versioned else set()
        for row in found:
            if row[0] == database:
                table = str(row[1])
                definition = _definition(row, columns.get(table, ()), keys.get(table, {}), table in by_time)
                tables[definition.name] = definition
    return tables


def read_one(session: Session, name: TableName) -> TableDefinition | None:
    """One table; None where it does not exist."""
    at = (name.database, name.table)
    found = session.query(
        f"{_TABLES} WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        at,
    )
    if not found:
        return None
    columns = session.query(f"{_COLUMNS} WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s {_COLUMN_ORDER}", at)
    keys = session.query(f"{_KEYS} AND TABLE_SCHEMA = %s AND TABLE_NAME = %s", at)
    by_time = found[0][4] == _VERSIONED and bool(session.query(f"{_BY_TIME} AND TABLE_NAME = %s", at))
    return _definition(found[0], columns, {str(column): int(place) for _, column, place in keys}, by_time)


class LiveCatalogue:
    """Implements `tailrace_mysql.questions.Catalogue`."""

    def __init__(self, connector: Connector, session: Session, server: Server) -> None:
        self._connector = connector
        self._session = session
        self._server = server
        self.rows = CurrentRows(connector, session, server)

    def definition(self, name: TableName) -> TableDefinition | None:
        return read_one(self._session, name)

    def is_sequence(self, name: TableName) -> bool:
        rows = self._session.query(
            "SELECT 1 FROM information_schema.TABLES WHERE TABLE_TYPE = 'SEQUENCE' AND TABLE_SCHEMA = %s"
            " AND TABLE_NAME = %s",
            (name.database, name.table),
        )
        return bool(rows)

    def default_charset(self, database: str) -> str:
        rows = self._session.query(
            "SELECT DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s", (database,)
        )
        return str(rows[0][0]) if rows else "utf8mb4"

    def defaults_unchanged(self, mark: str) -> bool:
        return defaults_unchanged(self._connector, self._session, self._server, mark)

    def unchanged(self, name: TableName, mark: str) -> bool:
        return unchanged(self._connector, self._session, self._server, name, mark)

    def same_table(self, name: TableName, mark: str) -> bool:
        return same_table(self._connector, self._session, self._server, name, mark)


_TABLES = (
    "SELECT TABLE_SCHEMA, TABLE_NAME, COALESCE(TABLE_ROWS, 0), COALESCE(TABLE_COLLATION, ''), TABLE_TYPE, VERSION(),"
    " COALESCE(ENGINE, '') FROM information_schema.TABLES"
)
_COLUMNS = (
    "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, COALESCE(CHARACTER_SET_NAME, ''), IS_NULLABLE, COLUMN_DEFAULT, EXTRA,"
    " COALESCE(GENERATION_EXPRESSION, ''), COALESCE(COLLATION_NAME, '') FROM information_schema.COLUMNS"
)
_COLUMN_ORDER = "ORDER BY TABLE_NAME, ORDINAL_POSITION"
_KEYS = (
    "SELECT TABLE_NAME, COLUMN_NAME, SEQ_IN_INDEX FROM information_schema.STATISTICS WHERE INDEX_NAME = 'PRIMARY'"
    " AND COLUMN_NAME IS NOT NULL"
)
_VERSIONED = "SYSTEM VERSIONED"
_BY_TIME = (
    "SELECT DISTINCT TABLE_NAME FROM information_schema.PARTITIONS WHERE PARTITION_METHOD = 'SYSTEM_TIME'"
    " AND TABLE_SCHEMA = %s"
)
#: What MariaDB writes instead of an expression.
_SYSTEM = {"ROW START": "start", "ROW END": "end"}


def _definition(table: Row, columns: Iterable[Row], keys: dict[str, int], by_time: bool) -> TableDefinition:
    database, name, rows, table_collation, kind, version, engine = table
    mariadb = "mariadb" in str(version).lower()
    definitions: list[ColumnDefinition] = []
    refusal = ""
    for _, column, type_text, charset, nullable, default, extra, expression, collation in columns:
        try:
            declared = parse(_text(type_text), str(charset))
        except ValueError as error:
            refusal = refusal or f"column {column}: {error}"
            declared = Declared("unknown")
        upper = str(extra).upper()
        system = _SYSTEM.get(_text(expression).upper(), "") if kind == _VERSIONED else ""
        if system and declared.base == "bigint":
            refusal = BY_TRANSACTION
        definitions.append(
            ColumnDefinition(
                name=str(column),
                declared=declared,
                nullable=nullable == "YES",
                key=keys.get(str(column), 0),
                default=_default(_text(default), upper, mariadb) if default is not None else None,
                generated=bool(expression)
                or "GENERATED ALWAYS" in upper
                or "VIRTUAL" in upper
                or "STORED GEN" in upper,
                numbered="AUTO_INCREMENT" in upper,
                collation=str(collation),
                system=system,
            )
        )
    if kind == _VERSIONED and not any(column.system for column in definitions):
        definitions += hidden_columns()
    visible, period = separated(definitions, by_time)
    if period is not None and period.hidden:
        period = replace(period, places=None)  # they need not be the last ones (see `ddl.alter.apply`)
    return TableDefinition(
        name=TableName(str(database), None, str(name)),
        columns=visible,
        charset=str(table_collation).partition("_")[0] or "utf8mb4",
        estimated_rows=int(rows),
        refusal=refusal,
        engine=str(engine),
        period=period,
    )


def _default(text: str, extra: str, mariadb: bool) -> Default | None:
    """MySQL gives a literal's bare text and marks the rest; MariaDB gives an SQL expression."""
    if mariadb:
        return default_of(text)
    if text.upper().startswith("CURRENT_TIMESTAMP"):
        return Default("now")
    if _GENERATED_DEFAULT in extra:
        return Default("expression", text)
    return Default("number" if text.startswith("b'") else "literal", text)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
