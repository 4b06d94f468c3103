"""Targets of schema conversion that need no server: the sinks' own mapping of types, nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tailrace.conversion.catalog import Catalog, Dialect, ObjectName, Table
from tailrace.conversion.target import Limits, Statement
from tailrace.schema import Column, TableName, Type
from tailrace.sink import TargetTable
from tailrace_mysql.sink_types import obstacle as mysql_obstacle
from tailrace_mysql.sink_types import table_types
from tailrace_postgres.sink_overrides import obstacle as postgres_obstacle
from tailrace_postgres.sink_types import column_type
from tailrace_sqlite.sink_types import declared
from tailrace_sqlite.sink_types import obstacle as sqlite_obstacle

LIMITS = {
    Dialect.POSTGRESQL: Limits(63, schemas=True),
    Dialect.MYSQL: Limits(64, in_characters=True),
    Dialect.MARIADB: Limits(64, in_characters=True),
    Dialect.SQLITE: Limits(0, folds=True),
}


class Target:
    """`tailrace.conversion.target.SchemaTarget` as far as `convert` asks it."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.limits = LIMITS[dialect]

    def types(self, table: Table, source: Dialect) -> dict[str, str]:
        if self.dialect is Dialect.POSTGRESQL:
            postgres = source is Dialect.POSTGRESQL
            return {c.name: column_type(c.type, postgres, lambda name: False) for c in table.columns}
        if self.dialect is Dialect.SQLITE:
            return {column.name: declared(column.type) for column in table.columns}
        key = {name: place for place, name in enumerate(table.primary_key.columns if table.primary_key else (), 1)}
        columns = tuple(
            Column(number, c.name, c.type, c.nullable, key.get(c.name, 0)) for number, c in enumerate(table.columns)
        )
        name = TableName("db", None if source.mysql_like else "s", table.name.name)
        mariadb = self.dialect is Dialect.MARIADB
        found = table_types(TargetTable(name, "t", 1, columns), mariadb)
        collation = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
        return {name: type_.sql(collation).lower() for name, type_ in found.items()}

    def declared(self, wanted: str) -> str:
        return wanted

    def obstacle(self, type_: Type, source: Dialect, wanted: str) -> str:
        postgres = source is Dialect.POSTGRESQL
        if self.dialect is Dialect.POSTGRESQL:
            return postgres_obstacle(type_, postgres, wanted)
        if self.dialect is Dialect.SQLITE:
            return sqlite_obstacle(type_, postgres, wanted)
        return mysql_obstacle(type_, not source.mysql_like, wanted, self.dialect is Dialect.MARIADB)

    def render(self, catalog: Catalog) -> list[Statement]:
        raise AssertionError

    def read(self, names: Collection[ObjectName] | None = None) -> Catalog:
        raise AssertionError

    def canonical(self, catalog: Catalog) -> Catalog:
        raise AssertionError

    def apply(self, statements: Sequence[Statement]) -> None:
        raise AssertionError

    def close(self) -> None:
        raise AssertionError
