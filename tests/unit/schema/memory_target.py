"""A target of schema conversion without a server."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from tailrace.conversion.catalog import (
    Catalog,
    Check,
    Column,
    Dialect,
    ForeignKey,
    ObjectKind,
    ObjectName,
    Table,
    Trigger,
    View,
)
from tailrace.conversion.target import Limits, Stage, Statement
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part

A, B, V = ObjectName("", "a"), ObjectName("", "b"), ObjectName("", "v")
NUMBER = Type(Kind.INTEGER, "integer", 32)
MEANT = Catalog(
    Dialect.SQLITE,
    tables=(
        Table(A, (Column("id", NUMBER, "integer"), Column("n", NUMBER, "integer")), checks=(Check("", "n>0"),)),
        Table(
            B,
            (Column("a", NUMBER, "integer"),),
            indexes=(Index("b_a", (Part("a"),)),),
            foreign_keys=(ForeignKey("b_fk", ("a",), A, ("id",)),),
        ),
    ),
    views=(View(V, "select 1"),),
    triggers=(Trigger(ObjectName("", "t"), A, "BEFORE", ("INSERT",), True, "", body="x"),),
)


class MemoryTarget:
    """Holds a catalog. It keeps SQL in its own words, and names what has no name."""

    dialect = Dialect.SQLITE
    limits = Limits(0)

    def __init__(self, content: Catalog, forgets: frozenset[str] = frozenset()) -> None:
        self.content = content
        self.forgets = forgets
        self.ran: list[str] = []

    def types(self, table: Table, source: Dialect) -> dict[str, str]:
        return {}

    def render(self, catalog: Catalog) -> list[Statement]:
        return list(self._statements(catalog))

    def _statements(self, catalog: Catalog) -> Iterator[Statement]:
        for table in catalog.tables:
            yield Statement(ObjectKind.TABLE, table.name, f"table {table.name}")
            yield from (Statement(ObjectKind.CHECK, table.name, f"check {c.name}", member=c.name) for c in table.checks)
        for table in catalog.tables:
            for index in table.indexes:
                yield Statement(ObjectKind.INDEX, table.name, f"index {index.name}", Stage.REST, index.name)
            for key in table.foreign_keys:
                yield Statement(ObjectKind.FOREIGN_KEY, table.name, f"key {key.name}", Stage.CUTOVER, key.name)
        for view in catalog.views:
            yield Statement(ObjectKind.VIEW, view.name, f"view {view.name}", Stage.REST)
        for t in catalog.triggers:
            yield Statement(ObjectKind.TRIGGER, t.table, f"trigger {t.name}", Stage.CUTOVER, t.name.name)

    def read(self, names: Collection[ObjectName] | None = None) -> Catalog:
        return self.content

    def canonical(self, catalog: Catalog) -> Catalog:
        tables = tuple(
            replace(table, checks=tuple(Check(c.name or "check_1", f"({c.expression})") for c in table.checks))
            for table in catalog.tables
        )
        return replace(catalog, tables=tables)

    def apply(self, statements: Sequence[Statement]) -> None:
        whole = self.canonical(MEANT)
        for statement in statements:
            self.ran.append(statement.sql)
            if statement.sql in self.forgets:
                continue
            self._make(statement, whole)

    def _make(self, statement: Statement, whole: Catalog) -> None:
        meant = whole.table(statement.name)
        tables = list(self.content.tables)
        if statement.kind is ObjectKind.TABLE:
            assert meant is not None
            tables.append(replace(meant, indexes=(), foreign_keys=()))
        elif statement.kind is ObjectKind.VIEW:
            self.content = replace(self.content, views=whole.views)
        elif statement.kind is ObjectKind.TRIGGER:
            self.content = replace(self.content, triggers=whole.triggers)
        else:
            assert meant is not None
            place = [table.name for table in tables].index(statement.name)
            given = tables[place]
            if statement.kind is ObjectKind.INDEX:
                given = replace(given, indexes=meant.indexes)
            elif statement.kind is ObjectKind.FOREIGN_KEY:
                given = replace(given, foreign_keys=meant.foreign_keys)
            else:
                given = replace(given, checks=meant.checks)
            tables[place] = given
        self.content = replace(self.content, tables=tuple(tables))

    def close(self) -> None: ...
